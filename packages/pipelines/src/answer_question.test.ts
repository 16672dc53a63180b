import { BertForQuestionAnswering } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import type { BertTokenizer } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBertFolder, goldenBertText } from "../../../tests/golden/bert.ts";
import { type Answer, answerQuestion, type AnswerQuestionOptions } from "./answer_question.ts";
import { loadTokenizer } from "./load_tokenizer.ts";

interface Case {
  readonly question: string;
  readonly context: string;
  readonly args: Readonly<Record<string, number | boolean>>;
  readonly result: Answer | Answer[];
}

const golden = JSON.parse(goldenBertText("pipelines/question-answering.json")) as {
  readonly cases: Case[];
  readonly errors: readonly { readonly question: string; readonly context: string }[];
};

/** The reference's tolerance for scores of pipelines. */
const TOLERANCE = 2e-5;

describe.each(["cpu", "wasm"])("answerQuestion() on %s", (backend) => {
  let model: BertForQuestionAnswering;
  let tokenizer: BertTokenizer;

  beforeAll(async () => {
    if (backend === "wasm") await createWasmBackend();
    await tf.setBackend(backend);
    const source = goldenBertFolder("qa/model");
    tokenizer = await loadTokenizer(source);
    model = await BertForQuestionAnswering.fromPretrained(source);
  });

  afterAll(() => model.dispose());

  test.each(golden.cases)("$question $args is answered as the reference does", async (each) => {
    const options: AnswerQuestionOptions = { ...optionsOf(each.args), offsetUnit: "codepoint" };
    expectAnswers(await answerQuestion(model, tokenizer, each, options), each.result);
  });

  test.each(golden.errors)("$question about $context is refused", async (each) => {
    await expect(answerQuestion(model, tokenizer, each)).rejects.toThrow(RangeError);
  });

  test("several questions come back in the order they were given, with offsets in UTF-16", async () => {
    const cases = golden.cases.filter(({ args }) => Object.keys(args).length === 0);
    const results = await answerQuestion(model, tokenizer, cases, { batchSize: 3 });
    expect(results).toHaveLength(cases.length);
    for (const [i, { context, result }] of cases.entries()) {
      const [best] = results[i]!;
      expect(best.answer).toBe((result as Answer).answer);
      expect(context.slice(best.start, best.end)).toBe(best.answer);
    }
    expect(await answerQuestion(model, tokenizer, [])).toEqual([]);
  });

  test("an empty answer competes when it may, and is all there is in white space", async () => {
    const { question, context } = golden.cases[0]!;
    const options = { handleImpossibleAnswer: true, topK: 1000 };
    const answers = await answerQuestion(model, tokenizer, { question, context }, options);
    const empty = answers.filter(({ answer }) => answer === "");
    expect(empty).toHaveLength(1);
    expect(empty[0]).toMatchObject({ start: 0, end: 0 });
    expect(empty[0]!.score).toBeGreaterThan(0);
    const without = await answerQuestion(model, tokenizer, { question, context }, { topK: 1000 });
    expect(without.some(({ answer }) => answer === "")).toBe(false);
    const nothing = await answerQuestion(model, tokenizer, { question, context: " " });
    expect(nothing).toEqual([{ score: 0, start: 0, end: 0, answer: "" }]);
  });

  test("nothing is left behind, neither by an answer nor by a refusal", async () => {
    const before = tf.memory().numTensors;
    await answerQuestion(model, tokenizer, golden.cases.slice(0, 2));
    const controller = new AbortController();
    const { signal } = controller;
    const stopped = answerQuestion(model, tokenizer, golden.cases[0]!, { batchSize: 1, signal });
    controller.abort(new Error("enough"));
    await expect(stopped).rejects.toThrow("enough");
    await answerQuestion(model, tokenizer, golden.errors[0]!).catch(() => {});
    expect(tf.memory().numTensors).toBe(before);
  });

  test("what makes no sense is refused with what would", async () => {
    const ask = (asked: unknown, options?: AnswerQuestionOptions) =>
      answerQuestion(model, tokenizer, asked as Case, options);
    const sound = { question: "누구?", context: "박지성" };
    await expect(ask({ question: 1, context: "가" })).rejects.toThrow(
      /the question must be a string: it is number/,
    );
    await expect(ask({ question: "가" })).rejects.toThrow(/the context must be a string: it is undefined/);
    await expect(ask({ ...sound, context: "" })).rejects.toThrow(/the context is empty/);
    await expect(ask(sound, { topK: 0 })).rejects.toThrow(/topK .* at least 1: current value is 0/);
    await expect(ask(sound, { maxAnswerLen: 0.5 })).rejects.toThrow(/maxAnswerLen/);
    await expect(ask(sound, { docStride: -1 })).rejects.toThrow(/docStride/);
    await expect(ask(sound, { maxSeqLen: 65 })).rejects.toThrow(/windows of 65 tokens .* 64 positions/);
    const long = { question: "누구?", context: "박지성 ".repeat(80) };
    await expect(ask(long, { docStride: 63 })).rejects.toThrow(/stride is 63/);
  });
});

function optionsOf(args: Case["args"]): AnswerQuestionOptions {
  const camel = (name: string): string =>
    name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [camel(name), value]));
}

/** The reference takes a list of one apart. */
function expectAnswers(actual: readonly Answer[], expected: Answer | readonly Answer[]): void {
  const answers = Array.isArray(expected) ? (expected as Answer[]) : [expected as Answer];
  expect(actual.map((each) => ({ ...each, score: 0 }))).toEqual(
    answers.map((each) => ({ ...each, score: 0 })),
  );
  for (const [i, { score }] of actual.entries()) {
    expect(Math.abs(score - answers[i]!.score)).toBeLessThan(TOLERANCE);
  }
}
