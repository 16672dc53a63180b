import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBert, goldenBertPaths } from "../../../tests/golden/bert.ts";
import { dtypes, tensorByteLength } from "./dtype.ts";
import { readSafetensors, type SafetensorsTensor, writeSafetensors, writeSafetensorsStream } from "./mod.ts";

const f32 = (length: number): SafetensorsTensor => ({
  dtype: "F32",
  shape: [length],
  bytes: new Uint8Array(4 * length),
});

const anyTensor: fc.Arbitrary<SafetensorsTensor> = fc
  .tuple(fc.constantFrom(...dtypes()), fc.array(fc.nat(4), { maxLength: 4 }))
  .chain(([dtype, shape]) => {
    const length = tensorByteLength(dtype, shape)!;
    return fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => ({ dtype, shape, bytes }));
  });

const anyFile = fc.tuple(
  fc.uniqueArray(fc.tuple(fc.string({ unit: "binary" }), anyTensor), {
    selector: ([name]) => name,
    maxLength: 8,
  }),
  fc.dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), { maxKeys: 3 }),
);

describe("writeSafetensors()", () => {
  const files = ["mlm", "pretraining", "base", "qa", "tokcls", "optimizers", "formats"].flatMap((folder) =>
    goldenBertPaths(`${folder}/`).filter((path) => path.endsWith(".safetensors")),
  );

  test.each(files)("gives the bytes of the reference: %s", (path) => {
    const bytes = goldenBert(path);
    const { tensors, metadata } = readSafetensors(bytes);
    expect(Buffer.compare(writeSafetensors([...tensors].reverse(), metadata), bytes)).toBe(0);
  });

  test("orders and escapes names as the reference does", () => {
    // from safetensors.numpy.save of safetensors 0.8.0
    const names = ["z", 'a\u007f\u0001\n"\\/é\u2028', "\u{1f600}", "\uffee", ""];
    const { header } = split(writeSafetensors(names.map((name) => [name, f32(1)] as const)));
    expect(header).toBe(
      '{"":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},' +
        '"a\u007f\\u0001\\n\\"\\\\/é\u2028":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},' +
        '"z":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},"\uffee":{"dtype":"F32","shape":[1],"data_offsets":[12,16]},' +
        '"\u{1f600}":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}}  ',
    );
  });

  test("orders dtypes as the reference does, and pads the header", () => {
    // from safetensors.numpy.save of safetensors 0.8.0
    const order = [
      "U64",
      "I64",
      "F64",
      "C64",
      "F32",
      "U32",
      "I32",
      "F16",
      "U16",
      "I16",
      "I8",
      "U8",
      "BOOL",
    ] as const;
    const tensors = order.map((dtype) => {
      const bytes = new Uint8Array(tensorByteLength(dtype, [1])!);
      return [`n${dtype}`, { dtype, shape: [1], bytes }] as const;
    });
    const file = writeSafetensors(tensors.reverse());
    expect([...readSafetensors(file).tensors.values()].map(({ dtype }) => dtype)).toEqual(order);
    expect(split(file).start % 8).toBe(0);
  });

  test("writes a file without tensors", () => {
    expect(split(writeSafetensors([])).header).toBe("{}      ");
    expect(split(writeSafetensors([], { format: "pt" })).header).toBe('{"__metadata__":{"format":"pt"}}');
  });

  test("is undone by readSafetensors(), whatever the order", () => {
    fc.assert(
      fc.property(anyFile, ([tensors, metadata]) => {
        fc.pre(tensors.every(([name]) => name !== "__metadata__"));
        const file = writeSafetensors(tensors, metadata);
        expect(writeSafetensors([...tensors].reverse(), new Map(Object.entries(metadata).reverse()))).toEqual(
          file,
        );
        const read = readSafetensors(file);
        expect(read.metadata).toEqual(new Map(Object.entries(metadata)));
        expect(read.tensors.size).toBe(tensors.length);
        for (const [name, tensor] of tensors) expect(read.tensors.get(name)).toEqual(tensor);
      }),
      { numRuns: 200 },
    );
  });

  test.each([
    [
      "a name twice",
      [
        ["a", f32(1)],
        ["a", f32(2)],
      ],
      /name must occur once: "a" occurs twice/,
    ],
    ["the name of the metadata", [["__metadata__", f32(1)]], /no tensor can be called __metadata__/],
    ["half a surrogate", [["\ud800", f32(1)]], /name must be well-formed Unicode/],
    [
      "an unknown dtype",
      [["a", { ...f32(1), dtype: "F7" }]],
      /dtype must be one of .*: dtype of "a" is "F7"/,
    ],
    ["a negative size", [["a", { ...f32(1), shape: [-1, -1] }]], /sizes must be integers in \[0, 2\^53\)/],
    ["a broken size", [["a", { ...f32(3), shape: [1.5, 2] }]], /sizes must be integers in \[0, 2\^53\)/],
    ["too few bytes", [["a", { ...f32(1), shape: [2] }]], /"a" has 4, expected 8/],
  ] as [string, [string, SafetensorsTensor][], RegExp][])("refuses %s", (_, tensors, message) => {
    expect(() => writeSafetensors(tensors)).toThrow(RangeError);
    expect(() => writeSafetensors(tensors)).toThrow(message);
  });

  test("refuses values of the wrong type", () => {
    expect(() => writeSafetensors([], { epoch: 3 } as never)).toThrow(TypeError);
    expect(() => writeSafetensors([[1, f32(1)]] as never)).toThrow(TypeError);
    expect(() => writeSafetensors([["a", { ...f32(1), bytes: [0, 0, 0, 0] }]] as never)).toThrow(TypeError);
    expect(() => writeSafetensors([], { a: "\udfff" })).toThrow(RangeError);
  });
});

describe("writeSafetensorsStream()", () => {
  test("gives the same bytes, and asks for each tensor once, in order", async () => {
    await fc.assert(
      fc.asyncProperty(anyFile, async ([tensors, metadata]) => {
        fc.pre(tensors.every(([name]) => name !== "__metadata__"));
        const byName = new Map(tensors);
        const asked: string[] = [];
        const pieces: Uint8Array[] = [];
        const bytesOf = async (name: string) => (asked.push(name), byName.get(name)!.bytes);
        for await (const piece of writeSafetensorsStream(tensors, bytesOf, metadata)) pieces.push(piece);
        const file = writeSafetensors(tensors, metadata);
        expect(Buffer.compare(Buffer.concat(pieces), file)).toBe(0);
        expect(asked).toEqual([...readSafetensors(file).tensors.keys()]);
      }),
      { numRuns: 100 },
    );
  });

  test("refuses bytes that are not what was announced", async () => {
    const pieces = writeSafetensorsStream([["a", f32(2)]], () => new Uint8Array(4));
    await pieces.next();
    await expect(pieces.next()).rejects.toThrow('"a" has 4, expected 8');
  });

  test("refuses layouts before the first piece", async () => {
    const pieces = writeSafetensorsStream([["__metadata__", f32(2)]], () => new Uint8Array(8));
    await expect(pieces.next()).rejects.toThrow(RangeError);
  });
});

// --- internal ---

function split(file: Uint8Array): { header: string; start: number } {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  return { header: new TextDecoder().decode(file.subarray(8, 8 + length)), start: 8 + length };
}
