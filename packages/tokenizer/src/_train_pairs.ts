/**
 * Counts of symbol pairs, and for each pair where it stands.
 *
 * @module
 */
import { KEY_BASE } from "./_train_heap.ts";

/** Open-addressed table from pairs to numbers 0, 1, …, with a count and a slice of positions each. */
export class PairTable {
  /** Key and count of each pair: side by side, as one is never read without the other. */
  records: Float64Array = new Float64Array(2 * 4096);
  /** Where the positions of each pair start, or −1 if none are kept. */
  starts: Int32Array = new Int32Array(4096).fill(-1);
  /** How many positions each pair has. */
  lengths: Int32Array = new Int32Array(4096);
  /** Hash, and number of the pair plus one. */
  #slots: Int32Array = new Int32Array(2 * 8192);
  #size = 0;

  /** Pairs. */
  get size(): number {
    return this.#size;
  }

  /** Number of a pair, −1 if it is not here. */
  find(left: number, right: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const hash = hashPair(left, right);
    for (let slot = (hash << 1) & mask; ; slot = (slot + 2) & mask) {
      const pair = slots[slot + 1]! - 1;
      if (pair < 0) return -1;
      if (slots[slot] === hash && this.records[pair * 2] === left * KEY_BASE + right) return pair;
    }
  }

  /** Number of a pair, which is added with count 0 if it is not here. */
  insert(left: number, right: number): number {
    const found = this.find(left, right);
    if (found >= 0) return found;
    if (this.#size === this.starts.length) this.#grow();
    this.#place(hashPair(left, right), this.#size + 1);
    this.records[this.#size * 2] = left * KEY_BASE + right;
    return this.#size++;
  }

  #place(hash: number, entry: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = (hash << 1) & mask;
    while (slots[slot + 1] !== 0) slot = (slot + 2) & mask;
    slots[slot] = hash;
    slots[slot + 1] = entry;
  }

  #grow(): void {
    const capacity = this.#size * 2;
    const records = new Float64Array(capacity * 2);
    const starts = new Int32Array(capacity).fill(-1);
    const lengths = new Int32Array(capacity);
    records.set(this.records);
    starts.set(this.starts);
    lengths.set(this.lengths);
    this.records = records;
    this.starts = starts;
    this.lengths = lengths;
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2);
    for (let slot = 0; slot < old.length; slot += 2) {
      if (old[slot + 1] !== 0) this.#place(old[slot]!, old[slot + 1]!);
    }
  }
}

// --- internal ---

function hashPair(left: number, right: number): number {
  let hash = Math.imul(left, 0x9e3779b1 | 0) ^ right;
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b | 0);
  return hash ^ (hash >>> 13);
}
