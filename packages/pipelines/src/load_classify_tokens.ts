import { BertForTokenClassification, type PretrainedSource } from "@kcbert/bert";
import { classifySourceTokens } from "./_classify_source_tokens.ts";
import { type LoadedModel, loadModel, type LoadModelOptions } from "./_load_model.ts";
import {
  type AggregationStrategy,
  classifyTokens,
  type ClassifyTokensOptions,
  type EntityOf,
} from "./classify_tokens.ts";

/** A classifier of tokens with its tokenizer and its cleaning, ready to be asked. */
export interface ClassifyTokensPipeline extends LoadedModel<BertForTokenClassification> {
  /** Clean a text, then `classifyTokens`; offsets are into the text as it was written. */
  run<Strategy extends AggregationStrategy = "none">(
    text: string,
    options?: ClassifyTokensOptions<Strategy>,
  ): Promise<EntityOf<Strategy>[]>;
  /** Clean texts, then `classifyTokens`; offsets are into the texts as they were written. */
  runAll<Strategy extends AggregationStrategy = "none">(
    texts: readonly string[],
    options?: ClassifyTokensOptions<Strategy>,
  ): Promise<EntityOf<Strategy>[][]>;
}

/**
 * Load a classifier of tokens from a folder in Hugging Face's layout.
 *
 * @param source Gives the folder's files by name.
 * @throws {RangeError} If the model has no head for this, its tokenizer has ids that it does not know, or the folder asks
 * for a cleaning that this version does not know; other errors as `loadTokenizer` and `fromPretrained` throw them.
 *
 * @example
 * ```ts
 * import { loadClassifyTokens } from "@kcbert/pipelines";
 * import assert from "node:assert/strict";
 *
 * await assert.rejects(() => loadClassifyTokens(async () => undefined), RangeError);
 * ```
 */
export async function loadClassifyTokens(
  source: PretrainedSource,
  options: LoadModelOptions = {},
): Promise<ClassifyTokensPipeline> {
  const { loaded, cleaning } = await loadModel("classify tokens", source, options, (options) =>
    BertForTokenClassification.fromPretrained(source, options),
  );
  const { model, tokenizer } = loaded;
  const runAll: ClassifyTokensPipeline["runAll"] = async (texts, options = {}) =>
    cleaning === undefined
      ? classifyTokens(model, tokenizer, texts, options)
      : classifySourceTokens(model, tokenizer, texts, cleaning, options);
  return { ...loaded, runAll, run: async (text, options) => (await runAll([text], options))[0]! };
}
