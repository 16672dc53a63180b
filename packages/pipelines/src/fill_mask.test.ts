import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBertFolder, goldenBertText } from "../../../tests/golden/bert.ts";
import type { FillMaskAnswer, FillMaskResult } from "./fill_mask.ts";
import { type FillMaskPipeline, loadFillMask } from "./load_fill_mask.ts";

interface WireAnswer {
  readonly score: number;
  readonly token: number;
  readonly token_str: string;
  readonly sequence: string;
}

interface Golden {
  readonly cases: readonly {
    readonly text: string;
    readonly args: { readonly top_k?: number; readonly targets?: string | string[] };
    readonly result: WireAnswer[] | WireAnswer[][];
  }[];
  readonly errors: readonly { readonly text: string }[];
}

const golden = JSON.parse(goldenBertText("pipelines/fill-mask.json")) as Golden;

/** The reference's tolerance for scores of pipelines. */
const TOLERANCE = 2e-5;

describe.each(["cpu", "wasm"])("fillMask() on %s", (backend) => {
  let pipeline: FillMaskPipeline;

  beforeAll(async () => {
    if (backend === "wasm") await createWasmBackend();
    await tf.setBackend(backend);
    pipeline = await loadFillMask(goldenBertFolder("mlm/model"));
  });

  afterAll(() => pipeline.dispose());

  test.each(golden.cases)("$text $args is what the reference gives", async ({ text, args, result }) => {
    const actual = await pipeline.run(text, {
      ...(args.top_k === undefined ? {} : { topK: args.top_k }),
      ...(args.targets === undefined ? {} : { targets: args.targets }),
    });
    expectAnswers(actual, result);
  });

  test("several texts together give what each gives alone", async () => {
    const cases = golden.cases.filter(({ args }) => Object.keys(args).length === 0);
    const results = await pipeline.runAll(
      cases.map(({ text }) => text),
      { batchSize: 7 },
    );
    expect(results).toHaveLength(cases.length);
    for (const [i, { result }] of cases.entries()) expectAnswers(results[i]!, result);
    expect(await pipeline.runAll([])).toEqual([]);
  });

  test.each(golden.errors)("$text is refused", async ({ text }) => {
    await expect(pipeline.run(text)).rejects.toThrow(RangeError);
  });

  test("nothing is left behind, neither by an answer nor by a refusal", async () => {
    const before = tf.memory().numTensors;
    await pipeline.run("이 영화 정말 [MASK]");
    await pipeline.runAll(["[MASK] [MASK]", "정말 [MASK]"]);
    await pipeline.run("없다").catch(() => {});
    expect(tf.memory().numTensors).toBe(before);
  });

  test("loading and disposing leaves no tensor behind", async () => {
    const before = tf.memory().numTensors;
    const again = await loadFillMask(goldenBertFolder("mlm/model"));
    expect(tf.memory().numTensors).toBeGreaterThan(before);
    again.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test("what makes no sense is refused with what would", async () => {
    const masked = "정말 [MASK]";
    await expect(pipeline.run(masked, { topK: 0 })).rejects.toThrow(
      /topK must be a whole number above 0.*: .* 0/,
    );
    await expect(pipeline.run(masked, { batchSize: 1.5 })).rejects.toThrow(/batchSize .* 1.5/);
    await expect(pipeline.run(masked, { targets: [] })).rejects.toThrow(
      /targets must name at least one token/,
    );
    await expect(pipeline.run(`${"가 ".repeat(300)}[MASK]`)).rejects.toThrow(
      /the text has 303 tokens: the model takes at most 300/,
    );
    await expect(pipeline.runAll([1 as unknown as string])).rejects.toThrow(TypeError);
  });

  test("a signal stops it with its reason", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(pipeline.run("정말 [MASK]", { signal })).rejects.toThrow("enough");
  });
});

test("loadFillMask() refuses a tokenizer with more tokens than the model", async () => {
  await tf.setBackend("cpu");
  const source = goldenBertFolder("mlm/model");
  const vocab = `${goldenBertText("mlm/model/vocab.txt")}영영영\n`;
  const before = tf.memory().numTensors;
  const loading = loadFillMask(async (name, options) => {
    if (name === "tokenizer.json") return undefined;
    return name === "vocab.txt" ? new TextEncoder().encode(vocab) : source(name, options);
  });
  await expect(loading).rejects.toThrow(/it has 601 tokens, the model has 600/);
  expect(tf.memory().numTensors).toBe(before);
});

test("loadFillMask() refuses a model without a masked-LM head", async () => {
  await tf.setBackend("cpu");
  const before = tf.memory().numTensors;
  await expect(loadFillMask(goldenBertFolder("base/model"))).rejects.toThrow(
    /Cannot fill masks with this model as it was not trained for that: its folder lacks cls\./,
  );
  expect(tf.memory().numTensors).toBe(before);
});

test("loadFillMask() cleans as config.json says, and only then", async () => {
  await tf.setBackend("cpu");
  const source = goldenBertFolder("mlm/model");
  const config = JSON.parse(goldenBertText("mlm/model/config.json")) as object;
  const loadWith = (kcbert: object) =>
    loadFillMask(async (name, options) => {
      const changed = new TextEncoder().encode(JSON.stringify({ ...config, kcbert }));
      return name === "config.json" ? changed : source(name, options);
    });
  const dirty = "정말★ [MASK]ㅋㅋㅋㅋㅋ";
  const cleaning = await loadWith({ clean: "2021" });
  const plain = await loadWith({ clean: null });
  expect(cleaning.clean(dirty)).toBe("정말 [MASK]ㅋㅋ");
  expect(plain.clean(dirty)).toBe(dirty);
  expect(await cleaning.run(dirty)).toEqual(await plain.run("정말 [MASK]ㅋㅋ"));
  expect(await plain.run(dirty)).not.toEqual(await plain.run("정말 [MASK]ㅋㅋ"));
  cleaning.dispose();
  plain.dispose();
});

function expectAnswers(actual: FillMaskResult, expected: WireAnswer[] | WireAnswer[][]): void {
  const lists = asLists(actual);
  const expectedLists = asLists(expected);
  expect(lists.map((list) => list.map(wire))).toEqual(
    expectedLists.map((list) =>
      list.map(({ token, token_str, sequence }) => ({ token, token_str, sequence })),
    ),
  );
  expect(Array.isArray(actual[0])).toBe(Array.isArray(expected[0]));
  for (const [i, list] of lists.entries()) {
    for (const [j, { score }] of list.entries()) {
      expect(Math.abs(score - expectedLists[i]![j]!.score)).toBeLessThan(TOLERANCE);
    }
  }
}

function asLists<T>(result: T[] | T[][]): T[][] {
  return Array.isArray(result[0]) ? (result as T[][]) : [result as T[]];
}

function wire({ token, tokenStr, sequence }: FillMaskAnswer) {
  return { token, token_str: tokenStr, sequence };
}
