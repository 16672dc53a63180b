/** Models on our WASM kernels under Node, Deno, Bun, Chromium, and workerd, where a Cloudflare Worker runs. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { join } from "node:path";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { chromium } from "playwright-core";
import { expect, test } from "vitest";
import { goldenBert } from "../golden/bert.ts";
import { GOLDEN_FILES, type Report } from "./bert_logits.ts";

const root = join(import.meta.dirname, "../..");
const script = "tests/runtimes/bert_golden.ts";
const condition = "--conditions=@kcbert/source";
const { resolve } = createRequire(import.meta.url);
const tfjsPath = resolve("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm");

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
  check(JSON.parse(output));
});

/** A worker with the compiled modules, as a bundler for Workers gives them, that is sent the golden files. */
const WORKER = `
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs-core";
import kernels from "kernels.wasm";
import tfjs from "tfjs.wasm";
import { report } from "./bert_logits.ts";

export default {
  async fetch(request) {
    const form = await request.formData();
    await createWasmBackend({ tfjs, kernels });
    await tf.setBackend("wasm");
    const read = async (path) => new Uint8Array(await form.get(path).arrayBuffer());
    return Response.json(await report(read));
  },
};
`;

test("the golden logits come out under workerd", async () => {
  const kernels = resolve("@kcbert/kernels/kernels-relaxed.wasm");
  const miniflare = new Miniflare({
    modules: [
      { type: "ESModule", path: "worker.mjs", contents: await bundle(WORKER) },
      { type: "CompiledWasm", path: "tfjs.wasm", contents: readFileSync(tfjsPath) },
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
    check(JSON.parse(await response.text()));
  } finally {
    await miniflare.dispose();
  }
});

/** A page that fetches TensorFlow.js's binary and the golden files, and has the kernels inside its script. */
const PAGE = `
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs-core";
import { report } from "./bert_logits.ts";

const fetched = async (path) => new Uint8Array(await (await fetch("/" + path)).arrayBuffer());
globalThis.found = (async () => {
  await createWasmBackend({ tfjs: new URL("/tfjs.wasm", location.href) });
  await tf.setBackend("wasm");
  return report(fetched);
})();
`;

const browser = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

test.skipIf(!existsSync(browser))("the golden logits come out under Chromium", async () => {
  const files = new Map<string, [type: string, body: string | Uint8Array]>([
    ["/", ["text/html", '<!doctype html><script type="module" src="/page.js"></script>']],
    ["/page.js", ["text/javascript", await bundle(PAGE)]],
    ["/tfjs.wasm", ["application/wasm", readFileSync(tfjsPath)]],
    ...GOLDEN_FILES.map((path) => [`/${path}`, ["application/octet-stream", goldenBert(path)]] as const),
  ] as [string, [string, string | Uint8Array]][]);
  const server = createServer(({ url = "" }, response) => {
    const [type, body] = files.get(url) ?? ["text/plain", ""];
    response.writeHead(files.has(url) ? 200 : 404, { "content-type": type }).end(body);
  });
  await new Promise<void>((listening) => void server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  const launched = await chromium.launch({ executablePath: browser, args: ["--no-sandbox"] });
  try {
    const page = await launched.newPage();
    await page.goto(`http://127.0.0.1:${port}/`);
    check(await page.evaluate(() => (globalThis as unknown as { found: Promise<Report> }).found));
  } finally {
    await launched.close();
    server.close();
  }
});

// --- internal ---

function check({ backend, tensors, differences, cosine, fused }: Report): void {
  expect({ backend, tensors, fused }).toEqual({ backend: "wasm", tensors: 0, fused: true });
  expect(cosine).toBeGreaterThan(0.99); // the models are tiny and random: see quantize.test.ts
  expect(differences.mlm).toBeLessThan(1e-4);
  expect(differences.cls3).toBeLessThan(1e-4);
}

/** A program as one file, for what is no Node. */
async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: "ts" },
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
