import type { BertModel } from "@kcbert/bert";
import type { BertTokenizer } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { checkChoice, checkCount, checkFit, checkText } from "./_checks.ts";
import { encodeToFit, type TruncationOptions } from "./_encode.ts";
import { type RowInputs, type RunOptions, runRows } from "./_run_rows.ts";

/**
 * What of a text's hidden states is given, H numbers a vector:
 *
 * - `"none"`: the vector of each token, `[CLS]` and `[SEP]` included;
 * - `"mean"`: their mean;
 * - `"cls"`: that of `[CLS]`;
 * - `"pooler"`: what the model's pooler makes of that of `[CLS]`.
 */
export type Pooling = "none" | "mean" | "cls" | "pooler";

/** How features are extracted. */
export interface ExtractFeaturesOptions extends RunOptions, TruncationOptions {
  /** What of the hidden states is given; `"none"` by default. */
  readonly pooling?: Pooling;
  /** Scale each vector to length 1. Default `false`. */
  readonly normalize?: boolean;
}

/**
 * What the model makes of a text, as numbers.
 *
 * Follows the `feature-extraction` pipeline of Hugging Face transformers; pooling and normalising are those of
 * sentence-transformers. The text is not cleaned here, and not cut unless asked for. Leaves no tensor behind.
 *
 * @param model A BERT without a head, on the backend that is set.
 * @param tokenizer Its tokenizer.
 * @param text A text, or several.
 * @returns float32 `[H]` of the text, or of each text in order; with pooling `"none"` `[T, H]`, token by token.
 * @throws {RangeError} If a text has more tokens than the model positions and is not to be cut, the model has no pooler
 * to pool with, an option is out of its range, or the tokenizer has more tokens than the model.
 * @throws {TypeError} If a text is not a string.
 *
 * @example
 * ```ts
 * import { BertModel, kcbertBase } from "@kcbert/bert";
 * import { extractFeatures } from "@kcbert/pipelines";
 * import { BertTokenizer } from "@kcbert/tokenizer";
 * import "@tensorflow/tfjs-backend-cpu";
 * import assert from "node:assert/strict";
 *
 * const tokenizer = BertTokenizer.fromVocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "영화", "재밌다"]);
 * const small = { ...kcbertBase, vocabSize: 7, hiddenSize: 8, numAttentionHeads: 2, intermediateSize: 16 };
 * const model = BertModel.init(small, { seed: 1 });
 * const embedding = await extractFeatures(model, tokenizer, "영화", { pooling: "mean", normalize: true });
 * assert.equal(embedding.length, 8);
 * const tokens = await extractFeatures(model, tokenizer, "영화 재밌다");
 * assert.equal(tokens.length, 4 * 8);
 * model.dispose();
 * ```
 */
export async function extractFeatures(
  model: BertModel,
  tokenizer: BertTokenizer,
  text: string,
  options?: ExtractFeaturesOptions,
): Promise<Float32Array>;
/**
 * What the model makes of several texts; see the form for one text.
 *
 * @returns The features of each text, in order.
 */
export async function extractFeatures(
  model: BertModel,
  tokenizer: BertTokenizer,
  text: readonly string[],
  options?: ExtractFeaturesOptions,
): Promise<Float32Array[]>;
export async function extractFeatures(
  model: BertModel,
  tokenizer: BertTokenizer,
  text: string | readonly string[],
  options: ExtractFeaturesOptions = {},
): Promise<Float32Array | Float32Array[]> {
  const { pooling = "none", normalize = false, batchSize } = options;
  checkChoice(TASK, "pooling", pooling, ["none", "mean", "cls", "pooler"]);
  checkCount(TASK, "batchSize", batchSize);
  checkFit(TASK, model, tokenizer);
  const many = Array.isArray(text);
  const rows = (many ? text : [text]).map((each: unknown) => {
    checkText(TASK, "the text", each);
    return encodeToFit(TASK, model, tokenizer, { text: each }, options);
  });
  const { hiddenSize } = model.config;
  const results: Float32Array[] = [];
  const forward = runRows(rows, { model, tokenizer }, options, (inputs) => [run(model, inputs, pooling)]);
  for await (const { index, values } of forward) {
    const tokens = pooling === "none" || pooling === "mean" ? rows[index]!.length : 1;
    const vectors = values[0]!.subarray(0, tokens * hiddenSize);
    const features = pooling === "mean" ? meanOf(vectors, hiddenSize) : vectors.slice();
    if (normalize) {
      for (let i = 0; i < features.length; i += hiddenSize) {
        scaleToOne(features.subarray(i, i + hiddenSize));
      }
    }
    results[index] = features;
  }
  return many ? results : results[0]!;
}

// --- internal ---

const TASK = "extract the text's features";

function run(model: BertModel, inputs: RowInputs, pooling: Pooling): tf.Tensor {
  const { lastHiddenState, poolerOutput } = model.forward(inputs); // [B, T, H], [B, H]
  if (pooling !== "pooler") return lastHiddenState;
  if (poolerOutput !== undefined) return poolerOutput;
  throw new RangeError(`Cannot ${TASK} by its pooler as the model has none: use pooling "mean" or "cls"`);
}

/** The mean of vectors that lie one after another, summed in double precision. */
function meanOf(vectors: Float32Array, size: number): Float32Array {
  const sum = new Float64Array(size);
  for (let begin = 0; begin < vectors.length; begin += size) {
    for (let i = 0; i < size; i++) sum[i]! += vectors[begin + i]!;
  }
  return Float32Array.from(sum, (value) => (value * size) / vectors.length);
}

/** A vector of zeros stays so. */
function scaleToOne(vector: Float32Array): void {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  for (let i = 0; i < vector.length; i++) vector[i]! /= Math.max(length, 1e-12);
}
