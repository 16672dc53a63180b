/** Kernels that treat each element alike. */
import {
  asFloat,
  binary,
  broadcastShape,
  type Comparison,
  compare,
  convert,
  select,
  splat,
  unary,
  withNumber,
} from "../hlo/elementwise.ts";
import type { Graph, Value } from "../hlo/graph.ts";
import { isFloat, sameShape } from "../hlo/types.ts";
import { type Lowering, type Lowerings, type Recording, wide } from "./lowering.ts";

/** By the kernel's name. */
export const ELEMENTWISE: Lowerings = {
  Add: (on, { a, b }) => sum(on, a!, b!),
  Sub: arithmetic((g, a, b) => binary(g, "subtract", a, b)),
  Multiply: arithmetic((g, a, b) => binary(g, a.dtype === "i1" ? "and" : "multiply", a, b)),
  RealDiv: arithmetic((g, a, b) => binary(g, "divide", asFloat(g, a), asFloat(g, b))),
  FloorDiv: arithmetic((g, a, b) => convert(g, floorDivide(g, a, b), "i32")),
  Mod: arithmetic(modulo),
  Pow: arithmetic((g, a, b) => binary(g, "power", a, b)),
  Maximum: arithmetic((g, a, b) => binary(g, "maximum", a, b)),
  Minimum: arithmetic((g, a, b) => binary(g, "minimum", a, b)),
  SquaredDifference: arithmetic((g, a, b) => square(g, binary(g, "subtract", a, b))),
  Atan2: arithmetic((g, a, b) => binary(g, "atan2", a, b)),
  AddN: (on, inputs) => {
    const [first, ...rest] = Object.values(inputs);
    return rest.reduce((total, x) => sum(on, total, x), first!);
  },

  Equal: comparing("EQ"),
  NotEqual: comparing("NE"),
  Less: comparing("LT"),
  LessEqual: comparing("LE"),
  Greater: comparing("GT"),
  GreaterEqual: comparing("GE"),
  LogicalAnd: logical("and"),
  LogicalOr: logical("or"),
  LogicalNot: ({ graph: g }, { x }) => unary(g, "not", convert(g, x!, "i1")),
  Select: (on, { condition, t, e }) => {
    const where = convert(on.graph, condition!, "i1");
    return inHidden(on, [t!, e!], ([a, b]) => select(on.graph, where, a!, b!));
  },

  Identity: (_, { x }) => x!,
  /** The same numbers in memory of their own; not a kernel of TensorFlow.js's. */
  XlaCopy: (_, { x }) => x!,
  Cast: (on, { x }, { dtype }) => {
    const to = { float32: "f32", int32: "i32", bool: "i1" } as const;
    const target = to[dtype as keyof typeof to];
    if (target === undefined)
      throw new TypeError(
        `Cannot cast to ${String(dtype)}: the backend xla computes with float32, int32 and bool`,
      );
    return target === "f32" && isFloat(x!.dtype) ? x! : convert(on.graph, x!, target);
  },
  Abs: unaryOf((g, x) => unary(g, "abs", x)),
  Neg: unaryOf((g, x) => unary(g, "negate", x)),
  Sign: unaryOf((g, x) => unary(g, "sign", x)),
  Square: unaryOf(square),
  Floor: floatOf((g, x) => unary(g, "floor", x)),
  Ceil: floatOf((g, x) => unary(g, "ceil", x)),
  Round: floatOf((g, x) => unary(g, "round_nearest_even", x)),
  Exp: floatOf((g, x) => unary(g, "exponential", x)),
  Expm1: floatOf((g, x) => unary(g, "exponential_minus_one", x)),
  Log: floatOf((g, x) => unary(g, "log", x)),
  Log1p: floatOf((g, x) => unary(g, "log_plus_one", x)),
  Sqrt: floatOf((g, x) => unary(g, "sqrt", x)),
  Rsqrt: floatOf((g, x) => unary(g, "rsqrt", x)),
  Reciprocal: floatOf((g, x) => binary(g, "divide", splat(g, 1, x.dtype), x)),
  Sin: floatOf((g, x) => unary(g, "sine", x)),
  Cos: floatOf((g, x) => unary(g, "cosine", x)),
  Tan: floatOf((g, x) => binary(g, "divide", unary(g, "sine", x), unary(g, "cosine", x))),
  Tanh: floatOf((g, x) => unary(g, "tanh", x)),
  Erf: floatOf((g, x) => unary(g, "chlo.erf", x)),
  Sigmoid: floatOf((g, x) => unary(g, "logistic", x)),
  Softplus: floatOf(softplus),
  Relu: unaryOf(relu),
  Relu6: unaryOf((g, x) => withNumber(g, "minimum", relu(g, x), 6)),
  LeakyRelu: (on, { x }, { alpha }) =>
    inHidden(on, [x!], ([v]) =>
      select(on.graph, positive(on.graph, v!), v!, withNumber(on.graph, "multiply", v!, alpha as number)),
    ),
  Elu: floatOf((g, x) => select(g, positive(g, x), x, unary(g, "exponential_minus_one", x))),
  Step: (on, { x }, { alpha }) =>
    inHidden(on, [x!], ([v]) =>
      select(
        on.graph,
        positive(on.graph, v!),
        splat(on.graph, 1, v!.dtype),
        splat(on.graph, (alpha as number | undefined) ?? 0, v!.dtype),
      ),
    ),
  ClipByValue: (on, { x }, { clipValueMin, clipValueMax }) =>
    inHidden(on, [x!], ([v]) =>
      withNumber(
        on.graph,
        "minimum",
        withNumber(on.graph, "maximum", v!, clipValueMin as number),
        clipValueMax as number,
      ),
    ),
  IsNan: ({ graph: g }, { x }) => compare(g, "NE", wide(g, x!), wide(g, x!)),
  IsInf: ({ graph: g }, { x }) => compare(g, "EQ", unary(g, "abs", wide(g, x!)), splat(g, Infinity, "f32")),
  IsFinite: ({ graph: g }, { x }) =>
    g.record("stablehlo.is_finite", [wide(g, x!)], { dtype: "i1", shape: x!.shape }),
  ZerosLike: ({ graph: g }, { x }) => splat(g, 0, x!.dtype, x!.shape),
  OnesLike: ({ graph: g }, { x }) => splat(g, 1, x!.dtype, x!.shape),
};

/**
 * Compute on float32 and give the result the hidden type that its inputs had.
 *
 * The result is bfloat16 if every input of the result's full size is, and there is one. Statistics of rows, `[…, 1]`, and
 * attention biases keep what they touch in float32: differences from a mean or a maximum are what loses digits, and
 * what hides a token is too low for bfloat16. XLA fuses the conversions into the operations around them.
 */
export function inHidden(
  { graph: g }: Pick<Recording, "graph">,
  inputs: readonly Value[],
  compute: (wideInputs: readonly Value[]) => Value,
): Value {
  const result = compute(inputs.map((x) => wide(g, x)));
  if (result.dtype !== "f32") return result;
  const shape = broadcastShape(...inputs.map((x) => x.shape));
  const floats = inputs.filter((x) => isFloat(x.dtype));
  const full = floats.filter((x) => sameShape(x.shape, shape));
  const narrow = full.length > 0 && full.every((x) => x.dtype === "bf16");
  return narrow && !floats.some(isStatistic) ? convert(g, result, "bf16") : result;
}

// --- internal ---

/** Two activations are added in bfloat16 as they are: the sum is rounded once either way. */
function sum(on: Recording, a: Value, b: Value): Value {
  const { graph: g } = on;
  if (a.dtype === "bf16" && b.dtype === "bf16") return binary(g, "add", a, b);
  return inHidden(on, [a, b], ([x, y]) => binary(g, x!.dtype === "i1" ? "or" : "add", x!, y!));
}

/** A float32 value of several dimensions that is no master weight: statistics of rows, an attention bias. */
function isStatistic({ dtype, shape }: Value): boolean {
  return dtype === "f32" && (shape.length > 2 || (shape.length === 2 && shape[1] === 1));
}

function arithmetic(compute: (g: Graph, a: Value, b: Value) => Value): Lowering {
  return (on, { a, b }) => inHidden(on, [a!, b!], ([x, y]) => compute(on.graph, x!, y!));
}

function unaryOf(compute: (g: Graph, x: Value) => Value): Lowering {
  return (on, { x }) => inHidden(on, [x!], ([v]) => compute(on.graph, v!));
}

function floatOf(compute: (g: Graph, x: Value) => Value): Lowering {
  return (on, { x }) => inHidden(on, [x!], ([v]) => compute(on.graph, asFloat(on.graph, v!)));
}

function comparing(direction: Comparison): Lowering {
  return ({ graph: g }, { a, b }) => compare(g, direction, wide(g, a!), wide(g, b!));
}

function logical(op: "and" | "or"): Lowering {
  return ({ graph: g }, { a, b }) => binary(g, op, convert(g, a!, "i1"), convert(g, b!, "i1"));
}

function square(g: Graph, x: Value): Value {
  return binary(g, "multiply", x, x);
}

function relu(g: Graph, x: Value): Value {
  return withNumber(g, "maximum", x, 0);
}

function positive(g: Graph, x: Value): Value {
  return compare(g, "GT", x, splat(g, 0, x.dtype));
}

/** `log(1 + exp(x))`, as `max(x, 0) + log1p(exp(−|x|))`. */
function softplus(g: Graph, x: Value): Value {
  const tail = unary(g, "exponential", unary(g, "negate", unary(g, "abs", x)));
  return binary(g, "add", relu(g, x), unary(g, "log_plus_one", tail));
}

/** `floor(a / b)`, also for integers. */
function floorDivide(g: Graph, a: Value, b: Value): Value {
  const quotient = binary(g, "divide", a, b);
  if (isFloat(a.dtype)) return unary(g, "floor", quotient);
  const rest = binary(g, "remainder", a, b);
  const lower = withNumber(g, "subtract", quotient, 1);
  return select(g, wrongSide(g, rest, b), lower, quotient);
}

/** The remainder with the divisor's sign. */
function modulo(g: Graph, a: Value, b: Value): Value {
  const rest = binary(g, "remainder", a, b);
  return select(g, wrongSide(g, rest, b), binary(g, "add", rest, b), rest);
}

/** Whether a remainder that is not 0 has another sign than the divisor. */
function wrongSide(g: Graph, rest: Value, divisor: Value): Value {
  const zero = splat(g, 0, rest.dtype);
  const signs = compare(g, "NE", compare(g, "LT", rest, zero), compare(g, "LT", divisor, zero));
  return binary(g, "and", compare(g, "NE", rest, zero), signs);
}
