import { type Dtype, dtypeSize, type SafetensorsTensor } from "./dtype.ts";

/**
 * The elements of a tensor as 32-bit floats, in row-major order.
 *
 * `F32` is a view of the tensor's bytes where they lie at a multiple of four, and a copy elsewhere. `F16` and `BF16` are
 * exact, bit by bit, not-a-numbers too; `F64` and the integers are rounded to the nearest float; `BOOL` gives 0 and 1.
 *
 * @throws {TypeError} If the dtype has no such values (`C64`, `F8_…`), or the bytes are not whole elements.
 *
 * @example
 * ```ts
 * import { toFloat32 } from "@kcbert/safetensors";
 * import assert from "node:assert/strict";
 *
 * const half = { dtype: "F16", shape: [2], bytes: Uint8Array.of(0x00, 0x3c, 0x00, 0xc1) } as const;
 * assert.deepEqual(toFloat32(half), Float32Array.of(1, -2.5));
 * ```
 */
export function toFloat32({ dtype, bytes }: SafetensorsTensor): Float32Array {
  if (dtype === "F16") return widen(elements("U16", bytes), halfToFloatBits);
  if (dtype === "BF16") return widen(elements("U16", bytes), (bits) => bits << 16);
  if (dtype === "F32") return elements("F32", bytes) as Float32Array;
  if (dtype === "BOOL") return Float32Array.from(bytes, (value) => (value === 0 ? 0 : 1));
  const values = elements(dtype, bytes);
  const floats = new Float32Array(values.length);
  for (let i = 0; i < floats.length; i++) floats[i] = Number(values[i]);
  return floats;
}

/**
 * The elements of a tensor of integers as 32-bit integers, in row-major order: token ids and labels.
 *
 * @throws {TypeError} If the dtype is not of integers, or `BOOL`.
 * @throws {RangeError} If an element is not in [-2^31, 2^31).
 *
 * @example
 * ```ts
 * import { toInt32 } from "@kcbert/safetensors";
 * import assert from "node:assert/strict";
 *
 * const ids = { dtype: "I64", shape: [1], bytes: Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0) } as const;
 * assert.deepEqual(toInt32(ids), Int32Array.of(5));
 * ```
 */
export function toInt32({ dtype, bytes }: SafetensorsTensor): Int32Array {
  if (!/^(?:[IU]\d+|BOOL)$/.test(dtype)) {
    throw new TypeError(`Cannot convert to Int32Array as dtype must be of integers: dtype is ${dtype}`);
  }
  const values = elements(dtype, bytes);
  const integers = new Int32Array(values.length);
  for (let i = 0; i < integers.length; i++) {
    const value = Number(values[i]);
    if (value !== (value | 0)) {
      throw new RangeError(
        `Cannot convert to Int32Array as elements must be in [-2^31, 2^31): element ${i} is ${values[i]}`,
      );
    }
    integers[i] = value;
  }
  return integers;
}

/**
 * A tensor of 32-bit floats, kept or rounded, ready to be written.
 *
 * Rounding is to the nearest, ties to even, as PyTorch does it; what is too large becomes infinite. `F32` shares the
 * memory of `values`.
 *
 * @param values The elements in row-major order.
 * @param shape Sizes, outermost first.
 * @param dtype The dtype in the file. Default `F32`.
 * @throws {RangeError} If `values` are not as many as `shape` asks for, or the dtype is none of the three.
 *
 * @example
 * ```ts
 * import { fromFloat32, toFloat32 } from "@kcbert/safetensors";
 * import assert from "node:assert/strict";
 *
 * const tensor = fromFloat32(Float32Array.of(0.1, 65520), [2], "F16");
 * assert.deepEqual(toFloat32(tensor), Float32Array.of(0.0999755859375, Infinity));
 * ```
 */
export function fromFloat32(
  values: Float32Array,
  shape: readonly number[],
  dtype: "F32" | "F16" | "BF16" = "F32",
): SafetensorsTensor {
  const size = shape.reduce((product, size) => product * size, 1);
  if (values.length !== size) {
    throw new RangeError(
      `Cannot make a tensor as the values must be as many as the shape asks for: shape is [${shape.join(", ")}], values are ${values.length}`,
    );
  }
  if (dtype === "F32") {
    return { dtype, shape, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
  }
  if (dtype !== "F16" && dtype !== "BF16") {
    throw new RangeError(`Cannot make a tensor as dtype must be F32, F16 or BF16: dtype is ${String(dtype)}`);
  }
  const round = dtype === "F16" ? floatBitsToHalf : floatBitsToBfloat;
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const narrow = new Uint16Array(values.length);
  for (let i = 0; i < narrow.length; i++) narrow[i] = round(bits[i]!);
  return { dtype, shape, bytes: new Uint8Array(narrow.buffer) };
}

// --- internal ---

type Elements = ArrayLike<number> | ArrayLike<bigint>;
type ElementsOf = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => Elements;

const arrays = new Map<Dtype, ElementsOf>([
  ["BOOL", Uint8Array],
  ["U8", Uint8Array],
  ["I8", Int8Array],
  ["U16", Uint16Array],
  ["I16", Int16Array],
  ["U32", Uint32Array],
  ["I32", Int32Array],
  ["U64", BigUint64Array],
  ["I64", BigInt64Array],
  ["F32", Float32Array],
  ["F64", Float64Array],
]);

/** The bytes as elements: a view where they are aligned, a copy elsewhere. */
function elements(dtype: "U16", bytes: Uint8Array): ArrayLike<number>;
function elements(dtype: Dtype, bytes: Uint8Array): Elements;
function elements(dtype: Dtype, bytes: Uint8Array): Elements {
  const ElementsOf = arrays.get(dtype);
  if (ElementsOf === undefined) {
    throw new TypeError(
      `Cannot convert elements as dtype must be one of ${[...arrays.keys()].join(", ")}, F16, BF16: dtype is ${dtype}`,
    );
  }
  const size = dtypeSize(dtype);
  if (bytes.length % size !== 0) {
    throw new TypeError(
      `Cannot convert elements as ${dtype} takes ${size} bytes each: there are ${bytes.length} bytes`,
    );
  }
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes); // `slice` of a Node Buffer is a view
  return new ElementsOf(aligned.buffer, aligned.byteOffset, bytes.length / size);
}

function widen(narrow: ArrayLike<number>, floatBits: (bits: number) => number): Float32Array {
  const bits = new Uint32Array(narrow.length);
  for (let i = 0; i < bits.length; i++) bits[i] = floatBits(narrow[i]!);
  return new Float32Array(bits.buffer);
}

function halfToFloatBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  const shift = Math.clz32(fraction) - 21; // the leading one of a subnormal becomes the hidden bit
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 1023) << 13);
}

function floatBitsToHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // not a number
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and above
  if (magnitude >= 0x38800000) {
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13);
  }
  if (magnitude < 0x33000000) return sign; // below half of the smallest subnormal
  const shift = 126 - (magnitude >> 23); // 14 to 24
  const fraction = (magnitude & 0x7fffff) | 0x800000;
  const rest = fraction & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  const half = fraction >> shift;
  return sign | (half + (rest > tie || (rest === tie && half % 2 === 1) ? 1 : 0));
}

function floatBitsToBfloat(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fc0; // not a number
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}
