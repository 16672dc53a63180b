/**
 * Set lines aside that a model is tested on and never learns from.
 */
import { shuffled } from "./_random.ts";
import { lineCount, type TokenizedLines } from "./tokenized_lines.ts";

/**
 * Hold out lines drawn at random; the order of lines stays.
 *
 * @param lines All lines.
 * @param count How many to hold out, whole, at least 1, less than there are.
 * @param seed Draws them.
 * @throws {RangeError} If `count` is out of range.
 *
 * @example
 * ```ts
 * import { holdOut, lineCount } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const lines = { ids: Int32Array.of(2, 7, 3, 2, 8, 3, 2, 9, 3), rowStarts: Int32Array.of(0, 3, 6, 9) };
 * const { train, heldOut } = holdOut(lines, 1, 42);
 * assert.deepEqual([lineCount(train), lineCount(heldOut)], [2, 1]);
 * ```
 */
export function holdOut(
  lines: TokenizedLines,
  count: number,
  seed: number,
): { train: TokenizedLines; heldOut: TokenizedLines } {
  const all = lineCount(lines);
  if (!Number.isInteger(count) || count < 1 || count >= all) {
    throw new RangeError(
      `Cannot hold out ${count} of ${all} lines: at least one must be held out, and one left to learn`,
    );
  }
  const drawn = new Set(shuffled(all, seed, 0, "hold-out").subarray(0, count));
  return {
    train: select(lines, (line) => !drawn.has(line)),
    heldOut: select(lines, (line) => drawn.has(line)),
  };
}

// --- internal ---

function select({ ids, rowStarts }: TokenizedLines, wanted: (line: number) => boolean): TokenizedLines {
  const lines = Array.from({ length: rowStarts.length - 1 }, (_, line) => line).filter(wanted);
  const starts = new Int32Array(lines.length + 1);
  lines.forEach((line, i) => {
    starts[i + 1] = starts[i]! + rowStarts[line + 1]! - rowStarts[line]!;
  });
  const selected = new (ids instanceof Uint16Array ? Uint16Array : Int32Array)(starts.at(-1)!);
  lines.forEach((line, i) => selected.set(ids.subarray(rowStarts[line], rowStarts[line + 1]), starts[i]));
  return { ids: selected, rowStarts: starts };
}
