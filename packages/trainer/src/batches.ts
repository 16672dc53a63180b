/**
 * Batches of one fixed shape, cut from packed rows.
 */
import type { PackedRows } from "./packing.ts";
import type { TokenizedLines } from "./tokenized_lines.ts";

/** `rows` × `rowLength` tokens (B × T), on the host. */
export interface Batch {
  /** B. */
  readonly rows: number;
  /** T. */
  readonly rowLength: number;
  /** `[B · T]`, padded with `padId`. */
  readonly inputIds: Int32Array;
  /** `[B · T]`, from 0 in every line; 0 in padding. */
  readonly positionIds: Int32Array;
  /** `[B · T]`, the line a token belongs to, counted from 1 over the batch; 0 in padding. */
  readonly segments: Int32Array;
  /** `[segments]`, uint32: the number of the line that each segment is. */
  readonly lines: Uint32Array;
  /** Of pairs: `[B · T]`, 0 in the first text and in padding, 1 in the second. */
  readonly tokenTypeIds?: Int32Array;
  /** Of pairs: `[B]`, 0 where the second text follows the first, 1 where not, −100 in rows of padding. */
  readonly nextSentenceLabels?: Int32Array;
  /** How many of the tokens are not padding. */
  readonly tokens: number;
}

/**
 * Cut a batch of `count` rows out of packed rows, beginning with row `first`.
 *
 * Rows past the last one are all padding, so that every batch has the same shape. A line longer than a row keeps its
 * beginning and its last token, `[SEP]`.
 *
 * @param lines The lines that were packed.
 * @param packed Which of them stand in which row.
 * @param options `first`, the first row; `count`, the number of rows; `rowLength` as given to `packLines`; `padId`;
 * `firstLine`, the number of the first line in the whole corpus, 0 by default.
 *
 * @example
 * ```ts
 * import { packLines, cutBatch } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const lines = { ids: Int32Array.of(2, 7, 8, 3), rowStarts: Int32Array.of(0, 4) };
 * const packed = packLines(lines, { rowLength: 6, seed: 1, epoch: 0 });
 * const batch = cutBatch(lines, packed, { first: 0, count: 1, rowLength: 6, padId: 0 });
 * assert.deepEqual([...batch.inputIds], [2, 7, 8, 3, 0, 0]);
 * assert.deepEqual([...batch.segments], [1, 1, 1, 1, 0, 0]);
 * ```
 */
export function cutBatch(
  lines: TokenizedLines,
  packed: PackedRows,
  {
    first,
    count,
    rowLength,
    padId,
    firstLine = 0,
  }: { first: number; count: number; rowLength: number; padId: number; firstLine?: number },
): Batch {
  const inputIds = new Int32Array(count * rowLength).fill(padId); // [B · T]
  const positionIds = new Int32Array(count * rowLength); // [B · T]
  const segments = new Int32Array(count * rowLength); // [B · T]
  const rows = Math.max(0, Math.min(count, packed.starts.length - 1 - first));
  const numbers = new Uint32Array(packed.starts[first + rows]! - packed.starts[first]!);
  let segment = 0;
  let tokens = 0;
  for (let row = 0; row < rows; row++) {
    let at = row * rowLength;
    for (let i = packed.starts[first + row]!; i < packed.starts[first + row + 1]!; i++) {
      const line = packed.lines[i]!;
      numbers[segment] = firstLine + line;
      const start = lines.rowStarts[line]!;
      const length = Math.min(lines.rowStarts[line + 1]! - start, rowLength);
      inputIds.set(lines.ids.subarray(start, start + length), at);
      inputIds[at + length - 1] = lines.ids[lines.rowStarts[line + 1]! - 1]!;
      segments.fill(++segment, at, at + length);
      for (let position = 0; position < length; position++) positionIds[at + position] = position;
      at += length;
      tokens += length;
    }
  }
  return { rows: count, rowLength, inputIds, positionIds, segments, lines: numbers, tokens };
}
