/**
 * The heads that Hugging Face puts on BERT, under its names, each with its loss.
 *
 * Shapes: B examples, T tokens each, M = B·T, H hidden size, V vocabulary, P predictions, L labels.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { checkIds, checkLabels } from "./_check_inputs.ts";
import type { BertConfig, BertProblemType } from "./config.ts";
import {
  type BertForwardOptions,
  type BertInputs,
  bertParameters,
  type BertStates,
  type Pass,
  pool,
  runBert,
} from "./modeling_bert.ts";
import { activation } from "./ops/activations.ts";
import { layerNorm } from "./ops/layer_norm.ts";
import { linear } from "./ops/linear.ts";
import { IGNORED_LABEL, softmaxCrossEntropy } from "./ops/softmax_cross_entropy.ts";
import {
  BertPreTrainedModel,
  dense,
  norm,
  type ParameterShape,
  tidied,
  type Weights,
  weightsOf,
} from "./pretrained_model.ts";

/** How to run a masked language model. */
export interface MaskedLmOptions extends BertForwardOptions {
  /**
   * int32 `[P]`, each in [0, B·T): score the tokens at these places only, counted through the rows. The vocabulary is
   * large, so this saves most of the head's work; in training it is the way.
   */
  maskedPositions?: tf.Tensor1D;
}

/** What a masked language model gives; the caller owns the tensors. */
export interface MaskedLmOutputs extends BertStates {
  /** float32 `[B, T, V]`, or `[P, V]` with `maskedPositions`: a score for every token of the vocabulary. */
  logits: tf.Tensor;
}

/**
 * BERT that fills gaps: scores over the vocabulary at each position, by the table of word embeddings.
 *
 * @example
 * ```ts
 * import { BertForMaskedLM, kcbertBase } from "@kcbert/bert";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import assert from "node:assert/strict";
 *
 * const config = { ...kcbertBase, hiddenSize: 24, numHiddenLayers: 2, intermediateSize: 96, vocabSize: 100 };
 * const model = BertForMaskedLM.init(config, { seed: 1 });
 * const inputIds = tf.tensor2d([[2, 8, 4, 3]], [1, 4], "int32"); // [CLS] … [MASK] [SEP]
 * const maskedPositions = tf.tensor1d([2], "int32");
 * const { logits } = model.forward({ inputIds }, { maskedPositions });
 * assert.deepEqual(logits.shape, [1, 100]);
 *
 * const labels = tf.tensor1d([9], "int32");
 * const loss = model.loss({ inputIds }, labels, { maskedPositions, dropout: { seed: 1, step: 0 } });
 * assert.ok(Math.abs(loss.dataSync()[0]! - Math.log(100)) < 1); // it has learned nothing yet
 *
 * tf.dispose([inputIds, maskedPositions, logits, labels, loss]);
 * model.dispose();
 * ```
 */
export class BertForMaskedLM extends BertPreTrainedModel {
  /** The name of the class. */
  readonly architecture = "BertForMaskedLM";

  /** The parameters of a model with this config. */
  static *parameterShapes(config: BertConfig): Generator<ParameterShape> {
    yield* bertParameters(config, { prefix: "bert.", pooler: false });
    yield* maskedLmParameters(config);
  }

  /**
   * Score the vocabulary.
   *
   * @throws {TypeError} If an input has the wrong dtype or shape.
   * @throws {RangeError} If an input has more tokens than the model positions, or an id it does not know.
   */
  forward(inputs: BertInputs, options: MaskedLmOptions = {}): MaskedLmOutputs {
    return tidied(() => {
      const { hidden, pass, states } = runBert(this, "bert.", inputs, options);
      return { logits: scoreVocabulary(this, hidden, pass, options.maskedPositions), ...states };
    });
  }

  /**
   * Mean cross-entropy in nats over the labels that are not −100; NaN if all are.
   *
   * @param labels int32 `[B, T]`, or `[P]` with `maskedPositions`: the token that belongs there, or −100.
   * @returns float32 scalar; the caller owns it.
   * @throws {TypeError} If an input has the wrong dtype or shape.
   * @throws {RangeError} If an input has more tokens than the model positions, or an id or a label it does not know.
   */
  loss(inputs: BertInputs, labels: tf.Tensor, options: MaskedLmOptions = {}): tf.Scalar {
    return tf.tidy(() => classLoss(this.forward(inputs, options).logits, labels, this.config.vocabSize));
  }
}

/** What {@link BertForPreTraining} gives; the caller owns the tensors. */
export interface PreTrainingOutputs extends BertStates {
  /** float32 `[B, T, V]`, or `[P, V]` with `maskedPositions`. */
  predictionLogits: tf.Tensor;
  /** float32 `[B, 2]`: the second text of the pair follows the first (0), or does not (1). */
  seqRelationshipLogits: tf.Tensor2D;
}

/**
 * BERT as it was pretrained: masked tokens, and whether one text follows the other.
 *
 * @example
 * ```ts
 * import { BertForPreTraining, kcbertBase } from "@kcbert/bert";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import assert from "node:assert/strict";
 *
 * const config = { ...kcbertBase, hiddenSize: 24, numHiddenLayers: 2, intermediateSize: 96, vocabSize: 100 };
 * const model = BertForPreTraining.init(config, { seed: 1 });
 * const inputIds = tf.tensor2d([[2, 8, 3, 9, 3]], [1, 5], "int32");
 * const tokenTypeIds = tf.tensor2d([[0, 0, 0, 1, 1]], [1, 5], "int32");
 * const { predictionLogits, seqRelationshipLogits } = model.forward({ inputIds, tokenTypeIds });
 * assert.deepEqual(predictionLogits.shape, [1, 5, 100]);
 * assert.deepEqual(seqRelationshipLogits.shape, [1, 2]);
 * tf.dispose([inputIds, tokenTypeIds, predictionLogits, seqRelationshipLogits]);
 * model.dispose();
 * ```
 */
export class BertForPreTraining extends BertPreTrainedModel {
  /** The name of the class. */
  readonly architecture = "BertForPreTraining";

  /** The parameters of a model with this config. */
  static *parameterShapes(config: BertConfig): Generator<ParameterShape> {
    yield* bertParameters(config, { prefix: "bert.", pooler: true });
    yield* maskedLmParameters(config);
    yield* dense("cls.seq_relationship", config.hiddenSize, 2);
  }

  /**
   * Score the vocabulary and the pair.
   *
   * @throws {TypeError} If an input has the wrong dtype or shape.
   * @throws {RangeError} If an input has more tokens than the model positions, or an id it does not know.
   */
  forward(inputs: BertInputs, options: MaskedLmOptions = {}): PreTrainingOutputs {
    return tidied(() => {
      const { hidden, pass, states } = runBert(this, "bert.", inputs, options);
      const pooled = pool(hidden, pass, weightsOf(this, "bert.pooler")); // [B, H]
      const predictionLogits = scoreVocabulary(this, hidden, pass, options.maskedPositions);
      return {
        predictionLogits,
        seqRelationshipLogits: classify(pooled, weightsOf(this, "cls.seq_relationship")),
        ...states,
      };
    });
  }

  /**
   * The sum of the masked-LM loss (as {@link BertForMaskedLM.loss}) and the mean cross-entropy of the pairs.
   *
   * @param labels int32 `[B, T]`, or `[P]` with `maskedPositions`: the token that belongs there, or −100.
   * @param nextSentenceLabels int32 `[B]`: 0 if the second text follows the first, 1 if not.
   * @returns float32 scalar; the caller owns it.
   * @throws {TypeError} If an input has the wrong dtype or shape.
   * @throws {RangeError} If an input has more tokens than the model positions, or an id or a label it does not know.
   */
  loss(
    inputs: BertInputs,
    labels: tf.Tensor,
    nextSentenceLabels: tf.Tensor1D,
    options: MaskedLmOptions = {},
  ): tf.Scalar {
    return tf.tidy(() => {
      const { predictionLogits, seqRelationshipLogits } = this.forward(inputs, options);
      const words = classLoss(predictionLogits, labels, this.config.vocabSize); // []
      return tf.add(words, classLoss(seqRelationshipLogits, nextSentenceLabels, 2)) as tf.Scalar;
    });
  }
}

/** What a classifier of texts gives; the caller owns the tensors. */
export interface SequenceClassifierOutputs extends BertStates {
  /** float32 `[B, L]`. */
  logits: tf.Tensor2D;
}

/**
 * BERT that judges a text as a whole, by its first token: classes, any of several labels, or numbers.
 *
 * @example
 * ```ts
 * import { BertForSequenceClassification, kcbertBase } from "@kcbert/bert";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import assert from "node:assert/strict";
 *
 * const config = { ...kcbertBase, hiddenSize: 24, numHiddenLayers: 2, intermediateSize: 96, vocabSize: 100 };
 * const model = BertForSequenceClassification.init({ ...config, numLabels: 3 }, { seed: 1 });
 * const inputIds = tf.tensor2d([[2, 8, 3], [2, 9, 3]], [2, 3], "int32");
 * const { logits } = model.forward({ inputIds });
 * assert.deepEqual(logits.shape, [2, 3]);
 * const labels = tf.tensor1d([0, 2], "int32");
 * const loss = model.loss({ inputIds }, labels);
 * assert.ok(Math.abs(loss.dataSync()[0]! - Math.log(3)) < 0.5);
 * tf.dispose([inputIds, logits, labels, loss]);
 * model.dispose();
 * ```
 */
export class BertForSequenceClassification extends BertPreTrainedModel {
  /** The name of the class. */
  readonly architecture = "BertForSequenceClassification";

  /** The parameters of a model with this config. */
  static *parameterShapes(config: BertConfig): Generator<ParameterShape> {
    yield* bertParameters(config, { prefix: "bert.", pooler: true });
    yield* dense("classifier", config.hiddenSize, config.numLabels);
  }

  /**
   * Score the labels.
   *
   * @throws {TypeError} If an input has the wrong dtype or shape.
   * @throws {RangeError} If an input has more tokens than the model positions, or an id it does not know.
   */
  forward(inputs: BertInputs, options: BertForwardOptions = {}): SequenceClassifierOutputs {
    return tidied(() => {
      const { hidden, pass, states } = runBert(this, "bert.", inputs, options);
      const pooled = pool(hidden, pass, weightsOf(this, "bert.pooler")); // [B, H]
      return { logits: classify(dropForClassifier(pooled, pass), weightsOf(this, "classifier")), ...states };
    });
  }

  /**
   * The loss of the config's `problemType`. Without one, Hugging Face's guess: a model with one label is a
   * regression; int32 labels are classes, others are any of several.
   *
   * @param labels For classes int32 `[B]`, mean cross-entropy in nats. For regression float32 `[B]` or `[B, L]`, mean
   * squared error. For any of several float32 `[B, L]` of 0 and 1, mean binary cross-entropy in nats.
   * @returns float32 scalar; the caller owns it.
   * @throws {TypeError} If an input has the wrong dtype or shape.
   * @throws {RangeError} If an input has more tokens than the model positions, or an id or a label it does not know.
   */
  loss(inputs: BertInputs, labels: tf.Tensor, options: BertForwardOptions = {}): tf.Scalar {
    return tf.tidy(() => {
      const { logits } = this.forward(inputs, options); // [B, L]
      const { problemType, numLabels } = this.config;
      const problem = problemType ?? guessProblem(numLabels, labels);
      if (problem === "single_label_classification") return classLoss(logits, labels, numLabels);
      const targets = asTargets(labels, logits); // [B, L]
      return problem === "regression"
        ? meanSquaredError(logits, targets)
        : binaryCrossEntropy(logits, targets);
    });
  }
}

/** What a classifier of tokens gives; the caller owns the tensors. */
export interface TokenClassifierOutputs extends BertStates {
  /** float32 `[B, T, L]`. */
  logits: tf.Tensor3D;
}

/**
 * BERT that labels each token, such as the names in a text.
 *
 * @example
 * ```ts
 * import { BertForTokenClassification, kcbertBase } from "@kcbert/bert";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import assert from "node:assert/strict";
 *
 * const config = { ...kcbertBase, hiddenSize: 24, numHiddenLayers: 2, intermediateSize: 96, vocabSize: 100 };
 * const model = BertForTokenClassification.init({ ...config, numLabels: 5 }, { seed: 1 });
 * const inputIds = tf.tensor2d([[2, 8, 9, 3]], [1, 4], "int32");
 * const { logits } = model.forward({ inputIds });
 * assert.deepEqual(logits.shape, [1, 4, 5]);
 * tf.dispose([inputIds, logits]);
 * model.dispose();
 * ```
 */
export class BertForTokenClassification extends BertPreTrainedModel {
  /** The name of the class. */
  readonly architecture = "BertForTokenClassification";

  /** The parameters of a model with this config. */
  static *parameterShapes(config: BertConfig): Generator<ParameterShape> {
    yield* bertParameters(config, { prefix: "bert.", pooler: false });
    yield* dense("classifier", config.hiddenSize, config.numLabels);
  }

  /**
   * Score the labels of each token.
   *
   * @throws {TypeError} If an input has the wrong dtype or shape.
   * @throws {RangeError} If an input has more tokens than the model positions, or an id it does not know.
   */
  forward(inputs: BertInputs, options: BertForwardOptions = {}): TokenClassifierOutputs {
    return tidied(() => {
      const { hidden, pass, states } = runBert(this, "bert.", inputs, options);
      const scores = classify(dropForClassifier(hidden, pass), weightsOf(this, "classifier")); // [M, L]
      return { logits: tf.reshape(scores, [pass.batch, pass.tokens, -1]) as tf.Tensor3D, ...states };
    });
  }

  /**
   * Mean cross-entropy in nats over the labels that are not −100; NaN if all are.
   *
   * @param labels int32 `[B, T]`, each in [0, L) or −100.
   * @returns float32 scalar; the caller owns it.
   * @throws {TypeError} If an input has the wrong dtype or shape.
   * @throws {RangeError} If an input has more tokens than the model positions, or an id or a label it does not know.
   */
  loss(inputs: BertInputs, labels: tf.Tensor2D, options: BertForwardOptions = {}): tf.Scalar {
    return tf.tidy(() => classLoss(this.forward(inputs, options).logits, labels, this.config.numLabels));
  }
}

/** What an answerer of questions gives; the caller owns the tensors. */
export interface QuestionAnsweringOutputs extends BertStates {
  /** float32 `[B, T]`: a score for each token to begin the answer; padding is not left out. */
  startLogits: tf.Tensor2D;
  /** float32 `[B, T]`: a score for each token to end the answer. */
  endLogits: tf.Tensor2D;
}

/**
 * BERT that finds the answer to a question in a text: where it begins, and where it ends.
 *
 * @example
 * ```ts
 * import { BertForQuestionAnswering, kcbertBase } from "@kcbert/bert";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import assert from "node:assert/strict";
 *
 * const config = { ...kcbertBase, hiddenSize: 24, numHiddenLayers: 2, intermediateSize: 96, vocabSize: 100 };
 * const model = BertForQuestionAnswering.init(config, { seed: 1 });
 * const inputIds = tf.tensor2d([[2, 8, 3, 9, 10, 3]], [1, 6], "int32"); // question and text
 * const tokenTypeIds = tf.tensor2d([[0, 0, 0, 1, 1, 1]], [1, 6], "int32");
 * const { startLogits, endLogits } = model.forward({ inputIds, tokenTypeIds });
 * assert.deepEqual([startLogits.shape, endLogits.shape], [[1, 6], [1, 6]]);
 * tf.dispose([inputIds, tokenTypeIds, startLogits, endLogits]);
 * model.dispose();
 * ```
 */
export class BertForQuestionAnswering extends BertPreTrainedModel {
  /** The name of the class. */
  readonly architecture = "BertForQuestionAnswering";

  /** The parameters of a model with this config. */
  static *parameterShapes(config: BertConfig): Generator<ParameterShape> {
    yield* bertParameters(config, { prefix: "bert.", pooler: false });
    yield* dense("qa_outputs", config.hiddenSize, 2);
  }

  /**
   * Score each token as begin and as end of the answer.
   *
   * @throws {TypeError} If an input has the wrong dtype or shape.
   * @throws {RangeError} If an input has more tokens than the model positions, or an id it does not know.
   */
  forward(inputs: BertInputs, options: BertForwardOptions = {}): QuestionAnsweringOutputs {
    return tidied(() => {
      const { hidden, pass, states } = runBert(this, "bert.", inputs, options);
      const scores = classify(hidden, weightsOf(this, "qa_outputs")); // [M, 2]
      const [start, end] = [0, 1].map((column) =>
        tf.reshape(tf.slice(scores, [0, column], [-1, 1]), [pass.batch, pass.tokens]),
      ) as [tf.Tensor2D, tf.Tensor2D]; // [B, T] each
      return { startLogits: start, endLogits: end, ...states };
    });
  }

  /**
   * The mean of two mean cross-entropies in nats, of the begin and of the end.
   *
   * @param startPositions int32 `[B]`: the token at which the answer begins. Negative ones count as 0; an answer that
   * lies beyond the row, `>= T`, is ignored.
   * @param endPositions int32 `[B]`: the last token of the answer, likewise.
   * @returns float32 scalar; the caller owns it.
   * @throws {TypeError} If an input has the wrong dtype or shape.
   * @throws {RangeError} If an input has more tokens than the model positions, or an id or a label it does not know.
   */
  loss(
    inputs: BertInputs,
    startPositions: tf.Tensor1D,
    endPositions: tf.Tensor1D,
    options: BertForwardOptions = {},
  ): tf.Scalar {
    return tf.tidy(() => {
      const { startLogits, endLogits } = this.forward(inputs, options); // [B, T] each
      const start = placeLoss(startLogits, startPositions); // []
      return tf.mul(tf.add(start, placeLoss(endLogits, endPositions)), 0.5) as tf.Scalar;
    });
  }
}

// --- internal ---

/** `cls.predictions`: the decoder is the table of word embeddings, and only its bias is its own. */
function* maskedLmParameters({ hiddenSize, vocabSize }: BertConfig): Generator<ParameterShape> {
  yield ["cls.predictions.bias", [vocabSize]];
  yield* dense("cls.predictions.transform.dense", hiddenSize, hiddenSize);
  yield* norm("cls.predictions.transform.LayerNorm", hiddenSize);
}

/** `cls.predictions`: float32 `[B, T, V]`, or `[P, V]` at the masked positions. */
function scoreVocabulary(
  model: BertPreTrainedModel,
  hidden: tf.Tensor2D, // [M, H]
  { config, batch, tokens }: Pass,
  positions?: tf.Tensor1D, // [P]
): tf.Tensor {
  checkIds("maskedPositions", positions, [positions?.size ?? 0], batch * tokens, "positions in the batch");
  const w = weightsOf(model, "cls.predictions");
  const rows = positions === undefined ? hidden : tf.gather(hidden, positions); // [P, H], or [M, H]
  const changed = activation(config.hiddenAct)(
    linear(rows, w.matrix("transform.dense.weight"), w("transform.dense.bias")),
  );
  const [gain, bias] = [w("transform.LayerNorm.weight"), w("transform.LayerNorm.bias")];
  const normal = layerNorm(changed, gain, bias, config.layerNormEps); // [P, H]
  const words = weightsOf(model, "bert.embeddings").matrix("word_embeddings.weight"); // [V, H]
  const logits = linear(normal, words, w("bias")); // [P, V]
  return positions === undefined ? tf.reshape(logits, [batch, tokens, config.vocabSize]) : logits;
}

/** A dense layer: `[R, H]` → `[R, L]`. */
function classify(rows: tf.Tensor2D, w: Weights): tf.Tensor2D {
  return linear(rows, w("weight"), w("bias"));
}

/** `dropout` before a classifier. */
function dropForClassifier(x: tf.Tensor2D, { config, drop }: Pass): tf.Tensor2D {
  return drop(x, config.classifierDropout ?? config.hiddenDropoutProb, "dropout");
}

/** Mean cross-entropy of logits `[…, classes]` against int32 labels `[…]`. */
function classLoss(logits: tf.Tensor, labels: tf.Tensor, classes: number): tf.Scalar {
  checkLabels(labels, logits.shape.slice(0, -1), classes);
  return softmaxCrossEntropy(
    tf.reshape(logits, [-1, classes]) as tf.Tensor2D,
    tf.reshape(labels, [-1]) as tf.Tensor1D,
  );
}

/** Cross-entropy over the tokens of a row, `[B, T]`; positions beyond it are ignored. */
function placeLoss(logits: tf.Tensor2D, positions: tf.Tensor1D): tf.Scalar {
  const [, tokens] = logits.shape;
  const inside = tf.less(positions, tokens); // [B]
  const places = tf.where(
    inside,
    tf.maximum(positions, tf.zerosLike(positions)),
    tf.fill(positions.shape, IGNORED_LABEL, "int32"),
  );
  return classLoss(logits, places, tokens);
}

function guessProblem(numLabels: number, labels: tf.Tensor): BertProblemType {
  if (numLabels === 1) return "regression";
  return labels.dtype === "int32" ? "single_label_classification" : "multi_label_classification";
}

/** Labels as float32 in the shape of the logits; `[B]` is fine for `[B, 1]`. */
function asTargets(labels: tf.Tensor, logits: tf.Tensor2D): tf.Tensor2D {
  if (labels.size !== logits.size || labels.shape[0] !== logits.shape[0]) {
    throw new TypeError(
      `Cannot compute the loss as labels must have the shape [${logits.shape.join(", ")}] of the logits: it has [${labels.shape.join(", ")}]`,
    );
  }
  return tf.reshape(tf.cast(labels, "float32"), logits.shape) as tf.Tensor2D;
}

function meanSquaredError(logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Scalar {
  return tf.mean(tf.squaredDifference(logits, targets)) as tf.Scalar;
}

/** Mean of `−y·log σ(x) − (1 − y)·log(1 − σ(x))`, computed so that no logit is too large for it. */
function binaryCrossEntropy(logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Scalar {
  const linearPart = tf.sub(tf.relu(logits), tf.mul(logits, targets)); // [B, L]
  return tf.mean(tf.add(linearPart, tf.softplus(tf.neg(tf.abs(logits))))) as tf.Scalar;
}
