/**
 * The first half of training a vocabulary: counting words. Shares of a corpus can be counted on several threads.
 *
 * @module
 */
import { checkInteger, describe } from "./_train_options.ts";
import { breathe, progressOf, type TrainControl, type TrainProgress } from "./_train_pace.ts";
import { type WordCounts, WordTable } from "./_train_words.ts";
import { BertNormalizer } from "./bert_normalizer.ts";
import { CharClasses } from "./char_classes.ts";

/** How text becomes words: the steps of `BertNormalizer`. */
export interface CountWordsOptions extends TrainControl {
  /** Remove control and format characters. Default `true`. */
  cleanText?: boolean;
  /** Make every Chinese character a word. Default `true`. */
  handleChineseChars?: boolean;
  /** Lower the case of each code point. Default `false`. */
  lowercase?: boolean;
  /** Decompose, and drop nonspacing marks; takes Hangul apart into jamo. Default: as `lowercase`. */
  stripAccents?: boolean | null;
  /** Compose characters (NFC) first, as for text with macOS's decomposed Hangul. Default `false`. */
  nfc?: boolean;
  /**
   * Most bytes the table of words may take, at least 65,536. When it would grow beyond, the rarer half of the words is
   * dropped, which the report tells. Default: no limit.
   */
  maxBytes?: number;
}

/** Lines as strings, or UTF-8 text in pieces cut anywhere, or both by turns. */
export type TrainSource = Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

/**
 * Count the words of a text, the first half of {@linkcode trainWordPiece}.
 *
 * Shares of a corpus can be counted on several threads; the arrays of the result are transferable.
 *
 * @param lines Lines, each a string; or UTF-8 text as chunks of bytes.
 * @param options How text becomes words.
 * @returns Distinct words and how often each occurs.
 * @throws {TypeError} If a line is neither string nor bytes.
 * @throws {RangeError} If `maxBytes` is out of range.
 *
 * @example Two threads in Node
 * ```ts ignore
 * import { countWords, mergeWordCounts, trainFromWordCounts, type WordCounts } from "@kcbert/tokenizer";
 * import { createReadStream, openSync, readSync, statSync } from "node:fs";
 * import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
 *
 * if (isMainThread) {
 *   const path = "corpus.txt";
 *   const size = statSync(path).size;
 *   // Cut in the middle, after the next line feed: no line there is longer than 64 KiB.
 *   const sample = Buffer.alloc(65_536);
 *   const length = readSync(openSync(path, "r"), sample, 0, sample.length, size >> 1);
 *   const cut = (size >> 1) + sample.subarray(0, length).indexOf("\n") + 1;
 *   const shares = [{ path, start: 0, end: cut - 1 }, { path, start: cut }].map(
 *     (workerData) =>
 *       new Promise<WordCounts>((resolve, reject) => {
 *         new Worker(new URL(import.meta.url), { workerData }).once("message", resolve).once("error", reject);
 *       }),
 *   );
 *   const counts = mergeWordCounts(await Promise.all(shares));
 *   const { tokens } = await trainFromWordCounts(counts, { limitAlphabet: 4000 });
 * } else {
 *   const { path, start, end } = workerData;
 *   const counts = await countWords(createReadStream(path, { start, end }));
 *   parentPort!.postMessage(counts, [counts.units.buffer, counts.starts.buffer, counts.counts.buffer]);
 * }
 * ```
 *
 * @example
 * ```ts
 * import { countWords } from "@kcbert/tokenizer";
 * import assert from "node:assert/strict";
 *
 * const { counts, words, lines } = await countWords(["정말 재밌다!", "정말?"]);
 * assert.deepEqual([...counts], [2, 1, 1, 1]); // 정말, 재밌다, !, ?
 * assert.deepEqual([words, lines], [5, 2]);
 * ```
 */
export async function countWords(lines: TrainSource, options: CountWordsOptions = {}): Promise<WordCounts> {
  const { maxBytes, signal } = options;
  if (maxBytes !== undefined && maxBytes !== Infinity) {
    checkInteger("maxBytes", maxBytes, MIN_BYTES, Number.MAX_SAFE_INTEGER);
  }
  signal?.throwIfAborted();
  const reader = new TextReader(options);
  if (isIterable(lines)) {
    for (const line of lines) if (reader.read(line)) await reader.pause();
  } else {
    for await (const line of lines) if (reader.read(line)) await reader.pause();
  }
  const counts = reader.end();
  signal?.throwIfAborted();
  options.onProgress?.(progressOf(counts, "count", 0, 0));
  return counts;
}

/**
 * Put the words of several shares of a corpus together.
 *
 * @param shares Results of {@linkcode countWords}, all with the same options.
 * @returns One table; words of the first share come first.
 * @throws {TypeError} If a share is not the result of `countWords`.
 *
 * @example
 * ```ts
 * import { countWords, mergeWordCounts } from "@kcbert/tokenizer";
 * import assert from "node:assert/strict";
 *
 * const shares = [await countWords(["정말 정말"]), await countWords(["정말 진짜"])];
 * assert.deepEqual([...mergeWordCounts(shares).counts], [3, 1]);
 * ```
 */
export function mergeWordCounts(shares: Iterable<WordCounts>): WordCounts {
  const table = new WordTable(new CharClasses());
  for (const share of shares) {
    checkWordCounts(share);
    table.addCounts(share);
  }
  return table.take();
}

/** @throws {TypeError} If `counts` is not the result of {@linkcode countWords}. */
export function checkWordCounts(counts: WordCounts): void {
  if (
    counts?.units instanceof Uint16Array &&
    counts.starts instanceof Int32Array &&
    counts.counts instanceof Float64Array &&
    counts.starts.length === counts.counts.length + 1 &&
    counts.starts.at(-1) === counts.units.length
  ) {
    return;
  }
  throw new TypeError(
    `Cannot train as counts must be a result of countWords: it is ${describe(counts)} of other contents, or its buffers were transferred`,
  );
}

// --- internal ---

/** The least `maxBytes`. */
const MIN_BYTES = 65_536;
/** UTF-16 units or bytes between two pauses. */
const TEXT_BLOCK = 1 << 19;

/** Reads lines and chunks of bytes into a table of words, a block at a time. */
class TextReader {
  readonly #control: TrainControl;
  readonly #table: WordTable;
  readonly #normalizer: BertNormalizer | undefined;
  readonly #nfc: boolean;
  readonly #decoder = new TextDecoder();
  /** Decoded text whose end may compose with what follows. */
  #held = "";
  /** Whether the piece before came as bytes. */
  #bytes = false;
  /** Whether the text so far ends within a line that came as bytes. */
  #open = false;
  /** The piece at hand, and how far it is read. */
  #piece: string | Uint8Array = "";
  #at = 0;
  /** Units or bytes until the next pause. */
  #unread = TEXT_BLOCK;

  constructor(options: CountWordsOptions) {
    const { cleanText = true, handleChineseChars = true, lowercase = false, nfc = false, maxBytes } = options;
    const stripAccents = options.stripAccents ?? lowercase;
    this.#control = options;
    const classes = new CharClasses({ cleanText, handleChineseChars });
    this.#table = new WordTable(classes, maxBytes);
    this.#nfc = nfc;
    if (lowercase || stripAccents || nfc) {
      this.#normalizer = new BertNormalizer(classes, { nfc, lowercase, stripAccents });
    }
  }

  /** Read a line or a chunk. Returns whether `pause` must come before the next one. */
  read(piece: string | Uint8Array): boolean {
    if (typeof piece === "string") this.#endBytes();
    else if (!(piece instanceof Uint8Array)) {
      throw new TypeError(
        `Cannot train as each line must be a string, or a Uint8Array of UTF-8: line ${this.#progress().lines + 1} is ${describe(piece)}`,
      );
    }
    this.#piece = piece;
    this.#at = 0;
    this.#readBlock();
    return this.#unread <= 0;
  }

  /** Let others run, then read what is left of the piece. */
  async pause(): Promise<void> {
    do {
      this.#unread = TEXT_BLOCK;
      await breathe(this.#control, this.#progress());
      if (this.#at < this.#piece.length) this.#readBlock();
    } while (this.#unread <= 0);
  }

  /** The words. */
  end(): WordCounts {
    this.#endBytes();
    this.#table.lines += this.#table.lineFeeds;
    return this.#table.take();
  }

  #readBlock(): void {
    const piece = this.#piece;
    const end = Math.min(this.#at + TEXT_BLOCK, piece.length);
    if (typeof piece === "string") this.#readLine(piece, end);
    else {
      this.#bytes = true;
      this.#addDecoded(this.#decoder.decode(piece.subarray(this.#at, end), { stream: true }));
      this.#advance(end);
    }
  }

  #readLine(line: string, blockEnd: number): void {
    const lineFeeds = this.#table.lineFeeds;
    let end = blockEnd;
    if (end < line.length) {
      // A long line is cut after a space, where nothing composes, or at least not within a surrogate pair.
      const space = line.lastIndexOf(" ", end - 1);
      if (space >= this.#at) end = space + 1;
      else if ((line.charCodeAt(end) & 0xfc00) === 0xdc00) end++;
    }
    this.#add(end - this.#at === line.length ? line : line.slice(this.#at, end));
    this.#table.lineFeeds = lineFeeds; // within a string they are white space
    if (end === line.length) {
      this.#table.endWord();
      this.#table.lines++;
    }
    this.#advance(end);
  }

  /** Note that the piece is read up to `end`; a piece that is not through yet makes a pause due. */
  #advance(end: number): void {
    this.#unread = end < this.#piece.length ? 0 : this.#unread - (end - this.#at) - 1;
    this.#at = end;
  }

  #addDecoded(text: string): void {
    if (text === "") return;
    this.#open = !text.endsWith("\n");
    if (!this.#nfc) {
      this.#add(text);
      return;
    }
    const cut = Math.max(text.lastIndexOf(" "), text.lastIndexOf("\n")) + 1;
    if (cut > 0) this.#add(this.#held + text.slice(0, cut));
    this.#held = cut > 0 ? text.slice(cut) : this.#held + text;
  }

  #add(text: string): void {
    const normalizer = this.#normalizer;
    this.#table.add(
      normalizer === undefined ? text : (normalizer.keepingIndices(text) ?? normalizer.normalize(text).text),
    );
  }

  /** End the last line that came as bytes. */
  #endBytes(): void {
    if (!this.#bytes) return;
    this.#bytes = false;
    this.#addDecoded(this.#decoder.decode());
    this.#add(this.#held);
    this.#held = "";
    this.#table.endWord();
    if (this.#open) this.#table.lineFeeds++;
    this.#open = false;
  }

  #progress(): TrainProgress {
    const { lines, lineFeeds, words, size } = this.#table;
    return { phase: "count", lines: lines + lineFeeds, words, distinctWords: size, merges: 0, tokens: 0 };
  }
}

function isIterable(lines: TrainSource): lines is Iterable<string | Uint8Array> {
  if (typeof lines === "string" || ArrayBuffer.isView(lines)) {
    throw new TypeError(
      `Cannot train as lines must be an iterable of lines: it is one ${describe(lines)}, put it into an array`,
    );
  }
  if (typeof lines === "object" && lines !== null) {
    if (Symbol.iterator in lines) return true;
    if (Symbol.asyncIterator in lines) return false;
  }
  throw new TypeError(`Cannot train as lines must be an iterable of lines: it is ${describe(lines)}`);
}
