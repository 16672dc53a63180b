/** The types of a StableHLO program: element types and ranked shapes, all of them static. */

/** An element type that the emitter knows. */
export type ElementType = "f32" | "bf16" | "i32" | "u32" | "i1";

/** A ranked tensor's type. */
export interface TensorType {
  readonly dtype: ElementType;
  readonly shape: readonly number[];
}

/** A type as MLIR writes it: `tensor<2x3xf32>`. */
export function typeText({ dtype, shape }: TensorType): string {
  return `tensor<${shape.map((size) => `${size}x`).join("")}${ELEMENT_TEXT[dtype]}>`;
}

/** How many elements a shape has. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, dimension) => size * dimension, 1);
}

/** Whether two shapes are the same. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

/** Whether the element type is a floating-point one. */
export function isFloat(dtype: ElementType): boolean {
  return dtype === "f32" || dtype === "bf16";
}

// --- internal ---

const ELEMENT_TEXT: Readonly<Record<ElementType, string>> = {
  f32: "f32",
  bf16: "bf16",
  i32: "i32",
  u32: "ui32",
  i1: "i1",
};
