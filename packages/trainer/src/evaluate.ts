/**
 * Score a model on masked text that it was not trained on.
 */
import type { BertForMaskedLM } from "@kcbert/bert";
import * as tf from "@tensorflow/tfjs-core";
import { forwardMasked, onDevice, tokenLosses } from "./_step.ts";
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
 * ```ts ignore
 * const { loss, accuracy } = await evaluateMaskedLm(model, heldOut);
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
    const sums = tf.tidy(() => {
      const on = onDevice(batch);
      const logits = forwardMasked(model, on); // [P, V]
      const best = tf.argMax(logits, 1); // int32 [P]
      const right = tf.cast(tf.equal(best, on.labels), "float32"); // [P]
      return tf.stack([
        tf.sum(tf.mul(tokenLosses(logits, on.labels), on.weights)),
        tf.sum(tf.mul(right, on.weights)),
        tf.sum(on.weights),
      ]); // [3]
    });
    const [batchLoss, batchHits, batchCount] = await sums.data();
    sums.dispose();
    loss += batchLoss!;
    hits += batchHits!;
    count += batchCount!;
  }
  return { loss: loss / count, accuracy: hits / count };
}
