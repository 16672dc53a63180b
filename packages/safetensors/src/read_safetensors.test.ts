import { describe, expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBert, goldenBertText } from "../../../tests/golden/bert.ts";
import {
  CheckpointError,
  readSafetensors,
  type SafetensorsTensor,
  toFloat32,
  writeSafetensors,
} from "./mod.ts";

interface Verdict {
  path: string;
  verdict: "load" | "refuse" | "either";
  what: string;
  tensors?: { name: string; dtype: string; shape: number[]; data_hex: string }[];
  float32?: Record<string, string>;
}

const manifest = JSON.parse(goldenBertText("formats-manifest.json")) as { entries: Verdict[] };
const cases = manifest.entries.filter(({ path }) => path.startsWith("malformed/safetensors/"));

type Tensors = ReadonlyMap<string, SafetensorsTensor>;

/** The three ways to read a file; each gives all its tensors. */
const readers: [way: string, read: (bytes: Uint8Array<ArrayBuffer>) => Promise<Tensors>][] = [
  ["bytes", async (bytes) => readSafetensors(bytes).tensors],
  [
    "blob",
    async (bytes) => {
      const { tensors } = await readSafetensors(new Blob([bytes]));
      const read = [...tensors].map(async ([name, tensor]) => {
        return [name, { ...tensor, bytes: await tensor.bytes() }] as const;
      });
      return new Map(await Promise.all(read));
    },
  ],
  ["stream in chunks of 7", async (bytes) => collect(chunked(bytes, 7))],
  ["stream in one chunk", async (bytes) => collect(chunked(bytes, bytes.length + 1))],
];

describe.each(readers)("readSafetensors() from %s", (_, read) => {
  test("has all verdicts", () => expect(cases).toHaveLength(87));

  test.each(cases)("$verdict $path: $what", async ({ path, verdict, tensors, float32 }) => {
    const outcome = await read(goldenBert(path)).catch((error: unknown) => error);
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
    if (verdict === "refuse") expect(outcome).toBeInstanceOf(CheckpointError);
    if (verdict === "load") expect(outcome).toBeInstanceOf(Map);
    if (verdict === "either") expect(outcome instanceof CheckpointError || outcome instanceof Map).toBe(true);
    if (!(outcome instanceof Map)) return;
    const found = outcome as Tensors;
    if (tensors !== undefined) expect(found.size).toBe(tensors.length);
    for (const { name, dtype, shape, data_hex } of tensors ?? []) {
      const tensor = found.get(name);
      expect([name, tensor?.dtype, tensor?.shape]).toEqual([name, dtype, shape]);
      expect(hex(tensor!.bytes)).toBe(data_hex);
    }
    for (const [name, bits] of Object.entries(float32 ?? {})) {
      const floats = toFloat32(found.get(name)!);
      expect(hex(new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength))).toBe(bits);
    }
  });
});

describe("readSafetensors()", () => {
  const file = goldenBert("malformed/safetensors/metadata.safetensors");

  test("gives views of the bytes, and the metadata", () => {
    const { tensors, metadata } = readSafetensors(file);
    expect(tensors.get("a")!.bytes.buffer).toBe(file.buffer);
    expect(metadata.size).toBeGreaterThan(0);
  });

  test("reads the tensors in the order of the file", () => {
    const { tensors } = readSafetensors(goldenBert("malformed/safetensors/header-order.safetensors"));
    expect([...tensors.keys()]).toEqual(["a", "b"]);
  });

  test("says where and what is wrong", () => {
    const read = (name: string) => () =>
      readSafetensors(goldenBert(`malformed/safetensors/${name}.safetensors`));
    expect(read("hole")).toThrow(
      'tensor "b" leaves a hole before it: begins at byte 16 of the data, expected 12',
    );
    expect(read("dtype-unknown")).toThrow(/dtype of tensor "a" must be one of .*: found "F7", at byte 28/);
    expect(read("git-lfs-pointer")).toThrow("a Git LFS pointer, not the checkpoint");
    expect(read("html-page")).toThrow("an HTML page, not the checkpoint");
    expect(read("size-mismatch-small")).toThrow("F32 [3] takes 12 bytes, data_offsets are 0 and 8");
    try {
      read("dtype-unknown")();
    } catch (error) {
      expect(error).toMatchObject({ name: "CheckpointError", offset: 28 });
    }
  });

  test("reads any part of a blob only when it is asked for", async () => {
    const blob = new Blob([file]);
    const ranges: number[] = [];
    const slice = blob.slice.bind(blob);
    blob.slice = (start = 0, end = 0) => {
      ranges.push(end - start);
      return slice(start, end);
    };
    const { tensors } = await readSafetensors(blob);
    expect(ranges.slice(2)).toEqual([...tensors.values()].map(({ blob }) => blob.size)); // length, header, then the tensors
    expect(await tensors.get("b")!.bytes()).toEqual(readSafetensors(file).tensors.get("b")!.bytes);
  });

  test("skips the tensors of a stream that are not wanted", async () => {
    const stream = await readSafetensors(chunked(file, 5));
    expect([...stream.tensors.keys()]).toEqual(["a", "b"]);
    const names: string[] = [];
    for await (const [name] of stream.read((name) => name === "b")) names.push(name);
    expect(names).toEqual(["b"]);
    await expect(stream.read().next()).rejects.toThrow("Cannot read a stream of safetensors twice");
  });

  test("cancels a stream that is broken, or left in the middle", async () => {
    const broken = chunked(goldenBert("malformed/safetensors/header-not-json.safetensors"), 9);
    await expect(readSafetensors(broken)).rejects.toThrow(CheckpointError);
    expect(cancelled.has(broken)).toBe(true);
    const left = chunked(file, 9);
    for await (const [name] of (await readSafetensors(left)).read()) expect(["a", "b"]).toContain(name);
    expect(cancelled.has(left)).toBe(false); // it was read to its end
    const early = chunked(file, 9);
    // oxlint-disable-next-line no-unreachable-loop -- leaving early is what is tested
    for await (const [name] of (await readSafetensors(early)).read()) {
      expect(name).toBe("a");
      break;
    }
    expect(cancelled.has(early)).toBe(true);
  });

  test("refuses what is no source", () => {
    expect(() => readSafetensors("model.safetensors" as never)).toThrow(
      "Cannot read safetensors as source must be a Uint8Array, a Blob or a ReadableStream: source is string",
    );
    expect(() => readSafetensors(null as never)).toThrow(TypeError);
  });

  test("takes time linear in a header of backslashes, spaces and digits", () => {
    for (const filler of ['\\"', " ", "9", "\\\\"]) {
      for (const start of ['{"', "{", '{"a":{"shape":[', '{"a":{"dtype":"']) {
        const json = new TextEncoder().encode(start + filler.repeat(1_000_000));
        const bytes = new Uint8Array(8 + json.length);
        new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
        bytes.set(json, 8);
        expect(() => readSafetensors(bytes)).toThrow(CheckpointError);
      }
    }
  });

  test("reads what it writes", () => {
    const bytes = Uint8Array.from({ length: 24 }, (_, i) => i);
    const tensor = { dtype: "F64", shape: [3, 1], bytes } as const;
    expect(readSafetensors(writeSafetensors([["x", tensor]])).tensors.get("x")).toEqual(tensor);
  });
});

// --- internal ---

const cancelled = new WeakSet<ReadableStream>();

function chunked(bytes: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let at = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) controller.close();
      else controller.enqueue(bytes.slice(at, (at += size)));
    },
    cancel() {
      cancelled.add(stream);
    },
  });
  return stream;
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<Tensors> {
  const tensors = new Map<string, SafetensorsTensor>();
  for await (const [name, tensor] of (await readSafetensors(stream)).read()) tensors.set(name, tensor);
  return tensors;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
