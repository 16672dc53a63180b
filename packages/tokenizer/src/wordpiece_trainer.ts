/**
 * Training of a WordPiece vocabulary, as Hugging Face tokenizers' `BertWordPieceTokenizer.train`, but deterministic.
 *
 * Words are counted, then the most frequent pair of neighbouring symbols becomes a token, again and again. Both halves
 * stand alone: {@linkcode countWords} runs on as many threads as the host has, {@linkcode mergeWordCounts} puts the
 * shares together, {@linkcode trainFromWordCounts} does the rest.
 *
 * @module
 */
import { astral, CharacterCounts, type StartVocabulary, startVocabulary } from "./_train_alphabet.ts";
import { Merges } from "./_train_merges.ts";
import { checkInteger, type CheckedOptions, checkOptions, describe } from "./_train_options.ts";
import { type WordCounts, WordTable } from "./_train_words.ts";
import { BertNormalizer } from "./bert_normalizer.ts";
import { CharClasses } from "./char_classes.ts";

export type { WordCounts };

/** A trained vocabulary. */
export interface Vocab {
  /** Tokens; the index is the id. Special tokens, characters, continuing characters, then merges in their order. */
  tokens: string[];
  /** What training met. */
  report: TrainReport;
}

/** What training met. */
export interface TrainReport {
  /** Lines read. */
  lines: number;
  /** Occurrences of words. */
  words: number;
  /** Distinct words. */
  distinctWords: number;
  /** Entries of the word table dropped to stay within `maxBytes`; a word dropped twice counts twice. */
  prunedWords: number;
  /** The highest frequency of an entry that was dropped, 0 if none was. */
  prunedFrequency: number;
  /** Characters in the vocabulary. */
  alphabetSize: number;
  /** Characters in the vocabulary as continuing ones, `##가`. */
  continuingSize: number;
  /** Characters of the corpus that are not in the vocabulary. */
  cutCharacters: number;
  /** Of these, how many are as frequent as the rarest one kept: the code point alone decided. */
  tiesAtCut: number;
  /** Merges. */
  merges: number;
  /** What is probably not meant, a sentence each. */
  warnings: string[];
}

/** How far training is. */
export interface TrainProgress {
  /** `count` reads text, `pairs` prepares the merges, `merge` merges. */
  phase: "count" | "pairs" | "merge";
  /** Lines read. */
  lines: number;
  /** Occurrences of words read. */
  words: number;
  /** Distinct words. */
  distinctWords: number;
  /** Merges so far. */
  merges: number;
  /** Tokens so far, 0 while counting. */
  tokens: number;
}

/** What all steps of training take. */
export interface TrainControl {
  /** Stops training: the promise rejects with the signal's reason. Looked at about every 20 ms, while merging too. */
  signal?: AbortSignal;
  /** Called about every 20 ms, and at the end of each phase. What it throws ends training. */
  onProgress?: (progress: TrainProgress) => void;
}

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

/** What the vocabulary should be. */
export interface TrainFromWordCountsOptions extends TrainControl {
  /** Tokens at most. Default 30,000. */
  vocabSize?: number;
  /** Pairs that occur less often do not merge. Default 2; 0 and 1 are the same. */
  minFrequency?: number;
  /** Characters at most, the most frequent ones; `Infinity` for all. Default 1,000; KcBERT was trained with 4,000. */
  limitAlphabet?: number;
  /** Characters to keep however rare they are. */
  initialAlphabet?: readonly string[];
  /** Exactly these characters, in this order, instead of the most frequent ones by code point. */
  alphabet?: readonly string[];
  /** Order of the continuing characters: by code point (default), or as listed (`"가"` for `##가`), others after them. */
  continuingOrder?: "codepoint" | readonly string[];
  /** First tokens of the vocabulary. Default `[PAD] [UNK] [CLS] [SEP] [MASK]`. */
  specialTokens?: readonly string[];
  /** What a continuing token starts with: punctuation. Default `"##"`. */
  continuingSubwordPrefix?: string;
}

/** Options of {@linkcode trainWordPiece}. */
export interface TrainWordPieceOptions extends CountWordsOptions, TrainFromWordCountsOptions {}

/** Lines as strings, or UTF-8 text in pieces cut anywhere, or both by turns. */
export type TrainSource = Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

/**
 * Train a WordPiece vocabulary.
 *
 * The same text and options give the same vocabulary, whatever the order of the lines (unless `maxBytes` made it drop
 * words). Given the `alphabet` and `continuingOrder` of a vocabulary that Hugging Face tokenizers trained, the result
 * equals that vocabulary.
 *
 * Follows `WordPieceTrainer` of Hugging Face tokenizers 0.22. Departs in what is random there: continuing characters
 * come by code point, and of equally frequent characters at the limit the smaller code points stay. Counts are exact up
 * to 2^53 and do not wrap.
 *
 * @param lines Lines, each a string; or a UTF-8 file as chunks of bytes, which is a little faster.
 * @param options What the vocabulary should be, and how text becomes words.
 * @returns The tokens and a report.
 * @throws {TypeError} If a line is neither string nor bytes, or an option has a wrong type.
 * @throws {RangeError} If an option is out of range, the text holds no word, or `vocabSize` is less than special tokens,
 * characters and continuing characters need.
 *
 * @example
 * ```ts
 * import { trainWordPiece } from "@kcbert/tokenizer";
 * import assert from "node:assert/strict";
 *
 * const lines = ["영화가 재밌다", "영화를 봤다", "영화 봤다"];
 * const { tokens, report } = await trainWordPiece(lines, { vocabSize: 25 });
 *
 * assert.deepEqual(tokens.slice(0, 7), ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "가", "다"]);
 * assert.deepEqual(tokens.slice(-2), ["영화", "봤다"]);
 * assert.equal(report.distinctWords, 5);
 * ```
 *
 * @example A file in Node, byte by byte as it comes from the disk
 * ```ts
 * import { trainWordPiece } from "@kcbert/tokenizer";
 * import assert from "node:assert/strict";
 * import { createReadStream } from "node:fs";
 *
 * const source = createReadStream(new URL(import.meta.url));
 * const { report } = await trainWordPiece(source, { vocabSize: 2000, signal: AbortSignal.timeout(60_000) });
 * assert(report.lines > 10);
 * ```
 */
export async function trainWordPiece(
  lines: TrainSource,
  options: TrainWordPieceOptions = {},
): Promise<Vocab> {
  checkOptions(options); // before reading a gigabyte
  return await trainFromWordCounts(await countWords(lines, options), options);
}

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

/**
 * Train a WordPiece vocabulary from counted words, the second half of {@linkcode trainWordPiece}.
 *
 * @param counts Distinct words and how often each occurs; left as it is.
 * @param options What the vocabulary should be.
 * @returns The tokens and a report.
 * @throws {TypeError} If `counts` is not the result of `countWords`, or an option has a wrong type.
 * @throws {RangeError} If an option is out of range, there is no word, or `vocabSize` is less than special tokens,
 * characters and continuing characters need.
 *
 * @example Several sizes from one count
 * ```ts
 * import { countWords, trainFromWordCounts } from "@kcbert/tokenizer";
 * import assert from "node:assert/strict";
 *
 * const counts = await countWords(["영화가 재밌다", "영화를 봤다", "영화 봤다"]);
 * const small = await trainFromWordCounts(counts, { vocabSize: 19 });
 * const large = await trainFromWordCounts(counts, { vocabSize: 20 });
 * assert.deepEqual(large.tokens.slice(0, 19), small.tokens);
 * assert.equal(large.tokens[19], "봤다");
 * ```
 */
export async function trainFromWordCounts(
  counts: WordCounts,
  options: TrainFromWordCountsOptions = {},
): Promise<Vocab> {
  const checked = checkOptions(options);
  checkWordCounts(counts);
  if (counts.counts.length === 0) {
    throw new RangeError(
      `Cannot train a vocabulary as the text holds no word: it has ${counts.lines} lines, expected at least one with a visible character`,
    );
  }
  options.signal?.throwIfAborted();
  const characters = new CharacterCounts();
  const report = (phase: "pairs" | "merge", merges = 0, tokens = 0): TrainProgress =>
    progressOf(counts, phase, merges, tokens);
  await inBlocks(
    counts.counts.length,
    WORD_BLOCK,
    options,
    () => report("pairs"),
    (from, to) => {
      characters.add(counts, from, to);
    },
  );
  const start = startVocabulary(characters, checked);
  checkRoom(start, checked);
  const merges = await makePairs(counts, start, checked, options, () =>
    report("pairs", 0, start.tokens.length),
  );
  const { tokens, merged } = await mergePairs(merges, start, checked, options, (merged, tokens) =>
    report("merge", merged, tokens),
  );
  return {
    tokens,
    report: {
      lines: counts.lines,
      words: counts.words,
      distinctWords: counts.counts.length,
      prunedWords: counts.prunedWords,
      prunedFrequency: counts.prunedFrequency,
      alphabetSize: start.alphabetSize,
      continuingSize: start.continuingSize,
      cutCharacters: start.cutCharacters,
      tiesAtCut: start.tiesAtCut,
      merges: merged,
      warnings: warningsOf(counts, start),
    },
  };
}

// --- internal ---

/** The least `maxBytes`. */
const MIN_BYTES = 65_536;
// Work between two pauses, each about 20 ms: UTF-16 units or bytes of text, words, cells, positions.
const TEXT_BLOCK = 1 << 19;
const WORD_BLOCK = 1 << 17;
const CELL_BLOCK = 1 << 18;
const POSITION_BLOCK = 3 << 15;
/** What a merge costs beside its positions, in positions. */
const MERGE_COST = 64;

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
    this.#table = new WordTable(new CharClasses({ cleanText, handleChineseChars }), maxBytes);
    this.#nfc = nfc;
    if (lowercase || stripAccents || nfc) {
      this.#normalizer = new BertNormalizer({ nfc, lowercase, stripAccents });
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
    this.#table.add(this.#normalizer === undefined ? text : this.#normalizer.normalize(text).text);
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

/** Bring the words into cells, count their pairs and queue them. */
async function makePairs(
  counts: WordCounts,
  start: StartVocabulary,
  { vocabSize, minFrequency }: CheckedOptions,
  control: TrainControl,
  progress: () => TrainProgress,
): Promise<Merges> {
  const words = counts.counts.length;
  await breathe(control, progress());
  const merges = new Merges(counts.units.length + words, words, vocabSize, minFrequency);
  const symbols = new SymbolBuffer(start);
  await inBlocks(words, WORD_BLOCK, control, progress, (from, to) => {
    for (let word = from; word < to; word++) {
      const length = symbols.read(counts.units, counts.starts[word]!, counts.starts[word + 1]!);
      merges.addWord(symbols.symbols, length, counts.counts[word]!);
    }
  });
  const { cells } = merges;
  await inBlocks(cells, CELL_BLOCK, control, progress, (from, to) => merges.countPairs(from, to));
  merges.queuePairs();
  await inBlocks(cells, CELL_BLOCK, control, progress, (from, to) => merges.placePairs(from, to));
  return merges;
}

/** Symbols of one word; a symbol is an id plus one. */
class SymbolBuffer {
  readonly #start: StartVocabulary;
  symbols: Int32Array = new Int32Array(256);

  constructor(start: StartVocabulary) {
    this.#start = start;
  }

  /** Read a word into `symbols`, without the characters that were cut. Returns how many there are. */
  read(units: Uint16Array, first: number, end: number): number {
    if (end - first > this.symbols.length) this.symbols = new Int32Array((end - first) * 2);
    let length = 0;
    for (let i = first; i < end; i++) {
      const table = i === first ? this.#start.first : this.#start.continuing;
      let codePoint = units[i]!;
      if (codePoint >= 0xd800 && codePoint < 0xdc00 && i + 1 < end)
        codePoint = astral(codePoint, units[++i]!);
      const id = table[codePoint]!;
      if (id >= 0) this.symbols[length++] = id + 1;
    }
    return length;
  }
}

/** Merge the most frequent pair until the vocabulary is full or no pair is frequent enough. */
async function mergePairs(
  merges: Merges,
  { tokens }: StartVocabulary,
  { vocabSize, continuingSubwordPrefix }: CheckedOptions,
  control: TrainControl,
  progress: (merged: number, tokens: number) => TrainProgress,
): Promise<{ tokens: string[]; merged: number }> {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  let merged = 0;
  let budget = POSITION_BLOCK;
  while (tokens.length < vocabSize) {
    const pair = merges.next();
    if (pair < 0) break;
    const right = tokens[merges.right(pair) - 1]!;
    const token = tokens[merges.left(pair) - 1]! + right.slice(continuingSubwordPrefix.length);
    // A special token may read like a merge, which then takes over its id.
    const id = ids.get(token) ?? tokens.length;
    if (id === tokens.length) {
      ids.set(token, id);
      tokens.push(token);
    }
    const positions = merges.positions(pair);
    for (let from = 0; from < positions; from += POSITION_BLOCK) {
      const to = Math.min(from + POSITION_BLOCK, positions);
      merges.replace(pair, id + 1, from, to);
      budget -= to - from;
      if (budget <= 0) {
        budget = POSITION_BLOCK;
        await breathe(control, progress(merged, tokens.length));
      }
    }
    merges.finish(pair, id + 1);
    merged++;
    budget -= MERGE_COST;
  }
  control.signal?.throwIfAborted();
  control.onProgress?.(progress(merged, tokens.length));
  return { tokens, merged };
}

function checkRoom(
  { tokens, alphabetSize, continuingSize }: StartVocabulary,
  { vocabSize }: CheckedOptions,
): void {
  if (tokens.length <= vocabSize) return;
  throw new RangeError(
    `Cannot train as vocabSize must be at least ${tokens.length} for the special tokens, ${alphabetSize} characters and ${continuingSize} continuing characters: current value is ${vocabSize}, raise it or lower limitAlphabet`,
  );
}

function checkWordCounts(counts: WordCounts): void {
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

function warningsOf(
  { prunedWords, prunedFrequency }: WordCounts,
  { decomposedHangul }: StartVocabulary,
): string[] {
  const warnings: string[] = [];
  if (decomposedHangul) {
    warnings.push(
      "The text holds conjoining jamo: Hangul was decomposed by stripAccents, or came so (NFD); set stripAccents to false and nfc to true to keep syllables",
    );
  }
  if (prunedWords > 0) {
    warnings.push(
      `${prunedWords} words that occurred up to ${prunedFrequency} times were dropped to stay within maxBytes: counts near that frequency are too low`,
    );
  }
  return warnings;
}

function progressOf(
  { lines, words, counts }: WordCounts,
  phase: TrainProgress["phase"],
  merges: number,
  tokens: number,
): TrainProgress {
  return { phase, lines, words, distinctWords: counts.length, merges, tokens };
}

/** Do work in blocks, with a pause between them. */
async function inBlocks(
  length: number,
  size: number,
  control: TrainControl,
  progress: () => TrainProgress,
  work: (from: number, to: number) => void,
): Promise<void> {
  for (let from = 0; from < length; from += size) {
    if (from > 0) await breathe(control, progress());
    work(from, Math.min(from + size, length));
  }
}

/** Report, let timers and input run, and stop if asked to. */
async function breathe({ signal, onProgress }: TrainControl, progress: TrainProgress): Promise<void> {
  onProgress?.(progress);
  await new Promise<void>((resolve) => {
    setTimeout(resolve, 0);
  });
  signal?.throwIfAborted();
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
