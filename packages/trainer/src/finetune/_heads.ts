/**
 * What each kind of model learns, and what it says: functions of tensors, without data.
 */
import {
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertModel,
  type BertForwardOptions,
  softmaxCrossEntropy,
} from "@kcbert/bert";
import * as tf from "@tensorflow/tfjs-core";
import { readTexts } from "./_example_inputs.ts";
import type { Examples } from "./examples.ts";

/** A model that can be fine-tuned. */
export type FinetuneModel =
  | BertForSequenceClassification
  | BertForTokenClassification
  | BertForQuestionAnswering
  | BertModel;

/** A model with what is asked of it. */
export interface Head {
  /** The kind of examples that it takes. */
  readonly kind: Examples["kind"];
  /** How many tensors `uploadLabels` gives. */
  readonly labels: number;
  /** The mean loss of a batch, from the inputs of `uploadTexts` and the labels of `uploadLabels`. */
  readonly loss: (
    texts: readonly tf.Tensor[],
    labels: readonly tf.Tensor[],
    options: BertForwardOptions,
  ) => tf.Scalar;
  /**
   * What the model says of a batch: float32 `[B, L]` logits of texts, int32 `[B, T]` classes of tokens, float32 `[B, 2T]`
   * logits of begins and then ends, float32 `[B]` cosines of embeddings.
   */
  readonly outputs: (texts: readonly tf.Tensor[]) => tf.Tensor;
}

/** What is asked of a model, by its class. */
export function headOf(model: FinetuneModel, classWeights?: readonly number[]): Head {
  if (model instanceof BertForSequenceClassification) return textHead(model, classWeights);
  if (classWeights !== undefined) {
    throw new RangeError("Cannot weigh classes as the model does not choose one class for each text");
  }
  if (model instanceof BertForTokenClassification) return tokenHead(model);
  return model instanceof BertForQuestionAnswering ? spanHead(model) : embeddingHead(model);
}

// --- internal ---

function textHead(model: BertForSequenceClassification, classWeights: readonly number[] | undefined): Head {
  const { problemType = "single_label_classification", numLabels } = model.config;
  const isChoice = problemType === "single_label_classification";
  if (classWeights !== undefined && (!isChoice || classWeights.length !== numLabels)) {
    throw new RangeError(
      `Cannot weigh ${classWeights.length} classes: the model has ${numLabels} labels, and its problem is ${problemType}`,
    );
  }
  return {
    kind: "texts",
    labels: isChoice ? 1 : 2,
    loss: (texts, labels, options) => {
      const { logits } = model.forward(readTexts(texts), options); // [B, L]
      if (!isChoice) return meanOfRows(lossOfNumbers(logits, labels[0]!, problemType), labels[1]!);
      const classes = labels[0] as tf.Tensor1D; // [B]
      return classWeights === undefined
        ? softmaxCrossEntropy(logits, classes)
        : weightedCrossEntropy(logits, classes, classWeights);
    },
    outputs: (texts) => model.forward(readTexts(texts)).logits, // [B, L]
  };
}

function tokenHead(model: BertForTokenClassification): Head {
  return {
    kind: "tokens",
    labels: 1,
    loss: (texts, labels, options) => model.loss(readTexts(texts), labels[0] as tf.Tensor2D, options),
    outputs: (texts) => tf.argMax(model.forward(readTexts(texts)).logits, 2), // [B, T]
  };
}

function spanHead(model: BertForQuestionAnswering): Head {
  return {
    kind: "spans",
    labels: 2,
    loss: (texts, labels, options) => {
      const [starts, ends] = labels as tf.Tensor1D[];
      return model.loss(readTexts(texts), starts!, ends!, options);
    },
    outputs: (texts) => {
      const { startLogits, endLogits } = model.forward(readTexts(texts)); // [B, T] each
      return tf.concat([startLogits, endLogits], 1); // [B, 2T]
    },
  };
}

function embeddingHead(model: BertModel): Head {
  return {
    kind: "embeddings",
    labels: 2,
    loss: (texts, labels, options) => {
      const [targets, counts] = labels; // [B, 1], [B]
      const error = tf.sub(cosines(model, texts, options), tf.reshape(targets!, [-1])); // [B]
      return meanOfRows(tf.square(error), counts!);
    },
    outputs: (texts) => cosines(model, texts, {}),
  };
}

/** The cosine of the mean hidden states of each pair: `[2B, T]` → `[B]`. */
function cosines(model: BertModel, texts: readonly tf.Tensor[], options: BertForwardOptions): tf.Tensor1D {
  const inputs = readTexts(texts);
  const { lastHiddenState } = model.forward(inputs, options); // [2B, T, H]
  const mask = tf.expandDims(tf.cast(inputs.attentionMask, "float32"), 2); // [2B, T, 1]
  const summed = tf.sum(tf.mul(lastHiddenState, mask), 1); // [2B, H]; the mean points the same way
  const lengths = tf.sqrt(tf.add(tf.sum(tf.square(summed), 1, true), 1e-12)); // [2B, 1]
  const [first, second] = tf.split(tf.div(summed, lengths), 2, 0); // [B, H] each
  return tf.sum(tf.mul(first!, second!), 1); // [B]
}

/** Squared error of numbers, or cross-entropy of each of several labels, mean over the labels: `[B, L]` → `[B]`. */
function lossOfNumbers(logits: tf.Tensor2D, targets: tf.Tensor, problem: string): tf.Tensor1D {
  if (problem === "regression") return tf.mean(tf.squaredDifference(logits, targets), 1);
  const linear = tf.sub(tf.relu(logits), tf.mul(logits, targets)); // [B, L]
  return tf.mean(tf.add(linear, tf.softplus(tf.neg(tf.abs(logits)))), 1); // [B]
}

/** The mean over the rows that count. */
function meanOfRows(losses: tf.Tensor, counts: tf.Tensor): tf.Scalar {
  return tf.div(tf.sum(tf.mul(losses, counts)), tf.maximum(tf.sum(counts), 1));
}

/** Cross-entropy in which each row counts as much as its class: `torch.nn.CrossEntropyLoss(weight)`. */
function weightedCrossEntropy(
  logits: tf.Tensor2D,
  classes: tf.Tensor1D,
  weights: readonly number[],
): tf.Scalar {
  const chosen = tf.oneHot(tf.maximum(classes, tf.zerosLike(classes)), weights.length); // [B, L]
  const known = tf.cast(tf.greaterEqual(classes, 0), "float32"); // [B]
  const counts = tf.mul(tf.sum(tf.mul(chosen, tf.tensor1d([...weights])), 1), known); // [B]
  const losses = tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), chosen), 1)); // [B]
  return tf.div(tf.sum(tf.mul(losses, counts)), tf.maximum(tf.sum(counts), 1e-12));
}
