import { BertForMaskedLM, type PretrainedSource } from "@kcbert/bert";
import type { BertTokenizer } from "@kcbert/tokenizer";
import type { LoadModelOptions } from "./_load_model.ts";
import { fillMask, type FillMaskOptions, type FillMaskResult } from "./fill_mask.ts";
import { loadClean } from "./load_clean.ts";
import { loadTokenizer } from "./load_tokenizer.ts";

/** A masked language model with its tokenizer and its cleaning, ready to be asked. */
export interface FillMaskPipeline {
  /** The model; `dispose` frees it. */
  readonly model: BertForMaskedLM;
  /** The model's tokenizer. */
  readonly tokenizer: BertTokenizer;
  /** Cleans a text as the model's training text was; the identity where the folder does not ask for it. */
  readonly clean: (text: string) => string;
  /** Clean a text, then `fillMask`. */
  run(text: string, options?: FillMaskOptions): Promise<FillMaskResult>;
  /** Clean texts, then `fillMask`. */
  runAll(texts: readonly string[], options?: FillMaskOptions): Promise<FillMaskResult[]>;
  /** Free the model's tensors. */
  dispose(): void;
}

/**
 * Load a masked language model from a folder in Hugging Face's layout.
 *
 * @param source Gives the folder's files by name.
 * @throws {RangeError} If the model has no masked-LM head, or its tokenizer has ids that it does not know; other errors as
 * `loadTokenizer`, `loadClean` and `BertForMaskedLM.fromPretrained` throw them.
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
  const tokenizer = await loadTokenizer(source, options);
  const clean = await loadClean(source, options);
  const model = await BertForMaskedLM.fromPretrained(source, {
    ...options,
    frozen: true, // the word table stays out of the backend's memory
    onReport: requireHead,
  });
  if (tokenizer.vocabSize > model.config.vocabSize) {
    const { vocabSize } = model.config;
    model.dispose();
    throw new RangeError(
      `Cannot use the tokenizer with this model: it has ${tokenizer.vocabSize} tokens, the model has ${vocabSize}`,
    );
  }
  return {
    model,
    tokenizer,
    clean,
    run: (text, options) => fillMask(model, tokenizer, clean(text), options),
    runAll: (texts, options) => fillMask(model, tokenizer, texts.map(clean), options),
    dispose: () => model.dispose(),
  };
}

// --- internal ---

/** Without this, a head that the folder lacks would be made up of random numbers, and its answers as well. */
function requireHead({ missing }: { readonly missing: readonly string[] }): void {
  if (missing.length === 0) return;
  throw new RangeError(
    `Cannot fill masks with this model as it has no masked-LM head: it lacks ${missing[0]} and ${missing.length - 1} more parameters`,
  );
}
