import { requireString } from "./_errors.ts";

/**
 * A set of lines for exact de-duplication of a corpus, lighter than a `Set` of strings and without its limit of 2²⁴.
 *
 * Lines are found by a 32-bit hash and compared in full, so two lines are the same only if every UTF-16 unit is. They are
 * held as bytes: one for an ASCII character, two for a Hangul syllable, three for any other unit.
 *
 * @example
 * ```ts
 * import { LineSet } from "@kcbert/normalizer";
 * import assert from "node:assert/strict";
 *
 * const seen = new LineSet();
 * assert.equal(seen.add("재밌다"), true);
 * assert.equal(seen.add("재밌다"), false);
 * assert.equal(seen.size, 1);
 * ```
 */
export class LineSet {
  /** Open addressing: 0 for empty, else the number of a line, from 1. */
  #slots: Uint32Array = new Uint32Array(1024);
  /** By number of the line, less 1. */
  #hashes: Uint32Array = new Uint32Array(768);
  #starts: Float64Array = new Float64Array(768); // chunk number times CHUNKS_APART plus the byte in it
  #chunks: Uint8Array[] = [];
  #used = 0; // bytes of the last chunk
  #size = 0;

  /** How many different lines were added. */
  get size(): number {
    return this.#size;
  }

  /**
   * Add a line.
   *
   * @param line Any UTF-16 string.
   * @returns Whether the line is new.
   * @throws {TypeError} If `line` is not a string.
   */
  add(line: string): boolean {
    requireString(line, "add to a set of lines");
    const chunk = this.#chunkFor(line.length * 3 + 1);
    const start = this.#used;
    const end = encode(line, chunk, start);
    const hash = hashOf(chunk, start, end);
    const slot = this.#find(hash, chunk, start, end);
    if (this.#slots[slot] !== 0) return false;
    this.#hashes[this.#size] = hash;
    this.#starts[this.#size] = (this.#chunks.length - 1) * CHUNKS_APART + start;
    this.#slots[slot] = ++this.#size;
    this.#used = end;
    if (this.#size === this.#hashes.length) this.#grow();
    return true;
  }

  /** The slot of the line whose bytes stand at `start` in `chunk`, or the empty one where it belongs. */
  #find(hash: number, chunk: Uint8Array, start: number, end: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const number = this.#slots[slot]!;
      if (number === 0) return slot;
      if (
        this.#hashes[number - 1] === hash &&
        this.#sameBytes(this.#starts[number - 1]!, chunk, start, end)
      ) {
        return slot;
      }
    }
  }

  #sameBytes(place: number, chunk: Uint8Array, start: number, end: number): boolean {
    const other = this.#chunks[Math.floor(place / CHUNKS_APART)]!;
    const shift = (place % CHUNKS_APART) - start;
    for (let i = start; i < end; i++) if (chunk[i] !== other[i + shift]) return false;
    return true;
  }

  /** The last chunk, or a new one if it has no room for `bytes`. */
  #chunkFor(bytes: number): Uint8Array {
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.length - this.#used >= bytes) return last;
    const chunk = new Uint8Array(Math.max(bytes, this.#chunks.length === 0 ? 1 << 14 : 1 << 20));
    this.#chunks.push(chunk);
    this.#used = 0;
    return chunk;
  }

  /** Twice the slots, at most three quarters of them taken. */
  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let number = 1; number <= this.#size; number++) {
      let slot = this.#hashes[number - 1]! & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = number;
    }
    this.#slots = slots;
    const hashes = new Uint32Array(slots.length * 0.75);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    const starts = new Float64Array(hashes.length);
    starts.set(this.#starts);
    this.#starts = starts;
  }
}

// --- internal ---

/** No chunk is as long as this. */
const CHUNKS_APART = 2 ** 32;

/** Write `line` at `at` in `bytes`; no line's bytes begin another's. Returns where they end. */
function encode(line: string, bytes: Uint8Array, at: number): number {
  for (let i = 0; i < line.length; i++) {
    const unit = line.charCodeAt(i);
    const syllable = unit - 0xac00;
    if (unit < 0x80) {
      bytes[at++] = unit;
    } else if (syllable >= 0 && syllable < 11_172) {
      bytes[at++] = 0x80 | (syllable >>> 8);
      bytes[at++] = syllable;
    } else {
      bytes[at++] = 0xff;
      bytes[at++] = unit >>> 8;
      bytes[at++] = unit;
    }
  }
  bytes[at++] = 0xfe;
  return at;
}

/** FNV-1a with a last mix, as the low bits choose the slot. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
