import type { PretrainedSource } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import { clean } from "@kcbert/normalizer";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { beforeAll, describe, expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBertFolder, goldenBertText } from "../../../tests/golden/bert.ts";
import { loadAnswerQuestion } from "./load_answer_question.ts";
import { loadClassifyText } from "./load_classify_text.ts";
import { loadClassifyTokens } from "./load_classify_tokens.ts";
import { loadExtractFeatures } from "./load_extract_features.ts";
import { loadSentenceSimilarity } from "./load_sentence_similarity.ts";
import { pipeline, type PipelineTasks } from "./pipeline.ts";

/** A golden folder whose config asks for a cleaning. */
function cleaning(folder: string, variant: string | null): PretrainedSource {
  const source = goldenBertFolder(`${folder}/model`);
  const config = JSON.parse(goldenBertText(`${folder}/model/config.json`)) as object;
  const changed = new TextEncoder().encode(JSON.stringify({ ...config, kcbert: { clean: variant } }));
  return async (name, options) => (name === "config.json" ? changed : source(name, options));
}

const DIRTY = "★손흥민은★★ 런던에 산다ㅋㅋㅋㅋㅋ";
const CLEAN = clean(DIRTY);

test("a classifier is unsure below what its folder says, and never where it says nothing", async () => {
  await tf.setBackend("cpu");
  const folder = goldenBertFolder("cls2/model");
  const config = JSON.parse(goldenBertText("cls2/model/config.json")) as object;
  const says = async (below: number | undefined, text: string): Promise<boolean> => {
    const bytes = new TextEncoder().encode(JSON.stringify({ ...config, kcbert: { unsure_below: below } }));
    const source: PretrainedSource = async (name, options) =>
      name === "config.json" ? bytes : folder(name, options);
    const classifier = await loadClassifyText(source);
    try {
      return classifier.isUnsure(await classifier.run(text));
    } finally {
      classifier.dispose();
    }
  };
  const plain = await loadClassifyText(folder);
  const [{ score }] = await plain.run("이 영화");
  expect(score).toBeGreaterThan(0.5);
  expect(plain.isUnsure([{ label: "a", score: 0 }])).toBe(false);
  plain.dispose();
  expect(await says(score - 0.001, "이 영화")).toBe(false);
  expect(await says(score + 0.001, "이 영화")).toBe(true);
  expect(await says(undefined, "이 영화")).toBe(false);
});

describe.each(["cpu", "wasm"])("on %s", (backend) => {
  beforeAll(async () => {
    if (backend === "wasm") await createWasmBackend();
    await tf.setBackend(backend);
  });

  const folders: Record<keyof PipelineTasks, string> = {
    "feature-extraction": "base",
    "fill-mask": "mlm",
    ner: "tokcls",
    "question-answering": "qa",
    "sentence-similarity": "base",
    "sentiment-analysis": "cls2",
    "text-classification": "cls3",
    "token-classification": "tokcls",
  };

  test.each(Object.keys(folders) as (keyof PipelineTasks)[])(
    "pipeline(%j) answers and is gone",
    async (task) => {
      const before = tf.memory().numTensors;
      const loaded = await pipeline(task, goldenBertFolder(`${folders[task]}/model`));
      const run = loaded.run as (input: unknown) => Promise<unknown>;
      const inputs: Partial<Record<keyof PipelineTasks, unknown>> = {
        "fill-mask": "이 영화 [MASK]",
        "question-answering": { question: "누구?", context: "박지성" },
        "sentence-similarity": { sourceSentence: "가", sentences: ["나"] },
      };
      expect(await run(inputs[task] ?? "김철수는 서울에 산다")).toHaveProperty("length");
      expect(tf.memory().numTensors).toBeGreaterThan(before);
      loaded.dispose();
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  test("texts are cleaned where the folder says so, and only there", async () => {
    const [dirty, plain] = [
      await loadClassifyText(cleaning("cls3", "2021")),
      await loadClassifyText(cleaning("cls3", null)),
    ];
    expect(dirty.clean(DIRTY)).toBe(CLEAN);
    expect(plain.clean(DIRTY)).toBe(DIRTY);
    expect(await dirty.run(DIRTY)).toEqual(await plain.run(CLEAN));
    expect(await dirty.runAll([{ text: DIRTY, textPair: DIRTY }, DIRTY])).toEqual(
      await plain.runAll([{ text: CLEAN, textPair: CLEAN }, CLEAN]),
    );
    expect(await plain.run(DIRTY)).not.toEqual(await plain.run(CLEAN));
    await expect(dirty.run(1 as never)).rejects.toThrow(TypeError);
    await expect(plain.run(1 as never)).rejects.toThrow(TypeError);
    dirty.dispose();
    plain.dispose();
  });

  test("what is found in a cleaned text is given where it stands in the text as it was written", async () => {
    const [dirty, plain] = [
      await loadClassifyTokens(cleaning("tokcls", "2021")),
      await loadClassifyTokens(cleaning("tokcls", null)),
    ];
    for (const aggregationStrategy of ["none", "first"] as const) {
      const options = { aggregationStrategy, ignoreLabels: [] };
      const found = await dirty.run(DIRTY, options);
      const [expected] = await plain.runAll([CLEAN], options);
      expect(found.map(({ word, score }) => ({ word, score }))).toEqual(
        expected!.map(({ word, score }) => ({ word, score })),
      );
      expect(found[0]!.start).toBe(1);
      for (const [i, { start, end }] of found.entries()) {
        const once = (text: string): string => text.replaceAll(/ㅋ+/g, "ㅋ"); // the run is there in full
        expect(once(clean(DIRTY.slice(start, end)))).toBe(
          once(CLEAN.slice(expected![i]!.start, expected![i]!.end)),
        );
      }
    }
    dirty.dispose();
    plain.dispose();
  });

  test("answers are quoted from the context as it was written", async () => {
    const [dirty, plain] = [
      await loadAnswerQuestion(cleaning("qa", "2021")),
      await loadAnswerQuestion(cleaning("qa", null)),
    ];
    const { cases } = JSON.parse(goldenBertText("pipelines/question-answering.json")) as {
      cases: { question: string; context: string }[];
    };
    const { question, context } = cases[0]!;
    const raw = `♡♡ ${context.replaceAll(" ", " ★ ")}`;
    const options = { topK: 5, handleImpossibleAnswer: true };
    const found = await dirty.run({ question, context: raw }, options);
    const expected = await plain.run({ question, context: clean(context) }, options);
    expect(found).toHaveLength(expected.length);
    for (const [i, { answer, score, start, end }] of found.entries()) {
      expect(score).toBeCloseTo(expected[i]!.score, 6);
      expect(answer).toBe(raw.slice(start, end));
      expect(clean(answer)).toBe(expected[i]!.answer);
    }
    const everything = { ...options, topK: 1000, offsetUnit: "codepoint" } as const;
    const [all] = await dirty.runAll([{ question, context: `😀${raw}` }], everything);
    expect(all!.find(({ answer }) => answer === "")).toMatchObject({ start: 0, end: 0 });
    const characters = Array.from(`😀${raw}`);
    for (const { answer, start, end } of all!) expect(characters.slice(start, end).join("")).toBe(answer);
    dirty.dispose();
    plain.dispose();
  });

  test("embeddings are of the cleaned text, without the head and without a pooler unless asked for", async () => {
    const before = tf.memory().numTensors;
    const dirty = await loadExtractFeatures(cleaning("mlm", "2021"));
    const plain = await loadExtractFeatures(cleaning("mlm", null));
    expect([...dirty.model.parameters.keys()].filter((key) => /pooler|cls/.test(key))).toEqual([]);
    expect(await dirty.run(DIRTY)).toEqual(await plain.run(CLEAN));
    expect(await dirty.runAll([DIRTY], { pooling: "mean" })).toEqual(
      await plain.runAll([CLEAN], { pooling: "mean" }),
    );
    const similar = await loadSentenceSimilarity(cleaning("base", "2021"), { pooler: true });
    const [same] = await similar.run({ sourceSentence: DIRTY, sentences: [CLEAN] }, { pooling: "pooler" });
    expect(same).toBeCloseTo(1, 5);
    for (const loaded of [dirty, plain, similar]) loaded.dispose();
    await expect(loadExtractFeatures(cleaning("mlm", null), { pooler: true })).rejects.toThrow(
      /lacks pooler/,
    );
    expect(tf.memory().numTensors).toBe(before);
  });

  test("a folder that does not fit is refused, and leaves nothing behind", async () => {
    const before = tf.memory().numTensors;
    await expect(pipeline("ner", goldenBertFolder("mlm/model"))).rejects.toThrow(
      /Cannot classify tokens with this model as it was not trained for that: its folder lacks classifier/,
    );
    await expect(pipeline("ner", cleaning("tokcls", "1999"))).rejects.toThrow(/current value is "1999"/);
    const source = goldenBertFolder("cls2/model");
    const vocab = new TextEncoder().encode(`${goldenBertText("cls2/model/vocab.txt")}영영영\n`);
    const tooMany: PretrainedSource = async (name, options) => {
      if (name === "tokenizer.json") return undefined;
      return name === "vocab.txt" ? vocab : source(name, options);
    };
    await expect(loadClassifyText(tooMany)).rejects.toThrow(/it has 601 tokens, the model has 600/);
    await expect(pipeline("translation" as never, source)).rejects.toThrow(
      /"translation": known are feature-extra/,
    );
    await expect(pipeline("toString" as never, source)).rejects.toThrow(RangeError);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(pipeline("text-classification", source, { signal })).rejects.toThrow("enough");
    expect(tf.memory().numTensors).toBe(before);
  });
});
