/**
 * What a training step and an evaluation share: a batch on the device, the forward pass, the loss.
 */
import type { BertForMaskedLM, BertInputs } from "@kcbert/bert";
import * as tf from "@tensorflow/tfjs-core";
import type { MaskedBatch } from "./masked_lm.ts";

/** A masked batch as tensors: B rows, T tokens, P predictions. */
export interface DeviceBatch {
  /** int32 `[B, T]`. */
  readonly inputIds: tf.Tensor2D;
  /** int32 `[B, T]`, restarting in every line. */
  readonly positionIds: tf.Tensor2D;
  /** int32 `[B, T, T]`, 1 where two tokens belong to one line. */
  readonly attentionMask: tf.Tensor3D;
  /** int32 `[P]`. */
  readonly maskedPositions: tf.Tensor1D;
  /** int32 `[P]`, −100 where there is nothing to predict. */
  readonly labels: tf.Tensor1D;
}

/** Upload a batch; the caller owns the tensors. */
export function onDevice(batch: MaskedBatch): DeviceBatch {
  const shape: [number, number] = [batch.rows, batch.rowLength];
  return tf.tidy(() => {
    const segments = tf.tensor2d(batch.segments, shape, "int32"); // [B, T]
    const sameLine = tf.equal(tf.expandDims(segments, 2), tf.expandDims(segments, 1)); // [B, T, T]
    return {
      inputIds: tf.tensor2d(batch.inputIds, shape, "int32"),
      positionIds: tf.tensor2d(batch.positionIds, shape, "int32"),
      attentionMask: tf.cast(sameLine, "int32") as tf.Tensor3D,
      maskedPositions: tf.tensor1d(batch.maskedPositions, "int32"),
      labels: tf.tensor1d(batch.labels, "int32"),
    };
  }) as unknown as DeviceBatch;
}

/** What a step learns from a batch; the caller owns the tensors. */
export interface LossAndGradients {
  /** The loss times `scale`. */
  readonly loss: tf.Scalar;
  /** By parameter key. */
  readonly gradients: ReadonlyMap<string, tf.Tensor>;
}

/**
 * The mean loss at the masked positions, and its gradient in every parameter.
 *
 * @param options `dropout` draws what is dropped, as far as the model's config wants any; `scale` multiplies the loss.
 */
export function lossAndGradients(
  model: BertForMaskedLM,
  batch: MaskedBatch,
  { dropout, scale }: { dropout: { seed: number; step: number }; scale: number },
): LossAndGradients {
  const { value, grads } = tf.tidy(() => {
    const on = onDevice(batch);
    return tf.variableGrads(() => {
      const loss = model.loss(inputsOf(on), on.labels, { maskedPositions: on.maskedPositions, dropout }); // []
      return scale === 1 ? loss : (tf.mul(loss, scale) as tf.Scalar);
    }, [...model.parameters.values()]);
  });
  const gradients = Array.from(model.parameters, ([key, { name }]) => [key, grads[name]] as const);
  return {
    loss: value,
    gradients: new Map(gradients.filter((pair): pair is [string, tf.Tensor] => pair[1] !== undefined)),
  };
}

/** Add gradients to a sum; the terms are disposed, the caller owns the result. */
export function addGradients(
  sum: ReadonlyMap<string, tf.Tensor>,
  gradients: ReadonlyMap<string, tf.Tensor>,
): Map<string, tf.Tensor> {
  const result = new Map(gradients);
  for (const [key, term] of sum) {
    const gradient = gradients.get(key);
    if (gradient === undefined) {
      result.set(key, term);
      continue;
    }
    result.set(key, tf.add(term, gradient));
    tf.dispose([term, gradient]);
  }
  return result;
}

/** What the model reads of a batch. */
export function inputsOf({ inputIds, positionIds, attentionMask }: DeviceBatch): BertInputs {
  return { inputIds, positionIds, attentionMask };
}
