import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, expect, test } from "vitest";
import { createWasmBackend } from "./create_wasm_backend.ts";

const require = createRequire(import.meta.url);
const wasmPath = require.resolve("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm");
const bytes = new Uint8Array(await readFile(wasmPath));

afterEach(() => {
  if (tf.findBackendFactory("wasm")) tf.removeBackend("wasm");
});

/** Boots and multiplies: `[[1, 2]] · [[3], [4]]`. */
async function product(options?: Parameters<typeof createWasmBackend>[0]): Promise<number[]> {
  await createWasmBackend(options);
  await tf.setBackend("wasm");
  expect(tf.getBackend()).toBe("wasm");
  return tf.tidy(() => [...tf.matMul([[1, 2]], [[3], [4]]).dataSync()]);
}

test("createWasmBackend() finds the binary by itself in Node", async () => {
  expect(await product()).toEqual([11]);
});

test("createWasmBackend() takes bytes, also those of a larger buffer", async () => {
  const larger = new Uint8Array(bytes.length + 7);
  larger.set(bytes, 3);
  expect(await product({ tfjs: larger.subarray(3, 3 + bytes.length) })).toEqual([11]);
});

test("createWasmBackend() takes a compiled module", async () => {
  expect(await product({ tfjs: await WebAssembly.compile(bytes) })).toEqual([11]);
});

test("createWasmBackend() takes a file URL", async () => {
  expect(await product({ tfjs: pathToFileURL(wasmPath) })).toEqual([11]);
});

test("createWasmBackend() takes an http URL, and names it when the server has no such file", async () => {
  const server = createServer((request, response) => {
    if (request.url === "/simd.wasm") response.end(bytes);
    else response.writeHead(404, "Not Found").end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    await expect(createWasmBackend({ tfjs: new URL("/none.wasm", origin) })).rejects.toThrow(
      `Cannot start the WASM backend from ${origin}/none.wasm: 404 Not Found`,
    );
    expect(await product({ tfjs: new URL("/simd.wasm", origin) })).toEqual([11]);
  } finally {
    server.close();
  }
});

test("createWasmBackend() boots once for calls that overlap or follow", async () => {
  const first = createWasmBackend();
  expect(createWasmBackend()).toBe(first);
  await first;
  expect(createWasmBackend()).toBe(first);
});

test("createWasmBackend() leaves the process's listeners for errors as they are", async () => {
  const events = ["uncaughtException", "unhandledRejection"];
  const before = events.map((event) => process.listeners(event as "exit"));
  await createWasmBackend();
  expect(events.map((event) => process.listeners(event as "exit"))).toEqual(before);
});

test("createWasmBackend() boots anew after a failure and after removal", async () => {
  await expect(createWasmBackend({ tfjs: bytes.subarray(0, 100) })).rejects.toThrow(
    /^Cannot start the WASM backend from the binary given: .*\(pass tfjs: /,
  );
  expect(await product({ tfjs: bytes })).toEqual([11]);
  tf.removeBackend("wasm");
  expect(await product({ tfjs: bytes })).toEqual([11]);
});

test("createWasmBackend() reports a module that is not TensorFlow.js's instead of hanging", async () => {
  const empty = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
  await expect(createWasmBackend({ tfjs: empty })).rejects.toThrow("Cannot start the WASM backend");
});

test("createWasmBackend() reports a file that is not there", async () => {
  const missing = new URL("none.wasm", pathToFileURL(wasmPath));
  await expect(createWasmBackend({ tfjs: missing })).rejects.toThrow(
    `Cannot start the WASM backend from ${missing.href}`,
  );
});

test("createWasmBackend() refuses what is neither module, bytes nor URL", async () => {
  await expect(createWasmBackend({ tfjs: wasmPath })).rejects.toThrow(
    new TypeError(
      "Cannot start the WASM backend as tfjs must be a WebAssembly.Module, a Uint8Array or a URL: it is string",
    ),
  );
});

test("createWasmBackend() says so where the runtime lacks SIMD", async () => {
  const script = `
    const { createWasmBackend } = await import(${JSON.stringify(join(import.meta.dirname, "mod.ts"))});
    await createWasmBackend().catch((error) => process.stdout.write(error.message));
  `;
  // V8 builds its SIMD on SSE4.1 on x64, and has it always on other processors.
  const flags = [
    "--no-enable-sse4-1",
    "--no-enable-avx",
    "--conditions=@kcbert/source",
    "--input-type=module",
  ];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, "-e", script]);
  const expected =
    "Cannot start the WASM backend as this runtime lacks WebAssembly SIMD: use the cpu backend";
  expect(stdout).toBe(process.arch === "x64" ? expected : "");
});
