import type { BertForQuestionAnswering } from "@kcbert/bert";
import type { BertTokenizer } from "@kcbert/tokenizer";
import type { AtLeastOne } from "./_at_least_one.ts";
import { checkCount, checkFit, checkText } from "./_checks.ts";
import { type RunOptions, runRows } from "./_run_rows.ts";
import { softmax } from "./_softmax.ts";
import { squadFinalText, squadTokenText } from "./_squad_text.ts";
import { type SquadSizes, type SquadWindow, squadWindows, squadWords } from "./squad_windows.ts";
import type { Question } from "./answer_question.ts";

/** How `run_squad` answers; its names, its defaults. */
export interface AnswerSquadOptions extends RunOptions {
  /** Tokens of a window, all of which are filled up to this; as many as the model has positions by default, at most 384. */
  readonly maxSeqLength?: number;
  /** Tokens from the beginning of a window to that of the next; 128 by default, at most half of `maxSeqLength`. */
  readonly docStride?: number;
  /** Most tokens of a question, which is cut there; 64 by default. */
  readonly maxQueryLength?: number;
  /** How many begins and ends of each window are tried, and how many answers there are at most; 20 by default. */
  readonly nBestSize?: number;
  /** Most tokens of an answer; 30 by default. */
  readonly maxAnswerLength?: number;
}

/** One of the likeliest answers. */
export interface SquadAnswer {
  /** The answer as it stands in the context, white space being single spaces; `"empty"` where none fits together. */
  readonly text: string;
  /** Probability in [0, 1] among the answers given. */
  readonly probability: number;
  /** The score of its begin. */
  readonly startLogit: number;
  /** The score of its end. */
  readonly endLogit: number;
}

/**
 * Answer questions as `run_squad` does, with which KcBERT's results on KorQuAD 1.0 were measured: other windows and
 * another ranking than {@linkcode answerQuestion}. To be used where scores are to be compared.
 *
 * Follows `run_squad.py` of Hugging Face transformers for cased models and questions that all have an answer. Leaves no
 * tensor behind.
 *
 * @param model An answerer of questions, on the backend that is set.
 * @param tokenizer Its tokenizer.
 * @param questions Questions with their contexts.
 * @returns For each question in order the answers, best first, at least one.
 * @throws {RangeError} If an option is out of its range, windows have less room for the context than `docStride` or more
 * tokens than the model positions, or the tokenizer has more tokens than the model.
 * @throws {TypeError} If a text is not a string.
 *
 * @example
 * ```ts
 * import { BertForQuestionAnswering, kcbertBase } from "@kcbert/bert";
 * import { answerSquad } from "@kcbert/pipelines";
 * import { BertTokenizer } from "@kcbert/tokenizer";
 * import "@tensorflow/tfjs-backend-cpu";
 * import assert from "node:assert/strict";
 *
 * const tokenizer = BertTokenizer.fromVocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "어디", "서울", "##에"]);
 * const small = { ...kcbertBase, vocabSize: 8, hiddenSize: 8, numAttentionHeads: 2, intermediateSize: 16 };
 * const model = BertForQuestionAnswering.init({ ...small, maxPositionEmbeddings: 16 }, { seed: 1 });
 * const questions = [{ question: "어디?", context: "서울에" }];
 * for (const [best] of await answerSquad(model, tokenizer, questions)) {
 *   assert.match(best.text, /서울|에|empty/);
 * }
 * model.dispose();
 * ```
 */
export async function answerSquad(
  model: BertForQuestionAnswering,
  tokenizer: BertTokenizer,
  questions: readonly Question[],
  options: AnswerSquadOptions = {},
): Promise<AtLeastOne<SquadAnswer>[]> {
  const settings = settingsOf(model, options);
  checkFit(TASK, model, tokenizer);
  const asked = questions.map((each) => prepare(tokenizer, each, settings));
  const rows = asked.flatMap(({ windows }) => windows);
  const candidates = new Map<SquadWindow, Candidate[]>();
  const reader = { model, tokenizer, width: settings.maxSeqLength };
  const forward = runRows(rows, reader, options, (inputs) => {
    const { startLogits, endLogits } = model.forward(inputs);
    return [startLogits, endLogits];
  });
  for await (const { index, values } of forward) {
    candidates.set(rows[index]!, candidatesOf(rows[index]!, values[0]!, values[1]!, settings));
  }
  return asked.map(({ words, windows }) => {
    const all = windows.flatMap((window) => candidates.get(window)!);
    return bestAnswers(tokenizer, words, all, settings.nBestSize);
  });
}

// --- internal ---

const TASK = "answer the question";

type Settings = Required<Omit<AnswerSquadOptions, "batchSize" | "signal">>;

interface Candidate {
  readonly window: SquadWindow;
  /** Positions in the window. */
  readonly start: number;
  readonly end: number;
  readonly startLogit: number;
  readonly endLogit: number;
}

function settingsOf({ config }: BertForQuestionAnswering, options: AnswerSquadOptions): Settings {
  const { batchSize, maxSeqLength = Math.min(config.maxPositionEmbeddings, 384) } = options;
  const { docStride = Math.min(128, maxSeqLength >> 1), maxQueryLength = 64 } = options;
  const { nBestSize = 20, maxAnswerLength = 30 } = options;
  const settings = { maxSeqLength, docStride, maxQueryLength, nBestSize, maxAnswerLength };
  for (const [name, value] of Object.entries({ ...settings, batchSize })) checkCount(TASK, name, value);
  if (maxSeqLength <= config.maxPositionEmbeddings) return settings;
  throw new RangeError(
    `Cannot ${TASK} in windows of ${maxSeqLength} tokens as the model has ${config.maxPositionEmbeddings} positions: lower maxSeqLength`,
  );
}

function prepare(
  tokenizer: BertTokenizer,
  { question, context }: Question,
  sizes: SquadSizes,
): { words: string[]; windows: SquadWindow[] } {
  for (const [name, text] of Object.entries({ question, context })) checkText(TASK, `the ${name}`, text);
  const words = squadWords(context);
  return { words, windows: squadWindows(tokenizer, question, words, sizes) };
}

/** Pairs of the best begins and the best ends of all positions, padding included, that fit together. */
function candidatesOf(
  window: SquadWindow,
  starts: Float32Array,
  ends: Float32Array,
  { nBestSize, maxAnswerLength }: Settings,
): Candidate[] {
  const { first, words, isBest } = window;
  const bestEnds = bestPositions(ends, nBestSize).filter((end) => end >= first && end < first + words.length);
  return bestPositions(starts, nBestSize)
    .filter((start) => isBest[start - first] === true)
    .flatMap((start) =>
      bestEnds
        .filter((end) => end >= start && end - start < maxAnswerLength)
        .map((end) => ({ window, start, end, startLogit: starts[start]!, endLogit: ends[end]! })),
    );
}

function bestPositions(logits: Float32Array, count: number): number[] {
  return [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!).slice(0, count);
}

function bestAnswers(
  tokenizer: BertTokenizer,
  words: readonly string[],
  candidates: readonly Candidate[],
  count: number,
): AtLeastOne<SquadAnswer> {
  const found = new Map<string, Candidate | undefined>();
  for (const candidate of candidates.toSorted((a, b) => total(b) - total(a))) {
    if (found.size === count) break;
    const text = textOf(tokenizer, words, candidate);
    if (!found.has(text)) found.set(text, candidate);
  }
  if (found.size === 0) found.set("empty", undefined);
  const probabilities = softmax([...found.values()].map(total));
  const answers = [...found].map(([text, candidate], i) => ({
    text,
    probability: probabilities[i]!,
    startLogit: candidate?.startLogit ?? 0,
    endLogit: candidate?.endLogit ?? 0,
  }));
  return answers as AtLeastOne<SquadAnswer>;
}

function total(candidate: Candidate | undefined): number {
  return candidate === undefined ? 0 : candidate.startLogit + candidate.endLogit;
}

function textOf(
  tokenizer: BertTokenizer,
  words: readonly string[],
  { window, start, end }: Candidate,
): string {
  const tokens = Array.from(window.ids.subarray(start, end + 1), (id) => tokenizer.idToToken(id)!);
  const [from, to] = [window.words[start - window.first]!, window.words[end - window.first]!];
  return squadFinalText(tokenizer, squadTokenText(tokens), words.slice(from, to + 1).join(" "));
}
