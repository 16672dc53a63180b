/**
 * Lines of text as token ids, as a tokenizer's `encodeBatch` gives them.
 */

/** Lines as token ids, laid end to end; a `BatchEncoding` of the tokenizer is one. */
export interface TokenizedLines {
  /** All ids, special tokens included. */
  readonly ids: Int32Array | Uint16Array;
  /** `[lines + 1]`: line `i` is `ids[rowStarts[i]]` up to, not including, `ids[rowStarts[i + 1]]`. */
  readonly rowStarts: Int32Array | Uint32Array;
}

/**
 * The number of lines.
 *
 * @example
 * ```ts
 * import { lineCount } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.equal(lineCount({ ids: Int32Array.of(2, 7, 3), rowStarts: Int32Array.of(0, 3) }), 1);
 * ```
 */
export function lineCount({ rowStarts }: TokenizedLines): number {
  return rowStarts.length - 1;
}

/**
 * Lines that were encoded in parts, as one.
 *
 * @param parts In order; int32 ids.
 *
 * @example
 * ```ts
 * import { joinLines } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const part = { ids: Int32Array.of(2, 7, 3), rowStarts: Int32Array.of(0, 3) };
 * const { ids, rowStarts } = joinLines([part, part]);
 * assert.deepEqual([...ids], [2, 7, 3, 2, 7, 3]);
 * assert.deepEqual([...rowStarts], [0, 3, 6]);
 * ```
 */
export function joinLines(parts: readonly TokenizedLines[]): TokenizedLines {
  const total = parts.reduce((sum, { ids }) => sum + ids.length, 0);
  const lines = parts.reduce((sum, part) => sum + lineCount(part), 0);
  const joined = { ids: new Int32Array(total), rowStarts: new Int32Array(lines + 1) };
  let [token, line] = [0, 0];
  for (const { ids, rowStarts } of parts) {
    joined.ids.set(ids, token);
    for (let i = 1; i < rowStarts.length; i++) joined.rowStarts[++line] = token + rowStarts[i]!;
    token += ids.length;
  }
  return joined;
}
