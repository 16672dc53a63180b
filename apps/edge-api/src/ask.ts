/**
 * What can be asked of a model: each question is cleaned and tokenized here, waits its turn with those of other requests,
 * and goes through the model in a batch with them.
 *
 * @module
 */
import {
  type Answer,
  type AnswerQuestionOptions,
  classifyText,
  type ClassifyTextOptions,
  type ClassifyTokensOptions,
  type EntityGroup,
  extractFeatures,
  type FillMaskAnswer,
  fillMask,
  type FillMaskOptions,
  type Question,
  type TextLabel,
  type TextPair,
  type TokenEntity,
} from "@kcbert/pipelines";
import type { Encoding } from "@kcbert/tokenizer";
import { ApiError } from "./api_error.ts";
import type { Batcher } from "./batcher.ts";
import type { Clock } from "./clock.ts";
import type { LoadedModel, ModelHeads } from "./loaded_model.ts";
import type { Metrics } from "./metrics.ts";
import type { ModelInUse } from "./models.ts";
import type { Usage } from "./usage.ts";

/** On whose behalf a model is asked. */
export interface Asking {
  /** Where it waits. */
  readonly batcher: Batcher;
  /** Told of lengths. */
  readonly metrics: Metrics;
  /** Times it. */
  readonly clock: Clock;
  /** Takes it back. */
  readonly signal: AbortSignal;
  /** Takes down what it took. */
  readonly usage: Usage;
}

/** What becomes of a text that is longer than the model reads. */
interface Cutting {
  /** Cut it; default true, as text-embeddings-inference does. Else it is refused. */
  readonly truncate?: boolean | undefined;
  /** Which end goes; default `right`. */
  readonly direction?: "left" | "right" | undefined;
}

/** Fill the masks of texts: for each text a list, or a list of lists if it holds several masks. */
async function askFillMask(
  asking: Asking,
  use: ModelInUse,
  texts: readonly string[],
  options: Pick<FillMaskOptions, "topK" | "targets">,
): Promise<(FillMaskAnswer[] | FillMaskAnswer[][])[]> {
  const { model, tokenizer } = headOf(use, "fill-mask");
  const items = texts.map((text) => prepare(asking, use.model, { text }, { truncate: false }));
  return submit(asking, use, ["fill-mask", options], items, (batch, signal) =>
    fillMask(
      model,
      tokenizer,
      batch.map(({ text }) => text),
      { ...options, signal, batchSize: batch.length },
    ),
  );
}

/** Judge texts, or pairs of them: the labels of each, best first. */
async function askLabels(
  asking: Asking,
  use: ModelInUse,
  texts: readonly TextPair[],
  options: Pick<ClassifyTextOptions, "topK" | "functionToApply"> & Cutting,
): Promise<TextLabel[][]> {
  const { model, tokenizer } = headOf(use, "text-classification");
  const { topK = null, functionToApply } = options;
  const items = texts.map((pair) => prepare(asking, use.model, pair, options));
  const asked = { topK, ...(functionToApply === undefined ? {} : { functionToApply }) };
  return submit(asking, use, ["text-classification", asked], items, (batch, signal) =>
    classifyText(model, tokenizer, batch, { ...asked, truncation: true, signal, batchSize: batch.length }),
  );
}

/** Find names in texts; offsets are into the texts as they were sent. */
async function askTokens(
  asking: Asking,
  use: ModelInUse,
  texts: readonly string[],
  options: Omit<ClassifyTokensOptions, "batchSize" | "signal">,
): Promise<(EntityGroup | TokenEntity)[][]> {
  const pipeline = headOf(use, "token-classification");
  const items = texts.map((text) => ({ ...prepare(asking, use.model, { text }, {}), text }));
  return submit(asking, use, ["token-classification", options], items, (batch, signal) =>
    pipeline.runAll(
      batch.map(({ text }) => text),
      { ...options, signal },
    ),
  );
}

/** Answer questions from their contexts; offsets are into the contexts as they were sent. */
async function askQuestions(
  asking: Asking,
  use: ModelInUse,
  questions: readonly Question[],
  options: Omit<AnswerQuestionOptions, "batchSize" | "signal">,
): Promise<Answer[][]> {
  const pipeline = headOf(use, "question-answering");
  const items = questions.map((question) => ({
    ...prepare(asking, use.model, { text: question.question, textPair: question.context }, {}),
    question,
  }));
  return submit(asking, use, ["question-answering", options], items, (batch, signal) =>
    pipeline.runAll(
      batch.map(({ question }) => question),
      { ...options, signal },
    ),
  );
}

/** How texts are embedded. */
interface EmbeddingOptions extends Cutting {
  /** Scale each vector to length 1; default true. */
  readonly normalize?: boolean | undefined;
  /** Keep only so many of the first numbers of each vector; they are scaled afterwards. */
  readonly dimensions?: number | undefined;
}

/**
 * Embed texts: of each the mean of its tokens' vectors, float32 `[H]`.
 *
 * @throws {ApiError} 422 if `dimensions` is more than the model has.
 */
async function askEmbeddings(
  asking: Asking,
  use: ModelInUse,
  texts: readonly string[],
  { normalize = true, dimensions, ...cutting }: EmbeddingOptions,
): Promise<Float32Array[]> {
  const { encoder, tokenizer, config } = use.model;
  const size = dimensions ?? config.hiddenSize;
  if (size > config.hiddenSize) {
    throw new ApiError(
      422,
      `Cannot embed in ${size} dimensions as the model "${use.id}" has ${config.hiddenSize}: ask for at most so many`,
      { param: "dimensions" },
    );
  }
  const items = texts.map((text) => prepare(asking, use.model, { text }, cutting));
  const vectors = await submit(asking, use, ["mean"], items, (batch, signal) =>
    extractFeatures(
      encoder,
      tokenizer,
      batch.map(({ text }) => text),
      { pooling: "mean", truncation: true, signal, batchSize: batch.length },
    ),
  );
  return vectors.map((vector) => (normalize ? scaledToOne(vector.slice(0, size)) : vector.slice(0, size)));
}

/** Embed every token of texts: of each text its tokens' vectors, float32 `[H]` each. */
async function askTokenEmbeddings(
  asking: Asking,
  use: ModelInUse,
  texts: readonly string[],
  cutting: Cutting,
): Promise<Float32Array[][]> {
  const { encoder, tokenizer, config } = use.model;
  const items = texts.map((text) => prepare(asking, use.model, { text }, cutting));
  const rows = await submit(asking, use, ["none"], items, (batch, signal) =>
    extractFeatures(
      encoder,
      tokenizer,
      batch.map(({ text }) => text),
      { pooling: "none", truncation: true, signal, batchSize: batch.length },
    ),
  );
  const { hiddenSize } = config;
  return rows.map((row) =>
    Array.from({ length: row.length / hiddenSize }, (_, i) =>
      row.subarray(i * hiddenSize, (i + 1) * hiddenSize),
    ),
  );
}

/** How alike a sentence and others are: cosines of their embeddings, in [−1, 1]. */
async function askSimilarities(
  asking: Asking,
  use: ModelInUse,
  source: string,
  sentences: readonly string[],
  cutting: Cutting,
): Promise<number[]> {
  const [first, ...others] = await askEmbeddings(asking, use, [source, ...sentences], cutting);
  return others.map((other) =>
    Math.max(
      -1,
      Math.min(
        1,
        other.reduce((sum, value, i) => sum + value * first![i]!, 0),
      ),
    ),
  );
}

/** All of them: loaded with the first question, so that the page opens at once. */
export const questions = {
  askFillMask,
  askLabels,
  askTokens,
  askQuestions,
  askEmbeddings,
  askTokenEmbeddings,
  askSimilarities,
} as const;

// --- internal ---

/** A text as the model reads it. */
interface Prepared extends TextPair {
  /** How many tokens it has. */
  readonly tokens: number;
}

function headOf<Name extends keyof ModelHeads>(
  { id, model }: ModelInUse,
  name: Name,
): NonNullable<ModelHeads[Name]> {
  const head = model.heads[name];
  if (head !== undefined) return head;
  throw new ApiError(
    424,
    `The model "${id}" does not do ${name}: it is for ${model.task}, and gives features`,
  );
}

/** Clean a text, count its tokens, and cut it if it is too long and may be. */
function prepare(asking: Asking, model: LoadedModel, pair: TextPair, cutting: Cutting): Prepared {
  const { usage, clock, metrics } = asking;
  const start = clock.now();
  const { tokenizer, config } = model;
  const limit = config.maxPositionEmbeddings;
  const text = model.clean(pair.text).text;
  const textPair = pair.textPair === undefined ? undefined : model.clean(pair.textPair).text;
  const encoding = tokenizer.encode(text, {
    ...wholeRow,
    ...(textPair === undefined ? {} : { pair: textPair }),
  });
  const tokens = Math.min(encoding.length, limit);
  const isTooLong = encoding.length > limit;
  if (isTooLong && cutting.truncate === false) {
    throw new ApiError(
      422,
      `Cannot read the text as it has ${encoding.length} tokens: the model reads at most ${limit}; shorten it`,
    );
  }
  usage.texts += 1;
  usage.characters += countCodePoints(pair.text) + countCodePoints(pair.textPair ?? "");
  usage.tokens += tokens;
  usage.truncated ||= isTooLong;
  metrics.observe("te_request_input_length", tokens);
  const cutLeft = isTooLong && cutting.direction === "left" && textPair === undefined;
  const kept = cutLeft ? text.slice(startOfLastWords(encoding, limit)) : text;
  usage.tokenizationMs += clock.now() - start;
  return { text: kept, ...(textPair === undefined ? {} : { textPair }), tokens };
}

const wholeRow = { truncation: false, padding: false, offsetUnit: "utf16" } as const;

/** Where the last words begin that fit into `limit` tokens, special ones included. */
function startOfLastWords({ length, offsets, wordIds }: Encoding, limit: number): number {
  let first = length - 1 - (limit - 2); // before it [CLS], behind the last one [SEP]
  while (first < length - 1 && wordIds[first] === wordIds[first - 1]) first += 1;
  return offsets[2 * first]!;
}

/** Put items in the queue, and take down what they took. */
async function submit<Item extends Prepared, Result>(
  { batcher, signal, usage }: Asking,
  { id, version }: ModelInUse,
  what: readonly unknown[],
  items: readonly Item[],
  run: (batch: Item[], signal: AbortSignal) => Promise<Result[]>,
): Promise<Result[]> {
  const key = JSON.stringify([id, version.revision, ...what]);
  try {
    const tokens = items.map(({ tokens }) => tokens);
    const onComputed = (milliseconds: number): void => {
      usage.batches += 1;
      usage.inferenceMs += milliseconds;
    };
    const done = await batcher.submit({ key, items, tokens, run, signal, onComputed });
    usage.queueMs += done.queueMs;
    return done.results;
  } catch (error) {
    // What the pipeline says of a text is meant for whoever sent it.
    if (error instanceof RangeError || error instanceof TypeError) {
      throw new ApiError(422, error.message, { cause: error });
    }
    throw error;
  }
}

function countCodePoints(text: string): number {
  let count = text.length;
  for (let i = 0; i + 1 < text.length; i++) {
    const isPair = (text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00;
    if (isPair) count -= 1;
  }
  return count;
}

/** A vector of zeros stays so. */
function scaledToOne(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / Math.max(length, 1e-12));
}
