import {
  type BertConfig,
  BertModel,
  type BertPreTrainedModel,
  type PretrainedSource,
  type SharedWeights,
} from "@kcbert/bert";
import { type CleanedText, cleanWithOffsets } from "@kcbert/normalizer";
import {
  type AnswerQuestionPipeline,
  type ClassifyTextPipeline,
  type ClassifyTokensPipeline,
  extractFeatures,
  type FillMaskPipeline,
  type LoadModelOptions,
  loadAnswerQuestion,
  loadClassifyText,
  loadClassifyTokens,
  loadExtractFeatures,
  loadFillMask,
} from "@kcbert/pipelines";
import type { BertTokenizer } from "@kcbert/tokenizer";
import type { ModelTask } from "./task.ts";

/** A model in memory, whatever it is for. */
export interface LoadedModel {
  /** What it is for. */
  readonly task: ModelTask;
  /** Its dimensions and labels. */
  readonly config: BertConfig;
  /** Its tokenizer. */
  readonly tokenizer: BertTokenizer;
  /** Cleans a text as its training text was, and tells where each part of it stood. */
  readonly clean: (text: string) => CleanedText;
  /** Its encoder without the head; shares its weights, and lives as long. */
  readonly encoder: BertModel;
  /** Its weights, each with its bytes; other models may have some of the same. */
  readonly parts: ReadonlyMap<object, number>;
  /** Its head; the one of {@link LoadedModel.task} is there, no other. */
  readonly heads: ModelHeads;
  /** Free it. */
  dispose(): void;
}

/** The pipelines of a model's head. */
export interface ModelHeads {
  /** Of a masked language model. */
  readonly "fill-mask"?: FillMaskPipeline;
  /** Of a classifier of texts. */
  readonly "text-classification"?: ClassifyTextPipeline;
  /** Of a classifier of tokens. */
  readonly "token-classification"?: ClassifyTokensPipeline;
  /** Of an answerer of questions. */
  readonly "question-answering"?: AnswerQuestionPipeline;
}

/**
 * Load a model's folder.
 *
 * @param task What it is for.
 * @param source Gives the folder's files by name.
 * @param shared Weights that it has in common with others.
 * @throws {RangeError} If the folder has no head for this task; other errors as the loaders throw them.
 */
export async function loadModel(
  task: ModelTask,
  source: PretrainedSource,
  shared?: SharedWeights,
): Promise<LoadedModel> {
  const pipeline = await loaders[task](source, shared === undefined ? {} : { shared });
  const { model, tokenizer } = pipeline;
  const { config } = model;
  return {
    task,
    config,
    tokenizer,
    clean: cleaningOf(config),
    encoder: encoderOf(model),
    parts: partsOf(model),
    heads: task === "feature-extraction" ? {} : { [task]: pipeline },
    dispose: () => pipeline.dispose(),
  };
}

/** What a model makes of a text: the mean of its tokens' vectors, float32 `[H]`. */
export function vectorOf({ encoder, tokenizer }: LoadedModel, text: string): Promise<Float32Array> {
  return extractFeatures(encoder, tokenizer, text, { pooling: "mean", truncation: true });
}

// --- internal ---

const loaders = {
  "fill-mask": loadFillMask,
  "text-classification": loadClassifyText,
  "token-classification": loadClassifyTokens,
  "question-answering": loadAnswerQuestion,
  "feature-extraction": loadExtractFeatures,
} satisfies Record<ModelTask, (source: PretrainedSource, options: LoadModelOptions) => Promise<unknown>>;

/** The loaders have refused a variant that is none. */
function cleaningOf({ clean }: BertConfig): (text: string) => CleanedText {
  if (clean === undefined || clean === null) return asItIs;
  return (text) => cleanWithOffsets(text, { variant: clean as "2021" });
}

function asItIs(text: string): CleanedText {
  return { text, offsets: Uint32Array.from({ length: text.length + 1 }, (_, i) => i) };
}

/** The same parameters under the keys that a model without a head has. */
function encoderOf(model: BertPreTrainedModel): BertModel {
  if (model instanceof BertModel) return model;
  const bare = <Part>(parts: ReadonlyMap<string, Part>): Map<string, Part> =>
    new Map(
      [...parts]
        .filter(([key]) => key.startsWith("bert.") && !key.startsWith("bert.pooler."))
        .map(([key, part]) => [key.slice("bert.".length), part]),
    );
  return new BertModel(model.config, bare(model.parameters), bare(model.matrices));
}

function partsOf({ parameters, matrices }: BertPreTrainedModel): Map<object, number> {
  const parts = new Map<object, number>();
  for (const parameter of parameters.values()) parts.set(parameter, 4 * parameter.size);
  for (const matrix of matrices.values()) {
    const saved = [...matrix.saved().values()];
    const sizes = saved.map(({ dtype, shape }) =>
      shape.reduce((n, size) => n * size, bytesOfDtype[dtype] ?? 4),
    );
    parts.set(
      matrix,
      sizes.reduce((sum, bytes) => sum + bytes, 0),
    );
  }
  return parts;
}

const bytesOfDtype: Record<string, number> = { F64: 8, F32: 4, I32: 4, F16: 2, BF16: 2, I8: 1, U8: 1 };
