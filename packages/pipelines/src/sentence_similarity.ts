import type { BertModel } from "@kcbert/bert";
import type { BertTokenizer } from "@kcbert/tokenizer";
import { checkChoice, checkText } from "./_checks.ts";
import { extractFeatures, type ExtractFeaturesOptions, type Pooling } from "./extract_features.ts";

/** A sentence, and those that it is compared with. */
export interface SimilarityQuery {
  /** The sentence. */
  readonly sourceSentence: string;
  /** What it is compared with. */
  readonly sentences: readonly string[];
}

/** How sentences are compared. */
export interface SentenceSimilarityOptions extends Omit<ExtractFeaturesOptions, "pooling" | "normalize"> {
  /** What stands for a sentence; `"mean"` by default. */
  readonly pooling?: Exclude<Pooling, "none">;
  /** Cut sentences that are too long rather than refuse them. Default `true`, as sentence-transformers does. */
  readonly truncation?: boolean;
}

/**
 * How alike sentences are: the cosine of their embeddings.
 *
 * Takes what Hugging Face's `sentence-similarity` task takes; embeddings are those of sentence-transformers. The texts
 * are not cleaned here. Leaves no tensor behind.
 *
 * @param model A BERT without a head, on the backend that is set; best one that was trained to embed sentences.
 * @param tokenizer Its tokenizer.
 * @param query The sentence, and those that it is compared with.
 * @returns A number in [−1, 1] for each of `sentences`, in order; 1 is the same.
 * @throws {RangeError} As {@linkcode extractFeatures}.
 * @throws {TypeError} If a sentence is not a string, or `sentences` is not an array.
 *
 * @example
 * ```ts
 * import { BertModel, kcbertBase } from "@kcbert/bert";
 * import { sentenceSimilarity } from "@kcbert/pipelines";
 * import { BertTokenizer } from "@kcbert/tokenizer";
 * import "@tensorflow/tfjs-backend-cpu";
 * import assert from "node:assert/strict";
 *
 * const tokenizer = BertTokenizer.fromVocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "영화", "재밌다"]);
 * const small = { ...kcbertBase, vocabSize: 7, hiddenSize: 8, numAttentionHeads: 2, intermediateSize: 16 };
 * const model = BertModel.init(small, { seed: 1 });
 * const [same = 0, other = 1] = await sentenceSimilarity(model, tokenizer, {
 *   sourceSentence: "영화",
 *   sentences: ["영화", "재밌다"],
 * });
 * assert.ok(same > other && same > 0.999);
 * model.dispose();
 * ```
 */
export async function sentenceSimilarity(
  model: BertModel,
  tokenizer: BertTokenizer,
  { sourceSentence, sentences }: SimilarityQuery,
  { pooling = "mean", truncation = true, ...options }: SentenceSimilarityOptions = {},
): Promise<number[]> {
  checkChoice(TASK, "pooling", pooling, ["mean", "cls", "pooler"]);
  checkText(TASK, "sourceSentence", sourceSentence);
  if (!Array.isArray(sentences)) {
    throw new TypeError(`Cannot ${TASK} as sentences must be an array of strings: it is ${typeof sentences}`);
  }
  for (const [i, sentence] of sentences.entries()) checkText(TASK, `sentence ${i}`, sentence);
  const texts = [sourceSentence, ...sentences];
  const [source, ...others] = await extractFeatures(model, tokenizer, texts, {
    ...options,
    truncation,
    pooling,
    normalize: true,
  });
  return others.map((other) => cosine(source!, other));
}

// --- internal ---

const TASK = "compare the sentences";

/** Of vectors of length 1. */
function cosine(a: Float32Array, b: Float32Array): number {
  const dot = a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  return Math.max(-1, Math.min(1, dot));
}
