/**
 * Packing: several short comments share a row of fixed length, so that little of it is padding.
 *
 * Comments are short (half of KcBERT's reviews have fewer than 15 tokens); padded to one length, most of the work would
 * go into nothing (arXiv 2107.02027). Each comment keeps to itself: the attention mask is block-diagonal, positions
 * restart.
 */
import { shuffled } from "./_random.ts";
import { lineCount, type TokenizedLines } from "./tokenized_lines.ts";

/** Which lines stand in which row. */
export interface PackedRows {
  /** Line numbers, row after row. */
  readonly lines: Int32Array;
  /** `[rows + 1]`: row `r` holds `lines[starts[r]]` up to, not including, `lines[starts[r + 1]]`. */
  readonly starts: Int32Array;
}

/**
 * Distribute lines over rows of `rowLength` tokens, in an order drawn from seed and epoch.
 *
 * Each line goes to the fullest row that still has room for it; lines longer than a row count as `rowLength`. Time
 * grows with lines × `rowLength` at worst; the padding left is a few percent unless lines are few.
 *
 * @param lines What to pack; lines without tokens between their special ones are left out.
 * @param options `rowLength` in tokens, at least 3; `seed` and `epoch` choose the order of lines and rows.
 * @throws {RangeError} If `rowLength` is less than 3: `[CLS]`, one token and `[SEP]`.
 *
 * @example
 * ```ts
 * import { packLines } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const lines = { ids: Int32Array.of(2, 7, 8, 3, 2, 9, 3, 2, 7, 8, 9, 3), rowStarts: Int32Array.of(0, 4, 7, 12) };
 * const { starts } = packLines(lines, { rowLength: 12, seed: 1, epoch: 0 });
 * assert.deepEqual([...starts], [0, 3]); // all three in one row
 * ```
 */
export function packLines(
  lines: TokenizedLines,
  { rowLength, seed, epoch }: { rowLength: number; seed: number; epoch: number },
): PackedRows {
  if (!(rowLength >= 3)) {
    throw new RangeError(
      `Cannot pack lines as rows must have room for [CLS], a token and [SEP]: rowLength is ${rowLength}`,
    );
  }
  const rowOf = new Int32Array(lineCount(lines)).fill(-1);
  const rows = assignRows(lines, rowLength, shuffled(rowOf.length, seed, epoch, "packing.lines"), rowOf);
  return groupByRow(rowOf, shuffled(rows, seed, epoch, "packing.rows"));
}

// --- internal ---

/** Best fit: write each line's row to `rowOf`, and return the number of rows. */
function assignRows(lines: TokenizedLines, rowLength: number, order: Int32Array, rowOf: Int32Array): number {
  const { rowStarts } = lines;
  const openByRoom: number[][] = Array.from({ length: rowLength + 1 }, () => []); // rows by what room they have
  let rows = 0;
  for (const line of order) {
    const length = Math.min(rowStarts[line + 1]! - rowStarts[line]!, rowLength);
    if (length <= 2) continue;
    let room = length;
    while (room <= rowLength && openByRoom[room]!.length === 0) room++;
    const row = room <= rowLength ? openByRoom[room]!.pop()! : rows++;
    rowOf[line] = row;
    openByRoom[Math.min(room, rowLength) - length]!.push(row);
  }
  return rows;
}

/** Lines by row (counting sort), the rows renamed by `order`. */
function groupByRow(rowOf: Int32Array, order: Int32Array): PackedRows {
  const starts = new Int32Array(order.length + 1);
  for (const row of rowOf) if (row >= 0) starts[order[row]! + 1]!++;
  for (let row = 0; row < order.length; row++) starts[row + 1]! += starts[row]!;
  const next = starts.slice();
  const lines = new Int32Array(starts.at(-1)!);
  for (let line = 0; line < rowOf.length; line++) {
    const row = rowOf[line]!;
    if (row >= 0) lines[next[order[row]!]!++] = line;
  }
  return { lines, starts };
}
