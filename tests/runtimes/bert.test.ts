/** The model on the WASM backend under Node, Deno, Bun and workerd, where a Cloudflare Worker runs. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { expect, test } from "vitest";
import { goldenBert } from "../golden/bert.ts";
import { GOLDEN_FILES } from "./bert_logits.ts";

const root = join(import.meta.dirname, "../..");
const script = "tests/runtimes/bert_golden.ts";
const condition = "--conditions=@kcbert/source";

test.each([
  ["node", [condition, script]],
  ["deno", ["run", "-A", "--quiet", condition, script]],
  ["bun", [condition, script]],
])("the golden logits come out under %s", (program, args) => {
  const output = execFileSync(join(root, "node_modules/.bin", program), args, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
  });
  const { backend, tensors, difference } = JSON.parse(output);
  expect({ backend, tensors }).toEqual({ backend: "wasm", tensors: 0 });
  expect(difference).toBeLessThan(1e-4);
});

/** A worker with the compiled modules, as a bundler for Workers gives them, that is sent the golden files. */
const WORKER = `
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs-core";
import kernels from "kernels.wasm";
import tfjs from "tfjs.wasm";
import { largestDifference } from "./bert_logits.ts";

export default {
  async fetch(request) {
    const form = await request.formData();
    await createWasmBackend({ tfjs, kernels });
    await tf.setBackend("wasm");
    const read = async (path) => new Uint8Array(await form.get(path).arrayBuffer());
    const difference = await largestDifference(read);
    return Response.json({ backend: tf.getBackend(), tensors: tf.memory().numTensors, difference });
  },
};
`;

test("the golden logits come out under workerd", async () => {
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
  const { resolve } = createRequire(import.meta.url);
  const tfjs = resolve("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm");
  const kernels = resolve("@kcbert/kernels/kernels-relaxed.wasm");
  const miniflare = new Miniflare({
    modules: [
      { type: "ESModule", path: "worker.mjs", contents: outputFiles[0]!.text },
      { type: "CompiledWasm", path: "tfjs.wasm", contents: readFileSync(tfjs) },
      { type: "CompiledWasm", path: "kernels.wasm", contents: readFileSync(kernels) },
    ],
    compatibilityDate: "2026-07-01",
  });
  try {
    const form = new FormData();
    for (const path of GOLDEN_FILES) form.append(path, new Blob([goldenBert(path)]));
    const body = new Response(form);
    const response = await miniflare.dispatchFetch("http://worker/", {
      method: "POST",
      headers: { "content-type": body.headers.get("content-type")! },
      body: await body.arrayBuffer(),
    });
    const { backend, tensors, difference } = JSON.parse(await response.text());
    expect({ backend, tensors }).toEqual({ backend: "wasm", tensors: 0 });
    expect(difference).toBeLessThan(1e-4);
  } finally {
    await miniflare.dispose();
  }
});
