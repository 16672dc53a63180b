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

/** Special tokens that the template adds to one sequence, or to a pair. */
export function addedTokens(pair: boolean): number {
  return pair ? 3 : 2;
}

/** Length of a row without its padding. */
export function rowLength({ first, firstEnd, second, secondEnd, special }: Row): number {
  return firstEnd - first + secondEnd - second + (special ? addedTokens(second >= 0) : 0);
}

/** Write the ids of a row at `at`. */
export function writeIds(
  row: Row,
  tokens: Int32Array,
  { clsId, sepId, padId }: AddedIds,
  out: Int32Array,
  at: number,
): void {
  const { first, firstEnd, second, secondEnd, special } = row;
  if (padId !== 0) out.fill(padId, at, at + row.padLeft);
  at += row.padLeft;
  if (special) out[at++] = clsId;
  // A loop and not set(): rows are short, and a view for each would cost more than the copy.
  for (let i = first; i < firstEnd; i++) out[at++] = tokens[i]!;
  if (special) out[at++] = sepId;
  for (let i = second; i < secondEnd; i++) out[at++] = tokens[i]!;
  if (special && second >= 0) out[at++] = sepId;
  if (padId !== 0) out.fill(padId, at, at + row.padRight);
}

/** Write spans (two numbers a position) or words (one) of a row from index `at`; added positions get `blank`. */
export function writePositions(
  row: Row,
  values: Int32Array,
  size: 1 | 2,
  blank: number,
  out: Int32Array,
  at: number,
): void {
  const { first, firstEnd, second, secondEnd, special } = row;
  const gap = special ? size : 0;
  const write = (from: number, to: number, start: number): number => {
    for (let i = from * size; i < to * size; i++) out[start++] = values[i]!;
    return start;
  };
  const begin = at;
  const bodyStart = begin + row.padLeft * size + gap;
  const middle = write(first, firstEnd, bodyStart);
  let end = middle + gap;
  if (second >= 0) end = write(second, secondEnd, end) + gap;
  if (blank === 0) return; // arrays are born with zeros
  out.fill(blank, begin, bodyStart);
  out.fill(blank, middle, middle + gap);
  out.fill(blank, end - (second >= 0 ? gap : 0), end + row.padRight * size);
}

/** Write 1 at the positions of the second sequence and its `[SEP]`. */
export function writeTypeIds(row: Row, out: Int32Array, at: number): void {
  if (row.second < 0) return;
  const start = at + row.padLeft + row.firstEnd - row.first + (row.special ? 2 : 0);
  out.fill(1, start, start + row.secondEnd - row.second + (row.special ? 1 : 0));
}

/** Write 1 at the positions that are not padding. */
export function writeAttentionMask(row: Row, out: Int32Array, at: number): void {
  out.fill(1, at + row.padLeft, at + row.padLeft + rowLength(row));
}

/** Write 1 at the positions that were added: `[CLS]`, `[SEP]`, padding. */
export function writeSpecialTokensMask(row: Row, out: Int32Array, at: number): void {
  const { first, firstEnd, second, secondEnd, special } = row;
  const start = at + row.padLeft + (special ? 1 : 0);
  const middle = start + firstEnd - first;
  out.fill(1, at, start);
  if (special) out[middle] = 1;
  const end = second < 0 ? middle + (special ? 1 : 0) : middle + (special ? 1 : 0) + secondEnd - second;
  out.fill(1, end, end + (special && second >= 0 ? 1 : 0) + row.padRight);
}

/** A token buffer's arrays that rows are cut from. */
export type RowSource = Pick<TokenBuffer, "ids" | "spans" | "words">;
