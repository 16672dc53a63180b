/** The element types of safetensors, by their names in the file. `BF16` is the upper half of an `F32`. */
export type Dtype =
  | "BOOL"
  | "U8"
  | "I8"
  | "F8_E5M2"
  | "F8_E4M3"
  | "F8_E8M0"
  | "F8_E4M3FNUZ"
  | "F8_E5M2FNUZ"
  | "I16"
  | "U16"
  | "F16"
  | "BF16"
  | "I32"
  | "U32"
  | "F32"
  | "C64"
  | "F64"
  | "I64"
  | "U64";

/** A named array as it lies in a checkpoint. */
export interface SafetensorsTensor {
  /** The type of the elements. */
  readonly dtype: Dtype;
  /** Sizes, outermost first; `[]` for a scalar. */
  readonly shape: readonly number[];
  /** The elements in row-major order, little-endian; at any alignment, so look at them with {@link toFloat32}. */
  readonly bytes: Uint8Array;
}

/**
 * The bytes that one element takes.
 *
 * @throws {RangeError} If there is no such dtype.
 *
 * @example
 * ```ts
 * import { dtypeSize } from "@kcbert/safetensors";
 * import assert from "node:assert/strict";
 *
 * assert.equal(dtypeSize("BF16"), 2);
 * ```
 */
export function dtypeSize(dtype: Dtype): number {
  const size = sizes.get(dtype);
  if (size !== undefined) return size;
  throw new RangeError(
    `Cannot tell the size of an element as dtype must be one of ${[...sizes.keys()].join(", ")}: dtype is ${JSON.stringify(dtype)}`,
  );
}

/** Whether `name` is a dtype that is read and written here. */
export function isDtype(name: string): name is Dtype {
  return sizes.has(name);
}

/** All dtypes in the order of the reference implementation, which orders tensors in a file by it, last first. */
export function dtypes(): readonly Dtype[] {
  return sizeOf.map(([dtype]) => dtype);
}

/**
 * The bytes that a tensor takes, or `undefined` if a size is no integer in [0, 2^53) or the product is not.
 */
export function tensorByteLength(dtype: Dtype, shape: readonly number[]): number | undefined {
  let length = dtypeSize(dtype);
  for (const size of shape) {
    length *= size;
    if (!Number.isSafeInteger(size) || size < 0 || !Number.isSafeInteger(length)) return undefined;
  }
  return length;
}

// --- internal ---

const sizeOf = [
  ["BOOL", 1],
  ["U8", 1],
  ["I8", 1],
  ["F8_E5M2", 1],
  ["F8_E4M3", 1],
  ["F8_E8M0", 1],
  ["F8_E4M3FNUZ", 1],
  ["F8_E5M2FNUZ", 1],
  ["I16", 2],
  ["U16", 2],
  ["F16", 2],
  ["BF16", 2],
  ["I32", 4],
  ["U32", 4],
  ["F32", 4],
  ["C64", 8],
  ["F64", 8],
  ["I64", 8],
  ["U64", 8],
] as const satisfies [Dtype, number][];

const sizes: ReadonlyMap<string, number> = new Map(sizeOf);
