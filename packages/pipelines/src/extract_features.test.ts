import { BertModel } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import type { BertTokenizer } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBertFolder, goldenBertText } from "../../../tests/golden/bert.ts";
import { extractFeatures, type ExtractFeaturesOptions } from "./extract_features.ts";
import { loadTokenizer } from "./load_tokenizer.ts";
import { sentenceSimilarity } from "./sentence_similarity.ts";

interface Case {
  readonly text: string;
  readonly length: number;
  readonly mean: number[];
  readonly mean_normalized: number[];
  readonly cls: number[];
  readonly pooler: number[];
}

const golden = JSON.parse(goldenBertText("pipelines/sentence-embedding.json")) as {
  readonly cosine: number[][];
  readonly cases: Case[];
};
const texts = golden.cases.map(({ text }) => text);

/** The reference's tolerances for hidden states and what is pooled of them, and for normalised embeddings. */
const [TOLERANCE, NORMALIZED_TOLERANCE] = [2e-5, 2e-6];

describe.each(["cpu", "wasm"])("on %s", (backend) => {
  let model: BertModel;
  let tokenizer: BertTokenizer;

  beforeAll(async () => {
    if (backend === "wasm") await createWasmBackend();
    await tf.setBackend(backend);
    const source = goldenBertFolder("base/model");
    tokenizer = await loadTokenizer(source);
    model = await BertModel.fromPretrained(source);
  });

  afterAll(() => model.dispose());

  describe("extractFeatures()", () => {
    test.each([
      ["mean", { pooling: "mean" }, TOLERANCE],
      ["mean_normalized", { pooling: "mean", normalize: true }, NORMALIZED_TOLERANCE],
      ["cls", { pooling: "cls" }, TOLERANCE],
      ["pooler", { pooling: "pooler" }, TOLERANCE],
    ] as const)("%s is the reference's, of one text and of many", async (name, options, tolerance) => {
      const all = await extractFeatures(model, tokenizer, texts, { ...options, batchSize: 5 });
      expect(all).toHaveLength(golden.cases.length);
      for (const [i, each] of golden.cases.entries()) {
        expect(difference(all[i]!, each[name])).toBeLessThan(tolerance);
        const alone = await extractFeatures(model, tokenizer, each.text, options);
        expect(difference(alone, each[name])).toBeLessThan(tolerance);
      }
    });

    test("without pooling each token has its vector, and their mean is the mean", async () => {
      const { hiddenSize } = model.config;
      const all = await extractFeatures(model, tokenizer, texts);
      for (const [i, { length, mean, cls }] of golden.cases.entries()) {
        const features = all[i]!;
        expect(features.length).toBe(length * hiddenSize);
        expect(difference(features.subarray(0, hiddenSize), cls)).toBeLessThan(TOLERANCE);
        const sums = mean.map((_, h) =>
          features.reduce((sum, value, at) => (at % hiddenSize === h ? sum + value : sum), 0),
        );
        expect(
          difference(
            sums.map((sum) => sum / length),
            mean,
          ),
        ).toBeLessThan(TOLERANCE);
      }
    });

    test("normalised, each token's vector has length 1", async () => {
      const { hiddenSize } = model.config;
      const features = await extractFeatures(model, tokenizer, texts[0]!, { normalize: true });
      for (let i = 0; i < features.length; i += hiddenSize) {
        const squares = features.subarray(i, i + hiddenSize).reduce((sum, value) => sum + value * value, 0);
        expect(squares).toBeCloseTo(1, 5);
      }
    });

    test("nothing is left behind, neither by an answer nor by a refusal", async () => {
      const before = tf.memory().numTensors;
      await extractFeatures(model, tokenizer, texts, { pooling: "mean" });
      await extractFeatures(model, tokenizer, "가 ".repeat(99)).catch(() => {});
      const controller = new AbortController();
      const { signal } = controller;
      const stopped = extractFeatures(model, tokenizer, texts, { batchSize: 1, signal });
      controller.abort(new Error("enough"));
      await expect(stopped).rejects.toThrow("enough");
      expect(tf.memory().numTensors).toBe(before);
    });

    test("what makes no sense is refused with what would", async () => {
      const extract = (text: unknown, options?: object) =>
        extractFeatures(model, tokenizer, text as string, options as ExtractFeaturesOptions);
      await expect(extract(1)).rejects.toThrow(/the text must be a string: it is number/);
      await expect(extract([null])).rejects.toThrow(TypeError);
      await expect(extract("가 ".repeat(99))).rejects.toThrow(/101 tokens and the model has 64 positions/);
      await expect(extract("가 ".repeat(99), { truncation: true })).resolves.toHaveLength(64 * 48);
      await expect(extract("가", { pooling: "max" })).rejects.toThrow(/"none", "mean", "cls", "pooler"/);
      await expect(extract("가", { batchSize: 0 })).rejects.toThrow(RangeError);
      const bare = await BertModel.fromPretrained(goldenBertFolder("base/model"), { pooler: false });
      const pooled = extractFeatures(bare, tokenizer, "가", { pooling: "pooler" });
      await expect(pooled).rejects.toThrow(/the model has none/);
      bare.dispose();
    });
  });

  describe("sentenceSimilarity()", () => {
    test("is the reference's matrix, row by row", async () => {
      for (const [i, sourceSentence] of texts.entries()) {
        const row = await sentenceSimilarity(model, tokenizer, { sourceSentence, sentences: texts });
        expect(difference(row, golden.cosine[i]!)).toBeLessThan(2 * NORMALIZED_TOLERANCE);
      }
    });

    test("cuts what is too long, and refuses what is no sentence", async () => {
      const before = tf.memory().numTensors;
      const sourceSentence = "가 ".repeat(99);
      const [same] = await sentenceSimilarity(model, tokenizer, {
        sourceSentence,
        sentences: [sourceSentence],
      });
      expect(same).toBeCloseTo(1, 5);
      expect(await sentenceSimilarity(model, tokenizer, { sourceSentence, sentences: [] })).toEqual([]);
      const compare = (query: object, options?: object) =>
        sentenceSimilarity(model, tokenizer, query as never, options);
      const whole = compare({ sourceSentence, sentences: [] }, { truncation: false });
      await expect(whole).rejects.toThrow(RangeError);
      await expect(compare({ sourceSentence: 1, sentences: [] })).rejects.toThrow(
        /sourceSentence must be a string/,
      );
      await expect(compare({ sourceSentence: "가", sentences: "나" })).rejects.toThrow(/an array of strings/);
      await expect(compare({ sourceSentence: "가", sentences: ["나", 1] })).rejects.toThrow(
        /sentence 1 must be/,
      );
      const unpooled = compare({ sourceSentence: "가", sentences: [] }, { pooling: "none" });
      await expect(unpooled).rejects.toThrow(/pooling must be one of/);
      expect(tf.memory().numTensors).toBe(before);
    });
  });
});

/** The largest difference of two lists of numbers. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}
