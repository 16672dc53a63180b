/** Products of matrices, many at a time. */
import type { Graph, Value } from "./graph.ts";
import type { ElementType } from "./types.ts";

/** Which dimensions of the two sides belong together. */
export interface DotDimensions {
  /** Dimensions that both sides run through together, as pairs (left, right). */
  readonly batch: readonly (readonly [number, number])[];
  /** Dimensions that are summed over, as pairs (left, right). */
  readonly contracting: readonly (readonly [number, number])[];
}

/** How exactly float32 is multiplied: as it is, or as the device is fastest. */
export type DotPrecision = "HIGHEST" | "DEFAULT";

/** A product; its shape is the batch dimensions, then what is left of the left side, then of the right. */
export function dotGeneral(
  g: Graph,
  a: Value,
  b: Value,
  { batch, contracting }: DotDimensions,
  dtype: ElementType,
  precision: DotPrecision,
): Value {
  const left = new Set([...batch, ...contracting].map(([dimension]) => dimension));
  const right = new Set([...batch, ...contracting].map(([, dimension]) => dimension));
  const shape = [
    ...batch.map(([dimension]) => a.shape[dimension]!),
    ...a.shape.filter((_, i) => !left.has(i)),
    ...b.shape.filter((_, i) => !right.has(i)),
  ];
  const numbers = [
    ["lhs_batching_dimensions", batch.map(([dimension]) => dimension)],
    ["rhs_batching_dimensions", batch.map(([, dimension]) => dimension)],
    ["lhs_contracting_dimensions", contracting.map(([dimension]) => dimension)],
    ["rhs_contracting_dimensions", contracting.map(([, dimension]) => dimension)],
  ] as const;
  const written = numbers
    .filter(([, list]) => list.length > 0)
    .map(([name, list]) => `${name} = [${list.join(", ")}]`);
  const how = `#stablehlo<precision ${precision}>`;
  const attributes = `dot_dimension_numbers = #stablehlo.dot<${written.join(", ")}>, precision_config = [${how}, ${how}]`;
  return g.record("stablehlo.dot_general", [a, b], { dtype, shape }, { attributes });
}
