/**
 * Score a model on masked text that it was not trained on.
 */
import { type BertForMaskedLM, softmaxCrossEntropy } from "@kcbert/bert";
import * as tf from "@tensorflow/tfjs-core";
import { inputsOf, onDevice } from "./_step.ts";
import type { MaskedBatch } from "./masked_lm.ts";

/** Scores over all masked positions of some text. */
export interface MaskedLmScores {
  /** Mean cross-entropy, nats per masked token. */
  readonly loss: number;
  /** Part of the masked tokens that the model ranks first, in [0, 1]. */
  readonly accuracy: number;
}

/**
 * Masked-LM loss and accuracy of a model, without dropout.
 *
 * @param model The model; unchanged.
 * @param batches Masked batches; the same ones every time make scores comparable.
 * @returns NaN for both if the batches hold no prediction.
 *
 * @example
 * ```ts
 * import { BertForMaskedLM, kcbertBase } from "@kcbert/bert";
 * import { BertTokenizer } from "@kcbert/tokenizer";
 * import { cutBatch, evaluateMaskedLm, maskTokens, packLines, specialIdsOf } from "@kcbert/trainer";
 * import * as tf from "@tensorflow/tfjs";
 * import assert from "node:assert/strict";
 *
 * await tf.setBackend("cpu");
 * const vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "영화", "정말", "좋다"];
 * const tokenizer = BertTokenizer.fromVocab(vocab);
 * const sizes = { vocabSize: 8, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 16 };
 * const model = BertForMaskedLM.init({ ...kcbertBase, ...sizes }, { seed: 1 });
 * const lines = tokenizer.encodeBatch(["영화 정말 좋다", "정말 영화"]);
 * const packed = packLines(lines, { rowLength: 10, seed: 1, epoch: 0 });
 * const batch = cutBatch(lines, packed, { first: 0, count: 1, rowLength: 10, padId: tokenizer.padId });
 * const masking = { seed: 1, step: 0, maskId: tokenizer.maskId, specialIds: specialIdsOf(tokenizer), vocabSize: 8 };
 * const { loss } = await evaluateMaskedLm(model, [maskTokens(batch, masking)]);
 * assert.ok(Math.abs(loss - Math.log(8)) < 0.5); // it knows nothing yet
 * ```
 */
export async function evaluateMaskedLm(
  model: BertForMaskedLM,
  batches: Iterable<MaskedBatch>,
): Promise<MaskedLmScores> {
  let loss = 0;
  let hits = 0;
  let count = 0;
  for (const batch of batches) {
    if (batch.predictions === 0) continue;
    const scores = tf.tidy(() => {
      const on = onDevice(batch);
      const { logits } = model.forward(inputsOf(on), { maskedPositions: on.maskedPositions }); // [P, V]
      const right = tf.equal(tf.argMax(logits, 1), on.labels); // [P], false where ignored
      const loss = softmaxCrossEntropy(logits as tf.Tensor2D, on.labels); // []
      return tf.stack([loss, tf.sum(tf.cast(right, "float32"))]); // [2]
    });
    const [batchLoss, batchHits] = await scores.data();
    scores.dispose();
    loss += batchLoss! * batch.predictions;
    hits += batchHits!;
    count += batch.predictions;
  }
  return { loss: loss / count, accuracy: hits / count };
}
