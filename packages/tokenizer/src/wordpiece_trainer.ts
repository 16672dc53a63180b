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
import { type CheckedOptions, checkOptions } from "./_train_options.ts";
import { breathe, inBlocks, progressOf, type TrainControl, type TrainProgress } from "./_train_pace.ts";
import type { WordCounts } from "./_train_words.ts";
import { checkWordCounts, countWords, type CountWordsOptions, type TrainSource } from "./count_words.ts";

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

// Work between two pauses: words, cells, positions.
const WORD_BLOCK = 1 << 17;
const CELL_BLOCK = 1 << 18;
const POSITION_BLOCK = 3 << 15;
/** What a merge costs beside its positions, in positions. */
const MERGE_COST = 64;

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
