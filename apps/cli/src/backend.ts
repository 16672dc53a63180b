import { CliError, sentence } from "./failure.ts";

/** A backend of TensorFlow.js that `--backend` can name; more will come (WebGPU, XLA). */
export type Backend = "wasm" | "cpu";

/** The names that `--backend` takes, the default first. */
export const BACKENDS: readonly Backend[] = ["wasm", "cpu"];

/**
 * Start the backend that computes.
 *
 * @throws {CliError} If it cannot start here.
 */
export async function startBackend(name: Backend): Promise<void> {
  const tf = await import("@tensorflow/tfjs-core");
  tf.enableProdMode(); // without it, tfjs advertises itself on standard error
  try {
    await STARTS[name]();
    await tf.setBackend(name);
  } catch (error) {
    throw new CliError(`Cannot start the backend ${name}: ${sentence(error)}`, { cause: error });
  }
}

// --- internal ---

/** How each is made ready. All of them work in Node, Deno and Bun. */
const STARTS: Readonly<Record<Backend, () => Promise<unknown>>> = {
  /** WebAssembly, one thread. Its binary lies beside TensorFlow.js's own script in `node_modules`. */
  wasm: async () => (await import("@kcbert/kernels")).createWasmBackend(),
  /** Plain JavaScript: the slow one that the others are compared with. */
  cpu: () => import("@tensorflow/tfjs"),
};
