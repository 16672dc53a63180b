import * as tf from "@tensorflow/tfjs-core";
import { hasKernel, runKernel } from "./_fused.ts";
import { withGradient } from "./_with_gradient.ts";

/** An elementwise function; the result has the argument's shape, and the caller owns it. */
export type Activation = <T extends tf.Tensor>(x: T) => T;

/**
 * `gelu(x) = x·Φ(x)`, with the normal distribution function Φ by `erf`: Hugging Face's `gelu`, and BERT's.
 *
 * @param x float32, any shape.
 */
export function gelu<T extends tf.Tensor>(x: T): T {
  return hasKernel(GELU) ? geluByKernel(x) : geluByErf(x);
}
/** The activations that `hidden_act` may name, under Hugging Face's names. */
export const ACTIVATIONS: ReadonlyMap<string, Activation> = new Map<string, Activation>([
  ["gelu", gelu],
  ["gelu_new", geluTanh],
  ["gelu_pytorch_tanh", geluTanh],
  ["relu", tf.relu],
  ["silu", silu],
  ["swish", silu],
  ["tanh", tf.tanh],
]);

/**
 * The activation of a name.
 *
 * @param name `hidden_act` of a `config.json`.
 * @throws {RangeError} If there is none of that name.
 */
export function activation(name: string): Activation {
  const found = ACTIVATIONS.get(name);
  if (found !== undefined) return found;
  const names = [...ACTIVATIONS.keys()].join(", ");
  throw new RangeError(`Cannot find the activation ${JSON.stringify(name)}: known are ${names}`);
}

// --- internal ---

/** Input `x`; and `GeluGrad`, inputs `dy` and `x`. */
const GELU = "Gelu";

function geluByKernel<T extends tf.Tensor>(x: T): T {
  return withGradient<T>(
    [x],
    (save) => {
      save(x);
      return runKernel(GELU, { x })[0] as T;
    },
    (dy, [x]) => runKernel(`${GELU}Grad`, { dy, x }),
  );
}

function geluByErf<T extends tf.Tensor>(x: T): T {
  return withGradient<T>(
    [x],
    (save) => {
      const phi = tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5); // Φ(x)
      save(x, phi);
      return tf.mul(x, phi);
    },
    (dy, [x, phi]) => {
      const density = tf.mul(tf.exp(tf.mul(tf.square(x!), -0.5)), 1 / Math.sqrt(2 * Math.PI)); // Φ'(x)
      return [tf.mul(dy, tf.add(phi!, tf.mul(x!, density)))];
    },
  );
}

/**
 * `0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))`: Hugging Face's `gelu_new` and `gelu_pytorch_tanh`, and the `gelu` of
 * google-research/bert.
 *
 * @param x float32, any shape.
 */
function geluTanh<T extends tf.Tensor>(x: T): T {
  const scale = Math.sqrt(2 / Math.PI);
  return withGradient<T>(
    [x],
    (save) => {
      const inner = tf.mul(x, tf.add(tf.mul(tf.square(x), scale * 0.044715), scale));
      const curve = tf.tanh(inner);
      save(x, curve);
      return tf.mul(tf.mul(x, 0.5), tf.add(curve, 1));
    },
    (dy, [x, curve]) => {
      const slope = tf.add(tf.mul(tf.square(x!), scale * 3 * 0.044715), scale); // of `inner`
      const bent = tf.mul(tf.mul(x!, slope), tf.sub(1, tf.square(curve!)));
      return [tf.mul(dy, tf.mul(tf.add(tf.add(curve!, 1), bent), 0.5))];
    },
  );
}

/**
 * `x·σ(x)`, also known as swish.
 *
 * @param x float32, any shape.
 */
function silu<T extends tf.Tensor>(x: T): T {
  return withGradient<T>(
    [x],
    (save) => {
      const gate = tf.sigmoid(x);
      save(x, gate);
      return tf.mul(x, gate);
    },
    (dy, [x, gate]) => [tf.mul(dy, tf.mul(gate!, tf.add(tf.mul(x!, tf.sub(1, gate!)), 1)))],
  );
}
