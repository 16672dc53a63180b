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
import type { Side } from "./truncation.ts";

/** What a `tokenizer.json` tells. */
export interface TokenizerJson {
  /** The model's tokens in the order of their ids. */
  vocabulary: readonly string[];
  /** How they are used. */
  options: BertTokenizerOptions;
}

/**
 * Parse a `tokenizer.json`.
 *
 * @param json The file's text, or what `JSON.parse` makes of it.
 * @throws {SyntaxError} If the text is not JSON.
 */
export function parseTokenizerJson(json: string | object): Json {
  if (typeof json !== "string") return json;
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new SyntaxError(`Cannot read tokenizer.json: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Take vocabulary and options out of a `tokenizer.json`.
 *
 * @param file What {@linkcode parseTokenizerJson} gives.
 * @throws {RangeError} If the model is not WordPiece, or its ids are not 0, 1, 2 and so on.
 */
export function readTokenizerJson(file: Json): TokenizerJson {
  const { model, truncation, padding, added_tokens: added = [], post_processor: processor } = file ?? {};
  // The first releases wrote no type.
  const type = model?.type ?? (model?.unk_token && !model.merges ? "WordPiece" : undefined);
  compare("model.type", type, "WordPiece");
  const composes = file.normalizer?.type === "Sequence";
  const normalizer = (composes ? file.normalizer.normalizers?.[1] : file.normalizer) ?? {};
  const { cls, sep, single } = processor ?? {};
  const names = {
    unk: model.unk_token,
    pad: padding?.pad_token,
    cls: cls?.[0] ?? single?.[0]?.SpecialToken?.id,
    sep: sep?.[0] ?? single?.[2]?.SpecialToken?.id,
  };
  const defaults: CommonEncodeOptions = {
    ...(truncation && {
      maxLength: truncation.max_length,
      truncation: STRATEGIES.find(([, name]) => name === truncation.strategy)?.[0],
      truncationSide: SIDES[truncation.direction],
      // The file always holds a stride; 0 is no wish for windows.
      ...(truncation.stride > 0 && { stride: truncation.stride }),
    }),
    ...(padding && {
      padding: padding.strategy?.Fixed ?? "longest",
      paddingSide: SIDES[padding.direction],
      ...(padding.pad_to_multiple_of && { padToMultipleOf: padding.pad_to_multiple_of }),
    }),
    ...(!processor && { addSpecialTokens: false }),
  };
  const options: BertTokenizerOptions = {
    nfc: composes,
    cleanText: normalizer.clean_text ?? true,
    handleChineseChars: normalizer.handle_chinese_chars ?? true,
    stripAccents: normalizer.strip_accents ?? null,
    lowercase: normalizer.lowercase ?? true,
    maxInputCharsPerWord: model.max_input_chars_per_word ?? 100,
    specialTokens: Object.fromEntries(Object.entries(names).filter(([, name]) => typeof name === "string")),
    additionalSpecialTokens: Array.from(added as Json[], (token) => String(token?.content)),
    cleanup: file.decoder?.cleanup !== false,
    ...(Object.keys(defaults).length > 0 && { defaults }),
  };
  return { vocabulary: vocabularyOf(model.vocab), options };
}

/**
 * Compare a file with the one that was made of its options.
 *
 * @param file The file as it was given. @param expected What {@linkcode tokenizerJson} makes of it.
 * @throws {RangeError} At the first place where they differ; the message says where it is, what it is, and what it must be.
 */
export function compareTokenizerJson(file: Json, expected: Json): void {
  const { type, cls, sep } = file.post_processor ?? {};
  if (type === "BertProcessing") {
    const ids = expected.post_processor.special_tokens;
    const pairOf = (pair: Json): Json => [pair?.[0], ids[pair?.[0]]?.ids[0]];
    expected.post_processor = { type, cls: pairOf(cls), sep: pairOf(sep) };
  }
  // Added tokens may come in any order, and not all of ours need be among them.
  const added = new Map((expected.added_tokens as Json[]).map((token) => [token.content, token]));
  for (const [index, token] of (file.added_tokens ?? []).entries()) {
    compare(`added_tokens[${index}]`, token, added.get(token.content));
  }
  delete expected.added_tokens;
  delete expected.version;
  delete expected.model.vocab; // was read id by id
  // A part that is absent means none, and not what is usual.
  for (const part of Object.keys(expected)) compare(part, file[part] ?? null, expected[part]);
}

/**
 * What a `tokenizer.json` holds that Hugging Face tokenizers, transformers and transformers.js load.
 *
 * `splitUnknown` and `offsetUnit` have no place in it and are left out.
 *
 * @param specialTokens Special tokens by role. @param specialIds Every special token's id.
 * @throws {RangeError} If a default option has no counterpart there.
 */
export function tokenizerJson(
  { vocabulary, options }: TokenizerJson,
  { unk, pad, cls, sep }: Record<SpecialTokenRole, string>,
  specialIds: ReadonlyMap<string, number>,
): Json {
  const { defaults = {}, nfc } = options;
  const bertNormalizer = {
    type: "BertNormalizer",
    clean_text: options.cleanText ?? true,
    handle_chinese_chars: options.handleChineseChars ?? true,
    strip_accents: options.stripAccents ?? null,
    lowercase: options.lowercase ?? false,
  };
  const part = (kind: string, id: string, type: number): Json => ({ [kind]: { id, type_id: type } });
  const single = [part("SpecialToken", cls, 0), part("Sequence", "A", 0), part("SpecialToken", sep, 0)];
  const idsOf = (token: string): Json => ({ id: token, ids: [specialIds.get(token)], tokens: [token] });
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return {
    version: "1.0",
    truncation: truncationJson(defaults),
    padding: paddingJson(defaults, pad, specialIds.get(pad)!),
    added_tokens: [...specialIds]
      .sort((a, b) => a[1] - b[1])
      .map(([content, id]) => ({ id, content, ...flags })),
    normalizer: nfc ? { type: "Sequence", normalizers: [{ type: "NFC" }, bertNormalizer] } : bertNormalizer,
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor:
      defaults.addSpecialTokens === false
        ? null
        : {
            type: "TemplateProcessing",
            single,
            pair: [...single, part("Sequence", "B", 1), part("SpecialToken", sep, 1)],
            special_tokens: { [cls]: idsOf(cls), [sep]: idsOf(sep) },
          },
    decoder: { type: "WordPiece", prefix: "##", cleanup: options.cleanup ?? true },
    model: {
      type: "WordPiece",
      unk_token: unk,
      continuing_subword_prefix: "##",
      max_input_chars_per_word: options.maxInputCharsPerWord ?? 100,
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
    },
  };
}

// --- internal ---

// What is read is compared as a whole afterwards, so that reading it needs no types.
// oxlint-disable-next-line typescript/no-explicit-any -- see above
type Json = any;

const STRATEGIES = [
  ["longest_first", "LongestFirst"],
  ["only_first", "OnlyFirst"],
  ["only_second", "OnlySecond"],
] as const;

const SIDES: Record<string, Side> = { Left: "left", Right: "right" };

function vocabularyOf(vocab: Json): string[] {
  const names = Object.keys(vocab ?? {});
  const tokens = Array<string>(names.length);
  for (const token of names) {
    const id = vocab[token];
    if (id >>> 0 !== id || id >= names.length || tokens[id] !== undefined) {
      const least = `an id from 0 to ${names.length - 1} that no other token has`;
      throw different(`model.vocab[${JSON.stringify(token)}]`, id, least);
    }
    tokens[id] = token;
  }
  return tokens;
}

function truncationJson(options: CommonEncodeOptions): Json {
  const { maxLength, truncation = "longest_first", truncationSide, stride = 0 } = options;
  if (maxLength === undefined || truncation === false) return null;
  const strategy = STRATEGIES.find(([name]) => name === truncation)?.[1];
  if (strategy === undefined) {
    throw new RangeError(
      `Cannot write tokenizer.json as it has no word for truncation "${truncation}": use "longest_first" there, and pass it to encode`,
    );
  }
  return { direction: directionOf(truncationSide), max_length: maxLength, strategy, stride };
}

function paddingJson(options: CommonEncodeOptions, padToken: string, padId: number): Json {
  const { padding = false, padToMultipleOf, paddingSide, maxLength } = options;
  if (padding === false) return null;
  const fixed = padding === "max_length" ? maxLength : padding;
  return {
    strategy: typeof fixed === "number" ? { Fixed: fixed } : "BatchLongest",
    direction: directionOf(paddingSide),
    pad_to_multiple_of: padToMultipleOf ?? null,
    pad_id: padId,
    pad_type_id: 0,
    pad_token: padToken,
  };
}

function directionOf(side: Side | undefined): string {
  return side === "left" ? "Left" : "Right";
}

/** Compare what the file says with what it must; a key that it leaves out has its usual meaning. */
function compare(path: string, actual: Json, expected: Json): void {
  if (actual === null || expected === null || typeof actual !== "object" || typeof expected !== "object") {
    if (actual !== expected) throw different(path, actual, JSON.stringify(expected));
    return;
  }
  if (Array.isArray(expected)) compare(`${path}.length`, actual.length, expected.length);
  for (const key of Object.keys(expected)) {
    if (actual[key] !== undefined) compare(`${path}.${key}`, actual[key], expected[key]);
  }
}

function different(path: string, actual: unknown, expected: string): RangeError {
  return new RangeError(
    `Cannot read tokenizer.json as ${path} must be ${expected} for a BERT tokenizer: it is ${JSON.stringify(actual) ?? "absent"}`,
  );
}
