import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { BUILDS, compile } from "../scripts/build_wasm.ts";

const committed = new Map([
  ["kernels-relaxed", await import("./_kernels_relaxed.ts")],
  ["kernels-simd", await import("./_kernels_simd.ts")],
]);

test.each([...BUILDS.keys()])("%s: what is committed is what the sources give", async (name) => {
  const { WASM } = committed.get(name)!;
  const file = readFileSync(new URL(`../wasm/${name}.wasm`, import.meta.url));
  expect(file.toString("base64") === WASM, "run scripts/build_wasm.ts").toBe(true);
  expect(file.equals(await compile(name)), "run scripts/build_wasm.ts").toBe(true);
});

test.each([...committed])("%s owns no memory, and grows none", async (_, { WASM }) => {
  const bytes = Buffer.from(WASM, "base64");
  const found = sections(bytes);
  expect([...found.keys()]).not.toContain(DATA); // static data begins at 1,024, where TensorFlow.js has its own
  expect([...found.keys()]).not.toContain(MEMORY);
  expect([...found.keys()]).not.toContain(START);
  const module = await WebAssembly.compile(bytes);
  expect(WebAssembly.Module.imports(module)).toEqual([{ module: "env", name: "memory", kind: "memory" }]);
  // In text the instruction is one word; in the binary its opcode could be part of a constant.
  const { default: binaryen } = await import("binaryen");
  const text = binaryen.readBinary(bytes).emitText();
  expect(text).not.toContain("memory.grow");
  expect(text).toContain("v128.load");
});

test("a build is at most 25 KB, gzipped", async () => {
  for (const { WASM } of committed.values()) {
    const stream = new Blob([Buffer.from(WASM, "base64")])
      .stream()
      .pipeThrough(new CompressionStream("gzip"));
    expect((await new Response(stream).arrayBuffer()).byteLength).toBeLessThanOrEqual(25_000);
  }
});

test("only the relaxed build has relaxed instructions", async () => {
  const { default: binaryen } = await import("binaryen");
  const text = [...committed.values()].map(({ WASM }) =>
    binaryen.readBinary(Buffer.from(WASM, "base64")).emitText(),
  );
  expect(text.map((one) => one.includes("relaxed"))).toEqual([true, false]);
});

// --- internal ---

const MEMORY = 5;
const START = 8;
const DATA = 11;

/** The sections of a binary by their id: where their contents begin. */
function sections(bytes: Uint8Array): Map<number, number> {
  const found = new Map<number, number>();
  let at = 8; // after magic and version
  while (at < bytes.length) {
    const id = bytes[at++]!;
    let [size, shift, byte] = [0, 0, 128];
    while (byte >= 128) {
      byte = bytes[at++]!;
      size += (byte & 127) * 2 ** shift;
      shift += 7;
    }
    found.set(id, at);
    at += size;
  }
  return found;
}
