/**
 * How `run_squad` cuts a context into windows; follows Hugging Face's `squad_convert_example_to_features`.
 *
 * @module
 */
import type { BertTokenizer } from "@kcbert/tokenizer";
import { NEVER_CUT } from "./_encode.ts";

/** A question with a part of its context, tokenized word by word. */
export interface SquadWindow {
  /** int32 `[T]`. */
  readonly ids: Int32Array;
  /** int32 `[T]`. */
  readonly typeIds: Int32Array;
  /** Position of the context's first token; they follow each other. */
  readonly first: number;
  /** Of each of the context's tokens in the window, the index of its word. */
  readonly words: readonly number[];
  /** Of each of them, whether no other window shows it with more around it. */
  readonly isBest: readonly boolean[];
}

/** How long windows are. */
export interface SquadSizes {
  /** Tokens of a window. */
  readonly maxSeqLength: number;
  /** Tokens that a window begins after the one before. */
  readonly docStride: number;
  /** Tokens of the question, at most. */
  readonly maxQueryLength: number;
}

/**
 * The words of a context: what is between white space.
 *
 * @example
 * ```ts
 * import { squadWords } from "@kcbert/pipelines";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(squadWords("어디서\n왔나 "), ["어디서", "왔나"]);
 * ```
 */
export function squadWords(context: string): string[] {
  return context.split(/[ \t\r\n\u202f]+/).filter((word) => word !== "");
}

/**
 * The windows over the words, in order; none if the words have no token.
 *
 * @throws {RangeError} If the question leaves no room for them, or less than a step, so that some would not be seen.
 *
 * @example
 * ```ts
 * import { squadWindows, squadWords } from "@kcbert/pipelines";
 * import { BertTokenizer } from "@kcbert/tokenizer";
 * import assert from "node:assert/strict";
 *
 * const tokenizer = BertTokenizer.fromVocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "어디", "서울", "부산"]);
 * const sizes = { maxSeqLength: 5, docStride: 1, maxQueryLength: 64 };
 * const windows = squadWindows(tokenizer, "어디", squadWords("서울 부산"), sizes);
 * assert.deepEqual(windows.map(({ ids }) => [...ids]), [[2, 5, 3, 6, 3], [2, 5, 3, 7, 3]]);
 * ```
 */
export function squadWindows(
  tokenizer: BertTokenizer,
  question: string,
  words: readonly string[],
  { maxSeqLength, docStride, maxQueryLength }: SquadSizes,
): SquadWindow[] {
  const plain = { ...NEVER_CUT, addSpecialTokens: false };
  const query = tokenizer.encode(question, plain).ids.subarray(0, maxQueryLength);
  const { ids, rowStarts } = tokenizer.encodeBatch(words, plain);
  const wordOf: number[] = [];
  for (let w = 0; w < words.length; w++) {
    for (let i = rowStarts[w]!; i < rowStarts[w + 1]!; i++) wordOf.push(w);
  }
  const room = maxSeqLength - query.length - 3; // `[CLS]`, and a `[SEP]` after each
  if (room < 1) {
    throw new RangeError(
      `Cannot answer the question as it has ${query.length} tokens and leaves no room for the context: windows have ${maxSeqLength}`,
    );
  }
  if (docStride > room && ids.length > room) {
    throw new RangeError(
      `Cannot answer the question as windows begin ${docStride} tokens apart and show ${room} of the context: lower docStride, or raise maxSeqLength`,
    );
  }
  const spans = spansOf(ids.length, room, docStride);
  return spans.map(([from, to]) => ({
    ids: Int32Array.of(tokenizer.clsId, ...query, tokenizer.sepId, ...ids.slice(from, to), tokenizer.sepId),
    typeIds: new Int32Array(query.length + 3 + to - from).fill(1, query.length + 2),
    first: query.length + 2,
    words: wordOf.slice(from, to),
    isBest: Array.from({ length: to - from }, (_, i) => bestSpan(spans, from + i)[0] === from),
  }));
}

// --- internal ---

type TokenSpan = readonly [from: number, to: number];

function spansOf(length: number, room: number, step: number): TokenSpan[] {
  const spans: TokenSpan[] = [];
  for (let from = 0; from < length; from += step) {
    const to = Math.min(length, from + room);
    spans.push([from, to]);
    if (to === length) break;
  }
  return spans;
}

/** The window in which a token has most on its poorer side; a little more counts for a longer window. */
function bestSpan(spans: readonly TokenSpan[], token: number): TokenSpan {
  let best: TokenSpan = spans[0]!;
  let bestScore = -Infinity;
  for (const [from, to] of spans) {
    if (token < from || token >= to) continue;
    const score = Math.min(token - from, to - 1 - token) + 0.01 * (to - from);
    if (score > bestScore) [best, bestScore] = [[from, to], score];
  }
  return best;
}
