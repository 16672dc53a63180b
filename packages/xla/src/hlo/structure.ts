/** Operations that move elements: transposing, cutting, joining, padding. */
import { i64Array, splat } from "./elementwise.ts";
import type { Graph, Value } from "./graph.ts";

/** Reorder the dimensions: dimension `i` of the result is dimension `permutation[i]` of `x`. */
export function transpose(g: Graph, x: Value, permutation: readonly number[]): Value {
  if (permutation.every((from, to) => from === to)) return x;
  const shape = permutation.map((from) => x.shape[from]!);
  const attributes = `permutation = ${i64Array(permutation)}`;
  return g.record("stablehlo.transpose", [x], { dtype: x.dtype, shape }, { attributes });
}

/** The part from `begin` to before `limit`, in every dimension, with a stride. */
export function slice(
  g: Graph,
  x: Value,
  begin: readonly number[],
  limit: readonly number[],
  strides: readonly number[] = begin.map(() => 1),
): Value {
  const shape = begin.map((from, i) => Math.max(0, Math.ceil((limit[i]! - from) / strides[i]!)));
  if (shape.every((size, i) => size === x.shape[i]) && strides.every((stride) => stride === 1)) return x;
  const attributes = `limit_indices = ${i64Array(limit)}, start_indices = ${i64Array(begin)}, strides = ${i64Array(strides)}`;
  return g.record("stablehlo.slice", [x], { dtype: x.dtype, shape }, { attributes });
}

/** Lay values one after another along a dimension. */
export function concatenate(g: Graph, parts: readonly Value[], dimension: number): Value {
  const [first] = parts;
  if (parts.length === 1) return first!;
  const total = parts.reduce((sum, { shape }) => sum + shape[dimension]!, 0);
  const shape = first!.shape.with(dimension, total);
  const attributes = `dimension = ${dimension} : i64`;
  return g.record("stablehlo.concatenate", parts, { dtype: first!.dtype, shape }, { attributes });
}

/** Surround `x` with a number. */
export function pad(
  g: Graph,
  x: Value,
  before: readonly number[],
  after: readonly number[],
  number: number,
): Value {
  if ([...before, ...after].every((count) => count === 0)) return x;
  const shape = x.shape.map((size, i) => size + before[i]! + after[i]!);
  const attributes = `edge_padding_high = ${i64Array(after)}, edge_padding_low = ${i64Array(before)}, interior_padding = ${i64Array(before.map(() => 0))}`;
  return g.record("stablehlo.pad", [x, splat(g, number, x.dtype)], { dtype: x.dtype, shape }, { attributes });
}

/** Turn the order along dimensions round. */
export function reverse(g: Graph, x: Value, dimensions: readonly number[]): Value {
  return g.record("stablehlo.reverse", [x], x, { attributes: `dimensions = ${i64Array(dimensions)}` });
}
