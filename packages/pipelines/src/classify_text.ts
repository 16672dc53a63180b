import type { BertForSequenceClassification } from "@kcbert/bert";
import type { BertTokenizer } from "@kcbert/tokenizer";
import type { AtLeastOne } from "./_at_least_one.ts";
import { checkChoice, checkCount, checkFit, checkText } from "./_checks.ts";
import { encodeToFit, type TextPair, type TruncationOptions } from "./_encode.ts";
import { labelsOf } from "./_labels.ts";
import { type RunOptions, runRows } from "./_run_rows.ts";
import { softmax } from "./_softmax.ts";

/** A label that a text got. */
export interface TextLabel {
  /** The label's name in the config; `LABEL_0`, `LABEL_1`, … where it names none. */
  readonly label: string;
  /** Probability in [0, 1]; any number with `functionToApply: "none"`. */
  readonly score: number;
}

/** What turns the model's logits into scores. */
export type ClassificationFunction = "softmax" | "sigmoid" | "none";

/** How texts are classified. */
export interface ClassifyTextOptions extends RunOptions, TruncationOptions {
  /** How many labels a text gets, at most; 1 by default, `null` for all. */
  readonly topK?: number | null;
  /**
   * By default as the model is meant: `"none"` for a regression, `"sigmoid"` for any of several labels or a single one,
   * else `"softmax"`.
   */
  readonly functionToApply?: ClassificationFunction;
}

/**
 * Judge texts as a whole.
 *
 * Follows the `text-classification` pipeline of Hugging Face transformers 5, except that a text always gets a list, of one
 * label unless `topK` asks for more. The text is not cleaned here, and not cut unless asked for. Leaves no tensor behind.
 *
 * @param model A classifier, on the backend that is set.
 * @param tokenizer Its tokenizer.
 * @param text A text or a pair of texts, or several of them.
 * @returns The labels of the text, best first, or of each text in order.
 * @throws {RangeError} If a text has more tokens than the model positions and is not to be cut, an option is out of its
 * range, or the tokenizer has more tokens than the model.
 * @throws {TypeError} If a text is not a string.
 *
 * @example
 * ```ts
 * import { BertForSequenceClassification, kcbertBase } from "@kcbert/bert";
 * import { classifyText } from "@kcbert/pipelines";
 * import { BertTokenizer } from "@kcbert/tokenizer";
 * import "@tensorflow/tfjs-backend-cpu";
 * import assert from "node:assert/strict";
 *
 * const tokenizer = BertTokenizer.fromVocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "영화", "재밌다"]);
 * const small = { ...kcbertBase, vocabSize: 7, hiddenSize: 8, numAttentionHeads: 2, intermediateSize: 16 };
 * const model = BertForSequenceClassification.init({ ...small, id2label: ["나쁨", "좋음"] }, { seed: 1 });
 * const labels = await classifyText(model, tokenizer, "영화 재밌다", { topK: null });
 * assert.deepEqual(labels.map(({ label }) => label).sort(), ["나쁨", "좋음"]);
 * const [best] = await classifyText(model, tokenizer, { text: "영화", textPair: "재밌다" });
 * assert.ok(best.score >= 0.5);
 * model.dispose();
 * ```
 */
export async function classifyText(
  model: BertForSequenceClassification,
  tokenizer: BertTokenizer,
  text: string | TextPair,
  options?: ClassifyTextOptions,
): Promise<AtLeastOne<TextLabel>>;
/**
 * Judge several texts as a whole; see the form for one text.
 *
 * @returns The labels of each text, in order.
 */
export async function classifyText(
  model: BertForSequenceClassification,
  tokenizer: BertTokenizer,
  text: readonly (string | TextPair)[],
  options?: ClassifyTextOptions,
): Promise<AtLeastOne<TextLabel>[]>;
export async function classifyText(
  model: BertForSequenceClassification,
  tokenizer: BertTokenizer,
  text: string | TextPair | readonly (string | TextPair)[],
  options: ClassifyTextOptions = {},
): Promise<AtLeastOne<TextLabel> | AtLeastOne<TextLabel>[]> {
  const { topK = 1, functionToApply = usualFunction(model) } = options;
  checkCount(TASK, "topK", topK ?? undefined);
  checkCount(TASK, "batchSize", options.batchSize);
  checkChoice(TASK, "functionToApply", functionToApply, ["softmax", "sigmoid", "none"]);
  checkFit(TASK, model, tokenizer);
  const many = Array.isArray(text);
  const pairs = (many ? text : [text]).map(asPair);
  const rows = pairs.map((pair) => encodeToFit(TASK, model, tokenizer, pair, options));
  const labels = labelsOf(model.config);
  const results: AtLeastOne<TextLabel>[] = [];
  const forward = runRows(rows, { model, tokenizer }, options, (inputs) => [model.forward(inputs).logits]);
  for await (const { index, values } of forward) {
    results[index] = [...scoresOf(values[0]!, functionToApply)]
      .map((score, id) => ({ label: labels[id]!, score }))
      .sort((a, b) => b.score - a.score)
      .slice(0, topK ?? labels.length) as AtLeastOne<TextLabel>;
  }
  return many ? results : results[0]!;
}

// --- internal ---

const TASK = "classify the text";

function asPair(text: string | TextPair): TextPair {
  const pair = typeof text === "object" && text !== null && !Array.isArray(text) ? text : { text };
  checkText(TASK, "the text", pair.text);
  if ("textPair" in pair && pair.textPair !== undefined) checkText(TASK, "textPair", pair.textPair);
  return pair as TextPair;
}

function usualFunction({ config }: BertForSequenceClassification): ClassificationFunction {
  if (config.problemType === "regression") return "none";
  if (config.problemType === "multi_label_classification" || config.numLabels === 1) return "sigmoid";
  return "softmax";
}

function scoresOf(
  logits: Float32Array,
  functionToApply: ClassificationFunction,
): ArrayLike<number> & Iterable<number> {
  if (functionToApply === "none") return logits;
  if (functionToApply === "softmax") return softmax(logits);
  return Float64Array.from(logits, (logit) => 1 / (1 + Math.exp(-logit)));
}
