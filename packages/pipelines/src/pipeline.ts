/**
 * All pipelines by the name of their task, as Hugging Face's `pipeline`. Each is loaded when it is asked for, so that a
 * bundler that splits code can leave the others to later; import a loader from `@kcbert/pipelines` to have one alone.
 *
 * @module
 */
import type { PretrainedSource } from "@kcbert/bert";
import type { LoadModelOptions } from "./_load_model.ts";
import type { AnswerQuestionPipeline } from "./load_answer_question.ts";
import type { ClassifyTextPipeline } from "./load_classify_text.ts";
import type { ClassifyTokensPipeline } from "./load_classify_tokens.ts";
import type { ExtractFeaturesPipeline } from "./load_extract_features.ts";
import type { FillMaskPipeline } from "./load_fill_mask.ts";
import type { SentenceSimilarityPipeline } from "./load_sentence_similarity.ts";

/** What answers for each task; names are Hugging Face's. */
export interface PipelineTasks {
  /** A BERT without a head. */
  "feature-extraction": ExtractFeaturesPipeline;
  /** A masked language model. */
  "fill-mask": FillMaskPipeline;
  /** The same as `token-classification`. */
  ner: ClassifyTokensPipeline;
  /** An answerer of questions. */
  "question-answering": AnswerQuestionPipeline;
  /** A BERT without a head. */
  "sentence-similarity": SentenceSimilarityPipeline;
  /** The same as `text-classification`. */
  "sentiment-analysis": ClassifyTextPipeline;
  /** A classifier of texts. */
  "text-classification": ClassifyTextPipeline;
  /** A classifier of tokens. */
  "token-classification": ClassifyTokensPipeline;
}

/**
 * Load a model for a task from a folder in Hugging Face's layout.
 *
 * @param task The task, by Hugging Face's name.
 * @param source Gives the folder's files by name.
 * @returns The pipeline; its `run` answers, its `dispose` frees the model.
 * @throws {RangeError} If there is no such task, or the folder's model is not for it; other errors as the task's loader
 * throws them.
 *
 * @example
 * ```ts
 * import { pipeline } from "@kcbert/pipelines/pipeline";
 * import assert from "node:assert/strict";
 *
 * await assert.rejects(() => pipeline("fill-mask", async () => undefined), RangeError);
 * ```
 */
export async function pipeline<Task extends keyof PipelineTasks>(
  task: Task,
  source: PretrainedSource,
  options: LoadModelOptions = {},
): Promise<PipelineTasks[Task]> {
  if (!Object.hasOwn(LOADERS, task)) {
    const known = Object.keys(LOADERS).join(", ");
    throw new RangeError(`Cannot make a pipeline for the task ${JSON.stringify(task)}: known are ${known}`);
  }
  return LOADERS[task](source, options);
}

// --- internal ---

type Loader<Pipeline> = (source: PretrainedSource, options: LoadModelOptions) => Promise<Pipeline>;

const loadTexts: Loader<ClassifyTextPipeline> = async (...folder) =>
  (await import("./load_classify_text.ts")).loadClassifyText(...folder);

const loadTokens: Loader<ClassifyTokensPipeline> = async (...folder) =>
  (await import("./load_classify_tokens.ts")).loadClassifyTokens(...folder);

const LOADERS: { readonly [Task in keyof PipelineTasks]: Loader<PipelineTasks[Task]> } = {
  "feature-extraction": async (...folder) =>
    (await import("./load_extract_features.ts")).loadExtractFeatures(...folder),
  "fill-mask": async (...folder) => (await import("./load_fill_mask.ts")).loadFillMask(...folder),
  ner: loadTokens,
  "question-answering": async (...folder) =>
    (await import("./load_answer_question.ts")).loadAnswerQuestion(...folder),
  "sentence-similarity": async (...folder) =>
    (await import("./load_sentence_similarity.ts")).loadSentenceSimilarity(...folder),
  "sentiment-analysis": loadTexts,
  "text-classification": loadTexts,
  "token-classification": loadTokens,
};
