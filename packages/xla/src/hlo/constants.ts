import type { ElementType } from "./types.ts";

/** One number as MLIR writes it in `dense<…>` of an element type; floats keep every bit of float32. */
export function literal(value: number, dtype: ElementType): string {
  if (dtype === "i1") return value === 0 ? "false" : "true";
  if (dtype === "i32") return `${value | 0}`;
  if (dtype === "u32") return `${value >>> 0}`;
  const single = dtype === "bf16" ? toBfloat16(value) : Math.fround(value);
  if (Number.isNaN(single)) return dtype === "bf16" ? "0x7FC0" : "0x7FC00000";
  if (!Number.isFinite(single)) return infinity(single > 0, dtype);
  if (Object.is(single, -0)) return "-0.0";
  const digits = `${single}`;
  if (digits.includes(".")) return digits;
  const exponent = digits.indexOf("e");
  return exponent < 0 ? `${digits}.0` : `${digits.slice(0, exponent)}.0${digits.slice(exponent)}`;
}

/** The body of `dense<…>` for many numbers, row by row in one dimension. */
export function literals(values: ArrayLike<number>, dtype: ElementType): string {
  return `[${Array.from(values, (value) => literal(value, dtype)).join(", ")}]`;
}

// --- internal ---

const FLOAT = new Float32Array(1);
const WORD = new Uint32Array(FLOAT.buffer);

function infinity(positive: boolean, dtype: ElementType): string {
  if (dtype === "bf16") return positive ? "0x7F80" : "0xFF80";
  return positive ? "0x7F800000" : "0xFF800000";
}

/** The bfloat16 nearest to a number, ties to even, as a number. */
function toBfloat16(value: number): number {
  FLOAT[0] = value;
  const bits = WORD[0]!;
  if (Number.isNaN(value)) return NaN;
  WORD[0] = (bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000;
  return FLOAT[0];
}
