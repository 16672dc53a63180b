import { BertForSequenceClassification, type PretrainedSource } from "@kcbert/bert";
import type { AtLeastOne } from "./_at_least_one.ts";
import type { TextPair } from "./_encode.ts";
import { type LoadedModel, loadModel, type LoadModelOptions } from "./_load_model.ts";
import { classifyText, type ClassifyTextOptions, type TextLabel } from "./classify_text.ts";

/** A classifier of texts with its tokenizer and its cleaning, ready to be asked. */
export interface ClassifyTextPipeline extends LoadedModel<BertForSequenceClassification> {
  /** Clean a text, or both of a pair, then `classifyText`. */
  run(text: string | TextPair, options?: ClassifyTextOptions): Promise<AtLeastOne<TextLabel>>;
  /** Clean texts, then `classifyText`. */
  runAll(
    texts: readonly (string | TextPair)[],
    options?: ClassifyTextOptions,
  ): Promise<AtLeastOne<TextLabel>[]>;
  /**
   * Whether a text's best label is too uncertain to act on: its score is below the one that `config.json` names
   * (`"kcbert": { "unsure_below": 0.8 }`). Never where it names none.
   *
   * @param labels What `run` gave for the text, by the function that is usual for the model.
   */
  isUnsure(labels: AtLeastOne<TextLabel>): boolean;
}

/**
 * Load a classifier of texts from a folder in Hugging Face's layout.
 *
 * @param source Gives the folder's files by name.
 * @throws {RangeError} If the model has no head for this, its tokenizer has ids that it does not know, or the folder asks
 * for a cleaning that this version does not know; other errors as `loadTokenizer` and `fromPretrained` throw them.
 *
 * @example
 * ```ts
 * import { loadClassifyText } from "@kcbert/pipelines";
 * import assert from "node:assert/strict";
 *
 * await assert.rejects(() => loadClassifyText(async () => undefined), RangeError);
 * ```
 */
export async function loadClassifyText(
  source: PretrainedSource,
  options: LoadModelOptions = {},
): Promise<ClassifyTextPipeline> {
  const { loaded } = await loadModel("classify texts", source, options, (options) =>
    BertForSequenceClassification.fromPretrained(source, options),
  );
  const { model, tokenizer, clean } = loaded;
  const { unsureBelow = 0 } = model.config;
  const cleaned = (text: string | TextPair): string | TextPair => cleanEach(text, clean);
  return {
    ...loaded,
    run: async (text, options) => classifyText(model, tokenizer, cleaned(text), options),
    runAll: async (texts, options) => classifyText(model, tokenizer, texts.map(cleaned), options),
    isUnsure: ([best]) => best.score < unsureBelow,
  };
}

// --- internal ---

function cleanEach(text: string | TextPair, clean: (text: string) => string): string | TextPair {
  if (typeof text !== "object" || text === null) return clean(text);
  const { textPair } = text;
  return { text: clean(text.text), ...(textPair === undefined ? {} : { textPair: clean(textPair) }) };
}
