import * as tf from "@tensorflow/tfjs-core";

/**
 * An affine map, `y = x·Wᵀ + b`, with the weight as PyTorch and Hugging Face store it.
 *
 * @param x float32 `[M, I]`.
 * @param weight float32 `[O, I]`.
 * @param bias float32 `[O]`.
 * @returns float32 `[M, O]`; the caller owns it.
 */
export function linear(x: tf.Tensor2D, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor2D {
  return tf.add(tf.matMul(x, weight as tf.Tensor2D, false, true), bias); // [M, O]
}
