import * as tf from "@tensorflow/tfjs-core";

/**
 * The seam between the named operations of this package and the backends: where the current backend has registered a
 * kernel of an operation's name, it runs; elsewhere the operation is composed of TensorFlow.js's own.
 */

/** Whether the current backend has this kernel. */
export function hasKernel(name: string): boolean {
  return tf.getKernel(name, tf.getBackend()) != null;
}

/**
 * Run a kernel of the current backend; gradients are the caller's to define.
 *
 * @returns Its results, which the caller owns.
 */
export function runKernel(
  name: string,
  inputs: Readonly<Record<string, tf.Tensor | undefined>>,
  attributes: Readonly<Record<string, number | string | boolean | readonly number[] | undefined>> = {},
): tf.Tensor[] {
  const given = Object.fromEntries(Object.entries(inputs).filter((entry) => entry[1] !== undefined));
  const results = tf.engine().runKernel(name, given as tf.NamedTensorMap, attributes as tf.NamedAttrMap);
  return Array.isArray(results) ? results : [results as tf.Tensor];
}
