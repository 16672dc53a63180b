/** Sums, maxima and the like along dimensions. */
import { i64Array, reshape, splat } from "./elementwise.ts";
import type { Graph, Value } from "./graph.ts";
import { type ElementType, isFloat, typeText } from "./types.ts";

/** How two elements become one. */
export type Combiner = "add" | "multiply" | "maximum" | "minimum" | "and" | "or";

/** Combine the elements along dimensions, which vanish, or stay with size 1. */
export function reduce(
  g: Graph,
  combiner: Combiner,
  x: Value,
  dimensions: readonly number[],
  keepDims = false,
): Value {
  const kept = x.shape.map((size, i) => (dimensions.includes(i) ? 1 : size));
  const shape = x.shape.filter((_, i) => !dimensions.includes(i));
  if (dimensions.length === 0) return x;
  const attributes = `dimensions = ${i64Array(dimensions)}`;
  const region = combinerRegion(combiner, x.dtype);
  const initial = splat(g, neutral(combiner, x.dtype), x.dtype);
  const reduced = g.record(
    "stablehlo.reduce",
    [x, initial],
    { dtype: x.dtype, shape },
    { attributes, region },
  );
  return keepDims ? reshape(g, reduced, kept) : reduced;
}

/** The sum of the elements up to each place along a dimension. */
export function cumulativeSum(
  g: Graph,
  x: Value,
  dimension: number,
  { exclusive, reverse }: { exclusive: boolean; reverse: boolean },
): Value {
  const size = x.shape[dimension]!;
  const window = x.shape.map((_, i) => (i === dimension ? size : 1));
  const ones = x.shape.map(() => 1);
  const before = exclusive ? size : size - 1;
  const after = exclusive ? -1 : 0;
  const padding = x.shape.map((_, i) => {
    if (i !== dimension) return "[0, 0]";
    return reverse ? `[${after}, ${before}]` : `[${before}, ${after}]`;
  });
  const attributes = [
    `base_dilations = ${i64Array(ones)}`,
    `padding = dense<[${padding.join(", ")}]> : tensor<${x.shape.length}x2xi64>`,
    `window_dilations = ${i64Array(ones)}`,
    `window_dimensions = ${i64Array(window)}`,
    `window_strides = ${i64Array(ones)}`,
  ].join(", ");
  const region = combinerRegion("add", x.dtype);
  return g.record("stablehlo.reduce_window", [x, splat(g, 0, x.dtype)], x, { attributes, region });
}

/** The region of an operation that combines two elements. */
export function combinerRegion(combiner: Combiner, dtype: ElementType): string {
  const type = typeText({ dtype, shape: [] });
  return `{
    ^bb0(%a: ${type}, %b: ${type}):
      %c = "stablehlo.${combiner}"(%a, %b) : (${type}, ${type}) -> ${type}
      "stablehlo.return"(%c) : (${type}) -> ()
    }`;
}

// --- internal ---

function neutral(combiner: Combiner, dtype: ElementType): number {
  if (combiner === "add" || combiner === "or") return 0;
  if (combiner === "multiply" || combiner === "and") return 1;
  const lowest = isFloat(dtype) ? -Infinity : -(2 ** 31);
  const highest = isFloat(dtype) ? Infinity : 2 ** 31 - 1;
  return combiner === "maximum" ? lowest : highest;
}
