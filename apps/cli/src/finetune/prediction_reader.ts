/** What a fine-tuned model says of texts, as objects for JSON. */
import type { BertConfig } from "@kcbert/bert";
import type { BertTokenizer } from "@kcbert/tokenizer";
import type { Examples, FinetuneModel, Jit } from "@kcbert/trainer";
import { CliError } from "../failure.ts";
import { answerQuestions } from "./squad_answers.ts";

/** A text, or a pair of texts. */
export interface AskedText {
  readonly text: string;
  readonly pair?: string;
}

/** What runs a model. */
export interface PredictorOptions {
  readonly model: FinetuneModel;
  readonly tokenizer: BertTokenizer;
  readonly clean: (text: string) => string;
  readonly jit?: Jit | undefined;
  readonly signal: AbortSignal;
}

/**
 * What a model says of some texts: of a classifier `label`, `score` and all `scores`; of any of several labels `labels` and
 * `scores`; of a regression `value`; of tokens `entities` with their places; of a question (`text`) and its text (`pair`)
 * the `answer`; of embeddings `similarity` of a pair, else `embedding`.
 */
export async function predictTexts(
  asked: readonly AskedText[],
  options: PredictorOptions,
): Promise<Readonly<Record<string, unknown>>[]> {
  const bert = await import("@kcbert/bert");
  const { model } = options;
  if (model instanceof bert.BertForTokenClassification) return entitiesIn(asked, options);
  if (model instanceof bert.BertForQuestionAnswering) return answersTo(asked, options);
  if (model instanceof bert.BertModel) return embeddingsOf(asked, options);
  const { argMax, predict } = await import("@kcbert/trainer");
  const { jit, signal } = options;
  const said = await predict(model, await encode(asked, options), {
    signal,
    ...(jit === undefined ? {} : { jit }),
  });
  const { config } = model;
  return asked.map((_, i) =>
    describeLogits(said.values.subarray(said.rowStarts[i], said.rowStarts[i + 1]), config, argMax),
  );
}

// --- internal ---

async function encode(
  asked: readonly AskedText[],
  { model, tokenizer, clean }: PredictorOptions,
): Promise<Examples> {
  const texts = asked.map(({ text }) => clean(text));
  const paired = asked.some(({ pair }) => pair !== undefined);
  const batch = tokenizer.encodeBatch(texts, {
    maxLength: model.config.maxPositionEmbeddings,
    ...(paired ? { pairs: asked.map(({ pair = "" }) => clean(pair)) } : {}),
  });
  const { ids, rowStarts } = batch;
  return {
    kind: "texts",
    texts: { ids, rowStarts, ...(paired ? { typeIds: batch.typeIds } : {}) },
    labels: new Int32Array(asked.length),
  };
}

function describeLogits(
  logits: ArrayLike<number>,
  { problemType, numLabels, id2label }: BertConfig,
  argMax: (values: ArrayLike<number>, from: number, to: number) => number,
): Readonly<Record<string, unknown>> {
  const names = Array.from({ length: numLabels }, (_, id) => id2label?.[id] ?? `LABEL_${id}`);
  if (problemType === "regression" || numLabels === 1) return { value: rounded(logits[0]!) };
  const several = problemType === "multi_label_classification";
  const scores = several ? Array.from(logits, sigmoid) : softmax(logits);
  const byName = Object.fromEntries(names.map((name, id) => [name, rounded(scores[id]!)]));
  if (several) return { labels: names.filter((_, id) => scores[id]! > 0.5), scores: byName };
  const best = argMax(logits, 0, numLabels);
  return { label: names[best]!, score: rounded(scores[best]!), scores: byName };
}

async function entitiesIn(
  asked: readonly AskedText[],
  { model, tokenizer, clean, signal }: PredictorOptions,
): Promise<Readonly<Record<string, unknown>>[]> {
  const { classifyTokens } = await import("@kcbert/pipelines");
  const suffix = (model.config.id2label ?? []).some((label) => /-[BI]$/.test(label));
  const texts = asked.map(({ text }) => clean(text));
  const found = await classifyTokens(model as Parameters<typeof classifyTokens>[0], tokenizer, texts, {
    aggregationStrategy: "first",
    tagPosition: suffix ? "suffix" : "prefix",
    batchSize: 64,
    signal,
  });
  return found.map((entities, i) => ({
    ...(texts[i] === asked[i]!.text ? {} : { cleaned: texts[i] }), // places count in it
    entities: entities.map(({ entityGroup, word, start, end, score }) => ({
      entity: entityGroup,
      word,
      start,
      end,
      score: rounded(score),
    })),
  }));
}

async function answersTo(
  asked: readonly AskedText[],
  options: PredictorOptions,
): Promise<Readonly<Record<string, unknown>>[]> {
  const questions = asked.map(({ text, pair }, i) => {
    if (pair === undefined)
      throw new CliError("Cannot answer a question without a text: --pair names where it stands");
    return { id: String(i), question: text, context: pair, answers: [] };
  });
  const { model } = options;
  const answers = await answerQuestions(model, questions, {
    ...options,
    maxLength: model.config.maxPositionEmbeddings,
  });
  return questions.map(({ id }) => ({ answer: answers.get(id)! }));
}

async function embeddingsOf(
  asked: readonly AskedText[],
  { model, tokenizer, clean, signal }: PredictorOptions,
): Promise<Readonly<Record<string, unknown>>[]> {
  const { extractFeatures } = await import("@kcbert/pipelines");
  const embed = (texts: string[]) =>
    extractFeatures(model as Parameters<typeof extractFeatures>[0], tokenizer, texts, {
      pooling: "mean",
      normalize: true,
      truncation: true,
      batchSize: 64,
      signal,
    });
  const first = await embed(asked.map(({ text }) => clean(text)));
  if (asked.every(({ pair }) => pair === undefined)) {
    return first.map((embedding) => ({ embedding: Array.from(embedding, rounded) }));
  }
  const second = await embed(asked.map(({ pair = "" }) => clean(pair)));
  return first.map((embedding, i) => ({
    similarity: rounded(embedding.reduce((sum, value, j) => sum + value * second[i]![j]!, 0)),
  }));
}

function softmax(logits: ArrayLike<number>): number[] {
  const numbers = Array.from(logits);
  const most = Math.max(...numbers);
  const exps = numbers.map((logit) => Math.exp(logit - most));
  const total = exps.reduce((sum, value) => sum + value, 0);
  return exps.map((value) => value / total);
}

function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

/** Six digits are more than a float32 forward pass knows. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
