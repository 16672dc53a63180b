import { BertModel, type PretrainedSource } from "@kcbert/bert";
import { type LoadedModel, loadModel } from "./_load_model.ts";
import type { LoadExtractFeaturesOptions } from "./load_extract_features.ts";
import {
  sentenceSimilarity,
  type SentenceSimilarityOptions,
  type SimilarityQuery,
} from "./sentence_similarity.ts";

/** A model with its tokenizer and its cleaning, ready to be asked. */
export interface SentenceSimilarityPipeline extends LoadedModel<BertModel> {
  /** Clean the sentences, then `sentenceSimilarity`. */
  run(query: SimilarityQuery, options?: SentenceSimilarityOptions): Promise<number[]>;
}

/**
 * Load a BERT that compares sentences from a folder in Hugging Face's layout; whatever head is there is left out.
 *
 * @param source Gives the folder's files by name.
 * @throws {RangeError} As `loadExtractFeatures`.
 *
 * @example
 * ```ts
 * import { loadSentenceSimilarity } from "@kcbert/pipelines";
 * import assert from "node:assert/strict";
 *
 * await assert.rejects(() => loadSentenceSimilarity(async () => undefined), RangeError);
 * ```
 */
export async function loadSentenceSimilarity(
  source: PretrainedSource,
  { pooler = false, ...options }: LoadExtractFeaturesOptions = {},
): Promise<SentenceSimilarityPipeline> {
  const { loaded } = await loadModel("compare sentences", source, options, (options) =>
    BertModel.fromPretrained(source, { ...options, pooler }),
  );
  const { model, tokenizer, clean } = loaded;
  return {
    ...loaded,
    run: async ({ sourceSentence, sentences }, options) => {
      const query = { sourceSentence: clean(sourceSentence), sentences: sentences.map(clean) };
      return sentenceSimilarity(model, tokenizer, query, options);
    },
  };
}
