import * as tf from "@tensorflow/tfjs-core";

/** What {@link attention} gives; the caller owns the tensors. */
export interface Attended {
  /** float32 `[B, N, T, D]`. */
  context: tf.Tensor4D;
  /** float32 `[B, N, T, T]`: for each token, how it divides its attention; dropout included. */
  probabilities: tf.Tensor4D;
}

/**
 * Scaled dot-product attention, `softmax(q·kᵀ / √D + bias)·v`, in B examples with N heads of size D.
 *
 * @param query float32 `[B, N, T, D]`.
 * @param key float32 `[B, N, T, D]`.
 * @param value float32 `[B, N, T, D]`.
 * @param bias float32 that broadcasts to `[B, N, T, T]`: 0 where a token may look, very negative where not; none if
 * all may look at all.
 * @param drop Applied to the probabilities.
 */
export function attention(
  query: tf.Tensor4D,
  key: tf.Tensor4D,
  value: tf.Tensor4D,
  bias: tf.Tensor4D | undefined,
  drop: (probabilities: tf.Tensor4D) => tf.Tensor4D = (x) => x,
): Attended {
  const scaled = tf.mul(query, 1 / Math.sqrt(query.shape[3])); // [B, N, T, D]
  const scores = tf.matMul(scaled, key, false, true); // [B, N, T, T]
  const seen = bias === undefined ? scores : tf.add(scores, bias); // [B, N, T, T]
  const probabilities = drop(tf.softmax(seen) as tf.Tensor4D); // [B, N, T, T]
  return { context: tf.matMul(probabilities, value) as tf.Tensor4D, probabilities }; // [B, N, T, D]
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
