/**
 * `tokenizer.json`, the file of Hugging Face tokenizers that says everything.
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
 * @throws {TypeError} If a part is missing or of another shape.
 * @throws {RangeError} If a part is of a kind that is not BERT's: nothing is left out or put in its place.
 */
export function parseTokenizerJson(json: string | object): TokenizerJson {
  const file = objectOf("the file", typeof json === "string" ? parseJson(json) : json);
  const model = objectOf("model", file["model"]);
  expectValue("model.type", model["type"] ?? "WordPiece", "WordPiece");
  expectValue("model.continuing_subword_prefix", model["continuing_subword_prefix"] ?? "##", "##");
  const vocabulary = vocabularyOf(objectOf("model.vocab", model["vocab"]));
  expectValue(
    "pre_tokenizer.type",
    objectOf("pre_tokenizer", file["pre_tokenizer"])["type"],
    "BertPreTokenizer",
  );
  const decoder = objectOf("decoder", file["decoder"]);
  expectValue("decoder.type", decoder["type"], "WordPiece");
  expectValue("decoder.prefix", decoder["prefix"] ?? "##", "##");
  const { padding, padToken } = paddingOf(file["padding"], vocabulary);
  const template = templateOf(file["post_processor"]);
  const defaults = {
    ...truncationOf(file["truncation"]),
    ...padding,
    ...(template === undefined && { addSpecialTokens: false }),
  };
  return {
    vocabulary,
    options: {
      ...normalizerOf(file["normalizer"]),
      maxInputCharsPerWord: numberOf(
        "model.max_input_chars_per_word",
        model["max_input_chars_per_word"] ?? 100,
      ),
      specialTokens: {
        unk: stringOf("model.unk_token", model["unk_token"] ?? "[UNK]"),
        ...(padToken !== undefined && { pad: padToken }),
        ...template,
      },
      additionalSpecialTokens: addedTokensOf(file["added_tokens"], vocabulary),
      cleanup: decoder["cleanup"] !== false,
      ...(Object.keys(defaults).length > 0 && { defaults }),
    },
  };
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
  const {
    defaults = {},
    lowercase = false,
    stripAccents = null,
    maxInputCharsPerWord = 100,
    cleanup = true,
  } = options;
  const { unk, pad, cls, sep } = specialTokens;
  const bertNormalizer = {
    type: "BertNormalizer",
    clean_text: options.cleanText ?? true,
    handle_chinese_chars: options.handleChineseChars ?? true,
    strip_accents: stripAccents,
    lowercase,
  };
  const added = [...specialIds].sort((a, b) => a[1] - b[1]);
  const special = (token: string): unknown => ({ id: token, ids: [specialIds.get(token)], tokens: [token] });
  const file = {
    version: "1.0",
    truncation: formatTruncation(defaults),
    padding: formatPadding(defaults, pad, specialIds.get(pad)!),
    added_tokens: added.map(([content, id]) => ({ id, content, ...PLAIN_TOKEN })),
    normalizer:
      options.nfc === true
        ? { type: "Sequence", normalizers: [{ type: "NFC" }, bertNormalizer] }
        : bertNormalizer,
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor:
      defaults.addSpecialTokens === false
        ? null
        : {
            type: "TemplateProcessing",
            ...template(cls, sep),
            special_tokens: { [cls]: special(cls), [sep]: special(sep) },
          },
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

type Json = Record<string, unknown>;

/** What an added token of ours is; the order of keys is Hugging Face's. */
const PLAIN_TOKEN = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };

const STRATEGIES: Record<string, TruncationStrategy> = {
  LongestFirst: "longest_first",
  OnlyFirst: "only_first",
  OnlySecond: "only_second",
};

function template(cls: string, sep: string): { single: unknown[]; pair: unknown[] } {
  const special = (id: string, type: number): unknown => ({ SpecialToken: { id, type_id: type } });
  const sequence = (id: string, type: number): unknown => ({ Sequence: { id, type_id: type } });
  const single = [special(cls, 0), sequence("A", 0), special(sep, 0)];
  return { single, pair: [...single, sequence("B", 1), special(sep, 1)] };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`Cannot read tokenizer.json as it is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function vocabularyOf(vocab: Json): string[] {
  const entries = Object.entries(vocab);
  const tokens = Array.from<string>({ length: entries.length });
  for (const [token, id] of entries) {
    if (
      typeof id !== "number" ||
      !Number.isInteger(id) ||
      id < 0 ||
      id >= tokens.length ||
      tokens[id] !== undefined
    ) {
      throw new RangeError(
        `Cannot read tokenizer.json as the ids of model.vocab must be 0 to ${tokens.length - 1}, each once: ${JSON.stringify(token)} has ${JSON.stringify(id)}`,
      );
    }
    tokens[id] = token;
  }
  return tokens;
}

function normalizerOf(value: unknown): BertTokenizerOptions {
  if (value === null || value === undefined) {
    return { cleanText: false, handleChineseChars: false, stripAccents: false, lowercase: false };
  }
  let normalizer = objectOf("normalizer", value);
  const steps = normalizer["normalizers"];
  const nfc =
    normalizer["type"] === "Sequence" &&
    Array.isArray(steps) &&
    steps.length === 2 &&
    steps[0]?.type === "NFC";
  if (nfc) normalizer = objectOf("normalizer.normalizers[1]", steps[1]);
  expectValue("normalizer.type", normalizer["type"], "BertNormalizer");
  return {
    ...(nfc && { nfc }),
    cleanText: normalizer["clean_text"] !== false,
    handleChineseChars: normalizer["handle_chinese_chars"] !== false,
    stripAccents: typeof normalizer["strip_accents"] === "boolean" ? normalizer["strip_accents"] : null,
    lowercase: normalizer["lowercase"] !== false,
  };
}

/** Names of the tokens that the post-processor adds; `undefined` if there is none. */
function templateOf(value: unknown): { cls: string; sep: string } | undefined {
  if (value === null || value === undefined) return undefined;
  const processor = objectOf("post_processor", value);
  if (processor["type"] === "BertProcessing") {
    const [cls, sep] = [processor["cls"], processor["sep"]] as [unknown[]?, unknown[]?];
    return {
      cls: stringOf("post_processor.cls[0]", cls?.[0]),
      sep: stringOf("post_processor.sep[0]", sep?.[0]),
    };
  }
  expectValue("post_processor.type", processor["type"], "TemplateProcessing");
  const single = processor["single"] as { SpecialToken?: { id?: unknown } }[] | undefined;
  const cls = stringOf("post_processor.single[0].SpecialToken.id", single?.[0]?.SpecialToken?.id);
  const sep = stringOf("post_processor.single[2].SpecialToken.id", single?.[2]?.SpecialToken?.id);
  const expected = template(cls, sep);
  for (const form of ["single", "pair"] as const) {
    expectValue(`post_processor.${form}`, canonical(processor[form]), canonical(expected[form]));
  }
  return { cls, sep };
}

/** The parts of a template with their keys in one order. */
function canonical(pieces: unknown): string {
  return JSON.stringify(pieces, ["SpecialToken", "Sequence", "id", "type_id"]) ?? "nothing";
}

/** Contents of the added tokens. */
function addedTokensOf(value: unknown, vocabulary: readonly string[]): string[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw wrongShape("added_tokens", value, "an array");
  const contents: string[] = [];
  let next = vocabulary.length;
  for (const [index, item] of [...value].sort((a, b) => a?.id - b?.id).entries()) {
    const token = objectOf(`added_tokens[${index}]`, item);
    const content = stringOf(`added_tokens[${index}].content`, token["content"]);
    for (const flag of ["single_word", "lstrip", "rstrip"]) {
      expectValue(`${flag} of added token ${JSON.stringify(content)}`, token[flag] ?? false, false);
    }
    expectValue(`special of added token ${JSON.stringify(content)}`, token["special"], true);
    const id = numberOf(`added_tokens[${index}].id`, token["id"]);
    const expected = vocabulary[id] === content ? id : next++;
    expectValue(`id of added token ${JSON.stringify(content)}`, id, expected);
    contents.push(content);
  }
  return contents;
}

function truncationOf(value: unknown): CommonEncodeOptions {
  if (value === null || value === undefined) return {};
  const truncation = objectOf("truncation", value);
  const strategy = stringOf("truncation.strategy", truncation["strategy"]);
  if (!Object.hasOwn(STRATEGIES, strategy)) {
    throw unsupported("truncation.strategy", strategy, Object.keys(STRATEGIES).join(", "));
  }
  const stride = numberOf("truncation.stride", truncation["stride"] ?? 0);
  return {
    maxLength: numberOf("truncation.max_length", truncation["max_length"]),
    truncation: STRATEGIES[strategy]!,
    truncationSide: sideOf("truncation.direction", truncation["direction"]),
    // The file always holds a stride; 0 is no wish for windows.
    ...(stride > 0 && { stride }),
  };
}

function formatTruncation(defaults: CommonEncodeOptions): unknown {
  const { maxLength, truncation = "longest_first", truncationSide = "right", stride = 0 } = defaults;
  if (maxLength === undefined || truncation === false) return null;
  const strategy = Object.keys(STRATEGIES).find((name) => STRATEGIES[name] === truncation);
  if (strategy === undefined) {
    throw new RangeError(
      `Cannot write tokenizer.json as it has no word for truncation ${JSON.stringify(truncation)}: use "longest_first", or pass it to encode instead`,
    );
  }
  return { direction: capital(truncationSide), max_length: maxLength, strategy, stride };
}

function paddingOf(
  value: unknown,
  vocabulary: readonly string[],
): { padding?: CommonEncodeOptions; padToken?: string } {
  if (value === null || value === undefined) return {};
  const padding = objectOf("padding", value);
  const { strategy, pad_to_multiple_of: multiple } = padding;
  const padToken = stringOf("padding.pad_token", padding["pad_token"]);
  expectValue("padding.pad_type_id", padding["pad_type_id"] ?? 0, 0);
  expectValue("token of padding.pad_id", vocabulary[numberOf("padding.pad_id", padding["pad_id"])], padToken);
  const fixed = strategy === "BatchLongest" ? undefined : objectOf("padding.strategy", strategy)["Fixed"];
  return {
    padToken,
    padding: {
      padding: strategy === "BatchLongest" ? "longest" : numberOf("padding.strategy.Fixed", fixed),
      ...(typeof multiple === "number" && { padToMultipleOf: multiple }),
      paddingSide: sideOf("padding.direction", padding["direction"]),
    },
  };
}

function formatPadding(defaults: CommonEncodeOptions, padToken: string, padId: number): unknown {
  const { padding = false, padToMultipleOf = null, paddingSide = "right", maxLength } = defaults;
  if (padding === false) return null;
  const fixed = padding === "max_length" ? maxLength : padding;
  return {
    strategy: typeof fixed === "number" ? { Fixed: fixed } : "BatchLongest",
    direction: capital(paddingSide),
    pad_to_multiple_of: padToMultipleOf,
    pad_id: padId,
    pad_type_id: 0,
    pad_token: padToken,
  };
}

function sideOf(name: string, value: unknown): Side {
  if (value === "Left" || value === "left") return "left";
  if (value !== undefined) expectValue(name, String(value).toLowerCase(), "right");
  return "right";
}

function capital(side: Side): string {
  return side === "left" ? "Left" : "Right";
}

function objectOf(name: string, value: unknown): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw wrongShape(name, value, "an object");
  return value as Json;
}

function stringOf(name: string, value: unknown): string {
  if (typeof value !== "string") throw wrongShape(name, value, "a string");
  return value;
}

function numberOf(name: string, value: unknown): number {
  if (typeof value !== "number") throw wrongShape(name, value, "a number");
  return value;
}

function expectValue(name: string, value: unknown, expected: unknown): void {
  if (value !== expected) throw unsupported(name, value, JSON.stringify(expected));
}

function wrongShape(name: string, value: unknown, expected: string): TypeError {
  return new TypeError(
    `Cannot read tokenizer.json as ${name} must be ${expected}: it is ${JSON.stringify(value)}`,
  );
}

function unsupported(name: string, value: unknown, expected: string): RangeError {
  return new RangeError(
    `Cannot read tokenizer.json as ${name} must be ${expected} for BERT's tokenizer: it is ${JSON.stringify(value)}`,
  );
}
