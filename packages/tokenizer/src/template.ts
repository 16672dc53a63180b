/**
 * `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`, with padding on either side: which position of a row holds what.
 *
 * @module
 */
import type { TokenBuffer } from "./token_buffer.ts";

/** One row to be written: two stretches of a token buffer, and what goes around them. */
export interface Row {
  /** First token of the first sequence, and the index after its last one. */
  first: number;
  firstEnd: number;
  /** The same for the second sequence; both -1 without one. */
  second: number;
  secondEnd: number;
  /** Whether `[CLS]` and `[SEP]` are added. */
  special: boolean;
  /** Positions of padding before and after. */
  padLeft: number;
  padRight: number;
}

/** Ids of the tokens that are added. */
export interface AddedIds {
  readonly clsId: number;
  readonly sepId: number;
  readonly padId: number;
}

/** In the place of {@linkcode AddedIds} for word ids: what is added is of no word. */
export const NO_WORD: AddedIds = { clsId: -1, sepId: -1, padId: -1 };

/** Special tokens that the template adds to one sequence, or to a pair. */
export function addedTokens(pair: boolean): number {
  return pair ? 3 : 2;
}

/** Length of a row without its padding. */
export function rowLength({ first, firstEnd, second, secondEnd, special }: Row): number {
  return firstEnd - first + secondEnd - second + (special ? addedTokens(second >= 0) : 0);
}

/** Length of a row with its padding. */
export function paddedLength(row: Row): number {
  return row.padLeft + rowLength(row) + row.padRight;
}

/** Write one number a token of a row from index `at`, ids for example, and those of the tokens that are added. */
export function writeValues(
  row: Row,
  values: Int32Array,
  { clsId, sepId, padId }: AddedIds,
  out: Int32Array,
  at: number,
): void {
  const { first, firstEnd, second, secondEnd, special } = row;
  at = fill(out, padId, at, row.padLeft);
  if (special) out[at++] = clsId;
  at = copy(values, first, firstEnd, out, at);
  if (special) out[at++] = sepId;
  at = copy(values, second, secondEnd, out, at);
  if (special && second >= 0) out[at++] = sepId;
  fill(out, padId, at, row.padRight);
}

/** Write the spans of a row, two numbers a token, from index `at`; where tokens are added it stays as it was, 0. */
export function writeSpans(row: Row, spans: Int32Array, out: Int32Array, at: number): void {
  const gap = row.special ? 2 : 0;
  const middle = copy(spans, row.first * 2, row.firstEnd * 2, out, at + row.padLeft * 2 + gap);
  copy(spans, row.second * 2, row.secondEnd * 2, out, middle + gap);
}

/** Write 1 at the positions of the second sequence and its `[SEP]`. */
export function writeTypeIds(row: Row, out: Int32Array, at: number): void {
  if (row.second < 0) return;
  const start = at + row.padLeft + row.firstEnd - row.first + (row.special ? 2 : 0);
  fill(out, 1, start, row.secondEnd - row.second + (row.special ? 1 : 0));
}

/** Write 1 at the positions that are not padding. */
export function writeAttentionMask(row: Row, out: Int32Array, at: number): void {
  fill(out, 1, at + row.padLeft, rowLength(row));
}

/** Write 1 at the positions that were added: `[CLS]`, `[SEP]`, padding. */
export function writeSpecialTokensMask(row: Row, out: Int32Array, at: number): void {
  const gap = row.special ? 1 : 0;
  fill(out, 1, at, paddedLength(row));
  const middle = fill(out, 0, at + row.padLeft + gap, row.firstEnd - row.first);
  fill(out, 0, middle + gap, row.secondEnd - row.second);
}

/** A token buffer's arrays that rows are cut from. */
export type RowSource = Pick<TokenBuffer, "ids" | "spans" | "words">;

// --- internal ---

// Loops and not set() and fill(): rows are short, and calling those would cost more than the work.

function copy(values: Int32Array, from: number, to: number, out: Int32Array, at: number): number {
  for (let i = from; i < to; i++) out[at++] = values[i]!;
  return at;
}

function fill(out: Int32Array, value: number, at: number, count: number): number {
  const end = at + count;
  while (at < end) out[at++] = value;
  return end;
}
