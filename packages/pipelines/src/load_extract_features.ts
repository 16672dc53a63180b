import { BertModel, type PretrainedSource } from "@kcbert/bert";
import { type LoadedModel, loadModel, type LoadModelOptions } from "./_load_model.ts";
import { extractFeatures, type ExtractFeaturesOptions } from "./extract_features.ts";

/** How a model that embeds is loaded. */
export interface LoadExtractFeaturesOptions extends LoadModelOptions {
  /** Load the pooler too, which pooling `"pooler"` needs, and many folders lack. Default `false`. */
  readonly pooler?: boolean;
}

/** A model with its tokenizer and its cleaning, ready to be asked. */
export interface ExtractFeaturesPipeline extends LoadedModel<BertModel> {
  /** Clean a text, then `extractFeatures`. */
  run(text: string, options?: ExtractFeaturesOptions): Promise<Float32Array>;
  /** Clean texts, then `extractFeatures`. */
  runAll(texts: readonly string[], options?: ExtractFeaturesOptions): Promise<Float32Array[]>;
}

/**
 * Load a BERT without a head from a folder in Hugging Face's layout; whatever head is there is left out.
 *
 * @param source Gives the folder's files by name.
 * @throws {RangeError} If a pooler is asked for and not there, the tokenizer has ids that the model does not know, or the
 * folder asks for a cleaning that this version does not know; other errors as `loadTokenizer` and `fromPretrained` throw
 * them.
 *
 * @example
 * ```ts
 * import { loadExtractFeatures } from "@kcbert/pipelines";
 * import assert from "node:assert/strict";
 *
 * await assert.rejects(() => loadExtractFeatures(async () => undefined), RangeError);
 * ```
 */
export async function loadExtractFeatures(
  source: PretrainedSource,
  { pooler = false, ...options }: LoadExtractFeaturesOptions = {},
): Promise<ExtractFeaturesPipeline> {
  const { loaded } = await loadModel("extract features", source, options, (options) =>
    BertModel.fromPretrained(source, { ...options, pooler }),
  );
  const { model, tokenizer, clean } = loaded;
  return {
    ...loaded,
    run: async (text, options) => extractFeatures(model, tokenizer, clean(text), options),
    runAll: async (texts, options) => extractFeatures(model, tokenizer, texts.map(clean), options),
  };
}
