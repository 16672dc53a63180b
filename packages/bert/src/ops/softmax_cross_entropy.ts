import * as tf from "@tensorflow/tfjs-core";
import { hasKernel, runKernel } from "./_fused.ts";
import { isRecording, withGradient } from "./_with_gradient.ts";

/** A label that counts for nothing, as in PyTorch and Hugging Face. */
export const IGNORED_LABEL = -100;

/**
 * Mean cross-entropy, in nats, of softmax over logits against integer labels; rows labelled −100 count for nothing.
 *
 * Stable for logits of any size; its gradient is `(softmax − one-hot) / count`. When all rows are ignored the loss
 * is NaN, as in PyTorch, and the gradient zero.
 *
 * @param logits float32 `[P, V]`.
 * @param labels int32 `[P]`, each in [0, V) or −100.
 * @returns float32 scalar; the caller owns it.
 *
 * @example
 * ```ts
 * import { softmaxCrossEntropy } from "@kcbert/bert";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import assert from "node:assert/strict";
 *
 * const logits = tf.tensor2d([[0, 0], [5, -5]]);
 * const labels = tf.tensor1d([1, -100], "int32");
 * const loss = softmaxCrossEntropy(logits, labels);
 * assert.ok(Math.abs(loss.dataSync()[0]! - Math.log(2)) < 1e-6);
 * tf.dispose([logits, labels, loss]);
 * ```
 */
export function softmaxCrossEntropy(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  return hasKernel(SOFTMAX_CROSS_ENTROPY) ? byKernel(logits, labels) : composed(logits, labels);
}

// --- internal ---

/**
 * Inputs `logits` and `labels`, attributes `ignored` and `training`; gives the loss and, when training, `probabilities`.
 * `SoftmaxCrossEntropyGrad` has the inputs `dy`, `probabilities` and `labels` and gives the gradient of the logits.
 */
const SOFTMAX_CROSS_ENTROPY = "SoftmaxCrossEntropy";

function byKernel(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  const training = isRecording();
  const ignored = IGNORED_LABEL;
  return withGradient(
    [logits],
    (save) => {
      const [loss, ...kept] = runKernel(SOFTMAX_CROSS_ENTROPY, { logits, labels }, { ignored, training });
      if (training) save(...kept, labels);
      return loss as tf.Scalar;
    },
    (dy, [probabilities, labels]) =>
      runKernel(`${SOFTMAX_CROSS_ENTROPY}Grad`, { dy, probabilities, labels }, { ignored }),
  );
}

function composed(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  const [rows, classes] = logits.shape;
  return withGradient(
    [logits],
    (save) => {
      const counted = tf.notEqual(labels, IGNORED_LABEL); // [P]
      const weights = tf.cast(counted, "float32"); // [P]
      const count = tf.sum(weights); // []
      const classOf = tf.mul(labels, tf.cast(counted, "int32")); // [P], 0 where ignored
      const shifted = tf.sub(logits, tf.max(logits, -1, true)); // [P, V], at most 0
      const exps = tf.exp(shifted); // [P, V]
      const sums = tf.sum(exps, -1); // [P]
      const cells = tf.add(tf.range(0, rows * classes, classes, "int32"), classOf); // [P], row-major
      const chosen = tf.gather(tf.reshape(shifted, [-1]), cells); // [P]
      const losses = tf.sub(tf.log(sums), chosen); // [P]
      save(exps, sums, classOf, tf.div(weights, tf.maximum(count, 1)));
      return tf.div(tf.sum(tf.mul(losses, weights)), count) as tf.Scalar;
    },
    (dy, [exps, sums, classOf, weights]) => {
      const scale = tf.expandDims(tf.mul(weights!, dy), 1); // [P, 1]
      const expected = tf.mul(exps!, tf.div(scale, tf.expandDims(sums!, 1))); // [P, V]
      const actual = tf.mul(tf.oneHot(classOf as tf.Tensor1D, classes), scale); // [P, V]
      return [tf.sub(expected, actual)];
    },
  );
}
