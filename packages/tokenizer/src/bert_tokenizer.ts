/**
 * The tokenizer: special tokens, normalizer, words, pieces, template.
 *
 * @module
 */
import { BatchEncoding } from "./batch_encoding.ts";
import { BertNormalizer } from "./bert_normalizer.ts";
import { CharClasses } from "./char_classes.ts";
import { decodeTokens } from "./decoder.ts";
import type { CommonEncodeOptions, EncodeBatchOptions, EncodeOptions, TextInput } from "./encode_options.ts";
import { checkOptions } from "./encode_options.ts";
import { Encoding } from "./encoding.ts";
import { convertSpans } from "./offset_units.ts";
import type { OffsetUnit } from "./offset_units.ts";
import { SpecialTokens } from "./special_tokens.ts";
import type { Row } from "./template.ts";
import { addedTokens, rowLength } from "./template.ts";
import { TokenBuffer } from "./token_buffer.ts";
import {
  compareTokenizerJson,
  parseTokenizerJson,
  readTokenizerJson,
  tokenizerJson,
} from "./tokenizer_json.ts";
import { truncateRow } from "./truncation.ts";
import type { UnknownWord } from "./unknown_report.ts";
import { formatVocab, parseVocab } from "./vocab.ts";
import { missingToken, WordPiece } from "./wordpiece.ts";

/** Part that a special token plays. */
export type SpecialTokenRole = "pad" | "unk" | "cls" | "sep" | "mask";

/** How a vocabulary is to be used. */
export interface BertTokenizerOptions {
  /** Lower the case. Default `false`: KcBERT is cased. */
  lowercase?: boolean;
  /** Drop accents; this takes Hangul apart, too. Default `null`: the same as `lowercase`. */
  stripAccents?: boolean | null;
  /** Remove control characters. Default `true`. */
  cleanText?: boolean;
  /** Make each Chinese character a word. Default `true`. */
  handleChineseChars?: boolean;
  /** Longest word in code points; a longer one becomes `[UNK]`. Default 100. */
  maxInputCharsPerWord?: number;
  /** Names of the special tokens. Default `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]`, `[MASK]`. */
  specialTokens?: Partial<Record<SpecialTokenRole, string>>;
  /** More tokens to be found in raw text before anything else. Those that the vocabulary lacks get the ids after it. */
  additionalSpecialTokens?: readonly string[];
  /** Compose conjoining jamo first, as in file names from macOS. Offsets stay those of the text given. Default `false`. */
  nfc?: boolean;
  /**
   * Split characters that occur in no token off a word, instead of giving up the whole word: `재밌ㅠㅠ` becomes
   * `재밌`, `[UNK]` where ㅠ is missing. Not what Hugging Face does. Default `false`.
   */
  splitUnknown?: boolean;
  /** Clean up punctuation in `decode`. Default `true`. */
  cleanup?: boolean;
  /** Options that `encode` and `encodeBatch` take where they are given none. */
  defaults?: CommonEncodeOptions;
}

/** Options of `decode`. */
export interface DecodeOptions {
  /** Leave special tokens out. Default `true`. */
  skipSpecialTokens?: boolean;
  /** Clean up punctuation. Default: as the tokenizer was made. */
  cleanup?: boolean;
  /** Throw for ids beyond the vocabulary instead of leaving them out. Default `false`, as in Hugging Face tokenizers. */
  strict?: boolean;
}

/**
 * BERT's tokenizer, equal to Hugging Face tokenizers 0.22 id for id and offset for offset.
 *
 * @example
 * ```ts
 * import { BertTokenizer } from "@kcbert/tokenizer";
 * import assert from "node:assert/strict";
 *
 * const vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n영화\n재밌\n##다\n!\n";
 * const tokenizer = BertTokenizer.fromVocab(vocab);
 *
 * const { ids, tokens, offsets } = tokenizer.encode("영화 재밌다!");
 * assert.deepEqual(tokens, ["[CLS]", "영화", "재밌", "##다", "!", "[SEP]"]);
 * assert.deepEqual([...ids], [2, 5, 6, 7, 8, 3]);
 * assert.equal("영화 재밌다!".slice(offsets[4], offsets[5]), "재밌");
 * assert.equal(tokenizer.decode(ids), "영화 재밌다!");
 * ```
 */
export class BertTokenizer {
  /** Id of `[PAD]`. */
  readonly padId: number;
  /** Id of `[UNK]`. */
  readonly unkId: number;
  /** Id of `[CLS]`. */
  readonly clsId: number;
  /** Id of `[SEP]`. */
  readonly sepId: number;
  /** Id of `[MASK]`. */
  readonly maskId: number;
  /** How the vocabulary is used, as given. */
  readonly options: Readonly<BertTokenizerOptions>;
  readonly #names: Record<SpecialTokenRole, string>;
  readonly #tokens: readonly string[];
  readonly #wordPiece: WordPiece;
  readonly #normalizer: BertNormalizer;
  readonly #specialIds: ReadonlyMap<string, number>;
  readonly #specialTokens: SpecialTokens;
  readonly #buffer = new TokenBuffer(true);
  readonly #idBuffer = new TokenBuffer(false);

  private constructor(vocabulary: readonly string[], options: BertTokenizerOptions) {
    const { lowercase = false, maxInputCharsPerWord = 100 } = options;
    const names = { ...SPECIAL_TOKENS, ...options.specialTokens };
    this.options = options;
    this.#names = names;
    const classes = new CharClasses(options);
    this.#wordPiece = new WordPiece(vocabulary, classes, {
      unkToken: names.unk,
      maxInputCharsPerWord,
      splitUnknown: options.splitUnknown ?? false,
    });
    this.#normalizer = new BertNormalizer(classes, {
      nfc: options.nfc ?? false,
      stripAccents: options.stripAccents ?? lowercase,
      lowercase,
    });
    const specialIds = new Map<string, number>();
    const idOf = (role: SpecialTokenRole): number => {
      const id = this.#wordPiece.idOf(names[role]);
      if (id === undefined) throw missingToken(names[role], role);
      specialIds.set(names[role], id);
      return id;
    };
    this.padId = idOf("pad");
    this.unkId = idOf("unk");
    this.clsId = idOf("cls");
    this.sepId = idOf("sep");
    this.maskId = idOf("mask");
    const tokens = vocabulary.slice();
    for (const token of options.additionalSpecialTokens ?? []) {
      if (token === "" || specialIds.has(token)) continue;
      const id = this.#wordPiece.idOf(token) ?? tokens.push(token) - 1;
      specialIds.set(token, id);
    }
    this.#tokens = tokens;
    this.#specialIds = specialIds;
    this.#specialTokens = new SpecialTokens(specialIds);
  }

  /**
   * Make a tokenizer of a vocabulary.
   *
   * @param vocab The text of a `vocab.txt`, or the tokens in the order of their ids.
   * @param options How to use it; the defaults are KcBERT's.
   * @throws {SyntaxError} If the text has a byte-order mark, carriage returns, or no line.
   * @throws {RangeError} If a token occurs twice, or a special token is missing.
   */
  static fromVocab(vocab: string | readonly string[], options: BertTokenizerOptions = {}): BertTokenizer {
    if (typeof vocab === "string") return new BertTokenizer(parseVocab(vocab), options);
    if (!Array.isArray(vocab)) {
      throw new TypeError(
        `Cannot use the vocabulary as it must be the text of a vocab.txt, or an array of tokens: it is ${kindOf(vocab)}`,
      );
    }
    const wrong = vocab.findIndex((token) => typeof token !== "string");
    if (wrong !== -1) {
      throw new TypeError(
        `Cannot use the vocabulary as its tokens must be strings: token ${wrong} is ${kindOf(vocab[wrong])}`,
      );
    }
    return new BertTokenizer(vocab, options);
  }

  /**
   * Read a `tokenizer.json` of Hugging Face tokenizers.
   *
   * @param json The file's text, or what `JSON.parse` makes of it.
   * @throws {SyntaxError} If the text is not JSON.
   * @throws {RangeError} If a part of it is not of BERT's kind, or the vocabulary lacks a special token.
   */
  static fromJson(json: string | object): BertTokenizer {
    const file = parseTokenizerJson(json);
    const { vocabulary, options } = readTokenizerJson(file);
    const tokenizer = new BertTokenizer(vocabulary, options);
    compareTokenizerJson(file, tokenizer.#json([]));
    return tokenizer;
  }

  /**
   * The text of a `tokenizer.json`, for Hugging Face tokenizers, transformers and transformers.js.
   *
   * @throws {RangeError} If a default option has no counterpart there.
   */
  toJson(): string {
    return `${JSON.stringify(this.#json(this.#wordPiece.tokens), null, 2)}\n`;
  }

  /** Number of tokens. */
  get vocabSize(): number {
    return this.#tokens.length;
  }

  /** Id of a token, or `undefined` if the vocabulary lacks it. */
  tokenToId(token: string): number | undefined {
    return this.#specialIds.get(token) ?? this.#wordPiece.idOf(token);
  }

  /** Token of an id, or `undefined` beyond the vocabulary. */
  idToToken(id: number): string | undefined {
    return this.#tokens[id];
  }

  /** The text of a `vocab.txt`. */
  vocabText(): string {
    return formatVocab(this.#tokens);
  }

  /**
   * Encode one text, or a pair.
   *
   * @param text The text, or its words if they were split before.
   * @returns Ids and what belongs to them, int32 `[N]` each.
   * @throws {TypeError} If `text` or `pair` is neither a string nor an array of strings.
   * @throws {RangeError} If an option is out of range, `maxLength` has no room for the special tokens, `stride` is not less
   * than the window, or the one sequence that may be cut is too short.
   *
   * @example Windows over a long text
   * ```ts
   * import { BertTokenizer } from "@kcbert/tokenizer";
   * import assert from "node:assert/strict";
   *
   * const tokenizer = BertTokenizer.fromVocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "가", "나", "다"]);
   * const encoding = tokenizer.encode("가 나 다", { maxLength: 4, stride: 1 });
   * assert.deepEqual(encoding.tokens, ["[CLS]", "가", "나", "[SEP]"]);
   * assert.deepEqual(encoding.overflowing[0]?.tokens, ["[CLS]", "나", "다", "[SEP]"]);
   * ```
   */
  encode(text: TextInput, options: EncodeOptions = {}): Encoding {
    const { pair } = options;
    const merged = this.#withDefaults(options, pair !== undefined);
    const buffer = this.#buffer;
    buffer.clear();
    const row = this.#row(buffer, text, pair, merged);
    const rows = rowLength(row) > mostTokens(merged) ? truncate(row, merged) : [row];
    padRows(rows, paddedWidth(rowLength(rows[0]!), merged), merged);
    const encoding = new Encoding(rows[0]!, buffer, this, this.#tokens);
    if (rows.length > 1) {
      encoding.overflowing = rows.slice(1).map((window) => new Encoding(window, buffer, this, this.#tokens));
    }
    return encoding;
  }

  /**
   * Encode many texts into flat arrays.
   *
   * @param texts The texts, or their words. @param options As of `encode`; `pairs` are as many as texts.
   * @returns Rows one after the other; with padding, all of one length.
   * @throws {TypeError | RangeError} As `encode`.
   *
   * @example
   * ```ts
   * import { BertTokenizer } from "@kcbert/tokenizer";
   * import assert from "node:assert/strict";
   *
   * const tokenizer = BertTokenizer.fromVocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "가", "나"]);
   * const { ids, attentionMask, rows, width } = tokenizer.encodeBatch(["가 나", "가"], { padding: true });
   * assert.deepEqual([rows, width], [2, 4]);
   * assert.deepEqual([...ids], [2, 5, 6, 3, 2, 5, 3, 0]);
   * assert.deepEqual([...attentionMask], [1, 1, 1, 1, 1, 1, 1, 0]);
   * ```
   */
  encodeBatch(texts: readonly TextInput[], options: EncodeBatchOptions = {}): BatchEncoding {
    const { pairs, offsets = false } = options;
    const merged = this.#withDefaults(options, pairs !== undefined);
    if (!Array.isArray(texts)) throw notText("texts", texts, "an array of strings");
    if (pairs !== undefined && pairs.length !== texts.length) {
      throw new RangeError(
        `Cannot encode the batch as pairs must be as many as texts: ${pairs.length} pairs, ${texts.length} texts`,
      );
    }
    const buffer = offsets ? this.#buffer : this.#idBuffer;
    buffer.clear();
    const most = mostTokens(merged);
    const rows: Row[] = [];
    let textIndexes: number[] | undefined; // absent while every text has one row
    let longest = 0;
    let whole = merged.padding === undefined || merged.padding === false; // whether the buffer's content is the batch
    for (let t = 0; t < texts.length; t++) {
      const row = this.#row(buffer, texts[t]!, pairs?.[t], merged);
      const length = rowLength(row);
      if (length <= most) {
        rows.push(row);
        textIndexes?.push(t);
        longest = Math.max(longest, length);
        continue;
      }
      whole = false;
      const windows = truncate(row, merged);
      if (windows.length > 1) textIndexes ??= rows.map((_, r) => r);
      for (const window of windows) {
        rows.push(window);
        textIndexes?.push(t);
      }
      longest = Math.max(longest, rowLength(windows[0]!));
    }
    padRows(rows, paddedWidth(longest, merged), merged);
    return new BatchEncoding(rows, textIndexes, buffer, this, whole);
  }

  /**
   * Turn ids back into text.
   *
   * @param ids Token ids; those beyond the vocabulary are left out.
   * @throws {RangeError} If an id is negative or no integer, or with `strict` beyond the vocabulary.
   */
  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    const { skipSpecialTokens = true, cleanup = this.options.cleanup ?? true, strict = false } = options;
    const tokens: string[] = [];
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      const token = this.#tokens[id];
      if (token === undefined) {
        if (strict || !Number.isInteger(id) || id < 0) {
          throw new RangeError(
            `Cannot decode the id at index ${i} as ids must be integers from 0 to ${this.vocabSize - 1}: it is ${id}`,
          );
        }
      } else if (!skipSpecialTokens || !this.#specialIds.has(token)) tokens.push(token);
    }
    return decodeTokens(tokens, cleanup);
  }

  /**
   * Join tokens to text as `decode` does, those that the vocabulary lacks too.
   *
   * @param tokens The tokens; those that continue a word begin with `##`.
   */
  convertTokensToString(tokens: readonly string[]): string {
    return decodeTokens(tokens, this.options.cleanup ?? true);
  }

  /** Why a word is unknown: for {@linkcode reportUnknown}. */
  explainUnknown(word: string): Pick<UnknownWord, "reason" | "missing"> {
    return this.#wordPiece.explain(this.#normalizer.normalize(word).text);
  }

  // --- internal ---

  #json(vocabulary: readonly string[]): object {
    return tokenizerJson({ vocabulary, options: this.options }, this.#names, this.#specialIds);
  }

  #withDefaults(options: CommonEncodeOptions, pair: boolean): CommonEncodeOptions {
    const { defaults } = this.options;
    const merged = defaults === undefined ? options : { ...defaults, ...options };
    checkOptions(merged, pair);
    return merged;
  }

  /** Tokenize a text and its pair onto the buffer's end, with what is added: the row they make. */
  #row(buffer: TokenBuffer, text: TextInput, pair: TextInput | undefined, options: CommonEncodeOptions): Row {
    const special = options.addSpecialTokens ?? true;
    if (special) buffer.push(this.clsId, 0, 0, -1);
    const first = buffer.length;
    this.#tokenize(text, buffer, options);
    const firstEnd = buffer.length;
    if (special) buffer.push(this.sepId, 0, 0, -1);
    let second = -1;
    let secondEnd = -1;
    if (pair !== undefined) {
      second = buffer.length;
      this.#tokenize(pair, buffer, options);
      secondEnd = buffer.length;
      if (special) buffer.push(this.sepId, 0, 0, -1);
    }
    return { first, firstEnd, second, secondEnd, special, padLeft: 0, padRight: 0 };
  }

  /** Tokenize text, or words, onto the buffer's end. */
  #tokenize(text: TextInput, buffer: TokenBuffer, { offsetUnit }: CommonEncodeOptions): void {
    buffer.nextWord = 0;
    if (typeof text === "string") {
      this.#tokenizeText(text, buffer, offsetUnit);
      return;
    }
    if (!Array.isArray(text)) throw notText("text", text, "a string, or an array of words");
    for (let w = 0; w < text.length; w++) {
      const word = text[w] as string;
      if (typeof word !== "string") throw notText(`word ${w}`, word, "a string");
      const start = buffer.length;
      this.#tokenizeText(word, buffer, offsetUnit);
      buffer.words?.fill(w, start, buffer.length);
    }
  }

  /** Tokenize raw text: special tokens first, then what is between them. */
  #tokenizeText(text: string, buffer: TokenBuffer, offsetUnit: OffsetUnit | undefined): void {
    const length = buffer.length;
    const kept = this.#normalizer.keepingIndices(text);
    let from = 0;
    if (this.#specialTokens.mayOccurIn(text)) {
      for (const [id, start, end] of this.#specialTokens.find(text)) {
        this.#tokenizeStretch(text, kept, from, start, buffer);
        buffer.push(id, start, end, buffer.nextWord++);
        from = end;
      }
    }
    this.#tokenizeStretch(text, kept, from, text.length, buffer);
    if (offsetUnit !== undefined && offsetUnit !== "utf16" && buffer.spans !== undefined) {
      convertSpans(text, buffer.spans, length, buffer.length, offsetUnit);
    }
  }

  /** Tokenize what is between special tokens. @param kept The text if normalization moves no character of it. */
  #tokenizeStretch(
    text: string,
    kept: string | undefined,
    from: number,
    to: number,
    buffer: TokenBuffer,
  ): void {
    const { length, nextWord } = buffer;
    if (kept !== undefined && this.#wordPiece.tokenize(kept, from, to, buffer)) return;
    buffer.length = length;
    buffer.nextWord = nextWord;
    const { text: normalized, starts, ends } = this.#normalizer.normalize(text.slice(from, to));
    this.#wordPiece.tokenize(normalized, 0, normalized.length, buffer);
    const { spans } = buffer;
    if (spans === undefined) return;
    for (let i = 2 * length; i < 2 * buffer.length; i += 2) {
      spans[i] = from + starts[spans[i]!]!;
      spans[i + 1] = from + ends[spans[i + 1]! - 1]!;
    }
  }
}

// --- internal ---

const SPECIAL_TOKENS = { pad: "[PAD]", unk: "[UNK]", cls: "[CLS]", sep: "[SEP]", mask: "[MASK]" };

/** Tokens that a row may have. */
function mostTokens({ maxLength = Infinity, truncation }: CommonEncodeOptions): number {
  return truncation === false ? Infinity : maxLength;
}

function truncate(row: Row, options: CommonEncodeOptions): Row[] {
  const { maxLength = 0, truncation, truncationSide = "right", stride } = options;
  const budget = maxLength - (row.special ? addedTokens(row.second >= 0) : 0);
  return truncateRow(row, budget, truncation || "longest_first", truncationSide, stride);
}

/** Length to pad rows to, 0 for none. */
function paddedWidth(
  longest: number,
  { padding = false, padToMultipleOf = 1, maxLength = 0 }: CommonEncodeOptions,
): number {
  if (padding === false) return 0;
  const width = typeof padding === "number" ? padding : padding === "max_length" ? maxLength : longest;
  return Math.ceil(width / padToMultipleOf) * padToMultipleOf;
}

function padRows(rows: readonly Row[], width: number, { paddingSide = "right" }: CommonEncodeOptions): void {
  if (width === 0) return;
  for (const row of rows) {
    const missing = Math.max(0, width - rowLength(row));
    if (paddingSide === "left") row.padLeft = missing;
    else row.padRight = missing;
  }
}

function notText(name: string, value: unknown, expected: string): TypeError {
  return new TypeError(`Cannot encode as ${name} must be ${expected}: it is ${kindOf(value)}`);
}

function kindOf(value: unknown): string {
  return value === null || value === undefined
    ? String(value)
    : `${/^[aeiou]/.test(typeof value) ? "an" : "a"} ${typeof value}`;
}
