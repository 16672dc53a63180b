import * as tf from "@tensorflow/tfjs-core";
import { hasKernel, runKernel } from "./_fused.ts";
import { isRecording, withGradient } from "./_with_gradient.ts";

/** What {@link attention} gives; the caller owns the tensors. */
export interface Attended {
  /** float32 `[B·T, N·D]`. */
  context: tf.Tensor2D;
  /** If asked for: float32 `[B, N, T, T]`, for each token how it divides its attention; dropout included. */
  probabilities?: tf.Tensor4D;
}

/** How to attend. */
export interface AttentionOptions {
  /** Examples, B. */
  batch: number;
  /** Heads, N. */
  heads: number;
  /**
   * float32 `[B, 1, 1, T]` or `[B, 1, T, T]`: 0 where a token may look, very negative where not; none if all may look at
   * all.
   */
  bias?: tf.Tensor4D | undefined;
  /** Applied to the probabilities; multiplies each of them by a number of its own. */
  drop?: ((probabilities: tf.Tensor4D) => tf.Tensor4D) | undefined;
  /** Give the probabilities too. */
  outputProbabilities?: boolean;
}

/**
 * Scaled dot-product attention, `softmax(q·kᵀ / √D + bias)·v`, of N heads of size D, which lie beside one another.
 *
 * A backend that registers `Attention` and `AttentionGrad` computes it itself, and transposes nothing.
 *
 * @param query float32 `[B·T, N·D]`.
 * @param key float32 `[B·T, N·D]`.
 * @param value float32 `[B·T, N·D]`.
 */
export function attention(
  query: tf.Tensor2D,
  key: tf.Tensor2D,
  value: tf.Tensor2D,
  options: AttentionOptions,
): Attended {
  const isFused = hasKernel(ATTENTION) && options.outputProbabilities !== true;
  return isFused ? { context: byKernel(query, key, value, options) } : composed(query, key, value, options);
}

/**
 * The bias of {@link attention} that hides what a mask hides.
 *
 * @param mask 1 where a token may look, 0 where not: `[B, T]` for all tokens alike, `[B, T, T]` (from, to) for
 * packed rows; any dtype.
 * @returns float32 `[B, 1, 1, T]` or `[B, 1, T, T]`; the caller owns it.
 */
export function attentionBias(mask: tf.Tensor): tf.Tensor4D {
  const axis = mask.shape.length === 2 ? [1, 2] : [1];
  const wide = axis.reduce((x, at) => tf.expandDims(x, at), mask); // [B, 1, 1 | T, T]
  const hidden = tf.sub(1, tf.cast(wide, "float32")); // 1 where hidden
  return tf.mul(hidden, LOWEST) as tf.Tensor4D;
}

// --- internal ---

/** The lowest float32: as in Hugging Face, a row in which all is hidden attends to all alike. */
const LOWEST = -3.4028234663852886e38;

/**
 * Inputs `query`, `key`, `value` and perhaps `bias` and `drop` `[B, N, T, T]` (what probabilities are multiplied by),
 * attributes `batch`, `heads` and `training`; gives the context and, when training, the `probabilities` before `drop`.
 * `AttentionGrad` has the same inputs but for `bias`, and `dy` and `probabilities`; it gives the gradients of query, key
 * and value.
 */
const ATTENTION = "Attention";

function byKernel(
  query: tf.Tensor2D,
  key: tf.Tensor2D,
  value: tf.Tensor2D,
  { batch, heads, bias, drop }: AttentionOptions,
): tf.Tensor2D {
  const training = isRecording();
  const tokens = query.shape[0] / batch; // T
  // What dropout makes of ones is what it multiplies by.
  const dropped = drop?.(tf.ones([batch, heads, tokens, tokens])); // [B, N, T, T]
  return withGradient(
    [query, key, value],
    (save) => {
      const inputs = { query, key, value, bias, drop: dropped };
      const [context, ...kept] = runKernel(ATTENTION, inputs, { batch, heads, training });
      if (training) save(query, key, value, ...kept, ...(dropped === undefined ? [] : [dropped]));
      return context as tf.Tensor2D;
    },
    (dy, [query, key, value, probabilities, drop]) =>
      runKernel(`${ATTENTION}Grad`, { dy, query, key, value, probabilities, drop }, { batch, heads }),
  );
}

function composed(
  query: tf.Tensor2D,
  key: tf.Tensor2D,
  value: tf.Tensor2D,
  { batch, heads, bias, drop = (x) => x, outputProbabilities = false }: AttentionOptions,
): Attended {
  const [rows, hidden] = query.shape;
  const [tokens, size] = [rows / batch, hidden / heads]; // T, D
  const apart = (x: tf.Tensor2D): tf.Tensor4D =>
    tf.transpose(tf.reshape(x, [batch, tokens, heads, size]), [0, 2, 1, 3]); // [B, N, T, D]
  const scaled = tf.mul(apart(query), 1 / Math.sqrt(size)); // [B, N, T, D]
  const scores = tf.matMul(scaled, apart(key), false, true); // [B, N, T, T]
  const seen = bias === undefined ? scores : tf.add(scores, bias); // [B, N, T, T]
  const probabilities = drop(tf.softmax(seen) as tf.Tensor4D); // [B, N, T, T]
  const context = tf.transpose(tf.matMul(probabilities, apart(value)), [0, 2, 1, 3]); // [B, T, N, D]
  const joined = tf.reshape(context, [rows, hidden]) as tf.Tensor2D; // [B·T, N·D]
  return outputProbabilities ? { context: joined, probabilities } : { context: joined };
}
