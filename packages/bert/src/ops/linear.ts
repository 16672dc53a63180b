import * as tf from "@tensorflow/tfjs-core";
import type { Matrix } from "../stored_matrix.ts";

/**
 * An affine map, `y = x·Wᵀ + b`, with the weight as PyTorch and Hugging Face store it.
 *
 * @param x float32 `[M, I]`.
 * @param weight float32 `[O, I]`, or a matrix of that shape in a form of its own.
 * @param bias float32 `[O]`.
 * @returns float32 `[M, O]`; the caller owns it.
 */
export function linear(x: tf.Tensor2D, weight: Matrix, bias: tf.Tensor): tf.Tensor2D {
  if (!(weight instanceof tf.Tensor)) return weight.linear(x, bias);
  return tf.add(tf.matMul(x, weight as tf.Tensor2D, false, true), bias); // [M, O]
}
