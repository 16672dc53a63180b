import { BertForSequenceClassification } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import type { BertTokenizer } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBertFolder, goldenBertText } from "../../../tests/golden/bert.ts";
import type { TextPair } from "./_encode.ts";
import { classifyText, type ClassifyTextOptions, type TextLabel } from "./classify_text.ts";
import { loadTokenizer } from "./load_tokenizer.ts";

type Inputs = string | { text: string; text_pair: string } | string[];

interface Case {
  readonly checkpoint: string;
  readonly config_override?: { readonly problem_type?: null };
  readonly inputs: Inputs;
  readonly args: {
    readonly top_k?: number | null;
    readonly function_to_apply?: "softmax" | "sigmoid" | "none";
    readonly truncation?: boolean;
    readonly max_length?: number;
  };
  readonly result?: TextLabel | TextLabel[];
  readonly error?: string;
}

const { cases } = JSON.parse(goldenBertText("pipelines/text-classification.json")) as { cases: Case[] };
const checkpoints = [...new Set(cases.map(({ checkpoint }) => checkpoint))];

/** The reference's tolerances for scores of pipelines, and for raw logits. */
const [TOLERANCE, LOGIT_TOLERANCE] = [2e-5, 1e-4];

describe.each(["cpu", "wasm"])("classifyText() on %s", (backend) => {
  const models = new Map<string, BertForSequenceClassification>();
  let tokenizer: BertTokenizer;

  beforeAll(async () => {
    if (backend === "wasm") await createWasmBackend();
    await tf.setBackend(backend);
    tokenizer = await loadTokenizer(goldenBertFolder("cls2/model"));
    for (const checkpoint of checkpoints) {
      const source = goldenBertFolder(checkpoint);
      models.set(checkpoint, await BertForSequenceClassification.fromPretrained(source));
    }
  });

  afterAll(() => {
    for (const model of models.values()) model.dispose();
  });

  /** The model of a case, with the case's changes to the config; it shares the parameters. */
  function modelOf({ checkpoint, config_override }: Case): BertForSequenceClassification {
    const model = models.get(checkpoint)!;
    if (config_override === undefined) return model;
    expect(config_override).toEqual({ problem_type: null });
    const config = { ...model.config, problemType: undefined };
    return new BertForSequenceClassification(config, model.parameters);
  }

  test.each(checkpoints)("%s says what the reference says", async (checkpoint) => {
    const mine = cases.filter((each) => each.checkpoint === checkpoint && each.result !== undefined);
    expect(mine.length).toBeGreaterThan(80);
    for (const each of mine) {
      const options = optionsOf(each.args);
      const raw = isRaw(modelOf(each), options);
      const actual = Array.isArray(each.inputs)
        ? (await classifyText(modelOf(each), tokenizer, each.inputs, options)).flat()
        : await classifyText(modelOf(each), tokenizer, inputOf(each.inputs), options);
      const expected = Array.isArray(each.result) ? each.result : [each.result!];
      expectLabels(actual, expected, raw ? LOGIT_TOLERANCE : TOLERANCE);
    }
  });

  test("a text that is too long is refused, as the reference does", async () => {
    const refused = cases.filter(({ error }) => error !== undefined);
    expect(refused).toHaveLength(4);
    for (const each of refused) {
      const answer = classifyText(modelOf(each), tokenizer, each.inputs as string);
      await expect(answer).rejects.toThrow(/it has 79 tokens and the model has 64 positions/);
      await expect(answer).rejects.toThrow(RangeError);
    }
  });

  test("many texts of all lengths come back in the order they were given", async () => {
    const mine = cases.filter(
      ({ checkpoint, args, inputs, result }) =>
        checkpoint === "cls3/model" &&
        args.top_k === null &&
        Object.keys(args).length === 1 &&
        !Array.isArray(inputs) &&
        result !== undefined,
    );
    const inputs = mine.map((each) => inputOf(each.inputs));
    const twice = [...inputs, ...inputs.toReversed()];
    const expected = [...mine, ...mine.toReversed()];
    const model = models.get("cls3/model")!;
    const results = await classifyText(model, tokenizer, twice, { topK: null, batchSize: 3 });
    expect(results).toHaveLength(expected.length);
    for (const [i, labels] of results.entries()) {
      expectLabels(labels, expected[i]!.result as TextLabel[], TOLERANCE);
    }
    expect(await classifyText(model, tokenizer, [])).toEqual([]);
  });

  test("nothing is left behind, neither by an answer nor by a refusal", async () => {
    const model = models.get("cls2/model")!;
    const before = tf.memory().numTensors;
    await classifyText(model, tokenizer, ["하나", "둘"]);
    await classifyText(model, tokenizer, "가 ".repeat(80)).catch(() => {});
    const controller = new AbortController();
    const stopped = classifyText(model, tokenizer, ["하나", "둘", "셋"], {
      batchSize: 1,
      signal: controller.signal,
    });
    controller.abort(new Error("enough"));
    await expect(stopped).rejects.toThrow("enough");
    expect(tf.memory().numTensors).toBe(before);
  });

  test("what makes no sense is refused with what would", async () => {
    const model = models.get("cls2/model")!;
    const classify = (text: unknown, options?: object) =>
      classifyText(model, tokenizer, text as string, options);
    await expect(classify(7)).rejects.toThrow(
      new TypeError("Cannot classify the text as the text must be a string: it is number"),
    );
    await expect(classify({ text: "가", textPair: 1 })).rejects.toThrow(/textPair must be a string/);
    await expect(classify(["가", undefined])).rejects.toThrow(TypeError);
    await expect(classify([["가", "나"]])).rejects.toThrow(TypeError);
    await expect(classify("가", { topK: 0 })).rejects.toThrow(
      /topK must be .* at least 1: current value is 0/,
    );
    await expect(classify("가", { batchSize: 0.5 })).rejects.toThrow(RangeError);
    await expect(classify("가", { functionToApply: "relu" })).rejects.toThrow(/"softmax", "sigmoid", "none"/);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(classify("가", { signal })).rejects.toThrow("enough");
    await expect(classify([], { signal })).rejects.toThrow("enough");
  });
});

function optionsOf({ top_k, function_to_apply, truncation, max_length }: Case["args"]): ClassifyTextOptions {
  return {
    ...(top_k === undefined ? {} : { topK: top_k }),
    ...(function_to_apply === undefined ? {} : { functionToApply: function_to_apply }),
    ...(truncation === undefined ? {} : { truncation }),
    ...(max_length === undefined ? {} : { maxLength: max_length }),
  };
}

function inputOf(inputs: Inputs): string | TextPair {
  return typeof inputs === "string"
    ? inputs
    : { text: (inputs as { text: string }).text, textPair: (inputs as { text_pair: string }).text_pair };
}

function isRaw({ config }: BertForSequenceClassification, { functionToApply }: ClassifyTextOptions): boolean {
  return (functionToApply ?? (config.problemType === "regression" ? "none" : "")) === "none";
}

function expectLabels(actual: readonly TextLabel[], expected: readonly TextLabel[], tolerance: number): void {
  expect(actual.map(({ label }) => label)).toEqual(expected.map(({ label }) => label));
  for (const [i, { score }] of actual.entries()) {
    expect(Math.abs(score - expected[i]!.score)).toBeLessThan(tolerance);
  }
}
