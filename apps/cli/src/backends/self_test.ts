import type { Jit } from "@kcbert/trainer";
import type * as tfjs from "@tensorflow/tfjs-core";

/**
 * Whether the chosen backend computes a training step right: a product, a softmax, rows of a table and their gradients,
 * three times over, against the numbers that float64 gives.
 */
export async function passesSelfTest(
  jit: Jit | undefined,
  precision: "fp32" | "bf16" = "fp32",
): Promise<boolean> {
  const tf = await import("@tensorflow/tfjs");
  const weight = tf.tidy(() => tf.variable(tf.tensor2d([1, -2, 0.5, 0.25, 3, -1], [3, 2])));
  const step = (ids: tfjs.Tensor): tfjs.Tensor[] => {
    const loss = () => {
      const rows = tf.gather(weight, ids as tfjs.Tensor1D); // [3, 2]
      return tf.sum(tf.square(tf.softmax(tf.mul(tf.matMul(rows, rows, false, true), 0.2)))) as tfjs.Scalar;
    };
    const { value, grads } = tf.variableGrads(loss, [weight]);
    weight.assign(tf.sub(weight, tf.mul(grads[weight.name]!, RATE)));
    return [value];
  };
  const run = jit === undefined ? (ids: tfjs.Tensor) => tf.tidy(() => step(ids)) : jit((ids) => step(ids!));
  const losses: number[] = [];
  try {
    for (let i = 0; i < EXPECTED.length; i++) {
      const ids = tf.tensor1d([2, 0, 2], "int32");
      const [loss] = run(ids);
      losses.push((await loss!.data())[0]!);
      tf.dispose([ids, loss!]);
    }
  } finally {
    weight.dispose();
  }
  const tolerance = precision === "bf16" ? 2e-2 : 1e-3;
  return losses.every((loss, i) => Math.abs(loss - EXPECTED[i]!) <= tolerance);
}

// --- internal ---

/** The losses of the steps. */
const EXPECTED = [1.095021, 1.068836, 1.048259];
const RATE = 1;
