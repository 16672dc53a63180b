/** Rows by their number: reading them, and adding to them. */
import { i64Array, reshape } from "./elementwise.ts";
import type { Graph, Value } from "./graph.ts";
import { combinerRegion } from "./reduce.ts";
import { sizeOf } from "./types.ts";

/** The slices of `x` at `indices` (i32, any shape) along an axis; numbers out of range are clamped. */
export function takeAlong(g: Graph, x: Value, indices: Value, axis: number): Value {
  const count = indices.shape.length;
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  const offsets = shape.flatMap((_, i) => (i < axis || i >= axis + count ? [i] : []));
  const numbers = [
    ...(offsets.length > 0 ? [`offset_dims = [${offsets.join(", ")}]`] : []),
    `collapsed_slice_dims = [${axis}]`,
    `start_index_map = [${axis}]`,
    `index_vector_dim = ${count}`,
  ];
  const sizes = x.shape.with(axis, 1);
  const attributes = `dimension_numbers = #stablehlo.gather<${numbers.join(", ")}>, indices_are_sorted = false, slice_sizes = ${i64Array(sizes)}`;
  return g.record("stablehlo.gather", [x, indices], { dtype: x.dtype, shape }, { attributes });
}

/** Add the rows of `updates` `[M, …]` to the rows of `x` `[R, …]` that `rows` (i32 `[M]`) names; rows out of range are left out. */
export function addToRows(g: Graph, x: Value, rows: Value, updates: Value): Value {
  const inner = x.shape.slice(1).map((_, i) => i + 1);
  const numbers = [
    ...(inner.length > 0 ? [`update_window_dims = [${inner.join(", ")}]`] : []),
    "inserted_window_dims = [0]",
    "scatter_dims_to_operand_dims = [0]",
    "index_vector_dim = 1",
  ];
  const attributes = `indices_are_sorted = false, scatter_dimension_numbers = #stablehlo.scatter<${numbers.join(", ")}>, unique_indices = false`;
  const flat = reshape(g, rows, [sizeOf(rows.shape)]);
  return g.record("stablehlo.scatter", [x, flat, updates], x, {
    attributes,
    region: combinerRegion("add", x.dtype),
  });
}
