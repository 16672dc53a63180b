/**
 * Length buckets: every line in a row of its own, the shortest that takes it.
 *
 * Where packing is not wanted (a backend without a block-diagonal mask, a comparison), buckets keep most padding away, at
 * the price of a compiled step for each length.
 */
import { shuffled } from "./_random.ts";
import type { PackedRows } from "./packing.ts";
import { lineCount, type TokenizedLines } from "./tokenized_lines.ts";

/**
 * Distribute lines over rows of a few lengths, in an order drawn from seed and epoch.
 *
 * @param lines What to distribute; lines without tokens between their special ones are left out, longer ones than the
 * last bucket count as that.
 * @param options `buckets`, lengths in tokens, ascending; `seed` and `epoch` choose the order of lines.
 * @returns For each bucket its rows, one line a row.
 * @throws {RangeError} If the lengths do not ascend, or one is less than 3.
 *
 * @example
 * ```ts
 * import { bucketLines } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const lines = { ids: Int32Array.of(2, 7, 8, 3, 2, 9, 3, 2, 7, 8, 9, 3), rowStarts: Int32Array.of(0, 4, 7, 12) };
 * const [short, long] = bucketLines(lines, { buckets: [3, 5], seed: 1, epoch: 0 });
 * assert.deepEqual([...short!.lines], [1]);
 * assert.deepEqual([...long!.lines].sort(), [0, 2]);
 * ```
 */
export function bucketLines(
  lines: TokenizedLines,
  { buckets, seed, epoch }: { buckets: readonly number[]; seed: number; epoch: number },
): PackedRows[] {
  checkBuckets(buckets);
  const inBuckets: number[][] = buckets.map(() => []);
  for (const line of shuffled(lineCount(lines), seed, epoch, "buckets.lines")) {
    const length = lines.rowStarts[line + 1]! - lines.rowStarts[line]!;
    if (length <= 2) continue;
    const fitting = buckets.findIndex((bucket) => length <= bucket);
    inBuckets.at(fitting)!.push(line); // −1: the last
  }
  return inBuckets.map((numbers) => ({
    lines: Int32Array.from(numbers),
    starts: Int32Array.from({ length: numbers.length + 1 }, (_, row) => row),
  }));
}

// --- internal ---

function checkBuckets(buckets: readonly number[]): void {
  const ascending = buckets.every((length, i) => length >= 3 && length > (buckets[i - 1] ?? 0));
  if (buckets.length > 0 && ascending) return;
  throw new RangeError(
    `Cannot make buckets as their lengths must ascend from at least 3: they are ${buckets.join(", ") || "none"}`,
  );
}
