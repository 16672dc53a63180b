import type { BertForQuestionAnswering } from "@kcbert/bert";
import type { BertTokenizer, Encoding } from "@kcbert/tokenizer";
import type { AtLeastOne } from "./_at_least_one.ts";
import { bestSpans, type ScoredSpan } from "./_best_spans.ts";
import { checkChoice, checkCount, checkFit, checkText } from "./_checks.ts";
import { inUnit, type OffsetUnit } from "./_code_points.ts";
import { NEVER_CUT } from "./_encode.ts";
import { type RunOptions, runRows } from "./_run_rows.ts";
import { softmax } from "./_softmax.ts";

/** A question, and the text that may hold the answer. */
export interface Question {
  /** The question. */
  readonly question: string;
  /** Where to look for the answer; of any length. */
  readonly context: string;
}

/** An answer, out of the context. */
export interface Answer {
  /** Probability in [0, 1]; it grows a little with `topK`, since the same answer from several places is added up. */
  readonly score: number;
  /** Where the answer begins in the context. */
  readonly start: number;
  /** Where it ends, just past its last character. */
  readonly end: number;
  /** The answer as it stands in the context; empty if there is none. */
  readonly answer: string;
}

/** How questions are answered. */
export interface AnswerQuestionOptions extends RunOptions {
  /** How many answers a question gets, at most; 1 by default. */
  readonly topK?: number;
  /** Tokens that the windows of a long context share; half of `maxSeqLen` by default, at most 128. */
  readonly docStride?: number;
  /** Most tokens of an answer; 15 by default. */
  readonly maxAnswerLen?: number;
  /** Most tokens of a window, question included; as many as the model has positions by default, at most 384. */
  readonly maxSeqLen?: number;
  /** Let an empty answer compete, for questions that the context does not answer. Default `false`. */
  readonly handleImpossibleAnswer?: boolean;
  /** Widen answers to whole words, as white space and punctuation divide them. Default `true`. */
  readonly alignToWords?: boolean;
  /** What `start` and `end` count; `"utf16"` by default, `"codepoint"` is what Hugging Face counts. */
  readonly offsetUnit?: OffsetUnit;
}

/**
 * Find the answer to a question in a text.
 *
 * Follows the `question-answering` pipeline of Hugging Face transformers 4, except that the answers are always a list.
 * A context that is too long is read in windows. Neither text is cleaned here. Leaves no tensor behind.
 *
 * @param model An answerer of questions, on the backend that is set.
 * @param tokenizer Its tokenizer.
 * @param question A question with its context, or several.
 * @returns The answers, best first, at least one; or those of each question in order.
 * @throws {RangeError} If a text is empty, the question leaves no room for the context, an option is out of its range, or
 * the tokenizer has more tokens than the model.
 * @throws {TypeError} If a text is not a string.
 *
 * @example
 * ```ts
 * import { BertForQuestionAnswering, kcbertBase } from "@kcbert/bert";
 * import { answerQuestion } from "@kcbert/pipelines";
 * import { BertTokenizer } from "@kcbert/tokenizer";
 * import "@tensorflow/tfjs-backend-cpu";
 * import assert from "node:assert/strict";
 *
 * const tokenizer = BertTokenizer.fromVocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "어디", "서울", "##에"]);
 * const small = { ...kcbertBase, vocabSize: 8, hiddenSize: 8, numAttentionHeads: 2, intermediateSize: 16 };
 * const model = BertForQuestionAnswering.init(small, { seed: 1 });
 * const context = "😀 서울에";
 * const [best] = await answerQuestion(model, tokenizer, { question: "어디?", context });
 * assert.equal(best.answer, context.slice(best.start, best.end));
 * model.dispose();
 * ```
 */
export async function answerQuestion(
  model: BertForQuestionAnswering,
  tokenizer: BertTokenizer,
  question: Question,
  options?: AnswerQuestionOptions,
): Promise<AtLeastOne<Answer>>;
/**
 * Find the answers to several questions; see the form for one.
 *
 * @returns The answers to each question, in order.
 */
export async function answerQuestion(
  model: BertForQuestionAnswering,
  tokenizer: BertTokenizer,
  question: readonly Question[],
  options?: AnswerQuestionOptions,
): Promise<AtLeastOne<Answer>[]>;
export async function answerQuestion(
  model: BertForQuestionAnswering,
  tokenizer: BertTokenizer,
  question: Question | readonly Question[],
  options: AnswerQuestionOptions = {},
): Promise<AtLeastOne<Answer> | AtLeastOne<Answer>[]> {
  const settings = settingsOf(model, options);
  checkFit(TASK, model, tokenizer);
  const many = Array.isArray(question);
  const questions: readonly Question[] = many ? question : [question];
  const windows = questions.flatMap((each, index) => windowsOf(tokenizer, each, index, settings));
  const judged: JudgedWindow[] = [];
  const rows = windows.map(({ encoding }) => encoding);
  const forward = runRows(rows, { model, tokenizer }, options, (inputs) => {
    const { startLogits, endLogits } = model.forward(inputs);
    return [startLogits, endLogits];
  });
  for await (const { index, values } of forward) {
    judged[index] = judge(windows[index]!, values[0]!, values[1]!, settings);
  }
  const results = questions.map(({ context }, i) => {
    const answers = mergeAnswers(
      context,
      judged.filter((_, w) => windows[w]!.index === i),
      settings,
    );
    return inUnit(answers, context, settings.offsetUnit) as AtLeastOne<Answer>;
  });
  return many ? results : results[0]!;
}

// --- internal ---

const TASK = "answer the question";

type Settings = Required<Omit<AnswerQuestionOptions, "batchSize" | "signal">>;

/** The question and a part of its context that fits the model. */
interface Window {
  /** The question's place in what the caller gave. */
  readonly index: number;
  readonly encoding: Encoding;
}

interface JudgedWindow {
  /** Spans of the context in UTF-16 units. */
  readonly spans: readonly ScoredSpan[];
  /** The probability that the window holds no answer. */
  readonly nullScore: number;
}

function settingsOf({ config }: BertForQuestionAnswering, options: AnswerQuestionOptions): Settings {
  for (const name of ["topK", "maxAnswerLen", "maxSeqLen", "batchSize"] as const) {
    checkCount(TASK, name, options[name]);
  }
  checkCount(TASK, "docStride", options.docStride, 0);
  checkChoice(TASK, "offsetUnit", options.offsetUnit ?? "utf16", ["utf16", "codepoint"]);
  const { maxSeqLen = Math.min(config.maxPositionEmbeddings, 384) } = options;
  const { docStride = Math.min(Math.floor(maxSeqLen / 2), 128) } = options;
  if (maxSeqLen > config.maxPositionEmbeddings) {
    throw new RangeError(
      `Cannot ${TASK} in windows of ${maxSeqLen} tokens as the model has ${config.maxPositionEmbeddings} positions: lower maxSeqLen`,
    );
  }
  return {
    topK: options.topK ?? 1,
    maxAnswerLen: options.maxAnswerLen ?? 15,
    handleImpossibleAnswer: options.handleImpossibleAnswer ?? false,
    alignToWords: options.alignToWords ?? true,
    offsetUnit: options.offsetUnit ?? "utf16",
    maxSeqLen,
    docStride,
  };
}

function windowsOf(
  tokenizer: BertTokenizer,
  { question, context }: Question,
  index: number,
  { maxSeqLen, docStride }: Settings,
): Window[] {
  for (const [name, text] of Object.entries({ question, context })) {
    checkText(TASK, `the ${name}`, text);
    if (text === "") throw new RangeError(`Cannot ${TASK} as the ${name} is empty`);
  }
  const encoding = tokenizer.encode(question, {
    ...NEVER_CUT,
    pair: context,
    truncation: "only_second",
    maxLength: maxSeqLen,
    stride: docStride,
  });
  return [encoding, ...encoding.overflowing].map((encoding) => ({ index, encoding }));
}

/** The likeliest spans of a window: softmax over the context and `[CLS]`, start times end. */
function judge(
  { encoding }: Window,
  starts: Float32Array,
  ends: Float32Array,
  settings: Settings,
): JudgedWindow {
  const { topK, maxAnswerLen, alignToWords } = settings;
  const [from, to] = contextOf(encoding);
  const start = softmax(withNull(starts, from, to));
  const end = softmax(withNull(ends, from, to));
  const count = alignToWords ? topK * 2 + 10 : topK; // some become one when they are widened
  const spans = bestSpans(start.subarray(1), end.subarray(1), maxAnswerLen, count).map((span) => {
    const [first, last] = [from + span.start, from + span.end];
    const [begins, ends] = alignToWords ? wholeWords(encoding, first, last, [from, to]) : [first, last];
    return { ...span, start: encoding.offsets[2 * begins]!, end: encoding.offsets[2 * ends + 1]! };
  });
  return { spans, nullScore: start[0]! * end[0]! };
}

/** The tokens of the context: of type 1, without the `[SEP]` at their end. */
function contextOf({ typeIds }: Encoding): [from: number, to: number] {
  const from = typeIds.indexOf(1);
  return [from, typeIds.length - 1];
}

/** The logits of `[CLS]` and of the context. */
function withNull(logits: Float32Array, from: number, to: number): number[] {
  return [logits[0]!, ...logits.subarray(from, to)];
}

/** The first token of the word of `first`, and the last of that of `last`, as far as the window shows them. */
function wholeWords(
  { wordIds }: Encoding,
  first: number,
  last: number,
  [from, to]: readonly [number, number],
): [number, number] {
  let [begin, end] = [first, last];
  while (begin > from && wordIds[begin - 1] === wordIds[first]) begin--;
  while (end < to - 1 && wordIds[end + 1] === wordIds[last]) end++;
  return [begin, end];
}

/** The answers of all windows, those with the same text as one. */
function mergeAnswers(
  context: string,
  windows: readonly JudgedWindow[],
  { topK, handleImpossibleAnswer }: Settings,
): Answer[] {
  const answers = new Map<string, Answer>();
  for (const { start, end, score } of windows.flatMap(({ spans }) => spans)) {
    const answer = context.slice(start, end);
    const key = answer.toLowerCase();
    const known = answers.get(key);
    answers.set(
      key,
      known === undefined ? { score, start, end, answer } : { ...known, score: known.score + score },
    );
  }
  const all = [...answers.values()];
  const nullScore = Math.min(...windows.map(({ nullScore }) => nullScore));
  if (handleImpossibleAnswer) all.push({ score: nullScore, start: 0, end: 0, answer: "" });
  if (all.length === 0) all.push({ score: 0, start: 0, end: 0, answer: "" });
  return all.sort((a, b) => b.score - a.score).slice(0, topK);
}
