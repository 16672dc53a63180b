import { BertForMaskedLM, type PretrainedSource } from "@kcbert/bert";
import { type LoadedModel, loadModel, type LoadModelOptions } from "./_load_model.ts";
import { fillMask, type FillMaskOptions, type FillMaskResult } from "./fill_mask.ts";

/** A masked language model with its tokenizer and its cleaning, ready to be asked. */
export interface FillMaskPipeline extends LoadedModel<BertForMaskedLM> {
  /** Clean a text, then `fillMask`. */
  run(text: string, options?: FillMaskOptions): Promise<FillMaskResult>;
  /** Clean texts, then `fillMask`. */
  runAll(texts: readonly string[], options?: FillMaskOptions): Promise<FillMaskResult[]>;
}

/**
 * Load a masked language model from a folder in Hugging Face's layout.
 *
 * @param source Gives the folder's files by name.
 * @throws {RangeError} If the model has no masked-LM head, or its tokenizer has ids that it does not know; other errors as
 * `loadTokenizer` and `BertForMaskedLM.fromPretrained` throw them.
 *
 * @example
 * ```ts
 * import { loadFillMask } from "@kcbert/pipelines";
 * import assert from "node:assert/strict";
 *
 * await assert.rejects(() => loadFillMask(async () => undefined), RangeError);
 * ```
 */
export async function loadFillMask(
  source: PretrainedSource,
  options: LoadModelOptions = {},
): Promise<FillMaskPipeline> {
  const { loaded } = await loadModel("fill masks", source, options, (options) =>
    BertForMaskedLM.fromPretrained(source, options),
  );
  const { model, tokenizer, clean } = loaded;
  return {
    ...loaded,
    run: async (text, options) => fillMask(model, tokenizer, clean(text), options),
    runAll: async (texts, options) => fillMask(model, tokenizer, texts.map(clean), options),
  };
}
