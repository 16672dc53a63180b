import { execFile } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { BertForMaskedLM, formatBertConfig, kcbertBase } from "@kcbert/bert";
import { writeSafetensorsStream } from "@kcbert/safetensors";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** KcBERT Base with three layers: its table of 92 MB is the largest tensor there is. */
const config = { ...kcbertBase, numHiddenLayers: 3 };
const shapes = [...BertForMaskedLM.parameterShapes(config)];

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kcbert-memory-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("a model is loaded in 1.2 times its file and 64 MB", () => {
  test.each([
    ["model.safetensors", "wasm"],
    ["pytorch_model.bin", "wasm"],
  ])(
    "%s on %s",
    async (file, backend) => {
      const path = join(folder, file);
      const pieces = file.endsWith(".bin") ? legacyCheckpoint() : safetensors();
      await pipeline(Readable.from(pieces), createWriteStream(path));
      await writeFile(join(folder, "config.json"), formatBertConfig(config));
      const { size } = await stat(path);
      const script = join(import.meta.dirname, "load.ts");
      const { stdout } = await promisify(execFile)(process.execPath, [
        "--conditions=@kcbert/source",
        script,
        folder,
        backend,
      ]);
      const { memory, parameters } = JSON.parse(stdout) as { memory: number; parameters: number };
      await rm(path);
      expect(parameters).toBe(shapes.length);
      expect(memory).toBeGreaterThan(0.8 * size); // it was measured
      expect(memory).toBeLessThan(1.2 * size + 64e6);
    },
    120_000,
  );
});

// --- internal ---

function safetensors(): AsyncIterable<Uint8Array> {
  const layouts = shapes.map(([key, shape]) => [key, { dtype: "F32", shape }] as const);
  const sizes = new Map(shapes.map(([key, shape]) => [key, length(shape)]));
  return writeSafetensorsStream(layouts, (key) => values(sizes.get(key)!), { format: "pt" });
}

/** The container before PyTorch 1.6, in which `beomi/kcbert-base` lies on the hub, piece by piece. */
function* legacyCheckpoint(): Generator<Uint8Array> {
  const string = (text: string): number[] => [0x58, ...little(text.length), ...Buffer.from(text)];
  const integer = (value: number): number[] => [0x4a, ...little(value)];
  const tuple = (...items: number[][]): number[] => [0x28, ...items.flat(), 0x74];
  const global = (module: string, name: string): number[] => [0x63, ...Buffer.from(`${module}\n${name}\n`)];
  const pickle = (...body: number[][]): number[] => [0x80, 2, ...body.flat(), 0x2e];
  const entries = shapes.flatMap(([key, shape], index) => {
    const device = [string(String(index)), string("cpu"), integer(length(shape))];
    const storage = [...tuple(string("storage"), global("torch", "FloatStorage"), ...device), 0x51];
    const strides = shape.map((_, axis) => length(shape.slice(axis + 1)));
    const view = [integer(0), tuple(...shape.map(integer)), tuple(...strides.map(integer)), [0x89], [0x7d]];
    return [
      ...string(key),
      ...global("torch._utils", "_rebuild_tensor_v2"),
      ...tuple(storage, ...view),
      0x52,
    ];
  });
  const magic = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
  yield Uint8Array.from([...pickle(magic), ...pickle(integer(1001)), ...pickle([0x7d])]);
  yield Uint8Array.from(pickle([0x7d, 0x28], entries, [0x75]));
  yield Uint8Array.from(pickle([0x5d, 0x28], ...shapes.map((_, index) => string(String(index))), [0x65]));
  for (const [, shape] of shapes) {
    yield Uint8Array.from([...little(length(shape)), 0, 0, 0, 0]);
    yield values(length(shape));
  }
}

/** Values that are not all zero, so that no page of memory is shared. */
function values(count: number): Uint8Array {
  return new Uint8Array(Float32Array.from({ length: count }, (_, i) => (i % 97) / 97).buffer);
}

function length(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function little(value: number): number[] {
  return [...new Uint8Array(Int32Array.of(value).buffer)];
}
