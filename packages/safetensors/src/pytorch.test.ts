import { describe, expect, test } from "vitest";
import { goldenBert, goldenBertText } from "../../../tests/golden/bert.ts";
import { readSafetensors, type SafetensorsTensor, toFloat32 } from "./mod.ts";
import { CheckpointError, readPytorchBin } from "./pytorch.ts";

interface Verdict {
  path: string;
  verdict: "load" | "refuse" | "either";
  what: string;
  tensors?: { name: string; dtype: string; shape: number[]; data_hex: string }[];
}

const manifest = JSON.parse(goldenBertText("formats-manifest.json")) as { entries: Verdict[] };
const cases = manifest.entries.filter(({ path }) => path.startsWith("malformed/pickle/"));

type Tensors = ReadonlyMap<string, SafetensorsTensor>;

const readers: [way: string, read: (bytes: Uint8Array) => Promise<Tensors>][] = [
  ["bytes", async (bytes) => readPytorchBin(bytes)],
  ["stream in chunks of 11", async (bytes) => collect(bytes, 11)],
  ["stream in one chunk", async (bytes) => collect(bytes, 1e9)],
];

describe.each(readers)("readPytorchBin() from %s", (_, read) => {
  test("has all verdicts", () => expect(cases).toHaveLength(98));

  test.each(cases)("$verdict $path: $what", async ({ path, verdict, tensors }) => {
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
      expect(Buffer.from(tensor!.bytes).toString("hex")).toBe(data_hex);
    }
  });

  const formats = [
    "zip",
    "legacy",
    "legacy-gamma-beta",
    "views-zip",
    "views-legacy",
    "protocol4",
    "base-in-bin",
  ];
  test.each(formats)("gives the weights of the safetensors file: %s", async (format) => {
    const expected = readSafetensors(goldenBert("pretraining/model/model.safetensors")).tensors;
    const found = await read(goldenBert(`formats/${format}/pytorch_model.bin`));
    for (const [name, tensor] of found) {
      if (/position_ids|decoder/.test(name)) continue;
      const today = name.replace(/gamma$/, "weight").replace(/beta$/, "bias");
      const same = expected.get(today) ?? expected.get(`bert.${today}`);
      expect([name, tensor.shape]).toEqual([name, same?.shape]);
      expect(toFloat32(tensor)).toEqual(toFloat32(same!));
    }
    expect(found.size).toBeGreaterThan(35);
  });

  test.each(["float16", "bfloat16"])("reads %s", async (format) => {
    const expected = readSafetensors(goldenBert(`formats/${format}/model.safetensors`)).tensors;
    const found = await read(goldenBert(`formats/${format}-bin/pytorch_model.bin`));
    for (const [name, { dtype, shape, bytes }] of expected) {
      expect([name, found.get(name)?.dtype, found.get(name)?.shape]).toEqual([name, dtype, shape]);
      expect(Buffer.compare(found.get(name)!.bytes, bytes)).toBe(0);
    }
  });
});

describe("readPytorchBin()", () => {
  test("gives views of the bytes, also of a storage that two tensors share", () => {
    const bytes = goldenBert("formats/zip/pytorch_model.bin");
    const tensors = readPytorchBin(bytes);
    const [table, decoder] = ["bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight"].map(
      (name) => tensors.get(name)!.bytes,
    );
    expect(table!.buffer).toBe(bytes.buffer);
    expect(decoder!.byteOffset).toBe(table!.byteOffset);
  });

  test("names what is wrong", () => {
    const read = (name: string) => () => readPytorchBin(goldenBert(`malformed/pickle/${name}.bin`));
    expect(read("os-system-zip")).toThrow('found "os.system", which is not run');
    expect(read("torch-hub")).toThrow('found "torch.hub.load"');
    expect(read("git-lfs-pointer")).toThrow("a Git LFS pointer");
    expect(read("zip-crc")).toThrow('record "archive/data/0" must have its CRC-32');
    expect(read("view-beyond-storage")).toThrow("offset 0, sizes 2, 4, strides 4, 1, storage of 6");
    expect(read("legacy-protocol")).toThrow("must be 1001: it is 1002");
  });

  test("skips the tensors of a stream that are not wanted, and gives the rest in the order of the file", async () => {
    const stream = await readPytorchBin(new Blob([goldenBert("formats/legacy/pytorch_model.bin")]).stream());
    const wanted = (name: string) => name.includes("layer.1.");
    const names: string[] = [];
    for await (const [name] of stream.read(wanted)) names.push(name);
    expect(() => stream.read()).toThrow("Cannot read a stream of a checkpoint twice");
    expect(names.toSorted()).toEqual([...stream.tensors.keys()].filter(wanted).toSorted());
  });

  test("refuses views that would take much more than the file", () => {
    // one storage of 1 MiB, and 300 names for its transposed view
    const elements = 512 * 512;
    const file = legacyFile(300, elements, { size: [512, 512], stride: [1, 512] });
    expect(() => readPytorchBin(file)).toThrow("views must not take more than four times the file");
    const contiguous = legacyFile(300, elements, { size: [512, 512], stride: [512, 1] });
    expect(readPytorchBin(contiguous).size).toBe(300);
  });

  test("refuses what is no source", () => {
    expect(() => readPytorchBin("pytorch_model.bin" as never)).toThrow(TypeError);
  });
});

// --- internal ---

async function collect(bytes: Uint8Array, size: number): Promise<Tensors> {
  let at = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) controller.close();
      else controller.enqueue(bytes.slice(at, (at += size)));
    },
  });
  const tensors = new Map<string, SafetensorsTensor>();
  for await (const [name, tensor] of (await readPytorchBin(stream)).read()) tensors.set(name, tensor);
  return tensors;
}

/** A legacy file with one storage of floats and `count` names for one view of it. */
function legacyFile(count: number, elements: number, view: { size: number[]; stride: number[] }): Uint8Array {
  const text = (value: string) => [0x58, value.length, 0, 0, 0, ...Buffer.from(value)];
  const integer = (value: number) => [0x4a, ...new Uint8Array(Int32Array.of(value).buffer)];
  const tuple = (...items: number[][]) => [0x28, ...items.flat(), 0x74];
  const global = (name: string) => [0x63, ...Buffer.from(`${name}\n`)];
  const pickle = (...body: number[][]) => [0x80, 2, ...body.flat(), 0x2e];
  const storage = [
    ...tuple(
      text("storage"),
      global("torch\nFloatStorage"),
      text("0"),
      text("cpu"),
      integer(elements),
      [0x4e],
    ),
    0x51,
  ];
  const sizes = [tuple(...view.size.map(integer)), tuple(...view.stride.map(integer))];
  const tensor = [
    ...global("torch._utils\n_rebuild_tensor_v2"),
    ...tuple(storage, integer(0), ...sizes, [0x89, 0x7d]),
    0x52,
  ];
  const entries = Array.from({ length: count }, (_, i) => [...text(`w${i}`), ...tensor]).flat();
  const magic = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
  const head = [
    pickle(magic),
    pickle(integer(1001)),
    pickle([0x7d]),
    pickle([0x7d, 0x28], entries, [0x75]),
    pickle([0x5d], text("0"), [0x61]),
  ].flat();
  const file = new Uint8Array(head.length + 8 + 4 * elements);
  file.set(head);
  new DataView(file.buffer).setBigInt64(head.length, BigInt(elements), true);
  return file;
}
