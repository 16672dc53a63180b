/** Two numbers drawn from a text and a seed, 31 bits each. */
export interface RowKeys {
  /** Decides the text's place in the shuffled corpus, and with it the shard. */
  place: number;
  /** Decides whether the text is in a sample: the smaller go first. Independent of `place`. */
  pick: number;
}

/** Picks and places are less than this. */
export const KEYS: number = 2 ** 31;

/**
 * Write a text as UTF-8, and draw the numbers on the way that shuffle and sample the corpus. They depend on nothing but the
 * text and the seed: equal texts meet in one shard, and the result is the same however the work was divided.
 *
 * Two multiplicative hashes over the UTF-16 units, each mixed as MurmurHash3 does at its end.
 *
 * @param text Any string; a lone surrogate becomes U+FFFD.
 * @param seed 32 bits.
 * @param bytes Where the text goes; there is room for three bytes for each unit.
 * @param at Where in `bytes` it begins.
 * @param keys Where the numbers go.
 * @returns Where the text ends in `bytes`.
 */
export function writeKeyed(text: string, seed: number, bytes: Uint8Array, at: number, keys: RowKeys): number {
  let a = seed ^ 0x9e3779b9;
  let b = Math.imul(seed, 0x85ebca6b) ^ 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x9e3779b1);
    b = Math.imul(b ^ unit, 0x5f356495);
    b ^= b >>> 15;
    if (unit < 0x80) {
      bytes[at++] = unit;
    } else if (unit < 0x800) {
      bytes[at++] = 0xc0 | (unit >>> 6);
      bytes[at++] = 0x80 | (unit & 0x3f);
    } else if ((unit & 0xf800) !== 0xd800) {
      bytes[at++] = 0xe0 | (unit >>> 12);
      bytes[at++] = 0x80 | ((unit >>> 6) & 0x3f);
      bytes[at++] = 0x80 | (unit & 0x3f);
    } else if (unit >= 0xdc00 && i > 0 && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800) {
      at = writeAstral(text.codePointAt(i - 1)!, bytes, at - 3); // over the half that was written
    } else {
      bytes.set(REPLACEMENT, at); // alone, as it seems so far
      at += 3;
    }
  }
  a = mixed(a ^ text.length);
  keys.place = a >>> 1;
  keys.pick = mixed(b ^ a) >>> 1;
  return at;
}

/** Which of `partitions` equal parts of the shuffled corpus a place is in. */
export function partitionOf(place: number, partitions: number): number {
  return Math.floor((place / KEYS) * partitions);
}

// --- internal ---

const REPLACEMENT = Uint8Array.of(0xef, 0xbf, 0xbd);

function writeAstral(codePoint: number, bytes: Uint8Array, at: number): number {
  bytes[at] = 0xf0 | (codePoint >>> 18);
  bytes[at + 1] = 0x80 | ((codePoint >>> 12) & 0x3f);
  bytes[at + 2] = 0x80 | ((codePoint >>> 6) & 0x3f);
  bytes[at + 3] = 0x80 | (codePoint & 0x3f);
  return at + 4;
}

function mixed(bits: number): number {
  let h = bits ^ (bits >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
