/**
 * A Cloudflare Worker has 128 MB for JavaScript's heap and WebAssembly's memory together, which workerd does not enforce:
 * KcBERT-Base in int4, loaded and run, must hold at most 110 MB of both.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { expect, test } from "vitest";

const { resolve } = createRequire(import.meta.url);
const WORKER = `
import { BertForSequenceClassification, kcbertBase } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs-core";
import kernels from "kernels.wasm";
import tfjs from "tfjs.wasm";
import { int4Folder } from "./int4_folder.ts";

export default {
  async fetch() {
    await createWasmBackend({ tfjs, kernels });
    await tf.setBackend("wasm");
    const source = int4Folder(BertForSequenceClassification, { ...kcbertBase, numLabels: 2 });
    const model = await BertForSequenceClassification.fromPretrained(source);
    const held = tf.memory().numBytes;
    const inputIds = tf.tensor2d(Int32Array.from({ length: 128 }, (_, i) => i), [1, 128], "int32");
    const { logits } = model.forward({ inputIds });
    const said = [...logits.dataSync()];
    tf.dispose([inputIds, logits]);
    const tables = [...model.matrices].filter(([key]) => key.includes("embeddings")).map(([, { shape }]) => shape);
    const wasm = tf.backend().wasm.HEAPU8.byteLength;
    model.dispose();
    return Response.json({ said, held, wasm, tables, left: tf.memory().numBytes });
  },
};
`;

test("KcBERT-Base in int4 fits a Worker", { timeout: 120_000 }, async () => {
  const script = await bundle();
  const wasm = (path: string) => ({ type: "CompiledWasm" as const, contents: readFileSync(resolve(path)) });
  const miniflare = new Miniflare({
    modules: [
      { type: "ESModule", path: "worker.mjs", contents: script },
      {
        ...wasm("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm"),
        path: "tfjs.wasm",
      },
      { ...wasm("@kcbert/kernels/kernels-relaxed.wasm"), path: "kernels.wasm" },
    ],
    compatibilityDate: "2026-07-01",
  });
  try {
    const response = await miniflare.dispatchFetch("http://worker/run");
    const { said, held, wasm, tables, left } = (await response.json()) as Answer;
    expect(said.every((value) => Number.isFinite(value))).toBe(true);
    expect(left).toBe(0);
    expect(held / 85_054_464, "bytes a parameter of the encoder").toBeLessThanOrEqual(0.65);
    // In JavaScript's memory: the tables, a byte a number and four a row; the program.
    const inJs = tables.reduce((sum, [rows, columns]) => sum + rows * (columns + 4), programBytes(script));
    expect(wasm + inJs).toBeLessThanOrEqual(110e6);
  } finally {
    await miniflare.dispose();
  }
});

// workerd collects no garbage on demand, Node does.
test("KcBERT-Base in int4 fits a Worker while it is loaded", { timeout: 120_000 }, async () => {
  const file = join(import.meta.dirname, "int4_peak.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--conditions=@kcbert/source",
    "--expose-gc",
    file,
  ]);
  const { looks, peak } = JSON.parse(stdout) as { looks: number; peak: number };
  expect(looks).toBeGreaterThan(100);
  expect(peak).toBeGreaterThan(30_302 * 768 + 85_054_464 / 2); // the tables and the weights at least
  expect(peak + programBytes(await bundle())).toBeLessThanOrEqual(110e6);
});

// --- internal ---

/** The Worker's script. */
async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: WORKER, resolveDir: import.meta.dirname, loader: "ts" },
    bundle: true,
    format: "esm",
    mainFields: ["browser", "module", "main"],
    conditions: ["@kcbert/source"],
    external: ["kernels.wasm", "tfjs.wasm"],
    write: false,
    logLevel: "error",
  });
  return outputFiles[0]!.text;
}

/** What a program takes of memory: it is there as text and as code. */
function programBytes(script: string): number {
  return 2 * script.length;
}

interface Answer {
  said: number[];
  /** Bytes of the tensors. */
  held: number;
  /** Bytes of WebAssembly's memory. */
  wasm: number;
  tables: [rows: number, columns: number][];
  /** Bytes of the tensors after the model is gone. */
  left: number;
}
