/**
 * What `encodeBatch` returns.
 *
 * @module
 */
import type { AddedIds, Row, RowSource } from "./template.ts";
import {
  NO_WORD,
  paddedLength,
  writeAttentionMask,
  writeSpans,
  writeSpecialTokensMask,
  writeTypeIds,
  writeValues,
} from "./template.ts";

/**
 * Tokens of many texts in flat arrays: row `r` is the positions `rowStarts[r]` to `rowStarts[r + 1]` of each.
 *
 * With padding every row has the same length, and the arrays are the tensors `[rows, width]` that a model takes.
 */
export class BatchEncoding {
  /** Token ids of all rows, int32 `[total]`. */
  readonly ids: Int32Array;
  /** Position of each row's first token, and at the end the total, int32 `[rows + 1]`. */
  readonly rowStarts: Int32Array;
  /** Start and end of each token in its text, int32 `[2 * total]`; only if `offsets` was asked for. */
  readonly offsets: Int32Array | undefined;
  /** Word of each token, int32 `[total]`; only if `offsets` was asked for. */
  readonly wordIds: Int32Array | undefined;
  readonly #rows: readonly Row[];
  readonly #textIndexes: readonly number[] | undefined;
  #typeIds: Int32Array | undefined;
  #attentionMask: Int32Array | undefined;
  #specialTokensMask: Int32Array | undefined;

  /** For the tokenizer alone. @param whole Whether the rows lie in the source one after the other, as they are to be. */
  constructor(
    rows: readonly Row[],
    textIndexes: readonly number[] | undefined,
    source: RowSource,
    added: AddedIds,
    whole: boolean,
  ) {
    this.#rows = rows;
    this.#textIndexes = textIndexes;
    this.rowStarts = new Int32Array(rows.length + 1);
    let total = 0;
    for (let r = 0; r < rows.length; r++) {
      total += paddedLength(rows[r]!);
      this.rowStarts[r + 1] = total;
    }
    if (whole) {
      this.ids = source.ids.slice(0, total);
      this.offsets = source.spans?.slice(0, 2 * total);
      this.wordIds = source.words?.slice(0, total);
      return;
    }
    this.ids = new Int32Array(total);
    for (let r = 0; r < rows.length; r++)
      writeValues(rows[r]!, source.ids, added, this.ids, this.rowStarts[r]!);
    if (source.spans === undefined || source.words === undefined) return;
    this.offsets = new Int32Array(total * 2);
    this.wordIds = new Int32Array(total);
    for (let r = 0; r < rows.length; r++) {
      writeSpans(rows[r]!, source.spans, this.offsets, this.rowStarts[r]! * 2);
      writeValues(rows[r]!, source.words, NO_WORD, this.wordIds, this.rowStarts[r]!);
    }
  }

  /** Index of the text that each row comes from, int32 `[rows]`: with overflow a text can have several rows. */
  get textIndexes(): Int32Array {
    return Int32Array.from(this.#textIndexes ?? this.#rows.keys());
  }

  /** Number of rows. */
  get rows(): number {
    return this.#rows.length;
  }

  /** Length of the longest row; of every row, with padding. */
  get width(): number {
    let width = 0;
    for (let r = 0; r < this.rows; r++) width = Math.max(width, this.rowStarts[r + 1]! - this.rowStarts[r]!);
    return width;
  }

  /** Segment of each token, int32 `[total]`: 1 in the second sequence, else 0. */
  get typeIds(): Int32Array {
    return (this.#typeIds ??= this.#written(writeTypeIds));
  }

  /** 1 for tokens, 0 for padding, int32 `[total]`. */
  get attentionMask(): Int32Array {
    return (this.#attentionMask ??= this.#written(writeAttentionMask));
  }

  /** 1 for added special tokens and padding, else 0, int32 `[total]`. */
  get specialTokensMask(): Int32Array {
    return (this.#specialTokensMask ??= this.#written(writeSpecialTokensMask));
  }

  #written(write: (row: Row, out: Int32Array, at: number) => void): Int32Array {
    const values = new Int32Array(this.ids.length);
    for (let r = 0; r < this.rows; r++) write(this.#rows[r]!, values, this.rowStarts[r]!);
    return values;
  }
}
