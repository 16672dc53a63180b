/**
 * Rows put together by length, so that little of a batch is padding and a compiling backend sees few shapes.
 */
import { shuffled } from "../_random.ts";

/** Some rows that go through the model together. */
export interface RowBatch {
  /** Their places in the data; as many as fit, fewer in the last batch. */
  readonly rows: Int32Array;
  /** Tokens that each is filled up to: one of the widths. */
  readonly width: number;
}

/** How an epoch is cut. */
export interface EpochOptions {
  /** Rows a batch, at least 1. */
  readonly batchSize: number;
  /** Tokens that rows may be filled up to, ascending; the last fits the longest row. */
  readonly widths: readonly number[];
  /** Seed of the order. */
  readonly seed: number;
  /** Which time the data is gone through, from 0. */
  readonly epoch: number;
}

/**
 * The batches of an epoch, in an order that seed and epoch alone decide; each row occurs once.
 *
 * Where there are several widths, rows of like length are put together, among the rows of {@link POOL} batches that are
 * neighbours in a random order; then the batches themselves are shuffled. With one width the order is plainly random.
 *
 * @param lengths Tokens of each row.
 * @returns `⌈rows / batchSize⌉` batches.
 *
 * @example
 * ```ts
 * import { epochBatches } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const lengths = Int32Array.of(3, 9, 4, 10);
 * const batches = epochBatches(lengths, { batchSize: 2, widths: [8, 16], seed: 1, epoch: 0 });
 * assert.deepEqual(batches.map(({ width }) => width).sort(), [16, 8]);
 * ```
 */
export function epochBatches(
  lengths: Int32Array,
  { batchSize, widths, seed, epoch }: EpochOptions,
): RowBatch[] {
  const order = shuffled(lengths.length, seed, epoch, "finetune.rows");
  if (widths.length > 1) {
    for (let from = 0; from < order.length; from += batchSize * POOL) {
      order.subarray(from, from + batchSize * POOL).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
    }
  }
  const batches = cut(order, lengths, batchSize, widths);
  if (widths.length === 1) return batches;
  return Array.from(shuffled(batches.length, seed, epoch, "finetune.batches"), (i) => batches[i]!);
}

/**
 * Batches in which each row occurs once, short rows first, for evaluation.
 *
 * @param lengths Tokens of each row.
 *
 * @example
 * ```ts
 * import { sortedBatches } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const [first] = sortedBatches(Int32Array.of(9, 3, 4), { batchSize: 2, widths: [8, 16] });
 * assert.deepEqual([...first!.rows], [1, 2]);
 * assert.equal(first!.width, 8);
 * ```
 */
export function sortedBatches(
  lengths: Int32Array,
  { batchSize, widths }: Pick<EpochOptions, "batchSize" | "widths">,
): RowBatch[] {
  const order = Int32Array.from(lengths.keys()).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  return cut(order, lengths, batchSize, widths);
}

/**
 * Widths that suit a backend: where each shape is compiled few of them, otherwise every multiple of eight.
 *
 * @param longest Tokens of the longest row, at least 1.
 * @param compiled Whether each shape costs a compilation.
 * @returns Ascending; the last is `longest` rounded up to a multiple of eight.
 *
 * @example
 * ```ts
 * import { widthsFor } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(widthsFor(50, true), [32, 56]);
 * assert.deepEqual(widthsFor(20, false), [8, 16, 24]);
 * ```
 */
export function widthsFor(longest: number, compiled: boolean): number[] {
  const top = Math.ceil(longest / 8) * 8;
  if (!compiled) return Array.from({ length: top / 8 }, (_, i) => 8 * (i + 1));
  return [...LADDER.filter((step) => step <= 0.75 * top), top];
}

// --- internal ---

/** Batches among whose rows those of like length are put together. */
const POOL = 50;
/** Steps of which each costs a compilation: comments are short. */
const LADDER = [32, 64, 128, 256];

function cut(
  order: Int32Array,
  lengths: Int32Array,
  batchSize: number,
  widths: readonly number[],
): RowBatch[] {
  const batches: RowBatch[] = [];
  for (let from = 0; from < order.length; from += batchSize) {
    const rows = order.subarray(from, from + batchSize);
    const longest = rows.reduce((most, row) => Math.max(most, lengths[row]!), 0);
    const width = widths.find((candidate) => candidate >= longest);
    if (width === undefined) {
      throw new RangeError(
        `Cannot make batches as a row has ${longest} tokens: the widest batch is ${widths.at(-1) ?? 0} tokens wide`,
      );
    }
    batches.push({ rows, width });
  }
  return batches;
}
