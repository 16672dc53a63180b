/**
 * What a training step and an evaluation share: a masked batch as the inputs of a function of tensors.
 */
import type { BertInputs } from "@kcbert/bert";
import * as tf from "@tensorflow/tfjs-core";
import type { MaskedBatch } from "./masked_lm.ts";

/** A masked batch on the backend: B rows, T tokens, P predictions. */
export interface MaskedLmInputs {
  readonly inputs: BertInputs;
  /** int32 `[P]`. */
  readonly maskedPositions: tf.Tensor1D;
  /** int32 `[P]`, −100 where there is nothing to predict. */
  readonly labels: tf.Tensor1D;
}

/** Upload a batch, as inputs of a function of tensors; the caller owns them. */
export function uploadBatch(batch: MaskedBatch): tf.Tensor[] {
  const shape: [number, number] = [batch.rows, batch.rowLength];
  return [
    tf.tensor2d(batch.inputIds, shape, "int32"), // [B, T]
    tf.tensor2d(batch.positionIds, shape, "int32"), // [B, T]
    tf.tensor2d(batch.segments, shape, "int32"), // [B, T]
    tf.tensor1d(batch.maskedPositions, "int32"), // [P]
    tf.tensor1d(batch.labels, "int32"), // [P]
  ];
}

/** The inputs of a function, as what the model reads of them: tokens see their own line alone. */
export function masked(inputs: readonly tf.Tensor[]): MaskedLmInputs {
  const [inputIds, positionIds, segments] = inputs as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
  const [, , , maskedPositions, labels] = inputs as tf.Tensor1D[];
  const sameLine = tf.equal(tf.expandDims(segments, 2), tf.expandDims(segments, 1)); // [B, T, T]
  return {
    inputs: { inputIds, positionIds, attentionMask: sameLine },
    maskedPositions: maskedPositions!,
    labels: labels!,
  };
}
