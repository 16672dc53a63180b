/**
 * The named operations of `@kcbert/bert` and `@kcbert/trainer`, each as a unit: where bfloat16 begins and ends in them is
 * said here, as mixed precision usually has it. Statistics and what a softmax or a normalisation is made of are float32;
 * what goes into a product of matrices, or lies in memory until the backward pass, is bfloat16.
 */
import {
  binary,
  compare,
  convert,
  iota,
  reshape,
  select,
  splat,
  unary,
  withNumber,
} from "../hlo/elementwise.ts";
import { dotGeneral, type DotDimensions } from "../hlo/dot.ts";
import type { Graph, Value } from "../hlo/graph.ts";
import { takeAlong } from "../hlo/indexing.ts";
import { reduce } from "../hlo/reduce.ts";
import { transpose } from "../hlo/structure.ts";
import { inHidden } from "./elementwise.ts";
import { dotPrecision, hidden, type Lowerings, type Recording, wide } from "./lowering.ts";
import { product } from "./products.ts";

/** By the kernel's name. */
export const NAMED_OPERATIONS: Lowerings = {
  /** `x` `[M, I]`, `weight` `[O, I]`, `bias` `[O]`; `activation` is `linear` or `gelu`. */
  Linear: (on, { x, weight, bias }, { activation }) => {
    const { graph: g } = on;
    const scores = product(on, x!, weight!, false, true); // [M, O]
    // In the product's own type: the library for products adds it on the way.
    const y = binary(g, "add", scores, convert(g, bias!, scores.dtype));
    return activation === "gelu" ? inHidden(on, [y], ([v]) => gelu(g, v!)) : y;
  },

  Gelu: (on, { x }) => inHidden(on, [x!], ([v]) => gelu(on.graph, v!)),
  GeluGrad: (on, { dy, x }) => inHidden(on, [dy!, x!], ([d, v]) => geluGrad(on.graph, d!, v!)),

  /** `x` and perhaps `residual` `[M, H]`, `gain` and `bias` `[H]`; gives the result, `normal` and `inverse`. */
  LayerNorm: (on, { x, gain, bias, residual }, { eps, training }) => {
    const { graph: g } = on;
    const sum = residual === undefined ? x! : sumOf(g, x!, residual);
    const rows = wide(g, sum); // [M, H]
    const centred = binary(g, "subtract", rows, mean(g, rows));
    const variance = mean(g, binary(g, "multiply", centred, centred)); // [M, 1]
    const inverse = unary(g, "rsqrt", withNumber(g, "add", variance, eps as number)); // [M, 1]
    const normal = binary(g, "multiply", centred, inverse); // [M, H]
    const y = hidden(on, binary(g, "add", binary(g, "multiply", normal, gain!), bias!));
    return training === true ? [y, hidden(on, normal), inverse] : [y];
  },
  LayerNormGrad: (on, { dy, normal, inverse, gain }) => {
    const { graph: g } = on;
    const [d, n] = [wide(g, dy!), wide(g, normal!)]; // [M, H]
    const scaled = binary(g, "multiply", d, gain!);
    const along = binary(g, "multiply", n, mean(g, binary(g, "multiply", scaled, n)));
    const across = binary(g, "subtract", binary(g, "subtract", scaled, mean(g, scaled)), along);
    const dx = hidden(on, binary(g, "multiply", across, inverse!));
    return [dx, reduce(g, "add", binary(g, "multiply", d, n), [0]), reduce(g, "add", d, [0])];
  },

  /** `query`, `key` and `value` `[B·T, N·D]`, perhaps `bias` and `drop`; gives the context and the probabilities. */
  Attention: (on, { query, key, value, bias, drop }, { batch, heads, training }) => {
    const { graph: g } = on;
    const [q, k, v] = [query!, key!, value!].map((x) => apart(on, x, batch, heads)) as Triple; // [B, T, N, D]
    const scores = wide(g, dot(on, q, k, { batch: HEADS, contracting: [[3, 3]] })); // [B, N, T, T]
    const scaled = withNumber(g, "multiply", scores, scaleOf(q));
    const seen = bias === undefined ? scaled : binary(g, "add", scaled, bias);
    const exps = unary(g, "exponential", binary(g, "subtract", seen, reduce(g, "maximum", seen, [3], true)));
    const probabilities = hidden(on, binary(g, "divide", exps, reduce(g, "add", exps, [3], true)));
    const dropped = times(on, probabilities, drop);
    const context = together(g, dot(on, dropped, v, { batch: MIXED, contracting: [[3, 1]] })); // [B·T, N·D]
    return training === true ? [context, probabilities] : [context];
  },
  AttentionGrad: (on, { dy, query, key, value, probabilities, drop }, { batch, heads }) => {
    const { graph: g } = on;
    const [q, k, v] = [query!, key!, value!].map((x) => apart(on, x, batch, heads)) as Triple; // [B, T, N, D]
    const d = apart(on, dy!, batch, heads); // [B, T, N, D]
    const dropped = times(on, probabilities!, drop); // [B, N, T, T]
    const dValue = dot(on, dropped, d, { batch: MIXED, contracting: [[2, 1]] }); // [B, N, T, D]
    const dDropped = dot(on, d, v, { batch: HEADS, contracting: [[3, 3]] }); // [B, N, T, T]
    const p = wide(g, probabilities!);
    const dp = drop === undefined ? wide(g, dDropped) : binary(g, "multiply", wide(g, dDropped), drop);
    const sum = reduce(g, "add", binary(g, "multiply", dp, p), [3], true);
    const dSeen = binary(g, "multiply", p, binary(g, "subtract", dp, sum));
    const dScores = hidden(on, withNumber(g, "multiply", dSeen, scaleOf(q)));
    const dQuery = dot(on, dScores, k, { batch: MIXED, contracting: [[3, 1]] });
    const dKey = dot(on, dScores, q, { batch: MIXED, contracting: [[2, 1]] });
    return [dQuery, dKey, dValue].map((x) => together(g, x));
  },

  /** `logits` `[P, V]` and `labels` `[P]`; gives the mean loss and the probabilities. */
  SoftmaxCrossEntropy: ({ graph: g }, { logits, labels }, { ignored, training }) => {
    const [rows = 0, classes = 0] = logits!.shape;
    const scores = wide(g, logits!);
    const most = reduce(g, "maximum", scores, [1], true); // [P, 1]
    const sums = reduce(g, "add", unary(g, "exponential", binary(g, "subtract", scores, most)), [1], true);
    const logSums = binary(g, "add", unary(g, "log", sums), most); // [P, 1]
    const { weights, count, classOf } = countedLabels(g, labels!, ignored);
    const first = withNumber(g, "multiply", iota(g, "i32", [rows], 0), classes);
    const cells = binary(g, "add", first, classOf); // [P], row-major
    const chosen = takeAlong(g, reshape(g, scores, [rows * classes]), cells, 0); // [P]
    const losses = binary(g, "subtract", reshape(g, logSums, [rows]), chosen);
    const loss = binary(g, "divide", reduce(g, "add", binary(g, "multiply", losses, weights), [0]), count);
    // Not rounded, for it need not lie in memory: the backward pass makes it from the logits again.
    return training === true
      ? [loss, unary(g, "exponential", binary(g, "subtract", scores, logSums))]
      : [loss];
  },
  SoftmaxCrossEntropyGrad: (on, { dy, probabilities, labels }, { ignored }) => {
    const { graph: g } = on;
    const [rows = 0, classes = 0] = probabilities!.shape;
    const { weights, count, classOf } = countedLabels(g, labels!, ignored);
    const part = binary(g, "divide", wide(g, dy!), withNumber(g, "maximum", count, 1)); // []
    const scale = reshape(g, binary(g, "multiply", weights, part), [rows, 1]); // [P, 1]
    const hit = compare(g, "EQ", iota(g, "i32", [rows, classes], 1), reshape(g, classOf, [rows, 1]));
    const expected = wide(g, probabilities!);
    const difference = select(g, hit, withNumber(g, "subtract", expected, 1), expected);
    return [hidden(on, binary(g, "multiply", difference, scale))];
  },

  /** The sum of the squares of `x`, a scalar. */
  SumOfSquares: ({ graph: g }, { x }) => {
    const numbers = wide(g, x!);
    const axes = x!.shape.map((_, i) => i);
    return reduce(g, "add", binary(g, "multiply", numbers, numbers), axes);
  },
};

// --- internal ---

type Triple = [Value, Value, Value];

/** Both sides are `[B, T, N, D]`: examples and heads. */
const HEADS: DotDimensions["batch"] = [
  [0, 0],
  [2, 2],
];

/** The left side is `[B, N, T, T]`, the right one `[B, T, N, D]`. */
const MIXED: DotDimensions["batch"] = [
  [0, 0],
  [1, 2],
];

/** `[B·T, N·D]` → `[B, T, N, D]`: nothing moves, products go through heads where they lie. */
function apart(on: Recording, x: Value, batch: unknown, heads: unknown): Value {
  const [rows = 0, columns = 0] = x.shape;
  const [b, n] = [batch as number, heads as number];
  return reshape(on.graph, hidden(on, x), [b, rows / b, n, columns / n]);
}

/** `[B, N, T, D]` → `[B·T, N·D]`. */
function together(g: Graph, x: Value): Value {
  const [b = 0, n = 0, t = 0, d = 0] = x.shape;
  return reshape(g, transpose(g, x, [0, 2, 1, 3]), [b * t, n * d]);
}

function dot(on: Recording, a: Value, b: Value, dimensions: DotDimensions): Value {
  const dtype = on.precision === "bf16" ? "bf16" : "f32";
  return dotGeneral(on.graph, a, b, dimensions, dtype, dotPrecision(on));
}

function scaleOf({ shape }: Value): number {
  return 1 / Math.sqrt(shape[3]!);
}

/** What is left of probabilities after dropout. */
function times(on: Recording, probabilities: Value, drop: Value | undefined): Value {
  if (drop === undefined) return probabilities;
  return hidden(on, binary(on.graph, "multiply", wide(on.graph, probabilities), wide(on.graph, drop)));
}

/** Two activations added in the type that they share, else in float32. */
function sumOf(g: Graph, a: Value, b: Value): Value {
  return a.dtype === b.dtype ? binary(g, "add", a, b) : binary(g, "add", wide(g, a), wide(g, b));
}

/** The mean of each row, `[M, 1]`. */
function mean(g: Graph, x: Value): Value {
  return withNumber(g, "multiply", reduce(g, "add", x, [1], true), 1 / x.shape[1]!);
}

interface CountedLabels {
  /** float32 `[P]`, 0 where ignored. */
  readonly weights: Value;
  /** float32 `[]`. */
  readonly count: Value;
  /** int32 `[P]`, 0 where ignored. */
  readonly classOf: Value;
}

function countedLabels(g: Graph, labels: Value, ignored: unknown): CountedLabels {
  const counted = compare(g, "NE", labels, splat(g, ignored as number, "i32"));
  const weights = convert(g, counted, "f32");
  const count = reduce(g, "add", weights, [0]);
  return { weights, count, classOf: select(g, counted, labels, splat(g, 0, "i32")) };
}

/** `x·Φ(x)`. */
function gelu(g: Graph, x: Value): Value {
  return binary(g, "multiply", x, normalDistribution(g, x));
}

/** `dy·(Φ(x) + x·Φ'(x))`. */
function geluGrad(g: Graph, dy: Value, x: Value): Value {
  const square = binary(g, "multiply", x, x);
  const bell = unary(g, "exponential", withNumber(g, "multiply", square, -0.5));
  const density = withNumber(g, "multiply", bell, 1 / Math.sqrt(2 * Math.PI));
  const slope = binary(g, "add", normalDistribution(g, x), binary(g, "multiply", x, density));
  return binary(g, "multiply", dy, slope);
}

/** `Φ(x)`, by erf. */
function normalDistribution(g: Graph, x: Value): Value {
  const erf = unary(g, "chlo.erf", withNumber(g, "multiply", x, Math.SQRT1_2));
  return withNumber(g, "multiply", withNumber(g, "add", erf, 1), 0.5);
}
