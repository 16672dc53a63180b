import type { Jit } from "@kcbert/trainer";
import type { Precision } from "@kcbert/xla";
import { CliError, sentence } from "./failure.ts";

/** A backend of TensorFlow.js that `--backend` can name. */
export type Backend = "wasm" | "cpu" | "xla";

/** The names that `--backend` takes, the default first. */
export const BACKENDS: readonly Backend[] = ["wasm", "cpu", "xla"];

/** How the backend computes, where it has a choice. */
export interface BackendOptions {
  /** For xla: `cpu`, `cuda`, `tpu`, or the path of a PJRT plugin. Default: the first of cuda, tpu and cpu that is there. */
  readonly plugin?: string | undefined;
  /** For xla: bf16 multiplies matrices in bfloat16; sums, weights and the optimizer stay in float32. Default fp32. */
  readonly precision?: Precision | undefined;
  /** For xla: over how many devices each batch is divided. Default 1. */
  readonly devices?: number | undefined;
}

/** A backend that computes. */
export interface StartedBackend {
  /** Compiles functions of tensors, where the backend can. */
  readonly jit?: Jit;
  /** What computes, for people: `NVIDIA H100 80GB HBM3`. */
  readonly device?: string;
}

/**
 * Start the backend that computes.
 *
 * @throws {CliError} If it cannot start here.
 */
export async function startBackend(name: Backend, options: BackendOptions = {}): Promise<StartedBackend> {
  const tf = await import("@tensorflow/tfjs-core");
  tf.enableProdMode(); // without it, tfjs advertises itself on standard error
  try {
    const started = await STARTS[name](options);
    await tf.setBackend(name);
    return started;
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`Cannot start the backend ${name}: ${sentence(error)}`, { cause: error });
  }
}

// --- internal ---

const PLUGINS = ["cuda", "tpu", "cpu"] as const;

/** How each is made ready. All of them work in Node, Deno and Bun. */
const STARTS: Readonly<Record<Backend, (options: BackendOptions) => Promise<StartedBackend>>> = {
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
  /** XLA, the compiler behind JAX, on NVIDIA GPUs, TPUs and processors. */
  xla: async ({ plugin, precision = "fp32", devices = 1 }) => {
    const [{ jit, registerXlaBackendOn }, { findPlugin, findPlugins }, { openClient }] = await Promise.all([
      import("@kcbert/xla"),
      import("./plugin/find_plugin.ts"),
      import("./plugin/open_client.ts"),
    ]);
    const present = new Set(findPlugins().map(({ name }) => name));
    const wanted = plugin ?? PLUGINS.find((name) => present.has(name)) ?? "cpu";
    const client = await openClient(findPlugin(wanted), { cpuDevices: devices });
    registerXlaBackendOn(client);
    const mesh = devices > 1 ? { mesh: { data: devices } } : {};
    const kinds = client.devices.map(({ kind }) => kind);
    return {
      jit: (fn) => jit(fn, { precision, ...mesh }),
      device: devices > 1 ? `${devices} × ${kinds[0]}` : (kinds[0] ?? client.platform),
    };
  },
};
