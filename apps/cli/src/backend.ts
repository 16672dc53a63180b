import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import process from "node:process";
import type { Jit } from "@kcbert/trainer";
import type { Precision } from "@kcbert/xla";
import { passesSelfTest } from "./backends/self_test.ts";
import { startTensorflow } from "./backends/tensorflow.ts";
import { startWebGpu } from "./backends/webgpu.ts";
import { startXla } from "./backends/xla.ts";
import { CliError, sentence, UsageError } from "./failure.ts";

/**
 * A backend of TensorFlow.js that `--backend` can name. `xla` is the best plugin that is there, `xla:cuda` and the like
 * that of one kind of device, and `auto` the fastest of all that starts and passes a test.
 */
export type Backend =
  | "wasm"
  | "cpu"
  | "xla"
  | `xla:${"cuda" | "tpu" | "cpu"}`
  | "webgpu"
  | "tensorflow"
  | "auto";

/** The names that `--backend` takes, the default first. */
export const BACKENDS: readonly Backend[] = [
  "wasm",
  "cpu",
  "xla",
  "xla:cuda",
  "xla:tpu",
  "xla:cpu",
  "webgpu",
  "tensorflow",
  "auto",
];

/** How the backend computes, where it has a choice. */
export interface BackendOptions {
  /** For xla: `cpu`, `cuda`, `tpu`, or the path of a PJRT plugin. Default: the first of cuda, tpu and cpu that is there. */
  readonly plugin?: string | undefined;
  /** For xla: bf16 multiplies matrices in bfloat16; sums, weights and the optimizer stay in float32. Default fp32. */
  readonly precision?: Precision | undefined;
  /** For xla: over how many devices each batch is divided. Default 1. */
  readonly devices?: number | undefined;
  /** Told which backend `auto` took, and why not a faster one. */
  readonly say?: ((sentence: string) => void) | undefined;
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
  if (name === "auto") return startFastest(options);
  checkOptions(name, options);
  try {
    return await START[name](options);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`Cannot start the backend ${name}: ${sentence(error)}`, { cause: error });
  }
}

// --- internal ---

type Named = Exclude<Backend, "auto">;

/** How each is made ready and chosen. All but `webgpu` and `tensorflow` work in Node, Deno and Bun as they are. */
const START: Readonly<Record<Named, (options: BackendOptions) => Promise<StartedBackend>>> = {
  /** WebAssembly, one thread. Its binary lies beside TensorFlow.js's own script in `node_modules`. */
  wasm: async () => {
    await (await import("@kcbert/kernels")).createWasmBackend(await chosenKernels());
    return choose("wasm");
  },
  /** Plain JavaScript: the slow one that the others are compared with. */
  cpu: async () => {
    await import("@tensorflow/tfjs");
    return choose("cpu");
  },
  /** XLA, the compiler behind JAX, on NVIDIA GPUs, TPUs and processors. */
  xla: (options) => startXla(options),
  "xla:cuda": (options) => startXla({ ...options, plugin: "cuda" }),
  "xla:tpu": (options) => startXla({ ...options, plugin: "tpu" }),
  "xla:cpu": (options) => startXla({ ...options, plugin: "cpu" }),
  /** A GPU by the way that browsers have, or software that plays one. */
  webgpu: () => startWebGpu(),
  /** TensorFlow's own library, where the user installed it. */
  tensorflow: () => startTensorflow(),
};

/** What `auto` tries, the fastest first. */
const FASTEST: readonly Named[] = ["xla:tpu", "xla:cuda", "webgpu", "xla:cpu", "tensorflow", "wasm", "cpu"];

async function choose(name: string): Promise<StartedBackend> {
  const tf = await import("@tensorflow/tfjs-core");
  await tf.setBackend(name);
  return {};
}

/**
 * The build of the kernels that `KCBERT_KERNELS` names; without it, the one that suits the engine. `simd` rounds alike in every
 * engine, Bun's as well, which has no relaxed SIMD.
 */
async function chosenKernels(): Promise<{ kernels?: Uint8Array }> {
  const name = process.env["KCBERT_KERNELS"] ?? "";
  if (name === "") return {};
  if (name !== "simd" && name !== "relaxed")
    throw new UsageError(`Cannot use KCBERT_KERNELS=${name}: it takes one of simd, relaxed`);
  const { resolve } = createRequire(import.meta.url);
  return { kernels: await readFile(resolve(`@kcbert/kernels/kernels-${name}.wasm`)) };
}

/** The fastest backend that starts here and computes a small training step right. */
async function startFastest(options: BackendOptions): Promise<StartedBackend> {
  const { plugin, precision = "fp32", devices = 1, say } = options;
  const onlyXla = plugin !== undefined || precision !== "fp32" || devices > 1;
  const others: string[] = [];
  for (const name of plugin === undefined ? FASTEST : (["xla"] as const)) {
    if (onlyXla && !name.startsWith("xla")) continue;
    try {
      const started = await START[name](options);
      if (name === "webgpu" && started.device === undefined)
        throw new CliError("webgpu: only software plays the GPU");
      if (!(await passesSelfTest(started.jit, precision)))
        throw new CliError(`${name}: it does not compute right`);
      const why = others.length === 0 ? "" : `; ${others.join("; ")}`;
      say?.(`Taking the backend ${name}, the fastest that works here${why}`);
      return started;
    } catch (error) {
      others.push(sentence(error));
    }
  }
  throw new CliError(`Cannot start any backend: ${others.join("; ")}`);
}

function checkOptions(name: Named, { plugin, precision = "fp32", devices = 1 }: BackendOptions): void {
  if (name.startsWith("xla")) return;
  const flag =
    precision !== "fp32" ? `--precision ${precision}` : devices > 1 ? `--devices ${devices}` : plugin;
  if (flag === undefined) return;
  throw new UsageError(
    `Cannot use ${flag === plugin ? `--plugin ${plugin}` : flag} with the backend ${name}: it is for xla`,
  );
}
