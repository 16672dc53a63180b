/**
 * How two lists of numbers rise and fall together.
 */

/**
 * Pearson's correlation, in [−1, 1].
 *
 * @param a Numbers.
 * @param b As many.
 * @returns NaN if there are fewer than two, or all numbers of a list are the same.
 * @throws {RangeError} If they differ in length.
 *
 * @example
 * ```ts
 * import { pearson } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.equal(pearson([1, 2, 3], [2, 4, 6]), 1);
 * ```
 */
export function pearson(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) {
    throw new RangeError(
      `Cannot correlate lists of different length: one has ${a.length} numbers, the other ${b.length}`,
    );
  }
  const [meanA, meanB] = [mean(a), mean(b)];
  let [both, squaresA, squaresB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [da, db] = [a[i]! - meanA, b[i]! - meanB];
    both += da * db;
    squaresA += da * da;
    squaresB += db * db;
  }
  const scale = Math.sqrt(squaresA * squaresB);
  return scale === 0 ? NaN : Math.max(-1, Math.min(1, both / scale));
}

/**
 * Spearman's rank correlation, in [−1, 1]: Pearson's of the ranks, equal numbers sharing the mean of theirs. SciPy's
 * `spearmanr`, by which KorSTS is scored.
 *
 * @param a Numbers.
 * @param b As many.
 * @returns NaN if there are fewer than two, or all numbers of a list are the same.
 * @throws {RangeError} If they differ in length.
 *
 * @example
 * ```ts
 * import { spearman } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.equal(spearman([1, 2, 3], [1, 10, 100]), 1);
 * ```
 */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return pearson(ranks(a), ranks(b));
}

/**
 * The ranks of numbers, from 1 for the least; equal numbers share the mean of theirs.
 *
 * @example
 * ```ts
 * import { ranks } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual([...ranks([30, 10, 30, 20])], [3.5, 1, 3.5, 2]);
 * ```
 */
export function ranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort((i, j) => values[i]! - values[j]!);
  const result = new Float64Array(values.length);
  for (let from = 0; from < order.length;) {
    let to = from + 1;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (let i = from; i < to; i++) result[order[i]!] = (from + 1 + to) / 2;
    from = to;
  }
  return result;
}

// --- internal ---

function mean(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total / values.length;
}
