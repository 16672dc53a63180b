import * as tf from "@tensorflow/tfjs-core";
import { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import moduleFactory from "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js";
import { adamWConfig, sumOfSquaresConfig } from "./adam_w.ts";
import { attentionConfig, attentionGradConfig } from "./attention.ts";
import { batchMatMulConfig, fusedMatMulConfig, linearConfig } from "./batch_mat_mul.ts";
import { setModule } from "./_define_kernel.ts";
import { compile, instantiateKernels, type KernelModule, type KernelSource } from "./_kernel_module.ts";
import { counterDropoutConfig } from "./counter_dropout.ts";
import { encoderLayerConfig } from "./encoder_layer.ts";
import { geluConfig, geluGradConfig } from "./gelu.ts";
import { identityConfig } from "./identity.ts";
import { layerNormConfig, layerNormGradConfig } from "./layer_norm.ts";
import { quantizedLinearConfig, quantizedPackConfig, quantizedUnpackConfig } from "./quantized_linear.ts";
import { softmaxCrossEntropyConfig, softmaxCrossEntropyGradConfig } from "./softmax_cross_entropy.ts";
import { sumConfig } from "./sum.ts";
import { unsortedSegmentSumConfig } from "./unsorted_segment_sum.ts";

/** Options of {@link createWasmBackend}. */
export interface WasmBackendOptions {
  /**
   * TensorFlow.js's binary, `tfjs-backend-wasm-simd.wasm` of `@tensorflow/tfjs-backend-wasm`: compiled (the only
   * form that Cloudflare Workers accept), as bytes, or as the address it is fetched from (`http:`, `https:`,
   * `data:` or `blob:`; `file:` where the runtime reads files).
   *
   * By default the binary beside TensorFlow.js's own script: right in Node, Deno and Bun as long as the
   * application is not bundled, and in no bundle.
   */
  tfjs?: WebAssembly.Module | URL | Uint8Array;
  /**
   * Our own binary, in one of the same forms. By default the one inside this package that suits the engine, which is right
   * wherever WebAssembly may be compiled. Where it may not, as in Cloudflare Workers, the module that the bundler makes of
   * `@kcbert/kernels/kernels-relaxed.wasm`, or of `kernels-simd.wasm` for engines without relaxed SIMD.
   */
  kernels?: WebAssembly.Module | URL | Uint8Array;
}

/**
 * Boot TensorFlow.js's WASM backend and register it as `wasm`, with fast matrix products and the missing
 * `UnsortedSegmentSum`. Follow it with `await tf.setBackend("wasm")`.
 *
 * There is one such backend in a process: calls while it boots or lives share one promise, and `options` of the
 * first count. A boot that failed, or a backend that was removed, may be followed by another try. A `wasm` backend
 * that TensorFlow.js booted by itself before is removed, its tensors with it.
 *
 * It runs on one thread, and needs a runtime with WebAssembly SIMD.
 *
 * @throws {TypeError} If `tfjs` is none of the accepted kinds.
 * @throws {Error} If the runtime lacks WebAssembly SIMD, or the binary cannot be read, compiled or started;
 * `cause` holds the reason.
 *
 * @example The compiled module at hand, as in Cloudflare Workers or from a bundler
 * ```ts
 * import { createWasmBackend } from "@kcbert/kernels";
 * import * as tf from "@tensorflow/tfjs-core";
 * import { readFile } from "node:fs/promises";
 * import { createRequire } from "node:module";
 * import assert from "node:assert/strict";
 *
 * const { resolve } = createRequire(import.meta.url);
 * const path = resolve("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm");
 * await createWasmBackend({ tfjs: await WebAssembly.compile(await readFile(path)) });
 * await tf.setBackend("wasm");
 * assert.equal(tf.getBackend(), "wasm");
 * ```
 */
export function createWasmBackend(options: WasmBackendOptions = {}): Promise<void> {
  if (current?.factory !== undefined && current.factory !== tf.findBackendFactory("wasm")) {
    current = undefined; // removed since
  }
  current ??= start(options);
  return current.done;
}

// --- internal ---

interface Boot {
  done: Promise<void>;
  /** What TensorFlow.js's registry holds while the backend is ours; none while it boots. */
  factory: (() => BackendWasm) | undefined;
}

/** TensorFlow.js's registry is one in a process, and so is its `wasm` backend. */
let current: Boot | undefined;

/** Boot, and be forgotten if that fails. */
function start(options: WasmBackendOptions): Boot {
  const attempt: Boot = { done: Promise.resolve(), factory: undefined };
  attempt.done = (async () => {
    try {
      attempt.factory = await boot(options);
    } catch (error) {
      current = undefined;
      throw error;
    }
  })();
  return attempt;
}

async function boot({ tfjs, kernels }: WasmBackendOptions): Promise<() => BackendWasm> {
  if (!WebAssembly.validate(SIMD_PROBE)) {
    throw new Error(
      "Cannot start the WASM backend as this runtime lacks WebAssembly SIMD: use the cpu backend",
    );
  }
  const module = await startModule(tfjs);
  const ours = await startKernels(module, kernels);
  const backend = new BackendWasm(module as unknown as ConstructorParameters<typeof BackendWasm>[0]);
  setModule(backend, ours);
  if (tf.findBackendFactory("wasm")) tf.removeBackend("wasm");
  registerKernels();
  const factory = () => backend;
  tf.registerBackend("wasm", factory, WASM_PRIORITY);
  return factory;
}

/** As TensorFlow.js ranks it itself: above `cpu`, where `tf.ready()` chooses. */
const WASM_PRIORITY = 2;

/** `(func (result v128) (i8x16.splat (i32.const 0)))`: valid where SIMD is. */
// oxfmt-ignore
const SIMD_PROBE: Uint8Array<ArrayBuffer> = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, // magic, version
  1, 5, 1, 96, 0, 1, 123, // type: () → v128
  3, 2, 1, 0, // function 0 of type 0
  10, 8, 1, 6, 0, 65, 0, 253, 15, 11, // its code
]);

type Instantiate = (
  imports: WebAssembly.Imports,
  receive: (instance: WebAssembly.Instance) => void,
) => object;

/** Emscripten's module, as far as it is not hidden behind {@link BackendWasm}. */
interface EmscriptenModule {
  cwrap(name: string, returns: string | null, takes: string[]): (...values: number[]) => number;
  tfjs?: Record<string, (...values: number[]) => number>;
  /** The instance's exports. */
  asm: { memory: WebAssembly.Memory };
}

interface FactoryOptions {
  locateFile(name: string, folder: string): string;
  instantiateWasm?: Instantiate;
  printErr(message: string): void;
}

/** The published type says `module.exports.default`; the file says `module.exports`. */
const factory = moduleFactory as unknown as (options: FactoryOptions) => Promise<EmscriptenModule>;

async function startModule(binary: WasmBackendOptions["tfjs"]): Promise<EmscriptenModule> {
  try {
    const module = await emscripten(binary);
    module.tfjs = {
      init: module.cwrap("init", null, []),
      initWithThreadsCount: module.cwrap("init_with_threads_count", null, ["number"]),
      getThreadsCount: module.cwrap("get_threads_count", "number", []),
      registerTensor: module.cwrap("register_tensor", null, ["number", "number", "number"]),
      disposeData: module.cwrap("dispose_data", null, ["number"]),
      dispose: module.cwrap("dispose", null, []),
    };
    return module;
  } catch (cause) {
    if (cause instanceof TypeError && cause.message.startsWith("Cannot start")) throw cause;
    const from =
      binary instanceof URL ? binary.href : binary === undefined ? "its default place" : "the binary given";
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `Cannot start the WASM backend from ${from}: ${reason} (pass tfjs: the module, bytes or URL of tfjs-backend-wasm-simd.wasm)`,
      { cause },
    );
  }
}

/**
 * Start Emscripten's module. In Node it makes itself the judge of all errors: listeners that throw whatever nobody
 * caught, so that the application's own come to nothing, and that print its source, 37 KB on a line, as the place of the
 * error. They are taken away again.
 */
function startEmscripten(options: FactoryOptions): Promise<EmscriptenModule> {
  const { process } = globalThis as { process?: Emitter };
  const events = ["uncaughtException", "unhandledRejection"];
  const before = new Set(events.flatMap((event) => process?.listeners?.(event) ?? []));
  const module = factory(options);
  for (const event of events) {
    for (const listener of process?.listeners?.(event) ?? []) {
      if (!before.has(listener)) process?.removeListener?.(event, listener);
    }
  }
  return module;
}

/** What Node's `process`, and what bundlers put in its place, may offer. */
interface Emitter {
  listeners?(event: string): unknown[];
  removeListener?(event: string, listener: unknown): void;
}

/** Without a compiled module Emscripten reads the file itself: it knows how, in every runtime that has files. */
async function emscripten(binary: WasmBackendOptions["tfjs"]): Promise<EmscriptenModule> {
  const quiet = { printErr: () => {} };
  if (binary === undefined || (binary instanceof URL && binary.protocol === "file:")) {
    const locateFile = (_name: string, folder: string) =>
      binary?.href ?? `${folder}tfjs-backend-wasm-simd.wasm`;
    return startEmscripten({ ...quiet, locateFile });
  }
  const module = await compile(binary, "tfjs");
  return new Promise((resolve, reject) => {
    const instantiate = async (
      imports: WebAssembly.Imports,
      receive: (instance: WebAssembly.Instance) => void,
    ): Promise<void> => {
      try {
        receive(await WebAssembly.instantiate(module, imports));
      } catch (error) {
        reject(error as Error); // Emscripten would wait for ever
      }
    };
    const instantiateWasm: Instantiate = (imports, receive) => {
      void instantiate(imports, receive);
      return {}; // "the exports come later"
    };
    startEmscripten({ ...quiet, locateFile: (name) => name, instantiateWasm }).then(resolve, reject);
  });
}

/** Our module, on the memory of TensorFlow.js's. */
async function startKernels(
  { asm }: EmscriptenModule,
  kernels: KernelSource | undefined,
): Promise<KernelModule> {
  try {
    return await instantiateKernels(asm.memory, kernels);
  } catch (cause) {
    if (cause instanceof TypeError && cause.message.startsWith("Cannot start")) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `Cannot start the kernels of the WASM backend: ${reason} (pass kernels: the module, bytes or URL of @kcbert/kernels/kernels-relaxed.wasm or, for engines without relaxed SIMD, kernels-simd.wasm)`,
      { cause },
    );
  }
}

/** Put our kernels in place of the stock ones; what they lean on of those is taken before. */
function registerKernels(): void {
  stockSum ??= tf.getKernel(tf.Sum, "wasm");
  for (const config of [
    adamWConfig,
    attentionConfig,
    attentionGradConfig,
    batchMatMulConfig,
    counterDropoutConfig,
    encoderLayerConfig,
    fusedMatMulConfig,
    geluConfig,
    geluGradConfig,
    identityConfig,
    layerNormConfig,
    layerNormGradConfig,
    linearConfig,
    quantizedLinearConfig,
    quantizedPackConfig,
    quantizedUnpackConfig,
    softmaxCrossEntropyConfig,
    softmaxCrossEntropyGradConfig,
    sumOfSquaresConfig,
    unsortedSegmentSumConfig,
    sumConfig(stockSum),
  ]) {
    if (tf.getKernel(config.kernelName, "wasm") !== undefined) tf.unregisterKernel(config.kernelName, "wasm");
    tf.registerKernel(config);
  }
}

let stockSum: tf.KernelConfig | undefined;
