import { BertForTokenClassification } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import type { BertTokenizer } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBertFolder, goldenBertText } from "../../../tests/golden/bert.ts";
import {
  type AggregationStrategy,
  classifyTokens,
  type ClassifyTokensOptions,
  type EntityGroup,
  type TokenEntity,
} from "./classify_tokens.ts";
import { loadTokenizer } from "./load_tokenizer.ts";

interface WireEntity {
  readonly entity?: string;
  readonly entity_group?: string;
  readonly index?: number;
  readonly score: number;
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

interface Case {
  readonly text: string;
  readonly args?: { readonly ignore_labels?: string[]; readonly stride?: number };
  readonly tokens?: WireEntity[];
  readonly result: Partial<Record<AggregationStrategy, WireEntity[]>>;
}

interface Golden {
  readonly cases: Case[];
  readonly ignore_nothing: Case[];
  readonly long: Case[];
  readonly suffix_labels: Case[];
  readonly suffix_id2label: Record<string, string>;
}

const golden = JSON.parse(goldenBertText("pipelines/token-classification.json")) as Golden;

/** The reference's tolerance for scores of pipelines. */
const TOLERANCE = 2e-5;

describe.each(["cpu", "wasm"])("classifyTokens() on %s", (backend) => {
  let model: BertForTokenClassification;
  let tokenizer: BertTokenizer;

  beforeAll(async () => {
    if (backend === "wasm") await createWasmBackend();
    await tf.setBackend(backend);
    const source = goldenBertFolder("tokcls/model");
    tokenizer = await loadTokenizer(source);
    model = await BertForTokenClassification.fromPretrained(source);
  });

  afterAll(() => model.dispose());

  /** The same parameters under labels like `PER-B`. */
  function suffixed(): BertForTokenClassification {
    const id2label = Object.values(golden.suffix_id2label);
    return new BertForTokenClassification({ ...model.config, id2label }, model.parameters);
  }

  async function expectCase(reader: BertForTokenClassification, { text, args, result }: Case): Promise<void> {
    expect(Object.keys(result).length).toBeGreaterThan(3);
    for (const [aggregationStrategy, expected] of Object.entries(result)) {
      const options: ClassifyTokensOptions = {
        aggregationStrategy: aggregationStrategy as AggregationStrategy,
        offsetUnit: "codepoint",
        ...(args?.ignore_labels === undefined ? {} : { ignoreLabels: args.ignore_labels }),
        ...(args?.stride === undefined ? {} : { stride: args.stride }),
      };
      expectEntities(await classifyTokens(reader, tokenizer, text, options), expected);
    }
  }

  test.each(golden.cases)("$text is labelled as the reference does, by every strategy", async (each) => {
    await expectCase(model, each);
    const tokens = await classifyTokens(model, tokenizer, each.text, {
      ignoreLabels: [],
      offsetUnit: "codepoint",
    });
    expectEntities(tokens, each.tokens!);
  });

  test.each(golden.ignore_nothing)("$text with nothing left out", (each) => expectCase(model, each));

  test.each(golden.long)("a long text, $args", (each) => expectCase(model, each));

  test.each(golden.suffix_labels)("$text with labels such as PER-B, not understood", (each) =>
    expectCase(suffixed(), each),
  );

  test("labels such as PER-B are understood on request, as B-PER is", async () => {
    for (const { text } of golden.cases) {
      for (const aggregationStrategy of ["simple", "first", "average", "max"] as const) {
        const prefixes = await classifyTokens(model, tokenizer, text, { aggregationStrategy });
        const suffixes = await classifyTokens(suffixed(), tokenizer, text, {
          aggregationStrategy,
          tagPosition: "suffix",
        });
        expect(suffixes).toEqual(prefixes);
      }
    }
  });

  test("offsets cut the text where the word is, in UTF-16 by default", async () => {
    const text = "😀😀 이준범은 부산에 산다 👨‍👩‍👧‍👦";
    const found = await classifyTokens(model, tokenizer, text, { ignoreLabels: [] });
    expect(found.map(({ start, end }) => text.slice(start, end)).join("")).toBe(
      text.replaceAll(/[ \u200d]/g, ""),
    );
    const points = await classifyTokens(model, tokenizer, text, {
      ignoreLabels: [],
      offsetUnit: "codepoint",
    });
    const characters = Array.from(text);
    for (const [i, { start, end }] of points.entries()) {
      expect(characters.slice(start, end).join("")).toBe(text.slice(found[i]!.start, found[i]!.end));
    }
  });

  test("many texts, long ones in windows, come back in the order they were given", async () => {
    const cases = [...golden.long.filter(({ args }) => args?.stride === 8), ...golden.cases];
    const texts = cases.map(({ text }) => text);
    const options = { aggregationStrategy: "max", stride: 8, offsetUnit: "codepoint", batchSize: 5 } as const;
    const results = await classifyTokens(model, tokenizer, texts, options);
    expect(results).toHaveLength(cases.length);
    for (const [i, entities] of results.entries()) expectEntities(entities, cases[i]!.result.max!);
    expect(await classifyTokens(model, tokenizer, [])).toEqual([]);
    expect(await classifyTokens(model, tokenizer, "")).toEqual([]);
  });

  test("nothing is left behind, neither by an answer nor by a refusal", async () => {
    const before = tf.memory().numTensors;
    await classifyTokens(model, tokenizer, ["김철수는", "서울에 산다"], { batchSize: 1 });
    const controller = new AbortController();
    const { signal } = controller;
    const stopped = classifyTokens(model, tokenizer, ["김철수는", "서울에"], { batchSize: 1, signal });
    controller.abort(new Error("enough"));
    await expect(stopped).rejects.toThrow("enough");
    expect(tf.memory().numTensors).toBe(before);
  });

  test("what makes no sense is refused with what would", async () => {
    const classify = (text: unknown, options?: object) =>
      classifyTokens(model, tokenizer, text as string, options);
    await expect(classify(null)).rejects.toThrow(/the text must be a string: it is null/);
    await expect(classify(["가", 1])).rejects.toThrow(TypeError);
    await expect(classify({})).rejects.toThrow(TypeError);
    await expect(classify("가", { stride: 0 })).rejects.toThrow(/aggregationStrategy is "none"/);
    await expect(classify("가", { stride: -1, aggregationStrategy: "max" })).rejects.toThrow(
      /stride .* at least 0/,
    );
    const wide = { stride: 62, aggregationStrategy: "max" };
    await expect(classify("가 ".repeat(90), wide)).rejects.toThrow(/stride is 62, window is 62/);
    await expect(classify("가", { aggregationStrategy: "last" })).rejects.toThrow(
      /"none", "simple", "first"/,
    );
    await expect(classify("가", { offsetUnit: "bytes" })).rejects.toThrow(RangeError);
    await expect(classify("가", { tagPosition: "infix" })).rejects.toThrow(RangeError);
  });
});

function expectEntities(
  actual: readonly (TokenEntity | EntityGroup)[],
  expected: readonly WireEntity[],
): void {
  expect(actual.map((each) => ({ ...wire(each), score: 0 }))).toEqual(
    expected.map((each) => ({ ...each, score: 0 })),
  );
  for (const [i, { score }] of actual.entries()) {
    expect(Math.abs(score - expected[i]!.score)).toBeLessThan(TOLERANCE);
  }
}

function wire(entity: TokenEntity | EntityGroup): WireEntity {
  if (!("entityGroup" in entity)) return entity;
  const { entityGroup, ...rest } = entity;
  return { entity_group: entityGroup, ...rest };
}
