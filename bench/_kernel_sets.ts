/** TensorFlow.js's own WASM kernels and ours, by turns in one process. */
import "@tensorflow/tfjs-backend-wasm";
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs-core";

/** Choose the kernels of the next operations. */
export type UseKernels = (peer: "stock" | "ours") => void;

/**
 * Boot the WASM backend, and make the way from one set of kernels to the other.
 *
 * @param lent What the stock set borrows of ours, for it lacks it.
 */
export async function kernelSets(lent: readonly string[] = []): Promise<UseKernels> {
  const stock = new Map(tf.getKernelsForBackend("wasm").map((kernel) => [kernel.kernelName, kernel]));
  await createWasmBackend();
  await tf.setBackend("wasm");
  const ours = new Map(tf.getKernelsForBackend("wasm").map((kernel) => [kernel.kernelName, kernel]));
  const changed = [...ours.keys()].filter(
    (name) => ours.get(name) !== stock.get(name) && !lent.includes(name),
  );
  return (peer) => {
    for (const name of changed) {
      if (tf.getKernel(name, "wasm") != null) tf.unregisterKernel(name, "wasm");
      const kernel = (peer === "stock" ? stock : ours).get(name);
      if (kernel === undefined) continue;
      tf.registerKernel(kernel);
      kernel.setupFunc?.(tf.backend());
    }
  };
}
