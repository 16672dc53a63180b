import { CliError, sentence } from "./failure.ts";

/**
 * How each backend of TensorFlow.js that `--backend` can name is made ready; more will come (WebGPU, XLA).
 *
 * All of them work in Node, Deno and Bun.
 */
const STARTS = {
  /** The default: WebAssembly, one thread. Its binary lies beside TensorFlow.js's own script in `node_modules`. */
  wasm: async () => (await import("@kcbert/kernels")).createWasmBackend(),
  /** Plain JavaScript: the slow one that the others are compared with. */
  cpu: async () => void (await import("@tensorflow/tfjs")),
} as const satisfies Record<string, () => Promise<void>>;

/** A backend's name. */
export type Backend = keyof typeof STARTS;

/** The names that `--backend` takes. */
export const BACKENDS: readonly Backend[] = Object.keys(STARTS) as Backend[];

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
