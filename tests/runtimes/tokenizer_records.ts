/** Golden records of the tokenizer, checked with nothing but what every runtime has. */
import { BertTokenizer } from "@kcbert/tokenizer";
import type {
  BertTokenizerOptions,
  CommonEncodeOptions,
  Encoding,
  Side,
  TextInput,
  TruncationStrategy,
} from "@kcbert/tokenizer";
import {
  CharClasses,
  CHINESE,
  nonspacingMarks,
  PLAIN,
  PUNCTUATION,
  REMOVED,
  UNDECOMPOSED,
  WHITESPACE,
} from "../../packages/tokenizer/src/char_classes.ts";

/** The golden files as text, decompressed. */
export interface GoldenFiles {
  vocab: string;
  encode: string;
  decode: string;
  classes: string;
}

/** How one kind of record fared. */
export interface GoldenLine {
  file: string;
  kind: string;
  records: number;
  mismatches: number;
  /** The first mismatch, in words. */
  first?: string;
}

interface EncodeRecord {
  tag: string;
  text?: string;
  pair?: string;
  words?: string[];
  pair_words?: string[];
  options?: {
    max_length?: number;
    strategy?: TruncationStrategy;
    stride?: number;
    direction?: Side;
    overflow?: boolean;
    pad_to?: number;
    pad_multiple?: number;
    pad_side?: Side;
    add_special_tokens?: boolean;
    lowercase?: boolean;
    strip_accents?: boolean;
    clean_text?: boolean;
    handle_chinese_chars?: boolean;
  };
  error?: string;
  overflowing?: ExpectedEncoding[];
}

interface ExpectedEncoding {
  ids: number[];
  type_ids: number[];
  tokens: string[];
  offsets: [start: number, end: number][];
  attention_mask?: number[];
  special_tokens_mask?: number[];
  word_ids?: (number | null)[];
}

interface DecodeRecord {
  ids: number[];
  skip_special_tokens: boolean;
  cleanup: boolean;
  text: string;
}

/** What `goldenReport` gives if nothing is wrong, and nothing was left out. */
export const EXPECTED_LINES: readonly GoldenLine[] = [
  ...Object.entries({
    pair: 1300,
    single: 7984,
    pad: 320,
    error: 84,
    normalizer: 560,
    truncate: 616,
    overflow: 480,
    pretokenized: 200,
    bare: 150,
  }).map(([kind, records]) => ({ file: "wordpiece.jsonl.gz", kind, records, mismatches: 0 })),
  { file: "wordpiece-decode.jsonl.gz", kind: "decode", records: 1200, mismatches: 0 },
  // Every code point but the surrogates, and one line for the list beside the table.
  { file: "bert-char-classes.json", kind: "code point", records: 0x110000 - 0x800 + 1, mismatches: 0 },
];

/** Check every record, and count. */
export function goldenReport({ vocab, encode, decode, classes }: GoldenFiles): GoldenLine[] {
  const lines = new Map<string, GoldenLine>();
  const count = (file: string, kind: string, difference: string | undefined): void => {
    const line = lines.get(file + kind) ?? { file, kind, records: 0, mismatches: 0 };
    lines.set(file + kind, line);
    line.records++;
    if (difference === undefined) return;
    if (line.mismatches++ === 0) line.first = difference;
  };
  for (const [kind, difference] of encodeDifferences(vocab, encode))
    count("wordpiece.jsonl.gz", kind, difference);
  const tokenizer = BertTokenizer.fromVocab(vocab);
  for (const line of jsonLines(decode)) {
    const { ids, text, cleanup, skip_special_tokens: skipSpecialTokens } = line as DecodeRecord;
    const actual = tokenizer.decode(ids, { skipSpecialTokens, cleanup });
    const difference = actual === text ? undefined : `${JSON.stringify(line)}: got ${JSON.stringify(actual)}`;
    count("wordpiece-decode.jsonl.gz", "decode", difference);
  }
  for (const difference of classDifferences(classes))
    count("bert-char-classes.json", "code point", difference);
  return [...lines.values()];
}

/** For each encode record its kind and the difference, if there is one. */
export function* encodeDifferences(
  vocab: string,
  records: string,
): Generator<[kind: string, difference: string | undefined]> {
  const tokenizers = new Map<string, BertTokenizer>();
  const tokenizerFor = (options: BertTokenizerOptions): BertTokenizer => {
    const key = JSON.stringify(options);
    const tokenizer = tokenizers.get(key) ?? BertTokenizer.fromVocab(vocab, options);
    tokenizers.set(key, tokenizer);
    return tokenizer;
  };
  for (const line of jsonLines(records)) {
    const record = line as EncodeRecord;
    yield [record.tag, differenceOf(record, tokenizerFor(tokenizerOptions(record)))];
  }
}

// --- internal ---

function jsonLines(text: string): unknown[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

function tokenizerOptions({ options = {} }: EncodeRecord): BertTokenizerOptions {
  const { lowercase = false, strip_accents: stripAccents, clean_text: cleanText = true } = options;
  return {
    lowercase,
    cleanText,
    handleChineseChars: options.handle_chinese_chars ?? true,
    stripAccents: stripAccents ?? (options.lowercase === true ? null : false),
  };
}

function encodeOptions({ options = {} }: EncodeRecord): CommonEncodeOptions {
  const {
    max_length,
    strategy,
    stride,
    direction,
    overflow,
    pad_to,
    pad_multiple,
    pad_side,
    add_special_tokens,
  } = options;
  return {
    ...(max_length !== undefined && { maxLength: max_length }),
    ...(strategy !== undefined && { truncation: strategy }),
    ...(stride !== undefined && overflow === true && { stride }),
    ...(direction !== undefined && { truncationSide: direction }),
    ...(pad_to !== undefined && { padding: pad_to }),
    ...(pad_multiple !== undefined && {
      padToMultipleOf: pad_multiple,
      ...(pad_to === undefined && { padding: true }),
    }),
    ...(pad_side !== undefined && { paddingSide: pad_side }),
    ...(pad_side !== undefined && pad_to === undefined && { padding: true }),
    ...(add_special_tokens !== undefined && { addSpecialTokens: add_special_tokens }),
  };
}

function differenceOf(record: EncodeRecord, tokenizer: BertTokenizer): string | undefined {
  const text: TextInput = record.words ?? record.text!;
  const pair: TextInput | undefined = record.pair_words ?? record.pair;
  const options = encodeOptions(record);
  const describe = (what: string, actual: unknown, expected: unknown): string =>
    `${record.tag}: ${what} of ${JSON.stringify(text)}, ${JSON.stringify(pair)} with ${JSON.stringify(record.options)}: got ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`;
  const encode = (offsetUnit: "utf16" | "codepoint" | "byte"): Encoding =>
    tokenizer.encode(text, { ...options, offsetUnit, ...(pair !== undefined && { pair }) });
  if (record.error !== undefined) {
    try {
      return describe("ids", [...encode("codepoint").ids], record.error);
    } catch (error) {
      return error instanceof RangeError ? undefined : describe("error", String(error), "RangeError");
    }
  }
  const encoding = encode("codepoint");
  const expected = [record as unknown as ExpectedEncoding, ...(record.overflowing ?? [])];
  const actual = [encoding, ...encoding.overflowing];
  if (actual.length !== expected.length) return describe("number of windows", actual.length, expected.length);
  for (let w = 0; w < expected.length; w++) {
    for (const [name, got, wanted] of compared(actual[w]!, expected[w]!)) {
      const gotText = JSON.stringify(got);
      if (wanted !== undefined && gotText !== JSON.stringify(wanted))
        return describe(`${name} (window ${w})`, got, wanted);
    }
  }
  // The other units must lead to the same places.
  if (typeof text === "string" && pair === undefined) {
    const utf16 = encode("utf16").offsets;
    const bytes = encode("byte").offsets;
    const indexes = unitIndexes(text);
    const wrong = encoding.offsets.findIndex(
      (offset, i) => indexes.utf16[offset] !== utf16[i] || indexes.byte[offset] !== bytes[i],
    );
    if (wrong !== -1)
      return describe(
        `offset ${wrong} in UTF-16 and bytes`,
        [utf16[wrong], bytes[wrong]],
        encoding.offsets[wrong],
      );
  }
  return undefined;
}

/** UTF-16 and byte index of each code point. */
function unitIndexes(text: string): { utf16: number[]; byte: number[] } {
  const indexes = { utf16: [0], byte: [0] };
  const encoder = new TextEncoder();
  let utf16 = 0;
  let byte = 0;
  for (const character of text) {
    indexes.utf16.push((utf16 += character.length));
    indexes.byte.push((byte += encoder.encode(character).length));
  }
  return indexes;
}

function compared(
  actual: Encoding,
  expected: ExpectedEncoding,
): [name: string, got: unknown, wanted: unknown][] {
  const offsets: [number, number][] = [];
  for (let i = 0; i < actual.length; i++) offsets.push([actual.offsets[2 * i]!, actual.offsets[2 * i + 1]!]);
  return [
    ["ids", [...actual.ids], expected.ids],
    ["type ids", [...actual.typeIds], expected.type_ids],
    ["tokens", actual.tokens, expected.tokens],
    ["offsets", offsets, expected.offsets],
    ["attention mask", [...actual.attentionMask], expected.attention_mask],
    ["special tokens mask", [...actual.specialTokensMask], expected.special_tokens_mask],
    ["word ids", Array.from(actual.wordIds, (word) => (word === -1 ? null : word)), expected.word_ids],
  ];
}

/** For each code point its difference from the class table, if there is one. */
function* classDifferences(json: string): Generator<string | undefined> {
  const golden = JSON.parse(json) as Record<string, [first: number, last: number][]>;
  const expected = new Uint8Array(0x110000).fill(PLAIN);
  const paint = (name: string, charClass: number): void => {
    for (const [first, last] of golden[name]!) expected.fill(charClass, first, last + 1);
  };
  paint("isolated_as_punctuation", PUNCTUATION);
  paint("isolated_by_handle_chinese_chars", CHINESE);
  paint("whitespace_split", WHITESPACE);
  paint("removed_by_clean_text", REMOVED);
  paint("made_space_by_clean_text", WHITESPACE);
  const marks = new Set<number>();
  for (const [first, last] of golden["removed_by_strip_accents"]!)
    for (let c = first; c <= last; c++) marks.add(c);
  const ourMarks = new Set<number>();
  for (const [first, last] of nonspacingMarks()) for (let c = first; c <= last; c++) ourMarks.add(c);
  const classes = new CharClasses();
  for (let codePoint = 0; codePoint <= 0x10ffff; codePoint++) {
    if (codePoint >= 0xd800 && codePoint <= 0xdfff) continue;
    const agrees =
      classes.of(codePoint) === expected[codePoint] && ourMarks.has(codePoint) === marks.has(codePoint);
    yield agrees
      ? undefined
      : `U+${codePoint.toString(16)}: class ${classes.of(codePoint)}, expected ${expected[codePoint]}`;
  }
  const undecomposed =
    JSON.stringify(UNDECOMPOSED) === JSON.stringify(golden["nfd_of_one_character_unlike_unicode_17"]);
  yield undecomposed ? undefined : "UNDECOMPOSED differs";
}
