/** Matrix products. */
import { dotGeneral } from "../hlo/dot.ts";
import { asFloat, binary, broadcastShape, broadcastTo, convert, withNumber } from "../hlo/elementwise.ts";
import type { Value } from "../hlo/graph.ts";
import type { ElementType } from "../hlo/types.ts";
import { ELEMENTWISE, inHidden } from "./elementwise.ts";
import { dotPrecision, type Lowerings, type Recording } from "./lowering.ts";

/** By the kernel's name. */
export const PRODUCTS: Lowerings = {
  BatchMatMul: (on, { a, b }, { transposeA, transposeB }) =>
    product(on, a!, b!, transposeA === true, transposeB === true),
  _FusedMatMul: (on, inputs, attributes) => {
    const { a, b, bias, preluActivationWeights: slope } = inputs;
    const { transposeA, transposeB, activation, leakyreluAlpha } = attributes;
    const { graph: g } = on;
    const plain = product(on, a!, b!, transposeA === true, transposeB === true);
    const moved =
      bias === undefined ? plain : inHidden(on, [plain, bias], ([x, y]) => binary(g, "add", x!, y!));
    if (activation === "prelu") {
      return inHidden(on, [moved, slope!], ([x, y]) =>
        binary(
          g,
          "add",
          withNumber(g, "maximum", x!, 0),
          binary(g, "multiply", withNumber(g, "minimum", x!, 0), y!),
        ),
      );
    }
    const name = ACTIVATIONS[activation as string];
    if (name === undefined) return moved;
    return ELEMENTWISE[name]!(on, { x: moved }, { alpha: leakyreluAlpha });
  },
};

/**
 * The product of matrices `[…, M, K]` and `[…, K, N]`, each perhaps lying transposed.
 *
 * In a program of bfloat16 the factors are bfloat16, sums are float32, and so is a product over the rows of a batch, for
 * that is the gradient of a master weight; other products become bfloat16 again.
 */
export function product(on: Recording, a: Value, b: Value, transposeA: boolean, transposeB: boolean): Value {
  const { graph: g, precision } = on;
  const outer = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const type = precision === "bf16" ? "bf16" : "f32";
  const [left, right] = [a, b].map((x) => {
    const narrow = convert(g, asFloat(g, x), type);
    return broadcastTo(g, narrow, [...outer, ...x.shape.slice(-2)]);
  }) as [Value, Value];
  const rank = outer.length;
  const isWeightGradient = transposeA && !transposeB && outer.every((size) => size === 1);
  const result: ElementType = precision === "bf16" && !isWeightGradient ? "bf16" : "f32";
  return dotGeneral(
    g,
    left,
    right,
    {
      batch: outer.map((_, i) => [i, i]),
      contracting: [[transposeA ? rank : rank + 1, transposeB ? rank + 1 : rank]],
    },
    result,
    dotPrecision(on),
  );
}

// --- internal ---

/** The kernels that `_FusedMatMul` names as its activation; `linear` is none. */
const ACTIVATIONS: Readonly<Record<string, string | undefined>> = {
  relu: "Relu",
  relu6: "Relu6",
  elu: "Elu",
  sigmoid: "Sigmoid",
  leakyrelu: "LeakyRelu",
};
