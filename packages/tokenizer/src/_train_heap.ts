/**
 * A queue of symbol pairs: highest count first, on a tie the smaller key.
 *
 * A heap with four children a node. Counts that fell since an entry was pushed are put right when it comes up.
 *
 * @module
 */

/** A pair's key is `left * KEY_BASE + right`: one number, exact, ordered like the pair. */
export const KEY_BASE: number = 2 ** 21;

/** Heap of pair numbers. */
export class PairHeap {
  #counts: Float64Array = new Float64Array(1024);
  #keys: Float64Array = new Float64Array(1024);
  #pairs: Int32Array = new Int32Array(1024);
  #size = 0;

  /** Entries. */
  get size(): number {
    return this.#size;
  }

  /** The first pair. There must be one. */
  get pair(): number {
    return this.#pairs[0]!;
  }

  /** Count of the first pair when it was pushed or last lowered. */
  get count(): number {
    return this.#counts[0]!;
  }

  /** Add a pair. */
  push(pair: number, count: number, key: number): void {
    if (this.#size === this.#pairs.length) this.#grow();
    const counts = this.#counts;
    const keys = this.#keys;
    const pairs = this.#pairs;
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 2;
      const higher = counts[parent]!;
      if (higher > count || (higher === count && keys[parent]! < key)) break;
      counts[at] = higher;
      keys[at] = keys[parent]!;
      pairs[at] = pairs[parent]!;
      at = parent;
    }
    counts[at] = count;
    keys[at] = key;
    pairs[at] = pair;
  }

  /** Give the first pair a lower count, and the place that goes with it. */
  lower(count: number): void {
    this.#sink(this.#pairs[0]!, count, this.#keys[0]!);
  }

  /** Drop the first pair. */
  drop(): void {
    const last = --this.#size;
    if (last > 0) this.#sink(this.#pairs[last]!, this.#counts[last]!, this.#keys[last]!);
  }

  /** Put an entry in the place of the first one and let it sink. */
  #sink(pair: number, count: number, key: number): void {
    const counts = this.#counts;
    const keys = this.#keys;
    const pairs = this.#pairs;
    const size = this.#size;
    let at = 0;
    for (let child = 1; child < size; child = at * 4 + 1) {
      let best = child;
      const end = Math.min(child + 4, size);
      for (let other = child + 1; other < end; other++) {
        if (
          counts[other]! > counts[best]! ||
          (counts[other] === counts[best] && keys[other]! < keys[best]!)
        ) {
          best = other;
        }
      }
      if (count > counts[best]! || (count === counts[best] && key < keys[best]!)) break;
      counts[at] = counts[best]!;
      keys[at] = keys[best]!;
      pairs[at] = pairs[best]!;
      at = best;
    }
    counts[at] = count;
    keys[at] = key;
    pairs[at] = pair;
  }

  #grow(): void {
    const length = this.#pairs.length * 2;
    const counts = new Float64Array(length);
    const keys = new Float64Array(length);
    const pairs = new Int32Array(length);
    counts.set(this.#counts);
    keys.set(this.#keys);
    pairs.set(this.#pairs);
    this.#counts = counts;
    this.#keys = keys;
    this.#pairs = pairs;
  }
}
