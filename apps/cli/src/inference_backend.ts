/** The backends of TensorFlow.js that `--backend` can name. */
export const INFERENCE_BACKENDS = ["wasm", "cpu"] as const;

/**
 * Start the backend that computes.
 *
 * @throws {Error} If it cannot start here.
 */
export async function startInferenceBackend(name: (typeof INFERENCE_BACKENDS)[number]): Promise<void> {
  const tf = await import("@tensorflow/tfjs-core");
  tf.enableProdMode(); // without it, tfjs advertises itself on standard error
  if (name === "cpu") await import("@tensorflow/tfjs");
  else await (await import("@kcbert/kernels")).createWasmBackend();
  await tf.setBackend(name);
}
