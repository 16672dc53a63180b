import { BertForQuestionAnswering } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import type { BertTokenizer } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBertFolder, goldenBertText } from "../../../tests/golden/bert.ts";
import { squadWindows, squadWords } from "./squad_windows.ts";
import { answerSquad, type AnswerSquadOptions, type SquadAnswer } from "./answer_squad.ts";
import { loadTokenizer } from "./load_tokenizer.ts";

interface Case {
  readonly question: string;
  readonly context: string;
  readonly args: {
    readonly max_seq_length: number;
    readonly doc_stride: number;
    readonly max_query_length: number;
    readonly n_best_size: number;
    readonly max_answer_length: number;
  };
  readonly words: string[];
  readonly features: readonly {
    readonly ids: number[];
    readonly token_to_word: Record<string, number>;
    readonly max_context: number[];
  }[];
  readonly prediction: string;
  readonly nbest: readonly {
    readonly text: string;
    readonly probability: number;
    readonly start_logit: number;
    readonly end_logit: number;
  }[];
}

const { cases } = JSON.parse(goldenBertText("pipelines/question-answering-squad.json")) as { cases: Case[] };

/** The reference's tolerances for scores of pipelines, and for raw logits. */
const [TOLERANCE, LOGIT_TOLERANCE] = [2e-5, 1e-4];

describe.each(["cpu", "wasm"])("answerSquad() on %s", (backend) => {
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

  test.each(cases)("$question with windows of $args.max_seq_length is cut as the reference does", (each) => {
    const words = squadWords(each.context);
    expect(words).toEqual(each.words);
    const windows = squadWindows(tokenizer, each.question, words, optionsOf(each));
    expect(windows).toHaveLength(each.features.length);
    for (const [i, { ids, first, words, isBest }] of windows.entries()) {
      const { ids: expected, token_to_word, max_context } = each.features[i]!;
      const padded = [...ids, ...Array.from({ length: expected.length - ids.length }, () => tokenizer.padId)];
      expect(padded).toEqual(expected);
      expect(Object.fromEntries(words.map((word, at) => [first + at, word]))).toEqual(token_to_word);
      expect(isBest.flatMap((best, at) => (best ? [first + at] : []))).toEqual(max_context);
    }
  });

  test("all are answered as the reference does", async () => {
    for (const length of [64, 60]) {
      const alike = cases.filter(({ args }) => args.max_seq_length === length);
      expect(alike).toHaveLength(10);
      const results = await answerSquad(model, tokenizer, alike, { ...optionsOf(alike[0]!), batchSize: 7 });
      for (const [i, answers] of results.entries()) expectAnswers(answers, alike[i]!);
    }
  });

  test("nothing is left behind, neither by an answer nor by a refusal", async () => {
    const before = tf.memory().numTensors;
    expect(await answerSquad(model, tokenizer, [])).toEqual([]);
    expect((await answerSquad(model, tokenizer, [{ question: "", context: "" }]))[0]![0]!.text).toBe("empty");
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(answerSquad(model, tokenizer, cases, { signal })).rejects.toThrow("enough");
    const sound = { question: "가", context: "나" };
    const ask = (asked: unknown, options?: AnswerSquadOptions) =>
      answerSquad(model, tokenizer, [asked as Case], options);
    await expect(ask({ question: 1, context: "나" })).rejects.toThrow(TypeError);
    await expect(ask(sound, { maxSeqLength: 65 })).rejects.toThrow(/windows of 65 tokens .* 64 positions/);
    await expect(ask(sound, { docStride: 0 })).rejects.toThrow(/docStride .* at least 1: current value is 0/);
    await expect(ask({ ...sound, question: "가 ".repeat(64) })).rejects.toThrow(/64 tokens .* no room/);
    const sparse = ask({ ...sound, context: "나 ".repeat(64) }, { docStride: 62 });
    await expect(sparse).rejects.toThrow(/begin 62 tokens apart and show 60/);
    expect(tf.memory().numTensors).toBe(before);
  });
});

function optionsOf({ args }: Case): Required<Omit<AnswerSquadOptions, "batchSize" | "signal">> {
  return {
    maxSeqLength: args.max_seq_length,
    docStride: args.doc_stride,
    maxQueryLength: args.max_query_length,
    nBestSize: args.n_best_size,
    maxAnswerLength: args.max_answer_length,
  };
}

function expectAnswers(actual: readonly SquadAnswer[], { prediction, nbest }: Case): void {
  expect(actual[0]!.text).toBe(prediction);
  expect(actual.slice(0, nbest.length).map(({ text }) => text)).toEqual(nbest.map(({ text }) => text));
  for (const [i, { probability, start_logit, end_logit }] of nbest.entries()) {
    expect(Math.abs(actual[i]!.probability - probability)).toBeLessThan(TOLERANCE);
    expect(Math.abs(actual[i]!.startLogit - start_logit)).toBeLessThan(LOGIT_TOLERANCE);
    expect(Math.abs(actual[i]!.endLogit - end_logit)).toBeLessThan(LOGIT_TOLERANCE);
  }
}
