/** Damaged checkpoints: whatever the bytes are, tensors that fit or a `CheckpointError`; never a hang, never much memory. */
import process from "node:process";
import * as fc from "fast-check";
import { CheckpointError, parseShardIndex, readSafetensors } from "@kcbert/safetensors";
import { readPytorchBin } from "@kcbert/safetensors/pytorch";
import { afterAll, expect, test } from "vitest";
import { goldenBert, goldenBertPaths } from "../golden/bert.ts";
import { lasting, rate, report, soakMs } from "./_duration.ts";
import { Watchdog } from "./_watchdog.ts";

const dog = new Watchdog(60_000);
afterAll(() => dog.stop());

const safetensors = files("safetensors");
const pytorch = files("bin");
const sound = [
  ...safetensors.filter((bytes) => outcome(() => readSafetensors(bytes).tensors) !== "refused"),
  ...pytorch.filter((bytes) => outcome(() => readPytorchBin(bytes)) !== "refused"),
];

test("the golden files are there, healthy ones and broken ones", () => {
  expect(safetensors.length).toBeGreaterThan(20);
  expect(pytorch.length).toBeGreaterThan(20);
  expect(sound.length).toBeGreaterThan(10);
});

test("readSafetensors() of damaged files: bytes, blobs and streams agree", async () => {
  await soak("safetensors", damaged(safetensors), async (bytes) => {
    const direct = outcome(() => readSafetensors(bytes).tensors);
    const blob = await asyncOutcome(async () => {
      const { tensors } = await readSafetensors(new Blob([bytes]));
      return new Map(
        await Promise.all(
          Array.from(
            tensors,
            async ([name, tensor]) => [name, { shape: tensor.shape, bytes: await tensor.bytes() }] as const,
          ),
        ),
      );
    });
    const stream = await asyncOutcome(async () => collect((await readSafetensors(inPieces(bytes))).read()));
    expect([blob, stream]).toEqual([direct, direct]);
    return direct;
  });
});

test("readPytorchBin() of damaged files: bytes and streams agree", async () => {
  await soak("pytorch", damaged(pytorch), async (bytes) => {
    const direct = outcome(() => readPytorchBin(bytes));
    const stream = await asyncOutcome(async () => collect((await readPytorchBin(inPieces(bytes))).read()));
    // of a zip file a stream is refused for more: where its directory and its records say different things
    if (stream !== "refused" || bytes[0] !== 0x50) expect(stream).toEqual(direct);
    return direct;
  });
});

test("readers of one kind refuse damaged files of the other", async () => {
  await soak("swapped", damaged([...safetensors, ...pytorch]), async (bytes) => {
    const both = [outcome(() => readSafetensors(bytes).tensors), outcome(() => readPytorchBin(bytes))];
    expect(both).toContain("refused");
    return both.find((each) => each !== "refused") ?? "refused";
  });
});

test("parseShardIndex() of damaged indexes", async () => {
  const index = {
    metadata: { total_size: 12 },
    weight_map: { a: "model-00001.safetensors", b: "model-00002.safetensors" },
  };
  const json = new TextEncoder().encode(JSON.stringify(index));
  await soak("shard index", damaged([json]), async (bytes) => {
    const text = new TextDecoder().decode(bytes);
    return outcome(() => {
      parseShardIndex(text);
      return new Map();
    });
  });
});

// --- internal ---

type Tensors = ReadonlyMap<string, { readonly shape: readonly number[]; readonly bytes: Uint8Array }>;
/** What a reader made of a file: the tensors' shapes and sizes, or that it refused. */
type Outcome = "refused" | [name: string, shape: string, byteLength: number][];

function files(extension: string): Uint8Array<ArrayBuffer>[] {
  const paths = ["malformed/", "formats/", "base/", "mlm/"].flatMap(goldenBertPaths);
  const found = paths.filter((path) => path.endsWith(`.${extension}`)).map(goldenBert);
  return found.filter(({ length }) => length > 0 && length < 2e6);
}

/** One to four edits of a file: bits turned, bytes removed, inserted, repeated, taken from elsewhere; or its end cut off. */
function damaged(files: readonly Uint8Array<ArrayBuffer>[]): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const at = fc.oneof(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 0.02, noNaN: true }), // the header
    fc.double({ min: 0.98, max: 1, noNaN: true }), // the directory of a zip file
  );
  const edit = fc.record({
    kind: fc.constantFrom("bit", "replace", "insert", "remove", "repeat", "move", "cut"),
    at,
    from: at,
    length: fc.oneof(fc.constantFrom(1, 2, 4, 8), fc.nat(300)),
    bytes: fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 8 }), fc.constantFrom(...splices)),
  });
  const intact = files.filter((file) => sound.includes(file)); // as often as all others, which are broken already
  const chosen = fc.oneof(
    ...[files, intact].filter(({ length }) => length > 0).map((some) => fc.constantFrom(...some)),
  );
  return fc.tuple(chosen, fc.array(edit, { minLength: 1, maxLength: 4 })).map(([file, edits]) => {
    let bytes = Buffer.from(file);
    for (const each of edits) bytes = edited(bytes, each);
    return Uint8Array.from(bytes);
  });
}

interface Edit {
  kind: string;
  at: number;
  from: number;
  length: number;
  bytes: Uint8Array;
}

function edited(file: Buffer, { kind, at, from, length, bytes }: Edit): Buffer<ArrayBuffer> {
  const place = Math.floor(at * file.length);
  const source = Math.floor(from * file.length);
  const [head, tail] = [file.subarray(0, place), file.subarray(place)];
  switch (kind) {
    case "bit": {
      const copy = Buffer.from(file);
      if (copy.length > 0) copy[Math.min(place, copy.length - 1)]! ^= 1 << (length % 8);
      return copy;
    }
    case "replace":
      return Buffer.concat([head, bytes, tail.subarray(bytes.length)]);
    case "insert":
      return Buffer.concat([head, bytes, tail]);
    case "remove":
      return Buffer.concat([head, tail.subarray(length)]);
    case "repeat":
      return Buffer.concat([head, tail.subarray(0, length), tail]);
    case "move":
      return Buffer.concat([head, file.subarray(source, source + length), tail.subarray(length)]);
    default:
      return Buffer.concat([head]);
  }
}

/** What is likely to lead somewhere: numbers at the edge, tokens of JSON, opcodes of pickles, marks of zip records. */
const splices = [
  ...[
    "ffffffff",
    "ffffffffffffffff",
    "0000000000000080",
    "00000080",
    "00000000",
    "504b0506",
    "504b0304",
    "504b0606",
    "504b0102",
  ].map((hex) => Uint8Array.from(Buffer.from(hex, "hex"))),
  ...[
    '{"a":',
    '"__metadata__"',
    "[]",
    "-1",
    "1e9",
    "9007199254740993",
    "\\u0000",
    "}}",
    ',"a":{}',
    '"F32"',
    "null",
  ].map((text) => Uint8Array.from(Buffer.from(text))),
  ...[
    "cos\nsystem\n",
    "(",
    "t",
    "R",
    "b",
    "Q",
    "u",
    "s",
    "a",
    "e",
    "]",
    "}",
    "h\0",
    "q\0",
    "\x8a\x09",
    "\x94",
    ".",
    "0",
    "2",
  ].map((text) => Uint8Array.from(Buffer.from(text, "latin1"))),
];

/** Read damaged files for as long as a soak lasts, and say how it went. */
async function soak(
  name: string,
  input: fc.Arbitrary<Uint8Array<ArrayBuffer>>,
  read: (bytes: Uint8Array<ArrayBuffer>) => Promise<Outcome>,
): Promise<void> {
  const start = performance.now();
  let [count, accepted, mostMemory] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(input, async (bytes) => {
      const result = await dog.watchAsync(bytes, () => read(bytes));
      if (result !== "refused") accepted++;
      if (++count % 64 === 0) mostMemory = Math.max(mostMemory, process.memoryUsage().arrayBuffers);
    }),
    lasting(soakMs / 2),
  );
  expect(count).toBeGreaterThan(50);
  expect(mostMemory).toBeLessThan(1e9);
  const said = rate(count, "damaged files", performance.now() - start);
  report(
    `files: ${name}: ${said}, ${accepted} still readable, at most ${Math.round(mostMemory / 1e6)} MB of buffers`,
  );
}

/** Runs a reader; all it may do is give tensors whose bytes fit, or refuse the file. */
function outcome(read: () => Tensors): Outcome {
  try {
    return described(read());
  } catch (error) {
    return refused(error);
  }
}

async function asyncOutcome(read: () => Promise<Tensors>): Promise<Outcome> {
  try {
    return described(await read());
  } catch (error) {
    return refused(error);
  }
}

function refused(error: unknown): "refused" {
  if (error instanceof CheckpointError) return "refused";
  throw error;
}

function described(tensors: Tensors): Outcome {
  const sizes = Array.from(tensors, ([name, { shape, bytes }]): [string, string, number] => {
    const count = shape.reduce((product, size) => product * size, 1);
    const fits = count === 0 ? bytes.length === 0 : bytes.length > 0 && bytes.length % count === 0;
    if (!fits) throw new Error(`${bytes.length} bytes do not fit ${JSON.stringify(shape)}`);
    return [name, shape.join("×"), bytes.length];
  });
  return sizes.sort(([a], [b]) => (a < b ? -1 : Number(a > b))); // a stream's order is the file's
}

async function collect(
  entries: AsyncIterable<
    readonly [string, { readonly shape: readonly number[]; readonly bytes: Uint8Array }]
  >,
): Promise<Tensors> {
  const tensors = new Map<string, { shape: readonly number[]; bytes: Uint8Array }>();
  for await (const [name, tensor] of entries) tensors.set(name, tensor);
  return tensors;
}

/** A stream of small and large chunks, so that records and numbers are torn. */
function inPieces(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
  let [at, size] = [0, 1];
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + size));
      at += size;
      size = (size * 3) % 65_521;
    },
  });
}
