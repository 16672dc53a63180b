/**
 * What a training step and an evaluation share: a masked batch as the inputs of a function of tensors.
 */
import type { BertForMaskedLM, BertForPreTraining, BertInputs } from "@kcbert/bert";
import * as tf from "@tensorflow/tfjs-core";
import type { MaskedBatch } from "./masked_lm.ts";

/** A masked batch on the backend: B rows, T tokens, P predictions. */
export interface MaskedLmInputs {
  readonly inputs: BertInputs;
  /** int32 `[P]`. */
  readonly maskedPositions: tf.Tensor1D;
  /** int32 `[P]`, −100 where there is nothing to predict. */
  readonly labels: tf.Tensor1D;
  /** Of pairs: int32 `[B]`. */
  readonly nextSentenceLabels: tf.Tensor1D | undefined;
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
    ...(batch.tokenTypeIds === undefined ? [] : [tf.tensor2d(batch.tokenTypeIds, shape, "int32")]), // [B, T]
    ...(batch.nextSentenceLabels === undefined ? [] : [tf.tensor1d(batch.nextSentenceLabels, "int32")]), // [B]
  ];
}

/** The inputs of a function, as what the model reads of them: tokens see their own line alone. */
export function masked(inputs: readonly tf.Tensor[]): MaskedLmInputs {
  const [inputIds, positionIds, segments] = inputs as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
  const [, , , maskedPositions, labels, , nextSentenceLabels] = inputs as tf.Tensor1D[];
  const tokenTypeIds = inputs[5] as tf.Tensor2D | undefined;
  const sameLine = tf.equal(tf.expandDims(segments, 2), tf.expandDims(segments, 1)); // [B, T, T]
  return {
    inputs: { inputIds, positionIds, attentionMask: sameLine, ...(tokenTypeIds && { tokenTypeIds }) },
    maskedPositions: maskedPositions!,
    labels: labels!,
    nextSentenceLabels,
  };
}

/** A model that is pretrained: with a head for masked words, and perhaps one for pairs. */
export type PretrainableModel = BertForMaskedLM | BertForPreTraining;

/** The scores of the vocabulary at the masked places, and of the pairs where the model has them. */
export function scoresOf(
  model: PretrainableModel,
  inputs: BertInputs,
  maskedPositions: tf.Tensor1D,
): { words: tf.Tensor2D; pairs: tf.Tensor2D | undefined } {
  const outputs = model.forward(inputs, { maskedPositions });
  if ("logits" in outputs) return { words: outputs.logits as tf.Tensor2D, pairs: undefined }; // [P, V]
  return { words: outputs.predictionLogits as tf.Tensor2D, pairs: outputs.seqRelationshipLogits }; // [P, V], [B, 2]
}
