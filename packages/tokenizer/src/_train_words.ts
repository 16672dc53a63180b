/**
 * Distinct words and how often each occurs, as flat arrays: what a worker thread sends back, and what training reads.
 *
 * @module
 */
import { type CharClasses, PLAIN, REMOVED, WHITESPACE } from "./char_classes.ts";

/**
 * Distinct words of a corpus with their frequencies, in order of first occurrence.
 *
 * The arrays are transferable: a worker posts them with `[units.buffer, starts.buffer, counts.buffer]`.
 */
export interface WordCounts {
  /** UTF-16 units of all words, one after another, uint16. */
  units: Uint16Array;
  /** Where each word starts in `units`, and at last where the last one ends, int32 `[words + 1]`. */
  starts: Int32Array;
  /** How often each word occurs, float64 `[words]`: exact up to 2^53. */
  counts: Float64Array;
  /** Lines read. */
  lines: number;
  /** Occurrences of words read. */
  words: number;
  /** Entries dropped to stay within the byte budget; a word dropped twice counts twice. */
  prunedWords: number;
  /** The highest frequency of an entry that was dropped, 0 if none was. */
  prunedFrequency: number;
}

/** Counts words in text given piece by piece. */
export class WordTable {
  readonly #classes: CharClasses;
  readonly #unitClasses: Uint8Array;
  readonly #maxBytes: number;
  /** Units of the words, then those of the word that is being read. */
  #pool: Uint16Array = new Uint16Array(8192);
  #starts: Int32Array = new Int32Array(1025);
  #counts: Float64Array = new Float64Array(1024);
  /** Open addressing: hash, and number of the word plus one. */
  #slots: Int32Array = new Int32Array(4096);
  #size = 0;
  #end = 0;
  #hash = HASH_START;
  #prunedWords = 0;
  #prunedFrequency = 0;

  /** Lines read; the caller counts them. */
  lines = 0;
  /** Occurrences of words read. */
  words = 0;
  /** Line feeds seen within the text. */
  lineFeeds = 0;

  constructor(classes: CharClasses, maxBytes: number = Infinity) {
    this.#classes = classes;
    // One test for the plain characters: every surrogate leaves the fast path.
    this.#unitClasses = classes.units.slice().fill(SURROGATE_UNIT, 0xd800, 0xe000);
    this.#maxBytes = maxBytes;
  }

  /** Distinct words. */
  get size(): number {
    return this.#size;
  }

  /** What the arrays hold, in bytes. */
  get bytes(): number {
    return this.#pool.byteLength + this.#starts.byteLength + this.#counts.byteLength + this.#slots.byteLength;
  }

  /** Read a piece of text. The last word stays open: more may follow. */
  add(text: string): void {
    for (let from = 0; from < text.length;)
      from = this.#scan(text, from, Math.min(from + BLOCK, text.length));
  }

  /** Read units `from` to `to` of a text, and one more if that cuts a surrogate pair. Returns how far it read. */
  #scan(text: string, from: number, to: number): number {
    this.#reserve(to - from + 1);
    const classes = this.#unitClasses;
    const pool = this.#pool;
    let end = this.#end;
    let hash = this.#hash;
    let i = from;
    for (; i < to; i++) {
      const unit = text.charCodeAt(i);
      let charClass = classes[unit]!;
      if (charClass === PLAIN) {
        pool[end++] = unit;
        hash = Math.imul(hash ^ unit, HASH_FACTOR);
        continue;
      }
      if (charClass === REMOVED) continue;
      if (charClass === WHITESPACE) {
        if (unit === 10) this.lineFeeds++;
        end = this.#close(end, hash, 1);
        hash = HASH_START;
        continue;
      }
      let low = 0;
      if (charClass === SURROGATE_UNIT) {
        low = unit < 0xdc00 ? text.charCodeAt(i + 1) : 0;
        if (!(low >= 0xdc00 && low <= 0xdfff)) continue; // a lone surrogate counts as U+FFFD, which is removed
        i++;
        charClass = this.#classes.of(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
        if (charClass === REMOVED) continue;
      }
      const alone = charClass !== PLAIN; // punctuation or Chinese: a word by itself
      if (alone) {
        end = this.#close(end, hash, 1);
        hash = HASH_START;
      }
      pool[end++] = unit;
      hash = Math.imul(hash ^ unit, HASH_FACTOR);
      if (low !== 0) {
        pool[end++] = low;
        hash = Math.imul(hash ^ low, HASH_FACTOR);
      }
      if (alone) {
        end = this.#close(end, hash, 1);
        hash = HASH_START;
      }
    }
    this.#end = end;
    this.#hash = hash;
    return i;
  }

  /** End the word that is open. */
  endWord(): void {
    this.#end = this.#close(this.#end, this.#hash, 1);
    this.#hash = HASH_START;
  }

  /** Add the words that another table counted. */
  addCounts({ units, starts, counts, lines, prunedWords, prunedFrequency }: WordCounts): void {
    for (let word = 0; word < counts.length; word++) {
      const first = starts[word]!;
      const last = starts[word + 1]!;
      this.#reserve(last - first);
      const pool = this.#pool;
      let end = this.#end;
      let hash = HASH_START;
      for (let i = first; i < last; i++) {
        const unit = units[i]!;
        pool[end++] = unit;
        hash = Math.imul(hash ^ unit, HASH_FACTOR);
      }
      this.#end = this.#close(end, hash, counts[word]!);
    }
    this.lines += lines;
    this.#prunedWords += prunedWords;
    this.#prunedFrequency = Math.max(this.#prunedFrequency, prunedFrequency);
  }

  /** The words so far, as views of this table's arrays: use the table no more. */
  take(): WordCounts {
    return {
      units: this.#pool.subarray(0, this.#starts[this.#size]),
      starts: this.#starts.subarray(0, this.#size + 1),
      counts: this.#counts.subarray(0, this.#size),
      lines: this.lines,
      words: this.words,
      prunedWords: this.#prunedWords,
      prunedFrequency: this.#prunedFrequency,
    };
  }

  /** Count the open word, which ends at `end`, `times` more. Returns where the next one starts. */
  #close(end: number, unmixed: number, times: number): number {
    const start = this.#starts[this.#size]!;
    if (end === start) return start;
    this.words += times;
    const hash = mix(unmixed);
    const found = this.#find(start, end, hash);
    if (found >= 0) {
      this.#counts[found]! += times;
      return start;
    }
    this.#slots[~found] = hash;
    this.#slots[~found + 1] = this.#size + 1;
    this.#counts[this.#size++] = times;
    this.#starts[this.#size] = end;
    if (this.#size === this.#counts.length) this.#makeRoom();
    return this.#starts[this.#size]!;
  }

  /** Number of the word that reads like the open one, or `~` of the free slot where it belongs. */
  #find(start: number, end: number, hash: number): number {
    const slots = this.#slots;
    const pool = this.#pool;
    const starts = this.#starts;
    const mask = slots.length - 1;
    const length = end - start;
    for (let slot = (hash << 1) & mask; ; slot = (slot + 2) & mask) {
      const word = slots[slot + 1]! - 1;
      if (word < 0) return ~slot;
      if (slots[slot] !== hash) continue;
      const first = starts[word]!;
      if (starts[word + 1]! - first !== length) continue;
      let same = 0;
      while (same < length && pool[first + same] === pool[start + same]) same++;
      if (same === length) return word;
    }
  }

  /** Make sure that `units` more units fit into the pool. */
  #reserve(units: number): void {
    if (this.#end + units <= this.#pool.length) return;
    const doubled = Math.max(this.#pool.length * 2, this.#end + units);
    if (this.bytes + (doubled - this.#pool.length) * 2 > this.#maxBytes) {
      while (this.#size > 0 && this.#end + units > this.#pool.length / 2) this.#prune();
      if (this.#end + units <= this.#pool.length) return; // otherwise one word alone is over the budget
    }
    this.#pool = grown(this.#pool, new Uint16Array(doubled));
  }

  /** Double the room for words, or drop rare ones if that would cost too much. */
  #makeRoom(): void {
    const bytes = this.#starts.byteLength + this.#counts.byteLength + this.#slots.byteLength;
    if (this.bytes + bytes > this.#maxBytes) {
      while (this.#size > this.#counts.length / 2) this.#prune();
      return;
    }
    this.#counts = grown(this.#counts, new Float64Array(this.#size * 2));
    this.#starts = grown(this.#starts, new Int32Array(this.#size * 2 + 1));
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2);
    for (let slot = 0; slot < old.length; slot += 2) {
      if (old[slot + 1] !== 0) this.#place(old[slot]!, old[slot + 1]!);
    }
  }

  /** Drop the rarer half of the words: all up to some frequency, so that it does not depend on their order. */
  #prune(): void {
    const limit = this.#counts.slice(0, this.#size).sort()[(this.#size - 1) >> 1]!;
    const starts = this.#starts;
    const open = starts[this.#size]!;
    let kept = 0;
    let write = 0;
    this.#slots.fill(0);
    for (let word = 0; word < this.#size; word++) {
      const first = starts[word]!;
      const last = starts[word + 1]!;
      if (this.#counts[word]! <= limit) continue;
      this.#pool.copyWithin(write, first, last);
      this.#counts[kept] = this.#counts[word]!;
      starts[kept++] = write;
      let hash = HASH_START;
      for (const end = write + last - first; write < end; write++) {
        hash = Math.imul(hash ^ this.#pool[write]!, HASH_FACTOR);
      }
      this.#place(mix(hash), kept);
    }
    this.#pool.copyWithin(write, open, this.#end);
    this.#end += write - open;
    starts[kept] = write;
    this.#prunedWords += this.#size - kept;
    this.#prunedFrequency = Math.max(this.#prunedFrequency, limit);
    this.#size = kept;
  }

  #place(hash: number, entry: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = (hash << 1) & mask;
    while (slots[slot + 1] !== 0) slot = (slot + 2) & mask;
    slots[slot] = hash;
    slots[slot + 1] = entry;
  }
}

// --- internal ---

/** Any surrogate, in the table of a `WordTable`. */
const SURROGATE_UNIT = 6;
/** Units read at a time: how much room the pool must have to spare. */
const BLOCK = 2048;
const HASH_START = 0x811c9dc5 | 0;
const HASH_FACTOR = 0x01000193;

function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b | 0);
  return hash ^ (hash >>> 16);
}

function grown<T extends Uint16Array | Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
