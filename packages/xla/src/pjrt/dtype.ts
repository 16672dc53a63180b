/** The type of a device buffer's elements; `bool` takes a byte. */
export type PjrtDtype =
  | "bool"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "uint8"
  | "uint16"
  | "uint32"
  | "uint64"
  | "float16"
  | "float32"
  | "float64"
  | "bfloat16"
  | "complex64";

/** The type and shape of an array. */
export interface ArrayType {
  /** The type of its elements. */
  readonly dtype: PjrtDtype;
  /** Its dimensions, `[]` for a scalar. */
  readonly shape: readonly number[];
}

/** The element types of device buffers, each with its number in the C API, its bits and its name in StableHLO. */
const TABLE: Readonly<Record<PjrtDtype, readonly [number: number, bits: number, name: string]>> = {
  bool: [1, 8, "i1"],
  int8: [2, 8, "i8"],
  int16: [3, 16, "i16"],
  int32: [4, 32, "i32"],
  int64: [5, 64, "i64"],
  uint8: [6, 8, "ui8"],
  uint16: [7, 16, "ui16"],
  uint32: [8, 32, "ui32"],
  uint64: [9, 64, "ui64"],
  float16: [10, 16, "f16"],
  float32: [11, 32, "f32"],
  float64: [12, 64, "f64"],
  bfloat16: [13, 16, "bf16"],
  complex64: [14, 64, "complex<f32>"],
};

/** The number of `dtype` in the C API's `PJRT_Buffer_Type`. */
export function dtypeNumber(dtype: PjrtDtype): number {
  const row = TABLE[dtype];
  if (row === undefined) {
    throw new TypeError(
      `Cannot use ${dtype as string} as a dtype: it is one of ${Object.keys(TABLE).join(", ")}`,
    );
  }
  return row[0];
}

/** The dtype of a number in the C API, or `undefined` if it is none that is used here. */
export function dtypeOf(number: number): PjrtDtype | undefined {
  return NAMES[number];
}

/** The bytes that one element takes on the host. */
export function dtypeBytes(dtype: PjrtDtype): number {
  return TABLE[dtype][1] / 8;
}

/** The element type's name in StableHLO's text, such as `bf16` or `i1`. */
export function stablehloType(dtype: PjrtDtype): string {
  return TABLE[dtype][2];
}

/** The number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

// --- internal ---

const NAMES: (PjrtDtype | undefined)[] = [];
for (const [name, [number]] of Object.entries(TABLE)) NAMES[number] = name as PjrtDtype;
