import { partitionOf, type RowKeys, writeKeyed } from "./row_key.ts";

/** Rows of a block of lines, by partition. */
export interface WrittenRows {
  /** Rows as lines of `text, line, day, place, pick`, separated by tabs. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where the rows of each partition end in `bytes`. */
  readonly ends: Uint32Array;
  /** Rows of each partition. */
  readonly rows: Uint32Array;
}

/** Writes rows one after the other, and sorts them by partition at the end. */
export class RowWriter {
  readonly #seed: number;
  readonly #partitions: number;
  readonly #keys: RowKeys = { place: 0, pick: 0 };
  #bytes: Uint8Array<ArrayBuffer>;
  #used = 0;
  /** By row: its partition, and where it ends. */
  #places = new Uint32Array(1 << 12);
  #ends = new Uint32Array(1 << 12);
  #rows = 0;

  /** @param room Bytes that the rows will have, about. */
  constructor(seed: number, partitions: number, room: number) {
    this.#seed = seed;
    this.#partitions = partitions;
    this.#bytes = new Uint8Array(room + 1024);
  }

  /**
   * Write a row.
   *
   * @param text Without tabs and line breaks.
   * @param line The number of its line.
   * @param day The day of its date, `undefined` if it has none.
   */
  add(text: string, line: number, day: number | undefined): void {
    this.#reserve(text.length * 3 + 64);
    this.#used = writeKeyed(text, this.#seed, this.#bytes, this.#used, this.#keys);
    const { place, pick } = this.#keys;
    this.#number(line);
    if (day === undefined) this.#bytes[this.#used++] = TAB;
    else this.#number(day);
    this.#number(place);
    this.#number(pick);
    this.#bytes[this.#used++] = LF;
    this.#places[this.#rows] = partitionOf(place, this.#partitions);
    this.#ends[this.#rows++] = this.#used;
  }

  /** All rows, those of each partition together. */
  finish(): WrittenRows {
    const rows = new Uint32Array(this.#partitions);
    const next = new Uint32Array(this.#partitions);
    for (let i = 0; i < this.#rows; i++) {
      rows[this.#places[i]!]!++;
      next[this.#places[i]!]! += this.#ends[i]! - (this.#ends[i - 1] ?? 0);
    }
    const ends = new Uint32Array(this.#partitions);
    let total = 0;
    for (let partition = 0; partition < this.#partitions; partition++) {
      ends[partition] = total + next[partition]!;
      next[partition] = total; // from here on, where the next of its rows goes
      total = ends[partition]!;
    }
    if (this.#partitions === 1) return { bytes: this.#bytes.slice(0, this.#used), ends, rows };
    const bytes = new Uint8Array(this.#used);
    for (let i = 0, start = 0; i < this.#rows; i++) {
      const row = this.#bytes.subarray(start, this.#ends[i]);
      bytes.set(row, next[this.#places[i]!]);
      next[this.#places[i]!]! += row.length;
      start = this.#ends[i]!;
    }
    return { bytes, ends, rows };
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes > this.#bytes.length) {
      const larger = new Uint8Array((this.#used + bytes) * 2);
      larger.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = larger;
    }
    if (this.#rows === this.#ends.length) {
      this.#places = doubled(this.#places);
      this.#ends = doubled(this.#ends);
    }
  }

  /** A tab and a whole number. */
  #number(value: number): void {
    const bytes = this.#bytes;
    bytes[this.#used++] = TAB;
    if (value < 0) bytes[this.#used++] = MINUS;
    let rest = Math.abs(value);
    let end = this.#used + 1;
    for (let power = 10; power <= rest; power *= 10) end++;
    this.#used = end;
    do {
      const tenth = Math.floor(rest / 10);
      bytes[--end] = ZERO + rest - tenth * 10;
      rest = tenth;
    } while (rest > 0);
  }
}

// --- internal ---

const [TAB, LF, MINUS, ZERO] = [0x09, 0x0a, 0x2d, 0x30];

function doubled(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}
