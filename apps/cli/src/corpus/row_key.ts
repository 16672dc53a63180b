/** Two numbers drawn from a text and a seed, 53 bits each. */
export interface RowKeys {
  /** Decides the text's place in the shuffled corpus, and with it the shard. */
  place: number;
  /** Decides whether the text is in a sample: the smaller go first. Independent of `place`. */
  pick: number;
}

/**
 * Draw the numbers that shuffle and sample the corpus. They depend on nothing but the text and the seed: equal texts meet
 * in one shard, and the result is the same however the work was divided.
 *
 * Two multiplicative hashes over the UTF-16 units, each mixed as MurmurHash3 does at its end.
 *
 * @param text Any string.
 * @param seed 32 bits.
 * @param keys Where the numbers go.
 */
export function drawKeys(text: string, seed: number, keys: RowKeys): void {
  let a = seed ^ 0x9e3779b9;
  let b = Math.imul(seed, 0x85ebca6b) ^ 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x9e3779b1);
    b = Math.imul(b ^ unit, 0x5f356495);
    b ^= b >>> 15;
  }
  a = mixed(a ^ text.length);
  b = mixed(b ^ a);
  keys.place = joined(a, b);
  keys.pick = joined(mixed(a ^ 0x2545f491), mixed(b ^ 0x6c62272e));
}

/** Which of `partitions` equal parts of the shuffled corpus a place is in. */
export function partitionOf(place: number, partitions: number): number {
  return Math.floor((place / 2 ** 53) * partitions);
}

// --- internal ---

function mixed(bits: number): number {
  let h = bits ^ (bits >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function joined(high: number, low: number): number {
  return (high >>> 11) * 2 ** 32 + low;
}
