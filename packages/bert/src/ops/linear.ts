import * as tf from "@tensorflow/tfjs-core";
import type { FusedActivation, Matrix } from "../stored_matrix.ts";
import { gelu } from "./activations.ts";
import { hasKernel, runKernel } from "./_fused.ts";
import { isRecording, withGradient } from "./_with_gradient.ts";

/**
 * An affine map, `y = x·Wᵀ + b`, with the weight as PyTorch and Hugging Face store it, and an activation.
 *
 * @param x float32 `[M, I]`.
 * @param weight float32 `[O, I]`, or a matrix of that shape in a form of its own.
 * @param bias float32 `[O]`.
 * @param activation What to apply to the result.
 * @returns float32 `[M, O]`; the caller owns it.
 */
export function linear(
  x: tf.Tensor2D,
  weight: Matrix,
  bias: tf.Tensor,
  activation?: FusedActivation,
): tf.Tensor2D {
  if (!(weight instanceof tf.Tensor)) return weight.linear(x, bias, activation);
  if (activation === "gelu" && isRecording()) return gelu(linear(x, weight, bias)); // its gradient needs the argument
  if (hasKernel(LINEAR)) return fused(x, weight as tf.Tensor2D, bias, activation);
  const y = tf.add(tf.matMul(x, weight as tf.Tensor2D, false, true), bias) as tf.Tensor2D; // [M, O]
  return activation === "gelu" ? gelu(y) : y;
}

// --- internal ---

/** Inputs `x`, `weight`, `bias`; attribute `activation`, `"linear"` or `"gelu"`. */
const LINEAR = "Linear";

function fused(
  x: tf.Tensor2D,
  weight: tf.Tensor2D,
  bias: tf.Tensor,
  activation: FusedActivation | undefined,
): tf.Tensor2D {
  return withGradient(
    [x, weight, bias],
    (save) => {
      save(x, weight);
      const [y] = runKernel(LINEAR, { x, weight, bias }, { activation: activation ?? "linear" });
      return y as tf.Tensor2D;
    },
    (dy, [x, weight]) => [tf.matMul(dy, weight!), tf.matMul(dy, x!, true, false), tf.sum(dy, 0)],
  );
}
