/**
 * How the app becomes one file: without what a server of BERT never runs. TensorFlow.js registers all kernels it has, its
 * backend carries the glue of its other binaries, and `@kcbert/kernels` its own binaries as text; what remains of them is said
 * here, and a test runs every task on what remains.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";

/** What a bundle is made of. */
export interface BundleOptions {
  /** The file that it begins with. */
  readonly entry: URL;
  /** Whether WebAssembly comes compiled from outside: else the binaries of `@kcbert/kernels` stay inside, as text. */
  readonly takesModules: boolean;
  /** `node` for what imports its built-in modules; default `browser`, which means any with Web standards. */
  readonly platform?: "node" | "browser";
}

/**
 * Bundle a file with all it imports, for any runtime with Web standards.
 *
 * @returns The bundle as JavaScript, an ECMAScript module.
 */
export async function bundle({ entry, takesModules, platform = "browser" }: BundleOptions): Promise<string> {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(entry)],
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    target: "es2022",
    mainFields: ["browser", "module", "main"],
    conditions: ["@kcbert/source"],
    platform,
    // What bundlers put in its place makes TensorFlow.js take any runtime for Node.
    ...(platform === "node" ? {} : { define: { process: "undefined" } }),
    legalComments: "none",
    logLevel: "error",
    plugins: [slimTensorFlow, ...(takesModules ? [noEmbeddedKernels] : [])],
  });
  return outputFiles[0]!.text;
}

/** The path of TensorFlow.js's binary. */
export function tfjsBinary(): string {
  const { resolve } = createRequire(import.meta.url);
  return resolve("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm");
}

/** The path of the binary of `@kcbert/kernels` for engines with relaxed SIMD; undefined if it has none. */
export function kernelsBinary(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve("@kcbert/kernels/kernels-relaxed.wasm");
  } catch {
    return undefined;
  }
}

/** Whether an export of TensorFlow.js's binary is needed: its own start and memory, and the kernels that are kept. */
export function isForwardExport(name: string): boolean {
  return !/^(?:_?[A-Z])/.test(name) || kept.has(name) || name === "Gather" || name === "SelectV2";
}

// --- internal ---

/** The kernels that a forward pass may run, by the names of TensorFlow.js's files. */
const kernels = [
  "_FusedMatMul|Add|AddN|BatchMatMul|Cast|ClipByValue|Concat|Equal|Erf|Exp|ExpandDims|Fill|Floor|GatherNd|GatherV2|Greater",
  "GreaterEqual|Identity|LeakyRelu|Less|LessEqual|Log|LogicalAnd|LogicalNot|LogicalOr|Max|Maximum|Mean|Min|Minimum|Multiply",
  "Neg|NotEqual|OnesLike|Pack|PadV2|Pow|Range|RealDiv|Reciprocal|Relu|Reshape|Rsqrt|ScatterNd|Select|Sigmoid|Slice|Softmax",
  "SplitV|Sqrt|Square|SquaredDifference|Step|StridedSlice|Sub|Sum|Tanh|Tile|Transpose|Unpack|ZerosLike",
];
const kept = new Set(kernels.flatMap((line) => line.split("|")));

const slimTensorFlow: Plugin = {
  name: "slim-tensorflow",
  setup(build) {
    build.onLoad({ filter: /tfjs-backend-wasm[\\/]dist[\\/]register_all_kernels\.js$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const dropped = new Set<string>();
      const imports = source.replaceAll(
        /^import \{ (?:default as )?(\w+) \} from '\.\/kernels\/(\w+)';$/gm,
        (line, config: string, file: string) => {
          if (kept.has(file)) return line;
          dropped.add(config);
          return "";
        },
      );
      const contents = imports
        .replaceAll(/^ {4}(\w+),?$/gm, (line, config: string) => (dropped.has(config) ? "" : line))
        .replaceAll(/^\/\/# sourceMappingURL.*$/gm, "");
      return { contents, loader: "js" };
    });
    for (const [filter, contents] of stubs) build.onLoad({ filter }, () => ({ contents, loader: "js" }));
  },
};

/** Parts that are reached by an import alone, and what takes their place. */
const stubs: readonly (readonly [RegExp, string])[] = [
  // Glue of the threaded binary, which nobody starts here.
  [
    /tfjs-backend-wasm-threaded-simd(?:\.worker)?\.js$/,
    "export default undefined; export const wasmWorkerContents = '';",
  ],
  // Registers the optimizers when it is loaded.
  [/tfjs-core[\\/]dist[\\/]index\.js$/, "import './base_side_effects'; export * from './base';"],
  // What a runtime can do is said by the app.
  [/tfjs-core[\\/]dist[\\/]platforms[\\/]platform_(?:browser|node)\.js$/, "export {};"],
  // Registers where TensorFlow.js's own models are saved.
  [/tfjs-core[\\/]dist[\\/]io[\\/]io\.js$/, "export {};"],
  [
    /tfjs-core[\\/]dist[\\/]io[\\/]local_storage\.js$/,
    "export class BrowserLocalStorage {} export class BrowserLocalStorageManager {}",
  ],
  [
    /tfjs-core[\\/]dist[\\/]io[\\/]indexed_db\.js$/,
    "export class BrowserIndexedDB {} export class BrowserIndexedDBManager {}",
  ],
  // The OpenAPI document lies beside the bundle.
  [/@valibot[\\/]to-json-schema[\\/]dist[\\/]index\.mjs$/, "export const toJsonSchema = undefined;"],
  // Hashes of strings, with 64-bit numbers in a library of their own.
  [
    /tfjs-core[\\/]dist[\\/]hash_util\.js$/,
    "export const hexToLong = undefined; export const fingerPrint64 = undefined;",
  ],
  // Old PyTorch files: they become safetensors before they are deployed.
  [
    /safetensors[\\/](?:src|dist)[\\/]pytorch\.[jt]s$/,
    'const refuse = () => { throw new RangeError("Cannot read PyTorch files here: kcbert-cli export makes safetensors of them"); }; export { refuse as readPytorchBin };',
  ],
];

const noEmbeddedKernels: Plugin = {
  name: "no-embedded-kernels",
  setup(build) {
    build.onLoad({ filter: /kernels[\\/](?:src|dist)[\\/]_kernels_(?:relaxed|simd)\.[jt]s$/ }, () => ({
      contents: "export const WASM = '';",
      loader: "js",
    }));
  },
};
