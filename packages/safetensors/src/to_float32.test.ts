import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Dtype, fromFloat32, type SafetensorsTensor, toFloat32, toInt32 } from "./mod.ts";

const tensorOf = (dtype: Dtype, values: ArrayBufferView): SafetensorsTensor => ({
  dtype,
  shape: [],
  bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
});
const bitsOf = (values: Float32Array): Uint32Array =>
  new Uint32Array(values.buffer, values.byteOffset, values.length);
const all16 = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);

describe("toFloat32()", () => {
  test("gives the value of every F16", () => {
    const floats = toFloat32(tensorOf("F16", all16));
    for (const bits of all16) {
      const [sign, exponent, fraction] = [bits >> 15, (bits >> 10) & 31, bits & 1023];
      const magnitude = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
      const special = fraction === 0 ? Number.POSITIVE_INFINITY : Number.NaN;
      expect(floats[bits]).toBe((sign === 1 ? -1 : 1) * (exponent === 31 ? special : magnitude));
    }
  });

  test("gives every BF16 as the upper half of a float", () => {
    expect(bitsOf(toFloat32(tensorOf("BF16", all16)))).toEqual(Uint32Array.from(all16, (bits) => bits << 16));
  });

  test("rounds doubles and long integers", () => {
    expect(toFloat32(tensorOf("F64", Float64Array.of(0.1, 1e300, -5e-324)))).toEqual(
      Float32Array.of(Math.fround(0.1), Number.POSITIVE_INFINITY, -0),
    );
    expect(toFloat32(tensorOf("I64", BigInt64Array.of(-3n, 2n ** 62n)))).toEqual(
      Float32Array.of(-3, 2 ** 62),
    );
    expect(toFloat32(tensorOf("U64", BigUint64Array.of(2n ** 63n)))).toEqual(Float32Array.of(2 ** 63));
  });

  test("gives small integers and truth values", () => {
    expect(toFloat32(tensorOf("I8", Int8Array.of(-5, 7)))).toEqual(Float32Array.of(-5, 7));
    expect(toFloat32(tensorOf("U16", Uint16Array.of(65_535)))).toEqual(Float32Array.of(65_535));
    expect(toFloat32(tensorOf("I32", Int32Array.of(-1)))).toEqual(Float32Array.of(-1));
    expect(toFloat32(tensorOf("BOOL", Uint8Array.of(0, 1, 2)))).toEqual(Float32Array.of(0, 1, 1));
  });

  test("views aligned floats, and copies others", () => {
    const buffer = new Uint8Array(9);
    new DataView(buffer.buffer).setFloat32(4, 1.5, true);
    const aligned = toFloat32({ dtype: "F32", shape: [1], bytes: buffer.subarray(4, 8) });
    expect([aligned[0], aligned.buffer === buffer.buffer]).toEqual([1.5, true]);
    new DataView(buffer.buffer).setFloat32(5, -2.5, true);
    const copied = toFloat32({ dtype: "F32", shape: [1], bytes: buffer.subarray(5) });
    expect([copied[0], copied.buffer === buffer.buffer]).toEqual([-2.5, false]);
    const node = Buffer.from(buffer.buffer); // its `slice` is a view, unlike that of other arrays
    expect(toFloat32({ dtype: "F32", shape: [1], bytes: node.subarray(5) })[0]).toBe(-2.5);
  });

  test("refuses what it cannot convert", () => {
    expect(() => toFloat32(tensorOf("C64", new Uint8Array(8)))).toThrow(
      /dtype must be one of .*: dtype is C64/,
    );
    expect(() => toFloat32(tensorOf("F8_E5M2", new Uint8Array(8)))).toThrow(TypeError);
    expect(() => toFloat32(tensorOf("F32", new Uint8Array(7)))).toThrow(
      "F32 takes 4 bytes each: there are 7 bytes",
    );
  });
});

describe("toInt32()", () => {
  test("gives ids and labels", () => {
    expect(toInt32(tensorOf("I64", BigInt64Array.of(-100n, 2n ** 31n - 1n)))).toEqual(
      Int32Array.of(-100, 2 ** 31 - 1),
    );
    expect(toInt32(tensorOf("U8", Uint8Array.of(255)))).toEqual(Int32Array.of(255));
  });

  test("refuses floats and what does not fit", () => {
    expect(() => toInt32(tensorOf("F32", Float32Array.of(1)))).toThrow(
      "dtype must be of integers: dtype is F32",
    );
    expect(() => toInt32(tensorOf("I64", BigInt64Array.of(0n, 2n ** 31n)))).toThrow(
      "element 1 is 2147483648",
    );
  });
});

describe("fromFloat32()", () => {
  const anyFloats = fc
    .uint8Array({ minLength: 4, maxLength: 400 })
    .map((bytes) => new Float32Array(bytes.slice(bytes.length % 4).buffer));

  test("keeps F32 as it is", () => {
    const values = Float32Array.of(1, Number.NaN);
    expect(fromFloat32(values, [2]).bytes.buffer).toBe(values.buffer);
  });

  test("gives every F16 and BF16 back", () => {
    for (const dtype of ["F16", "BF16"] as const) {
      const floats = toFloat32(tensorOf(dtype, all16));
      const { bytes } = fromFloat32(floats, [65_536], dtype);
      const back = new Uint16Array(bytes.buffer, bytes.byteOffset, 65_536);
      for (const bits of all16) {
        if (Number.isNaN(floats[bits]))
          expect(Number.isNaN(toFloat32(tensorOf(dtype, back.slice(bits, bits + 1)))[0])).toBe(true);
        else expect(back[bits]).toBe(bits);
      }
    }
  });

  test.each([
    ["F16", 1024, 5],
    ["BF16", 128, 8],
  ] as const)("rounds to the nearest %s, ties to even", (dtype, fractions, exponentBits) => {
    const smallest = 2 - 2 ** (exponentBits - 1); // exponent of the smallest normal number
    fc.assert(
      fc.property(anyFloats, (values) => {
        const rounded = toFloat32(fromFloat32(values, [values.length], dtype));
        for (const [i, value] of values.entries()) {
          const exponent = Math.max(smallest, Math.floor(Math.log2(Math.abs(value) || 1e-300) + 1e-12));
          const unit = 2 ** exponent / fractions;
          const largest = (2 - 1 / fractions) * 2 ** (1 - smallest);
          const expected =
            Math.abs(value) >= largest + 2 ** (1 - smallest) / fractions / 2
              ? Math.sign(value) * Number.POSITIVE_INFINITY
              : roundEven(value / unit) * unit;
          expect(rounded[i]).toBe(expected);
        }
      }),
      {
        numRuns: 500,
        examples: [
          [
            Float32Array.of(
              65_519,
              65_520,
              1 + 2 ** -11,
              1 + 3 * 2 ** -11,
              2 ** -25,
              3 * 2 ** -26,
              -0,
              1e-45,
            ),
          ],
        ],
      },
    );
  });

  test("refuses a shape that does not fit, and other dtypes", () => {
    expect(() => fromFloat32(new Float32Array(3), [2, 2])).toThrow("shape is [2, 2], values are 3");
    expect(() => fromFloat32(new Float32Array(1), [1], "I8" as never)).toThrow(RangeError);
  });
});

// --- internal ---

function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5)
    return Object.is(value, -0) ? -0 : rest > 0.5 ? (value < 0 && floor + 1 === 0 ? -0 : floor + 1) : floor;
  const even = floor % 2 === 0 ? floor : floor + 1;
  return even === 0 && value < 0 ? -0 : even;
}
