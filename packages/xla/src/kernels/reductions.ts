/** Kernels that combine elements along axes; sums and means are computed in float32. */
import { util } from "@tensorflow/tfjs-core";
import {
  binary,
  compare,
  convert,
  elements,
  iota,
  select,
  splat,
  unary,
  withNumber,
} from "../hlo/elementwise.ts";
import type { Graph, Value } from "../hlo/graph.ts";
import { type Combiner, cumulativeSum, reduce } from "../hlo/reduce.ts";
import { hidden, type Lowering, type Lowerings, positiveAxis, wide } from "./lowering.ts";

/** By the kernel's name. */
export const REDUCTIONS: Lowerings = {
  Sum: reducing("add", (g, x) => (x.dtype === "i1" ? convert(g, x, "i32") : x)),
  Prod: reducing("multiply", (g, x) => (x.dtype === "i1" ? convert(g, x, "i32") : x)),
  Max: reducing("maximum"),
  Min: reducing("minimum"),
  All: reducing("and", (g, x) => convert(g, x, "i1")),
  Any: reducing("or", (g, x) => convert(g, x, "i1")),
  Mean: ({ graph: g }, { x }, { axis, keepDims }) => {
    const numbers = convert(g, x!, "f32");
    const axes = axesOf(axis, x!);
    const sum = reduce(g, "add", numbers, axes, keepDims === true);
    return withNumber(g, "multiply", sum, elements(sum) / Math.max(1, elements(numbers)));
  },
  ArgMax: ({ graph: g }, { x }, { axis }) => place(g, "maximum", x!, axis),
  ArgMin: ({ graph: g }, { x }, { axis }) => place(g, "minimum", x!, axis),
  Cumsum: ({ graph: g }, { x }, { axis, exclusive, reverse }) => {
    const along = positiveAxis(axis as number, x!.shape.length);
    return cumulativeSum(g, wide(g, x!), along, { exclusive: exclusive === true, reverse: reverse === true });
  },
  Softmax: (on, { logits }, { dim }) => {
    const { graph: g } = on;
    const axis = positiveAxis((dim as number | undefined) ?? -1, logits!.shape.length);
    const shifted = fromMaximum(g, wide(g, logits!), axis);
    const exps = unary(g, "exponential", shifted);
    return hidden(on, binary(g, "divide", exps, reduce(g, "add", exps, [axis], true)));
  },
  LogSoftmax: ({ graph: g }, { logits }, { axis: given }) => {
    const axis = positiveAxis((given as number | undefined) ?? -1, logits!.shape.length);
    const shifted = fromMaximum(g, wide(g, logits!), axis);
    const sum = reduce(g, "add", unary(g, "exponential", shifted), [axis], true);
    return binary(g, "subtract", shifted, unary(g, "log", sum));
  },
};

// --- internal ---

function reducing(combiner: Combiner, prepare: (g: Graph, x: Value) => Value = (_, x) => x): Lowering {
  return ({ graph: g }, { x }, { axis, reductionIndices, keepDims }) =>
    reduce(g, combiner, prepare(g, wide(g, x!)), axesOf(axis ?? reductionIndices, x!), keepDims === true);
}

/** The axes of an attribute that may be absent (all of them), a number or a list, and may count from the end. */
function axesOf(axis: unknown, { shape }: Value): number[] {
  return util.parseAxisParam(axis as number | number[], [...shape]).sort((a, b) => a - b);
}

/** Where the largest or smallest element stands: the first of several. */
function place(g: Graph, combiner: "maximum" | "minimum", x: Value, axis: unknown): Value {
  const [along = 0] = util.parseAxisParam(axis as number, [...x.shape]);
  const numbers = wide(g, x);
  const best = reduce(g, combiner, numbers, [along], true);
  const places = iota(g, "i32", x.shape, along);
  const last = splat(g, Math.max(0, x.shape[along]! - 1), "i32");
  return reduce(g, "minimum", select(g, compare(g, "EQ", numbers, best), places, last), [along]);
}

/** The distance from the row's largest element, at most 0. */
function fromMaximum(g: Graph, x: Value, axis: number): Value {
  return binary(g, "subtract", x, reduce(g, "maximum", x, [axis], true));
}
