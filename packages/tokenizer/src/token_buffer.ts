/**
 * Where tokens are collected before they become a result: flat, growing, used again for the next text.
 *
 * @module
 */

/** Tokens of one or more sequences, one after the other. */
export class TokenBuffer {
  /** Token ids, int32 `[capacity]`. */
  ids: Int32Array = new Int32Array(256);
  /** Start and end of each token in its text, int32 `[2 * capacity]`; absent when only ids are wanted. */
  spans: Int32Array | undefined;
  /** Index of each token's word, int32 `[capacity]`; absent when only ids are wanted. */
  words: Int32Array | undefined;
  /** Number of tokens so far. */
  length = 0;
  /** Index of the word that comes next. */
  nextWord = 0;

  /** @param withSpans Whether spans and words are wanted, too. */
  constructor(withSpans: boolean) {
    this.spans = withSpans ? new Int32Array(512) : undefined;
    this.words = withSpans ? new Int32Array(256) : undefined;
  }

  /** Forget the tokens, and the memory if one long text made it large. */
  clear(): void {
    this.length = 0;
    this.nextWord = 0;
    if (this.ids.length > 1 << 20) {
      this.ids = new Int32Array(256);
      if (this.words !== undefined) this.words = new Int32Array(256);
      if (this.spans !== undefined) this.spans = new Int32Array(512);
    }
  }

  /** Make room for `count` more tokens. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.ids.length) return;
    const capacity = Math.max(needed, this.ids.length * 2);
    this.ids = grown(this.ids, capacity);
    if (this.words !== undefined) this.words = grown(this.words, capacity);
    if (this.spans !== undefined) this.spans = grown(this.spans, capacity * 2);
  }

  /** Append one token. */
  push(id: number, start: number, end: number, word: number): void {
    this.reserve(1);
    const at = this.length++;
    this.ids[at] = id;
    if (this.spans === undefined || this.words === undefined) return;
    this.spans[2 * at] = start;
    this.spans[2 * at + 1] = end;
    this.words[at] = word;
  }
}

// --- internal ---

function grown(array: Int32Array, capacity: number): Int32Array {
  const larger = new Int32Array(capacity);
  larger.set(array);
  return larger;
}
