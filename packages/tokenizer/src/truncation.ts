/**
 * How many tokens of each sequence stay, and which windows the rest goes to.
 *
 * The contract is Hugging Face tokenizers 0.22; releases 0.23 lose windows.
 *
 * @module
 */
import type { Row } from "./template.ts";

/**
 * Which sequence gives way.
 *
 * - `longest_first`: the longer one; of an odd budget the second gets one more, as in Hugging Face's fast tokenizers;
 * - `longest_first_google`: one token at a time from the longer one, from the second on a tie, as in Google's BERT and
 *   Hugging Face's slow tokenizers;
 * - `only_first`, `only_second`: that one alone.
 */
export type TruncationStrategy = "longest_first" | "longest_first_google" | "only_first" | "only_second";

/** The side that tokens are cut from, or padding is added to. */
export type Side = "left" | "right";

/**
 * Lengths of two sequences after truncation.
 *
 * @param first Tokens of the first sequence. @param second Tokens of the second, or `undefined` without one.
 * @param budget Tokens that both may have together, at least 0.
 * @returns The two lengths; the second is 0 without a second sequence.
 * @throws {RangeError} If the one sequence that may be cut cannot make up for the excess.
 */
export function truncatedLengths(
  strategy: TruncationStrategy,
  first: number,
  second: number | undefined,
  budget: number,
): [first: number, second: number] {
  const other = second ?? 0;
  const excess = first + other - budget;
  if (excess <= 0) return [first, other];
  if (budget === 0) return [0, 0];
  if (strategy === "only_first" || strategy === "only_second") {
    const [name, length] = strategy === "only_first" ? ["first", first] : ["second", other];
    if (length <= excess) {
      throw new RangeError(
        second === undefined && strategy === "only_second"
          ? `Cannot truncate as truncation is "only_second" and there is no second sequence: pass a pair, or use "longest_first"`
          : `Cannot truncate the ${name} sequence alone as it has ${length} tokens, and ${excess} must go: raise maxLength, or use "longest_first"`,
      );
    }
    return strategy === "only_first" ? [first - excess, other] : [first, other - excess];
  }
  if (second === undefined) return [budget, 0];
  const half = Math.floor(budget / 2);
  const shorter = Math.min(first, second);
  if (strategy === "longest_first_google") {
    if (shorter <= half) return first <= second ? [first, budget - first] : [budget - second, second];
    return [budget - half, half];
  }
  let short = shorter;
  let long = short > budget ? short : Math.max(short, budget - short);
  if (short + long > budget) {
    short = half;
    long = half + (budget % 2);
  }
  return first > second ? [long, short] : [short, long];
}

/**
 * Cut a row to a budget.
 *
 * @param row What would be written without a limit.
 * @param budget Tokens that both sequences may have together, at least 0.
 * @param stride Tokens that windows share, or `undefined` if no windows are wanted.
 * @returns The row that stays; after it, if wanted, the windows that are cut off, in Hugging Face's order.
 * @throws {RangeError} As {@linkcode truncatedLengths} and {@linkcode windows} do.
 */
export function truncateRow(
  row: Row,
  budget: number,
  strategy: TruncationStrategy,
  side: Side,
  stride: number | undefined,
): Row[] {
  const pair = row.second >= 0;
  const lengthA = row.firstEnd - row.first;
  const lengthB = row.secondEnd - row.second;
  const [keptA, keptB] = truncatedLengths(strategy, lengthA, pair ? lengthB : undefined, budget);
  const windowsA = windows(lengthA, keptA, stride ?? 0, side);
  const windowsB = pair ? windows(lengthB, keptB, stride ?? 0, side) : [undefined];
  const cut = ([start, end]: Window, b: Window | undefined): Row => ({
    ...row,
    first: row.first + start,
    firstEnd: row.first + end,
    second: b === undefined ? -1 : row.second + b[0],
    secondEnd: b === undefined ? -1 : row.second + b[1],
  });
  const main = cut(windowsA[0]!, windowsB[0]);
  if (stride === undefined) return [main];
  const further = windowsA.slice(1).flatMap((a) => windowsB.map((b) => cut(a, b)));
  return [main, ...further, ...windowsB.slice(1).map((b) => cut(windowsA[0]!, b))];
}

/** Start and end of a window. */
export type Window = [start: number, end: number];

/**
 * Windows over a sequence that is cut to `width` tokens.
 *
 * @param length Tokens of the sequence. @param width Tokens of a window.
 * @param stride Tokens that a window shares with the one before, less than `width`.
 * @param side The side that is cut: windows go on towards it.
 * @returns Start and end of each window, the kept one first; one window if nothing is cut.
 * @throws {RangeError} If `stride` is not less than `width`.
 */
export function windows(length: number, width: number, stride: number, side: Side): Window[] {
  if (width >= length) return [[0, length]];
  if (width === 0) {
    return [
      [0, 0],
      [0, length],
    ];
  }
  checkStride(stride, width);
  const ranges: Window[] = [];
  for (let from = 0, end = 0; end < length; from += width - stride) {
    end = Math.min(from + width, length);
    ranges.push(side === "right" ? [from, end] : [length - end, length - from]);
  }
  return ranges;
}

/** @throws {RangeError} If `stride` is not less than `width`. */
export function checkStride(stride: number, width: number): void {
  if (stride > 0 && stride >= width) {
    throw new RangeError(
      `Cannot encode with overflow as stride must be less than the window, maxLength minus special tokens and what the other sequence takes: stride is ${stride}, window is ${width}`,
    );
  }
}
