/**
 * A Cloudflare Worker has 128 MB for JavaScript's heap and WebAssembly's memory together, which workerd does not enforce:
 * KcBERT-Base in int4, loaded and run, must hold at most 110 MB of both.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
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
  const script = outputFiles[0]!.text;
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
    // In JavaScript's memory: the tables, a byte a number and four a row; the program, twice as it is text and code.
    const inJs = tables.reduce((sum, [rows, columns]) => sum + rows * (columns + 4), 2 * script.length);
    expect(wasm + inJs).toBeLessThanOrEqual(110e6);
  } finally {
    await miniflare.dispose();
  }
});

// --- internal ---

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
