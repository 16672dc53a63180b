/** What it takes to record a TensorFlow.js kernel as StableHLO. */
import type { DotPrecision } from "../hlo/dot.ts";
import { convert } from "../hlo/elementwise.ts";
import type { Graph, Value } from "../hlo/graph.ts";
import { isFloat } from "../hlo/types.ts";

/** How floats are computed: as float32, or with bfloat16 products and activations around a float32 master copy. */
export type Precision = "fp32" | "bf16";

/** Where a kernel is recorded. */
export interface Recording {
  readonly graph: Graph;
  readonly precision: Precision;
}

/** The inputs of a kernel by the names TensorFlow.js gives them; a list has the names `0`, `1`, …. */
type Inputs = Readonly<Record<string, Value>>;

/** The attributes of a kernel as TensorFlow.js passes them. */
export type Attributes = Readonly<Record<string, unknown>>;

/** Records a kernel: its results from its inputs. */
export type Lowering = (on: Recording, inputs: Inputs, attributes: Attributes) => Value | Value[];

/** Lowerings by the name of the kernel. */
export type Lowerings = Readonly<Record<string, Lowering>>;

/** Floats as float32, whatever hidden type they have; other types as they are. */
export function wide(g: Graph, x: Value): Value {
  return x.dtype === "bf16" ? convert(g, x, "f32") : x;
}

/** A float in the hidden type of activations: bfloat16 in a program of that precision. */
export function hidden({ graph, precision }: Recording, x: Value): Value {
  return precision === "bf16" && isFloat(x.dtype) ? convert(graph, x, "bf16") : x;
}

/** How float32 products are computed: exactly, unless bfloat16 is good enough anyway. */
export function dotPrecision({ precision }: Recording): DotPrecision {
  return precision === "fp32" ? "HIGHEST" : "DEFAULT";
}

/** An axis counted from the end, counted from the front. */
export function positiveAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
