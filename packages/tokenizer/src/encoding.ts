/**
 * What `encode` returns.
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
 * Tokens of one text, or of a pair, ready for a model. N is their number, special tokens and padding included.
 *
 * What is asked for seldom is made when it is asked for.
 */
export class Encoding {
  /** Number of tokens, N. */
  readonly length: number;
  /** The windows that truncation cut off, in order; empty unless windows were asked for. */
  overflowing: readonly Encoding[] = [];

  readonly #row: Row;
  readonly #vocabulary: readonly string[];
  readonly #data: Int32Array; // ids, then offsets, then word ids: one allocation, which is what a short text costs
  #ids: Int32Array | undefined;
  #offsets: Int32Array | undefined;
  #wordIds: Int32Array | undefined;
  #typeIds: Int32Array | undefined;
  #attentionMask: Int32Array | undefined;
  #specialTokensMask: Int32Array | undefined;
  #tokens: string[] | undefined;

  /** For the tokenizer alone. */
  constructor(row: Row, source: RowSource, added: AddedIds, vocabulary: readonly string[]) {
    const length = paddedLength(row);
    this.length = length;
    this.#data = new Int32Array(length * 4);
    writeValues(row, source.ids, added, this.#data, 0);
    writeSpans(row, source.spans!, this.#data, length);
    writeValues(row, source.words!, NO_WORD, this.#data, length * 3);
    this.#row = row;
    this.#vocabulary = vocabulary;
  }

  /** Token ids, int32 `[N]`. */
  get ids(): Int32Array {
    return (this.#ids ??= this.#data.subarray(0, this.length));
  }

  /**
   * Start and end of each token in its text, int32 `[2 * N]`: token `i` is `text.slice(offsets[2 * i], offsets[2 * i + 1])`
   * as long as offsets count UTF-16 units. 0 and 0 for added special tokens and padding. In pretokenized input they count from
   * the start of the word given.
   */
  get offsets(): Int32Array {
    return (this.#offsets ??= this.#data.subarray(this.length, this.length * 3));
  }

  /** Index of the word that each token comes from, in its sequence, int32 `[N]`; -1 for added special tokens and padding. */
  get wordIds(): Int32Array {
    return (this.#wordIds ??= this.#data.subarray(this.length * 3));
  }

  /** Segment of each token, int32 `[N]`: 1 in the second sequence, else 0. */
  get typeIds(): Int32Array {
    return (this.#typeIds ??= this.#written(writeTypeIds));
  }

  /** 1 for tokens, 0 for padding, int32 `[N]`. */
  get attentionMask(): Int32Array {
    return (this.#attentionMask ??= this.#written(writeAttentionMask));
  }

  /** 1 for added special tokens and padding, else 0, int32 `[N]`. */
  get specialTokensMask(): Int32Array {
    return (this.#specialTokensMask ??= this.#written(writeSpecialTokensMask));
  }

  /** The tokens as strings. */
  get tokens(): readonly string[] {
    return (this.#tokens ??= Array.from(this.ids, (id) => this.#vocabulary[id]!));
  }

  #written(write: (row: Row, out: Int32Array, at: number) => void): Int32Array {
    const values = new Int32Array(this.length);
    write(this.#row, values, 0);
    return values;
  }
}
