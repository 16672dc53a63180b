import type { Jit } from "@kcbert/trainer";
import { CliError, sentence } from "./failure.ts";

/** A backend of TensorFlow.js that `--backend` can name. */
export type Backend = "wasm" | "cpu";

/** The names that `--backend` takes, the default first. */
export const BACKENDS: readonly Backend[] = ["wasm", "cpu"];

/** A backend that computes. */
export interface StartedBackend {
  /** Compiles functions of tensors, where the backend can. */
  readonly jit?: Jit;
}

/**
 * Start the backend that computes.
 *
 * @throws {CliError} If it cannot start here.
 */
export async function startBackend(name: Backend): Promise<StartedBackend> {
  const tf = await import("@tensorflow/tfjs-core");
  tf.enableProdMode(); // without it, tfjs advertises itself on standard error
  try {
    const started = await STARTS[name]();
    await tf.setBackend(name);
    return started;
  } catch (error) {
    throw new CliError(`Cannot start the backend ${name}: ${sentence(error)}`, { cause: error });
  }
}

// --- internal ---

/** How each is made ready. All of them work in Node, Deno and Bun. */
const STARTS: Readonly<Record<Backend, () => Promise<StartedBackend>>> = {
  /** WebAssembly, one thread. Its binary lies beside TensorFlow.js's own script in `node_modules`. */
  wasm: async () => {
    await (await import("@kcbert/kernels")).createWasmBackend();
    return {};
  },
  /** Plain JavaScript: the slow one that the others are compared with. */
  cpu: async () => {
    await import("@tensorflow/tfjs");
    return {};
  },
};
