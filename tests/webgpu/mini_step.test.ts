/**
 * The backend `webgpu` computes what `wasm` does. It needs an adapter: software that plays a GPU will do, such as SwiftShader,
 * which lies in Chromium's folder. Skipped, and said so, where there is none.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs-core";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { expect, test } from "vitest";
import { miniStep, type Trained } from "./mini_step.ts";

const root = join(import.meta.dirname, "../..");
const browser = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const libraries = process.env["CHROMIUM_LIBRARIES"] ?? "/usr/lib/chromium";

/** Software plays slowly. */
const TIMEOUT = 600_000;

const wasm = (async () => {
  await createWasmBackend();
  await tf.setBackend("wasm");
  return miniStep();
})();

test(
  "20 steps in Deno are those of the backend wasm to 1e-4",
  async ({ skip }) => {
    const script = join(import.meta.dirname, "mini_step_deno.ts");
    const flags = ["run", "-A", "--quiet", "--unstable-webgpu", "--conditions=@kcbert/source"];
    const software = join(libraries, "vk_swiftshader_icd.json");
    const output = execFileSync(join(root, "node_modules/.bin/deno"), [...flags, script], {
      cwd: root,
      encoding: "utf8",
      env: {
        ...process.env,
        DENO_NO_UPDATE_CHECK: "1",
        ...(existsSync(software) && { VK_DRIVER_FILES: software, LD_LIBRARY_PATH: libraries }),
      },
    });
    const found = JSON.parse(output.trim().split("\n").at(-1)!) as
      | "no adapter"
      | (Trained & { passes: boolean });
    if (found === "no adapter") skip("no WebGPU adapter for Deno");
    else {
      expect(found.passes).toBe(true);
      check(found, await wasm);
    }
  },
  TIMEOUT,
);

/** A page that trains. */
const PAGE = `
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-webgpu";
import { miniStep } from "./mini_step.ts";

globalThis.found = (async () => {
  if (await navigator.gpu?.requestAdapter() == null) return "no adapter";
  await tf.setBackend("webgpu");
  return miniStep();
})();
`;

test.skipIf(!existsSync(browser))(
  "20 steps in Chromium are those of the backend wasm to 1e-4",
  async ({ skip }) => {
    const page = await bundle(PAGE);
    const server = createServer(({ url }, response) => {
      const [type, body] =
        url === "/page.js"
          ? ["text/javascript", page]
          : ["text/html", '<!doctype html><script type="module" src="/page.js"></script>'];
      response.writeHead(200, { "content-type": type }).end(body);
    });
    await new Promise<void>((listening) => void server.listen(0, "127.0.0.1", listening));
    const { port } = server.address() as AddressInfo;
    const args = ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
    const launched = await chromium.launch({ executablePath: browser, args });
    try {
      const tab = await launched.newPage();
      await tab.goto(`http://127.0.0.1:${port}/`);
      const found = await tab.evaluate(
        () => (globalThis as unknown as { found: Promise<"no adapter" | Trained> }).found,
      );
      if (found === "no adapter") skip("no WebGPU adapter for Chromium");
      else check(found, await wasm);
    } finally {
      await launched.close();
      server.close();
    }
  },
  TIMEOUT,
);

// --- internal ---

function check(actual: Trained, expected: Trained): void {
  expect([actual.backend, expected.backend]).toEqual(["webgpu", "wasm"]);
  expect(expected.losses[19]! - expected.losses[0]!).toBeLessThan(-0.1); // it learns
  expect(expected.norms[0]).toBeGreaterThan(0.5); // and is clipped
  for (const part of ["losses", "norms", "weights"] as const)
    expect(farthest(actual[part], expected[part]), part).toBeLessThan(1e-4);
}

function farthest(a: readonly number[], b: readonly number[]): number {
  expect(a).toHaveLength(b.length);
  return a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);
}

async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: "ts" },
    bundle: true,
    format: "esm",
    mainFields: ["browser", "module", "main"],
    conditions: ["@kcbert/source"],
    write: false,
    logLevel: "error",
  });
  return outputFiles[0]!.text;
}
