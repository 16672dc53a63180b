/** `@kcbert/model-mini` and its heads under Node, Deno and Bun, and bundled into a page. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { join } from "node:path";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const condition = "--conditions=@kcbert/source";
const hosts: [program: string, args: string[]][] = [
  ["node", [condition]],
  ["deno", ["run", "-A", "--quiet", condition]],
  ["bun", [condition]],
];

test.each(hosts)("it judges comments and fills gaps under %s", (program, args) => {
  expect(run(program, [...args, "examples/model_mini.ts"])).toMatch(/^positive 1\.0\n[^]*추천하고/);
});

test.each(hosts)("its heads tell hate and what is alike under %s", (program, args) => {
  expect(run(program, [...args, "examples/model_mini_heads.ts"])).toBe("hate false\n0.8 0.2\n");
});

function run(program: string, args: string[]): string {
  return execFileSync(join(root, "node_modules/.bin", program), args, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
  });
}

/** As an application would have it: the files of the model and TensorFlow.js's binary lie beside the bundle. */
const PAGE = `
import { createWasmBackend } from "@kcbert/kernels";
import { modelMini } from "@kcbert/model-mini";
import { modelMiniHeads } from "@kcbert/model-mini-heads";
import { loadClassifyText } from "@kcbert/pipelines";
import * as tf from "@tensorflow/tfjs-core";

await createWasmBackend({ tfjs: new URL("/tfjs.wasm", location.href) });
await tf.setBackend("wasm");
const model = modelMini({ base: new URL("/model-mini", location.href) });
const sentiment = await loadClassifyText(model);
const [{ label }] = await sentiment.run("진짜 재밌다ㅋㅋㅋㅋ 또 보고 싶다 👍");
const base = new URL("/model-mini-heads", location.href);
const hate = await loadClassifyText(modelMiniHeads({ head: "hate", base, model }));
const [rude] = await hate.run("쓰레기 같은 놈들 다 꺼져라");
document.title = label + " " + rude.label;
`;

const executable = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
if (!existsSync(executable)) {
  console.warn(
    `The model is not tested in a browser: there is no Chromium at ${executable}; name one in CHROMIUM`,
  );
}

test.skipIf(!existsSync(executable))("it judges a comment in a bundled page", async () => {
  const { outputFiles } = await build({
    stdin: { contents: PAGE, resolveDir: join(root, "tests/runtimes"), loader: "ts" },
    bundle: true,
    format: "esm",
    mainFields: ["browser", "module", "main"],
    conditions: ["@kcbert/source"],
    define: { process: "undefined" },
    write: false,
    logLevel: "error",
  });
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, "http://page");
    const [type, body] = answer(pathname, outputFiles[0]!.text);
    response.setHeader("content-type", type);
    response.end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const browser = await chromium.launch({
    executablePath: executable,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic"],
  });
  try {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction(() => document.title !== "", undefined, { timeout: 60_000 }).catch(() => {});
    expect(errors).toEqual([]);
    expect(await page.title()).toBe("positive hate");
  } finally {
    await browser.close();
    server.close();
  }
});

/** What the server of the page says: its type, and the thing itself. */
function answer(pathname: string, script: string): [string, string | Uint8Array] {
  const file = /^\/(model-mini(?:-heads\/hate)?\/[\w.-]+)$/.exec(pathname)?.[1];
  if (file !== undefined) {
    return ["application/octet-stream", readFileSync(join(root, "packages", file))];
  }
  if (pathname === "/tfjs.wasm") {
    const { resolve } = createRequire(import.meta.url);
    const tfjs = resolve("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm");
    return ["application/wasm", readFileSync(tfjs)];
  }
  if (pathname === "/page.js") return ["text/javascript", script];
  return ["text/html; charset=utf-8", '<script type="module" src="/page.js"></script>'];
}
