/**
 * `tokenizer.json`, the file of Hugging Face tokenizers that says everything.
 *
 * Reading takes the options out of the file, writes the file that these options make, and compares: whatever differs is something
 * that this package would do otherwise, and an error says where. So nothing is silently left out.
 *
 * @module
 */
import type { BertTokenizerOptions, SpecialTokenRole } from "./bert_tokenizer.ts";
import type { CommonEncodeOptions } from "./encode_options.ts";
import type { Side, TruncationStrategy } from "./truncation.ts";

/** What a `tokenizer.json` tells. */
export interface TokenizerJson {
  /** The model's tokens in the order of their ids. */
  vocabulary: readonly string[];
  /** How they are used. */
  options: BertTokenizerOptions;
}

/**
 * Read a `tokenizer.json`.
 *
 * @param json The file's text, or what `JSON.parse` makes of it.
 * @throws {SyntaxError} If the text is not JSON.
 * @throws {RangeError} If a part is not of BERT's kind; the message says where it is, what it is, and what it must be.
 */
export function parseTokenizerJson(json: string | object): TokenizerJson {
  const file = (typeof json === "string" ? parseJson(json) : json) as Json;
  const { model, decoder, padding, added_tokens: added = [], post_processor: processor } = file ?? {};
  // The first releases wrote no type.
  expect(
    "model.type",
    model?.type ?? (model?.unk_token && !model.merges ? "WordPiece" : undefined),
    "WordPiece",
  );
  const vocabulary = vocabularyOf(model.vocab);
  const [cls, sep] =
    processor?.type === "BertProcessing"
      ? [processor.cls?.[0], processor.sep?.[0]]
      : [processor?.single?.[0]?.SpecialToken?.id, processor?.single?.[2]?.SpecialToken?.id];
  const defaults: CommonEncodeOptions = {
    ...truncationOf(file.truncation),
    ...paddingOf(padding),
    ...((processor ?? null) === null && { addSpecialTokens: false }),
  };
  const specialTokens = {
    ...(typeof model.unk_token === "string" && { unk: model.unk_token }),
    ...(typeof padding?.pad_token === "string" && { pad: padding.pad_token }),
    ...(typeof cls === "string" && { cls }),
    ...(typeof sep === "string" && { sep }),
  };
  const options: BertTokenizerOptions = {
    ...normalizerOf(file.normalizer),
    maxInputCharsPerWord: model.max_input_chars_per_word ?? 100,
    specialTokens,
    additionalSpecialTokens: Array.from(added as Json[], (token) => String(token?.content)),
    cleanup: decoder?.cleanup !== false,
    ...(Object.keys(defaults).length > 0 && { defaults }),
  };
  return { vocabulary, options };
}

/**
 * Compare a file with the one that was made of its options.
 *
 * @param json The file as it was given. @param ours What {@linkcode formatTokenizerJson} writes for it.
 * @throws {RangeError} At the first place where they differ.
 */
export function compareTokenizerJson(json: string | object, ours: string): void {
  const file = { ...((typeof json === "string" ? parseJson(json) : json) as Json) };
  const expected = parseJson(ours) as Json;
  const { post_processor: processor } = file;
  if (processor?.type === "BertProcessing") {
    const { cls, sep } = processor;
    const ids = expected.post_processor.special_tokens;
    expect("post_processor.cls[1]", cls?.[1], ids[cls?.[0]]?.ids[0]);
    expect("post_processor.sep[1]", sep?.[1], ids[sep?.[0]]?.ids[0]);
    file.post_processor = expected.post_processor;
  }
  for (const part of ["truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder"]) {
    file[part] ??= null; // absent means none, and not what is usual
  }
  // The vocabulary was read id by id; added tokens may come in any order, and not all of ours need be among them.
  const added = new Map((expected.added_tokens as Json[]).map((token) => [token.content, token]));
  for (const [index, token] of (file.added_tokens ?? []).entries()) {
    compare(`added_tokens[${index}]`, token, added.get(token.content));
  }
  for (const part of Object.keys(expected)) {
    if (part !== "version" && part !== "added_tokens") compare(part, file[part], expected[part]);
  }
}

/**
 * Write a `tokenizer.json` that Hugging Face tokenizers, transformers and transformers.js load.
 *
 * `splitUnknown` and `offsetUnit` have no place in it and are left out.
 *
 * @param specialTokens Special tokens by role. @param specialIds Every special token's id.
 * @throws {RangeError} If a default option has no counterpart there.
 */
export function formatTokenizerJson(
  { vocabulary, options }: TokenizerJson,
  specialTokens: Record<SpecialTokenRole, string>,
  specialIds: ReadonlyMap<string, number>,
): string {
  const { defaults = {}, nfc, maxInputCharsPerWord = 100, cleanup = true } = options;
  const { unk, pad, cls, sep } = specialTokens;
  const bertNormalizer = {
    type: "BertNormalizer",
    clean_text: options.cleanText ?? true,
    handle_chinese_chars: options.handleChineseChars ?? true,
    strip_accents: options.stripAccents ?? null,
    lowercase: options.lowercase ?? false,
  };
  const special = (id: string, type: number): Json => ({ SpecialToken: { id, type_id: type } });
  const sequence = (id: string, type: number): Json => ({ Sequence: { id, type_id: type } });
  const single = [special(cls, 0), sequence("A", 0), special(sep, 0)];
  const idsOf = (token: string): Json => ({ id: token, ids: [specialIds.get(token)], tokens: [token] });
  const template = {
    type: "TemplateProcessing",
    single,
    pair: [...single, sequence("B", 1), special(sep, 1)],
    special_tokens: { [cls]: idsOf(cls), [sep]: idsOf(sep) },
  };
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const file = {
    version: "1.0",
    truncation: formatTruncation(defaults),
    padding: formatPadding(defaults, pad, specialIds.get(pad)!),
    added_tokens: [...specialIds]
      .sort((a, b) => a[1] - b[1])
      .map(([content, id]) => ({ id, content, ...flags })),
    normalizer:
      nfc === true ? { type: "Sequence", normalizers: [{ type: "NFC" }, bertNormalizer] } : bertNormalizer,
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: defaults.addSpecialTokens === false ? null : template,
    decoder: { type: "WordPiece", prefix: "##", cleanup },
    model: {
      type: "WordPiece",
      unk_token: unk,
      continuing_subword_prefix: "##",
      max_input_chars_per_word: maxInputCharsPerWord,
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
    },
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

// --- internal ---

// What is read is compared as a whole afterwards, so that reading it needs no types.
// oxlint-disable-next-line typescript/no-explicit-any -- see above
type Json = any;

const STRATEGIES: Record<string, TruncationStrategy> = {
  LongestFirst: "longest_first",
  OnlyFirst: "only_first",
  OnlySecond: "only_second",
};

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`Cannot read tokenizer.json: ${(error as Error).message}`, { cause: error });
  }
}

function vocabularyOf(vocab: Json): string[] {
  const tokens: string[] = [];
  const entries = Object.entries<Json>(vocab ?? {});
  for (const [token, id] of entries) {
    if (id >>> 0 !== id || id >= entries.length || tokens[id] !== undefined) {
      const least = `an id from 0 to ${entries.length - 1} that no other token has`;
      throw different(`model.vocab[${JSON.stringify(token)}]`, id, least);
    }
    tokens[id] = token;
  }
  return tokens;
}

function normalizerOf(normalizer: Json): BertTokenizerOptions {
  const nfc = normalizer?.type === "Sequence";
  const {
    clean_text: cleanText = true,
    handle_chinese_chars: handleChineseChars = true,
    strip_accents: stripAccents = null,
    lowercase = true,
  } = (nfc ? normalizer.normalizers?.[1] : normalizer) ?? {};
  return { nfc, cleanText, handleChineseChars, stripAccents, lowercase };
}

function truncationOf(truncation: Json): CommonEncodeOptions {
  if ((truncation ?? null) === null) return {};
  const { max_length: maxLength, strategy, stride = 0, direction } = truncation;
  return {
    maxLength,
    truncation: STRATEGIES[strategy] ?? "longest_first",
    truncationSide: sideOf(direction),
    // The file always holds a stride; 0 is no wish for windows.
    ...(stride > 0 && { stride }),
  };
}

function formatTruncation({
  maxLength,
  truncation = "longest_first",
  truncationSide,
  stride = 0,
}: CommonEncodeOptions): Json {
  if (maxLength === undefined || truncation === false) return null;
  const strategy = Object.keys(STRATEGIES).find((name) => STRATEGIES[name] === truncation);
  if (strategy === undefined) {
    throw new RangeError(
      `Cannot write tokenizer.json as it has no word for truncation "${truncation}": use "longest_first" there, and pass it to encode`,
    );
  }
  return { direction: directionOf(truncationSide), max_length: maxLength, strategy, stride };
}

function paddingOf(padding: Json): CommonEncodeOptions {
  if ((padding ?? null) === null) return {};
  const { strategy, direction, pad_to_multiple_of: multiple } = padding;
  return {
    padding: strategy?.Fixed ?? "longest",
    ...((multiple ?? null) !== null && { padToMultipleOf: multiple }),
    paddingSide: sideOf(direction),
  };
}

function formatPadding(
  { padding = false, padToMultipleOf = null as never, paddingSide, maxLength }: CommonEncodeOptions,
  padToken: string,
  padId: number,
): Json {
  if (padding === false) return null;
  const fixed = padding === "max_length" ? maxLength : padding;
  return {
    strategy: typeof fixed === "number" ? { Fixed: fixed } : "BatchLongest",
    direction: directionOf(paddingSide),
    pad_to_multiple_of: padToMultipleOf,
    pad_id: padId,
    pad_type_id: 0,
    pad_token: padToken,
  };
}

function sideOf(direction: unknown): Side {
  return direction === "Left" ? "left" : "right";
}

function directionOf(side: Side = "right"): string {
  return side === "left" ? "Left" : "Right";
}

/** Compare what the file says with what it must; a key that it leaves out has its usual meaning. */
function compare(path: string, actual: Json, expected: Json): void {
  if (typeof expected !== "object" || typeof actual !== "object" || expected === null || actual === null) {
    return expect(path, actual, expected);
  }
  if (Array.isArray(expected)) expect(`${path}.length`, actual.length, expected.length);
  for (const key of Object.keys(expected)) {
    if (actual[key] !== undefined) compare(`${path}.${key}`, actual[key], expected[key]);
  }
}

function expect(path: string, actual: unknown, expected: unknown): void {
  if (actual !== expected) throw different(path, actual, JSON.stringify(expected));
}

function different(path: string, actual: unknown, expected: string): RangeError {
  return new RangeError(
    `Cannot read tokenizer.json as ${path} must be ${expected} for a BERT tokenizer: it is ${JSON.stringify(actual) ?? "absent"}`,
  );
}
