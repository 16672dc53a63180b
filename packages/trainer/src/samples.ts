/**
 * A few masked sentences and what the model puts into the gap: the quickest way to see it learn.
 */
import type { BertForMaskedLM } from "@kcbert/bert";
import type { BertTokenizer } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";

/** A sentence with a gap, and the likeliest fillings. */
export interface MaskedSample {
  /** The sentence, `[MASK]` in it. */
  readonly text: string;
  /** The likeliest tokens, best first. */
  readonly fills: readonly { readonly token: string; readonly score: number }[];
}

/**
 * Fill the first `[MASK]` of each text.
 *
 * @param model The model; unchanged.
 * @param tokenizer The model's tokenizer.
 * @param texts Texts as the model was trained on (cleaned, if it was), each with a `[MASK]`.
 * @param options `topK`, how many tokens to give for each.
 * @returns In order of `texts`; `score` is the token's probability in [0, 1].
 * @throws {RangeError} If a text has no `[MASK]` among the tokens that fit into the model.
 *
 * @example
 * ```ts
 * import { BertForMaskedLM, kcbertBase } from "@kcbert/bert";
 * import { BertTokenizer } from "@kcbert/tokenizer";
 * import { fillSamples } from "@kcbert/trainer";
 * import * as tf from "@tensorflow/tfjs";
 * import assert from "node:assert/strict";
 *
 * await tf.setBackend("cpu");
 * const vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "영화", "정말", "좋다"];
 * const tokenizer = BertTokenizer.fromVocab(vocab);
 * const sizes = { vocabSize: 8, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 16 };
 * const model = BertForMaskedLM.init({ ...kcbertBase, ...sizes }, { seed: 1 });
 * const [sample] = await fillSamples(model, tokenizer, ["영화 정말 [MASK]"], { topK: 3 });
 * assert.equal(sample?.fills.length, 3);
 * ```
 */
export async function fillSamples(
  model: BertForMaskedLM,
  tokenizer: BertTokenizer,
  texts: readonly string[],
  { topK = 5 }: { topK?: number } = {},
): Promise<MaskedSample[]> {
  const samples: MaskedSample[] = [];
  for (const text of texts) {
    const { ids } = tokenizer.encode(text, {
      maxLength: model.config.maxPositionEmbeddings,
      truncation: "longest_first",
    });
    const gap = ids.indexOf(tokenizer.maskId);
    if (gap < 0) throw new RangeError(`Cannot fill a sample as it has no [MASK]: ${text}`);
    const best = tf.tidy(() => {
      const inputIds = tf.tensor2d(ids, [1, ids.length], "int32"); // [1, T]
      const logits = model.forward({ inputIds }, { maskedPositions: tf.tensor1d([gap], "int32") }).logits; // [1, V]
      return tf.topk(tf.softmax(tf.squeeze(logits, [0])), Math.min(topK, model.config.vocabSize)); // [topK]
    });
    const [scores, indices] = await Promise.all([best.values.data(), best.indices.data()]);
    tf.dispose([best.values, best.indices]);
    const fills = Array.from(scores, (score, i) => ({
      token: tokenizer.idToToken(indices[i]!) ?? "[UNK]",
      score,
    }));
    samples.push({ text, fills });
  }
  return samples;
}
