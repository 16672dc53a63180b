import { ACTIVATIONS } from "./ops/activations.ts";

/** What the labels of a text are: one class of several, a number, or any of several. */
export type BertProblemType = "single_label_classification" | "regression" | "multi_label_classification";

/**
 * The dimensions of a BERT, and how it is to be used: Hugging Face's `config.json` in camelCase.
 *
 * A config that was not read from a file is an object of this shape, most easily made from {@link kcbertBase}.
 */
export interface BertConfig {
  /** Tokens in the vocabulary. */
  readonly vocabSize: number;
  /** Width of the hidden states; a multiple of `numAttentionHeads`. */
  readonly hiddenSize: number;
  /** Layers of the encoder, at most 1,024. */
  readonly numHiddenLayers: number;
  /** Attention heads of each layer. */
  readonly numAttentionHeads: number;
  /** Width of the feed-forward layer. */
  readonly intermediateSize: number;
  /** The activation of the feed-forward layer and the masked-LM head: `gelu`, `gelu_new`, `relu`, `silu`, … */
  readonly hiddenAct: string;
  /** Probability in [0, 1) that training drops a hidden value. */
  readonly hiddenDropoutProb: number;
  /** Probability in [0, 1) that training drops an attention weight. */
  readonly attentionProbsDropoutProb: number;
  /** The longest row, in tokens. */
  readonly maxPositionEmbeddings: number;
  /** Token types; BERT has two. */
  readonly typeVocabSize: number;
  /** Standard deviation of new weights. */
  readonly initializerRange: number;
  /** Added to the variance in layer normalisation. */
  readonly layerNormEps: number;
  /** The padding token, whose embedding is not trained through the lookup. */
  readonly padTokenId: number;
  /** Outputs of a classification head: classes, tags, or 1 for regression. */
  readonly numLabels: number;
  /** The names of the labels, `numLabels` of them; `LABEL_0`, `LABEL_1`, … if absent. */
  readonly id2label?: readonly string[] | undefined;
  /** What the labels of a text are; guessed by pipelines from `numLabels` if absent. */
  readonly problemType?: BertProblemType | undefined;
  /** Probability in [0, 1) that training drops a value before a classifier; `hiddenDropoutProb` if absent. */
  readonly classifierDropout?: number | undefined;
  /** Whether the masked-LM head's matrix is the table of word embeddings. Default true, and the head knows no other. */
  readonly tieWordEmbeddings?: boolean | undefined;
  /** The classes that the weights were saved from, such as `BertForMaskedLM`. */
  readonly architectures?: readonly string[] | undefined;
  /** The variant of `clean` that the training text went through, such as `2021`; null or absent for none. */
  readonly clean?: string | null | undefined;
  /**
   * The probability of the label that it puts first, in [0, 1], below which a classifier's answer is not to be relied on,
   * measured on texts that it did not learn from; absent where nobody has.
   */
  readonly unsureBelow?: number | undefined;
  /** All other entries of `config.json`, which travel along. */
  readonly extra?: ReadonlyMap<string, unknown> | undefined;
}

/** The config of `beomi/kcbert-base`: 12 layers of 768, 30,000 tokens, 300 positions. */
export const kcbertBase: BertConfig = {
  vocabSize: 30_000,
  hiddenSize: 768,
  numHiddenLayers: 12,
  numAttentionHeads: 12,
  intermediateSize: 3072,
  hiddenAct: "gelu",
  hiddenDropoutProb: 0.1,
  attentionProbsDropoutProb: 0.1,
  maxPositionEmbeddings: 300,
  typeVocabSize: 2,
  initializerRange: 0.02,
  layerNormEps: 1e-12,
  padTokenId: 0,
  numLabels: 2,
};

/** The config of `beomi/kcbert-large`: 24 layers of 1,024, 30,000 tokens, 300 positions. */
export const kcbertLarge: BertConfig = {
  ...kcbertBase,
  hiddenSize: 1024,
  numHiddenLayers: 24,
  numAttentionHeads: 16,
  intermediateSize: 4096,
};

/**
 * Read a `config.json`.
 *
 * What is absent gets the default of Hugging Face's `BertConfig`, but the six sizes must be there. Entries that this
 * package does not know are kept in `extra`. Refused are configs of other models and of BERTs that compute something
 * else: decoders, relative positions, pruned heads.
 *
 * @param json The text of the file.
 * @throws {SyntaxError} If it is not JSON.
 * @throws {TypeError} If an entry is missing or of the wrong type.
 * @throws {RangeError} If an entry is out of its range, or of a kind that is not supported.
 *
 * @example
 * ```ts
 * import { formatBertConfig, kcbertBase, parseBertConfig } from "@kcbert/bert";
 * import assert from "node:assert/strict";
 *
 * const config = parseBertConfig(formatBertConfig({ ...kcbertBase, numLabels: 3 }));
 * assert.equal(config.hiddenSize, 768);
 * assert.deepEqual(config.id2label, ["LABEL_0", "LABEL_1", "LABEL_2"]);
 * ```
 */
export function parseBertConfig(json: string): BertConfig {
  const entries = parseObject(json);
  requireSupported(entries);
  const value = (key: string): unknown => entries.get(key) ?? undefined; // null is absent
  const size = (key: string): number => integer(key, entries.get(key), 1);
  const rate = (key: string, preset: number): number => numeric(key, entries.get(key) ?? preset);
  const { id2label, numLabels } = readLabels(entries);
  const config: BertConfig = {
    vocabSize: size("vocab_size"),
    hiddenSize: size("hidden_size"),
    numHiddenLayers: size("num_hidden_layers"),
    numAttentionHeads: size("num_attention_heads"),
    intermediateSize: size("intermediate_size"),
    hiddenAct: text("hidden_act", value("hidden_act") ?? "gelu"),
    hiddenDropoutProb: rate("hidden_dropout_prob", 0.1),
    attentionProbsDropoutProb: rate("attention_probs_dropout_prob", 0.1),
    maxPositionEmbeddings: size("max_position_embeddings"),
    typeVocabSize: integer("type_vocab_size", value("type_vocab_size") ?? 2, 1),
    initializerRange: rate("initializer_range", 0.02),
    layerNormEps: rate("layer_norm_eps", 1e-12),
    padTokenId: integer("pad_token_id", value("pad_token_id") ?? 0, 0),
    numLabels,
    id2label,
    problemType: optional(value("problem_type"), (problem) => problemTypeOf(problem)),
    classifierDropout: optional(value("classifier_dropout"), (rate) => numeric("classifier_dropout", rate)),
    tieWordEmbeddings: optional(value("tie_word_embeddings"), (tied) => flag("tie_word_embeddings", tied)),
    architectures: optional(value("architectures"), (names) => texts("architectures", names)),
    clean: readClean(value("kcbert")),
    unsureBelow: optional(entryOf(value("kcbert"), "unsure_below"), (below) =>
      numeric("kcbert.unsure_below", below),
    ),
    extra: readExtra(entries),
  };
  return checkBertConfig(config);
}

/**
 * The text of a `config.json`: Hugging Face's names in alphabetical order, as `save_pretrained` writes it.
 *
 * @throws {RangeError} If the config makes no model; see {@link checkBertConfig}.
 *
 * @example
 * ```ts
 * import { formatBertConfig, kcbertBase } from "@kcbert/bert";
 * import assert from "node:assert/strict";
 *
 * const json = JSON.parse(formatBertConfig({ ...kcbertBase, architectures: ["BertForMaskedLM"], clean: "2021" }));
 * assert.equal(json.num_hidden_layers, 12);
 * assert.deepEqual(json.kcbert, { clean: "2021" });
 * ```
 */
export function formatBertConfig(config: BertConfig): string {
  checkBertConfig(config);
  const { extra = new Map<string, unknown>(), id2label: labels, numLabels } = config;
  const entries = new Map<string, unknown>([
    ...extra,
    ["model_type", "bert"],
    ["vocab_size", config.vocabSize],
    ["hidden_size", config.hiddenSize],
    ["num_hidden_layers", config.numHiddenLayers],
    ["num_attention_heads", config.numAttentionHeads],
    ["intermediate_size", config.intermediateSize],
    ["hidden_act", config.hiddenAct],
    ["hidden_dropout_prob", config.hiddenDropoutProb],
    ["attention_probs_dropout_prob", config.attentionProbsDropoutProb],
    ["max_position_embeddings", config.maxPositionEmbeddings],
    ["type_vocab_size", config.typeVocabSize],
    ["initializer_range", config.initializerRange],
    ["layer_norm_eps", config.layerNormEps],
    ["pad_token_id", config.padTokenId],
    ["classifier_dropout", config.classifierDropout ?? null],
    ["tie_word_embeddings", config.tieWordEmbeddings ?? true],
  ]);
  if (config.architectures !== undefined) entries.set("architectures", config.architectures);
  if (config.problemType !== undefined) entries.set("problem_type", config.problemType);
  if (labels !== undefined || numLabels !== defaultNumLabels) {
    const names = labels ?? defaultLabels(numLabels);
    entries.set("id2label", Object.fromEntries(names.map((name, id) => [String(id), name])));
    entries.set("label2id", Object.fromEntries(names.map((name, id) => [name, id])));
  }
  const { clean, unsureBelow } = config;
  const own = {
    ...(clean === undefined ? {} : { clean }),
    ...(unsureBelow === undefined ? {} : { unsure_below: unsureBelow }),
  };
  if (Object.keys(own).length > 0) entries.set("kcbert", { ...object(extra.get("kcbert")), ...own });
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`;
}

/**
 * The config, if a model can be made of it.
 *
 * @throws {TypeError} If a size is not a number.
 * @throws {RangeError} If a size is not an integer of at least 1, a rate is out of its range, the heads do not divide
 * the hidden size, the activation is unknown, the labels are not `numLabels`, or a tensor would be too large.
 */
export function checkBertConfig(config: BertConfig): BertConfig {
  for (const [key, name] of sizeKeys) integer(key, config[name], 1);
  const { hiddenSize, numAttentionHeads, numHiddenLayers, vocabSize, padTokenId, hiddenAct } = config;
  if (hiddenSize % numAttentionHeads !== 0) {
    throw invalid(
      "hidden_size must be a multiple of num_attention_heads",
      `hidden_size is ${hiddenSize}, num_attention_heads is ${numAttentionHeads}`,
    );
  }
  if (numHiddenLayers > maxLayers) outOfRange("num_hidden_layers", `at most ${maxLayers}`, numHiddenLayers);
  for (const [key, name] of sizeKeys) {
    if (config[name] * hiddenSize > maxElements) {
      throw invalid(
        `${key} times hidden_size must not exceed ${maxElements}`,
        `${key} is ${config[name]}, hidden_size is ${hiddenSize}`,
      );
    }
  }
  if (integer("pad_token_id", padTokenId, 0) >= vocabSize) {
    throw invalid(
      "pad_token_id must be less than vocab_size",
      `pad_token_id is ${padTokenId}, vocab_size is ${vocabSize}`,
    );
  }
  if (!ACTIVATIONS.has(hiddenAct)) {
    throw invalid(
      `hidden_act must be one of ${[...ACTIVATIONS.keys()].join(", ")}`,
      `hidden_act is ${show(hiddenAct)}`,
    );
  }
  requireRates(config);
  requireLabels(config);
  return config;
}

// --- internal ---

const sizeKeys = [
  ["vocab_size", "vocabSize"],
  ["hidden_size", "hiddenSize"],
  ["num_hidden_layers", "numHiddenLayers"],
  ["num_attention_heads", "numAttentionHeads"],
  ["intermediate_size", "intermediateSize"],
  ["max_position_embeddings", "maxPositionEmbeddings"],
  ["type_vocab_size", "typeVocabSize"],
  ["num_labels", "numLabels"],
] as const;

/** What becomes a field of its own. */
const knownKeys: ReadonlySet<string> = new Set([
  ...sizeKeys.map(([key]) => key),
  "_num_labels",
  "model_type",
  "hidden_act",
  "hidden_dropout_prob",
  "attention_probs_dropout_prob",
  "initializer_range",
  "layer_norm_eps",
  "pad_token_id",
  "id2label",
  "label2id",
  "problem_type",
  "classifier_dropout",
  "tie_word_embeddings",
  "architectures",
  "kcbert",
]);

const defaultNumLabels = 2;
/** More than any BERT has, and few enough to list their parameters. */
const maxLayers = 1024;
/** What 32-bit indices reach. */
const maxElements = 2 ** 31 - 1;

function parseObject(json: string): Map<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json.replace(/^\uFEFF/, ""));
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new SyntaxError(`Cannot read config.json as it is not JSON: ${detail}`, { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`Cannot read config.json as it must be a JSON object: it is ${show(value)}`);
  }
  return new Map(Object.entries(value)); // own entries only, `__proto__` among them
}

/** Refuses what would load, and then compute something else. */
function requireSupported(entries: ReadonlyMap<string, unknown>): void {
  const expected: [key: string, value: unknown][] = [
    ["model_type", "bert"],
    ["is_decoder", false],
    ["is_encoder_decoder", false],
    ["add_cross_attention", false],
    ["position_embedding_type", "absolute"],
  ];
  for (const [key, wanted] of expected) {
    const value = entries.get(key) ?? wanted;
    if (value !== wanted) throw invalid(`${key} must be ${show(wanted)}`, `${key} is ${show(value)}`);
  }
  const pruned = entries.get("pruned_heads") ?? {};
  if (Object.keys(pruned).length > 0)
    throw invalid("pruned_heads must be empty", `pruned_heads is ${show(pruned)}`);
}

function readLabels(entries: ReadonlyMap<string, unknown>): {
  id2label: string[] | undefined;
  numLabels: number;
} {
  const written = entries.get("id2label") ?? undefined;
  if (written === undefined) {
    const number = entries.get("num_labels") ?? entries.get("_num_labels") ?? defaultNumLabels;
    return { id2label: undefined, numLabels: integer("num_labels", number, 1) };
  }
  if (typeof written !== "object" || Array.isArray(written)) {
    throw new TypeError(
      `Cannot read config.json as id2label must be an object: id2label is ${show(written)}`,
    );
  }
  const names = new Map(Object.entries(written));
  const id2label: string[] = [];
  for (let id = 0; id < names.size; id++) {
    const name: unknown = names.get(String(id));
    if (name === undefined) {
      throw invalid(
        "id2label must have the ids from 0 without a gap",
        `its ids are ${[...names.keys()].join(", ")}`,
      );
    }
    id2label.push(text(`id2label ${id}`, name));
  }
  return { id2label, numLabels: id2label.length };
}

function readClean(kcbert: unknown): string | null | undefined {
  if (kcbert === undefined) return undefined;
  const clean = entryOf(kcbert, "clean") ?? null;
  if (clean === null || typeof clean === "string") return clean;
  throw new TypeError(
    `Cannot read config.json as kcbert.clean must be a string or null: it is ${show(clean)}`,
  );
}

/** What has no field of its own, also within `kcbert`. */
function readExtra(entries: ReadonlyMap<string, unknown>): Map<string, unknown> {
  const extra = new Map([...entries].filter(([key]) => !knownKeys.has(key)));
  const kcbert = Object.entries(object(entries.get("kcbert"))).filter(
    ([key]) => !["clean", "unsure_below"].includes(key),
  );
  if (kcbert.length > 0) extra.set("kcbert", Object.fromEntries(kcbert));
  return extra;
}

/** An entry of the entry `kcbert`. */
function entryOf(kcbert: unknown, key: string): unknown {
  return new Map<string, unknown>(Object.entries(object(kcbert))).get(key) ?? undefined;
}

function object(value: unknown): object {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

function defaultLabels(size: number): string[] {
  return Array.from({ length: size }, (_, id) => `LABEL_${id}`);
}

function requireRates(config: BertConfig): void {
  const rates: [key: string, value: number | undefined][] = [
    ["hidden_dropout_prob", config.hiddenDropoutProb],
    ["attention_probs_dropout_prob", config.attentionProbsDropoutProb],
    ["classifier_dropout", config.classifierDropout],
  ];
  for (const [key, rate = 0] of rates) if (!(rate >= 0 && rate < 1)) outOfRange(key, "in [0, 1)", rate);
  const { initializerRange, layerNormEps, unsureBelow = 0 } = config;
  if (!(initializerRange >= 0 && initializerRange < Number.POSITIVE_INFINITY)) {
    outOfRange("initializer_range", "0 or more", initializerRange);
  }
  if (!(unsureBelow >= 0 && unsureBelow <= 1)) outOfRange("kcbert.unsure_below", "in [0, 1]", unsureBelow);
  if (!(layerNormEps > 0 && layerNormEps < Number.POSITIVE_INFINITY))
    outOfRange("layer_norm_eps", "above 0", layerNormEps);
}

function requireLabels({ id2label, numLabels }: BertConfig): void {
  if (id2label === undefined || id2label.length === numLabels) return;
  throw invalid(
    "id2label must have num_labels entries",
    `it has ${id2label.length}, num_labels is ${numLabels}`,
  );
}

function problemTypeOf(value: unknown): BertProblemType {
  const problem = text("problem_type", value);
  const problems = ["single_label_classification", "regression", "multi_label_classification"] as const;
  const found = problems.find((name) => name === problem);
  return found ?? outOfRange("problem_type", `one of ${problems.join(", ")}`, problem);
}

function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined ? undefined : read(value);
}

function integer(key: string, value: unknown, least: number): number {
  if (value === undefined) throw new TypeError(`Cannot read config.json as it has no ${key}`);
  if (Number.isSafeInteger(numeric(key, value)) && (value as number) >= least) return value as number;
  return outOfRange(key, `an integer of ${least} or more`, value);
}

function numeric(key: string, value: unknown): number {
  return typeof value === "number" ? value : wrongType(key, "a number", value);
}

function text(key: string, value: unknown): string {
  return typeof value === "string" ? value : wrongType(key, "a string", value);
}

function flag(key: string, value: unknown): boolean {
  return typeof value === "boolean" ? value : wrongType(key, "true or false", value);
}

function texts(key: string, value: unknown): string[] {
  return Array.isArray(value)
    ? value.map((item) => text(key, item))
    : wrongType(key, "a list of strings", value);
}

function wrongType(key: string, expected: string, value: unknown): never {
  throw new TypeError(`Cannot use this BERT config as ${key} must be ${expected}: ${key} is ${show(value)}`);
}

function outOfRange(key: string, expected: string, value: unknown): never {
  throw invalid(`${key} must be ${expected}`, `${key} is ${show(value)}`);
}

function invalid(problem: string, found: string): RangeError {
  return new RangeError(`Cannot use this BERT config as ${problem}: ${found}`);
}

/** A value for a message. */
function show(value: unknown): string {
  if (typeof value === "number") return String(value);
  const json = JSON.stringify(value) ?? String(value);
  return json.length > 80 ? `${json.slice(0, 80)}…` : json;
}
