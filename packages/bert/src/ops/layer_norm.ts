import * as tf from "@tensorflow/tfjs-core";
import { hasKernel, runKernel } from "./_fused.ts";
import { isRecording, withGradient } from "./_with_gradient.ts";

/**
 * Layer normalisation of each row, then a gain and a bias: `(s − mean) / √(variance + eps) · gain + bias`, where `s` is
 * `x`, or `x + residual`. The variance is the biased one.
 *
 * One op with its own gradient: of everything in between, only the normalised rows and the deviations' inverses
 * are kept for the backward pass. A backend that registers `LayerNorm` and `LayerNormGrad` computes both itself.
 *
 * @param x float32 `[M, H]`.
 * @param gain float32 `[H]`, Hugging Face's `LayerNorm.weight`.
 * @param bias float32 `[H]`.
 * @param eps Added to the variance; BERT's is 1e-12.
 * @param residual float32 `[M, H]`, added to `x` first.
 * @returns float32 `[M, H]`; the caller owns it.
 */
export function layerNorm(
  x: tf.Tensor2D,
  gain: tf.Tensor,
  bias: tf.Tensor,
  eps: number,
  residual?: tf.Tensor2D,
): tf.Tensor2D {
  const training = isRecording();
  const isFused = hasKernel(LAYER_NORM);
  return withGradient(
    residual === undefined ? [x, gain, bias] : [x, gain, bias, residual],
    (save) => {
      if (isFused) {
        const [y, ...kept] = runKernel(LAYER_NORM, { x, gain, bias, residual }, { eps, training });
        if (training) save(...kept, gain);
        return y as tf.Tensor2D;
      }
      const sum = residual === undefined ? x : tf.add(x, residual); // [M, H]
      const centred = tf.sub(sum, tf.mean(sum, -1, true)); // [M, H]
      const variance = tf.mean(tf.square(centred), -1, true); // [M, 1]
      const inverse = tf.rsqrt(tf.add(variance, eps)); // [M, 1]
      const normal = tf.mul(centred, inverse); // [M, H]
      save(normal, inverse, gain);
      return tf.add(tf.mul(normal, gain), bias) as tf.Tensor2D; // [M, H]
    },
    (dy, [normal, inverse, gain]) => {
      if (isFused) {
        const gradients = runKernel(`${LAYER_NORM}Grad`, { dy, normal, inverse, gain });
        return residual === undefined ? gradients : [...gradients, tf.clone(gradients[0]!)];
      }
      const scaled = tf.mul(dy, gain!); // [M, H]
      const along = tf.mean(tf.mul(scaled, normal!), -1, true); // [M, 1]
      const across = tf.sub(tf.sub(scaled, tf.mean(scaled, -1, true)), tf.mul(normal!, along)); // [M, H]
      const dx = tf.mul(across, inverse!); // [M, H]
      const gradients = [dx, tf.sum(tf.mul(dy, normal!), 0), tf.sum(dy, 0)]; // [M, H], [H], [H]
      return residual === undefined ? gradients : [...gradients, tf.clone(dx)];
    },
  );
}

// --- internal ---

/**
 * Inputs `x`, `gain`, `bias` and perhaps `residual`, attributes `eps` and `training`; gives the result and, when training,
 * `normal` `[M, H]` and `inverse` `[M, 1]`. `LayerNormGrad` has the inputs `dy`, `normal`, `inverse`, `gain` and gives the
 * gradients of x, gain and bias.
 */
const LAYER_NORM = "LayerNorm";
