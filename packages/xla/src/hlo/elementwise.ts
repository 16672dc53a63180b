/** Operations that treat each element alike, and how shapes and types are made to fit them. */
import { literal, literals } from "./constants.ts";
import type { Graph, Value } from "./graph.ts";
import { type ElementType, isFloat, sameShape, sizeOf, typeText } from "./types.ts";

/** A constant that is the same everywhere. */
export function splat(g: Graph, value: number, dtype: ElementType, shape: readonly number[] = []): Value {
  const type = { dtype, shape: [] };
  const attributes = `value = dense<${literal(value, dtype)}> : ${typeText(type)}`;
  return broadcastInDim(g, g.record("stablehlo.constant", [], type, { attributes }), shape, []);
}

/** A constant of many numbers. */
export function constant(
  g: Graph,
  values: ArrayLike<number>,
  dtype: ElementType,
  shape: readonly number[],
): Value {
  if (
    values.length > 0 &&
    Array.prototype.every.call(values, (value: number) => Object.is(value, values[0]))
  ) {
    return splat(g, values[0]!, dtype, shape);
  }
  const type = { dtype, shape: [values.length] };
  const attributes = `value = dense<${literals(values, dtype)}> : ${typeText(type)}`;
  return reshape(g, g.record("stablehlo.constant", [], type, { attributes }), shape);
}

/** The number of the place along one dimension. */
export function iota(g: Graph, dtype: ElementType, shape: readonly number[], dimension: number): Value {
  return g.record(
    "stablehlo.iota",
    [],
    { dtype, shape },
    { attributes: `iota_dimension = ${dimension} : i64` },
  );
}

/** The same elements, row by row, in another shape. */
export function reshape(g: Graph, x: Value, shape: readonly number[]): Value {
  if (sameShape(x.shape, shape)) return x;
  if (x.op === "stablehlo.reshape") return reshape(g, x.operands[0]!, shape);
  return g.record("stablehlo.reshape", [x], { dtype: x.dtype, shape });
}

/** The same elements with another element type; numbers become booleans by being other than 0. */
export function convert(g: Graph, x: Value, dtype: ElementType): Value {
  if (x.dtype === dtype) return x;
  // What came from bfloat16 goes back to it unchanged.
  const source = x.op === "stablehlo.convert" ? x.operands[0]! : undefined;
  if (source?.dtype === dtype && dtype === "bf16") return source;
  return g.record("stablehlo.convert", [x], { dtype, shape: x.shape });
}

/** Repeat `x` along dimensions that it lacks; `dimensions` says where its own go. */
export function broadcastInDim(
  g: Graph,
  x: Value,
  shape: readonly number[],
  dimensions: readonly number[],
): Value {
  if (sameShape(x.shape, shape)) return x;
  return g.record(
    "stablehlo.broadcast_in_dim",
    [x],
    { dtype: x.dtype, shape },
    { attributes: `broadcast_dimensions = ${i64Array(dimensions)}` },
  );
}

/** Repeat `x` to a shape by NumPy's rule: dimensions are aligned at the end, and those of size 1 repeat. */
export function broadcastTo(g: Graph, x: Value, shape: readonly number[]): Value {
  if (sameShape(x.shape, shape)) return x;
  const offset = shape.length - x.shape.length;
  // A dimension of size 1 is dropped and broadcast, for XLA repeats only what is absent.
  const kept = x.shape.map((size, i) => [size, i + offset] as const).filter(([size, i]) => size === shape[i]);
  const squeezed = reshape(
    g,
    x,
    kept.map(([size]) => size),
  );
  return broadcastInDim(
    g,
    squeezed,
    shape,
    kept.map(([, i]) => i),
  );
}

/** The shape that NumPy's rule gives to several together. */
export function broadcastShape(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = shapes.map((shape) => shape[i - rank + shape.length] ?? 1);
    return sizes.find((size) => size !== 1) ?? 1;
  });
}

/** An operation on one value that keeps its type, such as `negate`. */
export function unary(g: Graph, op: string, x: Value): Value {
  return g.record(op.includes(".") ? op : `stablehlo.${op}`, [x], x);
}

/** An operation on two values of one element type, whose shapes are broadcast. */
export function binary(g: Graph, op: string, a: Value, b: Value): Value {
  const shape = broadcastShape(a.shape, b.shape);
  const type = { dtype: a.dtype, shape };
  return g.record(`stablehlo.${op}`, [broadcastTo(g, a, shape), broadcastTo(g, b, shape)], type);
}

/** How two values are compared. */
export type Comparison = "EQ" | "NE" | "LT" | "LE" | "GT" | "GE";

/** Compare two values of one element type, whose shapes are broadcast. */
export function compare(g: Graph, direction: Comparison, a: Value, b: Value): Value {
  const shape = broadcastShape(a.shape, b.shape);
  return g.record(
    "stablehlo.compare",
    [broadcastTo(g, a, shape), broadcastTo(g, b, shape)],
    { dtype: "i1", shape },
    { attributes: `comparison_direction = #stablehlo<comparison_direction ${direction}>` },
  );
}

/** `a` where the condition holds, else `b`; all are broadcast. */
export function select(g: Graph, condition: Value, a: Value, b: Value): Value {
  const shape = broadcastShape(condition.shape, a.shape, b.shape);
  const operands = [condition, a, b].map((x) => broadcastTo(g, x, shape));
  return g.record("stablehlo.select", operands, { dtype: a.dtype, shape });
}

/** `a` combined with one number of its own element type. */
export function withNumber(g: Graph, op: string, a: Value, number: number): Value {
  return binary(g, op, a, splat(g, number, a.dtype));
}

/** `exp(x)` and the like need floats: other element types become float32. */
export function asFloat(g: Graph, x: Value): Value {
  return isFloat(x.dtype) ? x : convert(g, x, "f32");
}

/** Keep what stands before and what stands after from being computed together; the value stays what it is. */
export function materialized(g: Graph, x: Value): Value {
  return g.record("stablehlo.optimization_barrier", [x], x);
}

/** An attribute: whole numbers. */
export function i64Array(numbers: readonly number[]): string {
  return numbers.length === 0 ? "array<i64>" : `array<i64: ${numbers.join(", ")}>`;
}

/** How many elements a value has. */
export function elements({ shape }: Value): number {
  return sizeOf(shape);
}
