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
 * Cut a row to a budget.
 *
 * @param row What would be written without a limit.
 * @param budget Tokens that both sequences may have together, at least 0.
 * @param stride Tokens that windows share, or `undefined` if no windows are wanted.
 * @returns The row that stays; after it, if wanted, the windows that are cut off, in Hugging Face's order.
 * @throws {RangeError} If the one sequence that may be cut cannot make up for the excess, or `stride` is not less than a window.
 */
export function truncateRow(
  row: Row,
  budget: number,
  strategy: TruncationStrategy,
  side: Side,
  stride: number | undefined,
): Row[] {
  const firstLength = row.firstEnd - row.first;
  const secondLength = row.secondEnd - row.second; // 0 without one
  const [first, second] = truncatedLengths(strategy, firstLength, secondLength, budget);
  const firsts = windows(firstLength, first, stride ?? 0, side);
  const seconds = windows(secondLength, second, stride ?? 0, side);
  const cut = (a: Window, b: Window): Row => ({
    ...row,
    first: row.first + a[0],
    firstEnd: row.first + a[1],
    second: row.second + b[0],
    secondEnd: row.second + b[1],
  });
  const main = cut(firsts[0]!, seconds[0]!);
  if (stride === undefined) return [main];
  const further = firsts.slice(1).flatMap((a) => seconds.map((b) => cut(a, b)));
  return [main, ...further, ...seconds.slice(1).map((b) => cut(firsts[0]!, b))];
}

/** @throws {RangeError} If `stride` is not less than `width`. */
export function checkStride(stride: number, width: number): void {
  if (stride > 0 && stride >= width) {
    throw new RangeError(
      `Cannot encode with overflow as stride must be less than the window, maxLength minus special tokens and what the other sequence takes: stride is ${stride}, window is ${width}`,
    );
  }
}

// --- internal ---

/** Lengths of two sequences after truncation. */
function truncatedLengths(
  strategy: TruncationStrategy,
  first: number,
  second: number,
  budget: number,
): [first: number, second: number] {
  const excess = first + second - budget;
  if (excess <= 0) return [first, second];
  if (budget === 0) return [0, 0];
  if (strategy === "only_first" || strategy === "only_second") {
    const [name, length] = strategy === "only_first" ? ["first", first] : ["second", second];
    if (length <= excess) {
      throw new RangeError(
        `Cannot truncate the ${name} sequence alone as it has ${length} tokens, and ${excess} must go: raise maxLength, or use "longest_first"`,
      );
    }
    return strategy === "only_first" ? [first - excess, second] : [first, second - excess];
  }
  const half = Math.floor(budget / 2);
  const short = Math.min(first, second, half);
  const long = budget - short;
  // Of two that are cut to half each, Google's gives the odd token to the first.
  const longFirst = first > second || (strategy === "longest_first_google" && first > half);
  return longFirst ? [long, short] : [short, long];
}

/** Start and end of a window. */
type Window = [start: number, end: number];

/** Windows over a sequence that is cut to `width` tokens, the kept one first; they go on towards the side that is cut. */
function windows(length: number, width: number, stride: number, side: Side): Window[] {
  if (width >= length) return [[0, length]];
  if (width === 0) return Array.of<Window>([0, 0], [0, length]);
  checkStride(stride, width);
  const ranges: Window[] = [];
  for (let from = 0, end = 0; end < length; from += width - stride) {
    end = Math.min(from + width, length);
    ranges.push(side === "right" ? [from, end] : [length - end, length - from]);
  }
  return ranges;
}
