import { crc32 } from "node:zlib";
import { describe, expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
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

  test.each([
    ["legacy", legacyCheckpoint],
    ["zip", zipCheckpoint],
  ])("reads a %s file as it arrives", async (_, checkpoint) => {
    const file = checkpoint(8, 2 ** 18); // eight storages of a mebibyte
    expect(readPytorchBin(file).size).toBe(8);
    let sent = 0;
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
      if (sent >= file.length) controller.close();
      else controller.enqueue(file.slice(sent, (sent += 1000)));
    };
    const stream = await readPytorchBin(new ReadableStream({ pull }, { highWaterMark: 0 }));
    const arrived: number[] = [];
    for await (const [name, { bytes }] of stream.read()) {
      expect([name, bytes.length]).toEqual([`w${arrived.length}`, 2 ** 20]);
      arrived.push(sent);
    }
    expect(arrived).toHaveLength(8);
    for (const [i, bytes] of arrived.entries()) expect(bytes).toBeLessThan((i + 1) * 2 ** 20 + 20_000);
  });

  test("refuses a zip file whose directory says something else than its records", async () => {
    const file = zipCheckpoint(2, 10);
    const directory = file.findLastIndex(
      (_, at) => file[at] === 0x50 && file[at + 1] === 0x4b && file[at + 2] === 1,
    );
    for (const field of [16, 24, 42]) {
      const changed = file.slice();
      changed[directory + field]! ^= 1; // checksum, length, place of the last record
      await expect(collect(changed, 64)).rejects.toThrow(CheckpointError);
    }
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
  const storage = [
    ...tuple(
      string("storage"),
      global("torch\nFloatStorage"),
      string("0"),
      string("cpu"),
      int32(elements),
      [0x4e],
    ),
    0x51,
  ];
  const sizes = [tuple(...view.size.map(int32)), tuple(...view.stride.map(int32))];
  const tensor = [
    ...global("torch._utils\n_rebuild_tensor_v2"),
    ...tuple(storage, int32(0), ...sizes, [0x89, 0x7d]),
    0x52,
  ];
  const entries = Array.from({ length: count }, (_, i) => [...string(`w${i}`), ...tensor]).flat();
  const magic = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
  const head = [
    pickle(magic),
    pickle(int32(1001)),
    pickle([0x7d]),
    pickle([0x7d, 0x28], entries, [0x75]),
    pickle([0x5d], string("0"), [0x61]),
  ].flat();
  const file = new Uint8Array(head.length + 8 + 4 * elements);
  file.set(head);
  new DataView(file.buffer).setBigInt64(head.length, BigInt(elements), true);
  return file;
}

/** `count` storages of `elements` floats, each with a name, in the legacy container. */
function legacyCheckpoint(count: number, elements: number): Uint8Array {
  const keys = Array.from({ length: count }, (_, i) => string(String(i))).flat();
  const magic = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
  const head = [
    pickle(magic),
    pickle(int32(1001)),
    pickle([0x7d]),
    stateDict(count, elements),
    pickle([0x5d, 0x28], keys, [0x65]),
  ];
  const storages = Array.from({ length: count }, () => [
    new Uint8Array(BigInt64Array.of(BigInt(elements)).buffer),
    new Uint8Array(4 * elements),
  ]);
  return Buffer.concat([Uint8Array.from(head.flat()), ...storages.flat()]);
}

/** The same in a zip file, as Python's `zipfile` would write it. */
function zipCheckpoint(count: number, elements: number): Uint8Array {
  const records: [name: string, bytes: Uint8Array][] = [
    ["archive/data.pkl", Uint8Array.from(stateDict(count, elements))],
  ];
  for (let i = 0; i < count; i++) records.push([`archive/data/${i}`, new Uint8Array(4 * elements)]);
  const [parts, entries]: Uint8Array[][] = [[], []];
  let at = 0;
  for (const [name, bytes] of records) {
    const common = [
      20,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      ...uint32(crc32(bytes)),
      ...uint32(bytes.length),
      ...uint32(bytes.length),
      name.length,
      0,
      0,
      0,
    ];
    parts!.push(Uint8Array.from([0x50, 0x4b, 3, 4, ...common, ...Buffer.from(name)]), bytes);
    entries!.push(
      Uint8Array.from([
        0x50,
        0x4b,
        1,
        2,
        20,
        0,
        ...common,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        ...uint32(at),
        ...Buffer.from(name),
      ]),
    );
    at += 30 + name.length + bytes.length;
  }
  const directory = Buffer.concat(entries!);
  const end = [
    0x50,
    0x4b,
    5,
    6,
    0,
    0,
    0,
    0,
    records.length,
    0,
    records.length,
    0,
    ...uint32(directory.length),
    ...uint32(at),
    0,
    0,
  ];
  return Buffer.concat([...parts!, directory, Uint8Array.from(end)]);
}

function stateDict(count: number, elements: number): number[] {
  const entries = Array.from({ length: count }, (_, i) => {
    const storage = [
      ...tuple(
        string("storage"),
        global("torch\nFloatStorage"),
        string(String(i)),
        string("cpu"),
        int32(elements),
      ),
      0x51,
    ];
    const view = [storage, int32(0), tuple(int32(elements)), tuple(int32(1)), [0x89], [0x7d]];
    return [...string(`w${i}`), ...global("torch._utils\n_rebuild_tensor_v2"), ...tuple(...view), 0x52];
  });
  return pickle([0x7d, 0x28], ...entries, [0x75]);
}

function pickle(...body: number[][]): number[] {
  return [0x80, 2, ...body.flat(), 0x2e];
}

function string(value: string): number[] {
  return [0x58, ...uint32(value.length), ...Buffer.from(value)];
}

function int32(value: number): number[] {
  return [0x4a, ...uint32(value)];
}

function tuple(...items: number[][]): number[] {
  return [0x28, ...items.flat(), 0x74];
}

function global(name: string): number[] {
  return [0x63, ...Buffer.from(`${name}\n`)];
}

function uint32(value: number): number[] {
  return [...new Uint8Array(Uint32Array.of(value).buffer)];
}
