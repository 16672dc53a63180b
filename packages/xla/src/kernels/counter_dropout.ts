/**
 * Dropout by random numbers from a counter: the Threefry definition of `@kcbert/bert`'s `random.ts`, bit for bit.
 */
import {
  binary,
  convert,
  iota,
  materialized,
  reshape,
  select,
  splat,
  withNumber,
} from "../hlo/elementwise.ts";
import type { Graph, Value } from "../hlo/graph.ts";
import { concatenate, slice } from "../hlo/structure.ts";
import { sizeOf } from "../hlo/types.ts";
import { inHidden } from "./elementwise.ts";
import type { Lowerings, Recording } from "./lowering.ts";

/** By the kernel's name. */
export const DROPOUT: Lowerings = {
  /**
   * Inputs: `x`, float32 of any shape, and `step`, an int32 scalar. Attributes: `rate` in (0, 1), `seed` in
   * [0, 2^53), `stream` in [0, 2^32). Element i is 0 if the upper 24 bits of word i, as a fraction, lie below the rate.
   */
  CounterDropout: (on, { x, step }, attributes) => {
    const { rate, seed, stream } = attributes as { rate: number; seed: number; stream: number };
    const { graph: g } = on;
    const kept = keepMask(on, step!, { rate, seed, stream }, x!.shape);
    return inHidden(on, [x!], ([v]) =>
      select(g, kept, withNumber(g, "multiply", v!, 1 / (1 - rate)), splat(g, 0, "f32")),
    );
  },
};

// --- internal ---

interface DropoutNumbers {
  readonly rate: number;
  readonly seed: number;
  readonly stream: number;
}

/**
 * Which elements are kept.
 *
 * The mask is made once and lies in memory, a byte an element, until the backward pass has used it: twenty rounds over
 * again would cost more.
 */
function keepMask(
  on: Recording,
  step: Value,
  { rate, seed, stream }: DropoutNumbers,
  shape: readonly number[],
): Value {
  const { graph: g } = on;
  const size = sizeOf(shape);
  const pairs = Math.ceil(size / 2);
  const scalar = (value: number) => splat(g, value, "u32");
  const counter = [reshape(g, convert(g, step, "u32"), []), scalar(stream)] as const;
  const key = threefry(g, [scalar(seed % 2 ** 32), scalar(Math.floor(seed / 2 ** 32))], counter);
  const words = threefry(g, key, [iota(g, "u32", [pairs], 0), splat(g, 0, "u32", [pairs])]);
  const bound = splat(g, Math.ceil(rate * 2 ** 24), "u32", [pairs]);
  const kept = words.map((word) => {
    const fraction = g.record("stablehlo.shift_right_logical", [word, splat(g, 8, "u32", [pairs])], word);
    const attributes = "comparison_direction = #stablehlo<comparison_direction GE>";
    const above = g.record(
      "stablehlo.compare",
      [fraction, bound],
      { dtype: "i1", shape: [pairs] },
      { attributes },
    );
    return reshape(g, materialized(g, above), [pairs, 1]);
  });
  const interleaved = reshape(g, concatenate(g, kept, 1), [2 * pairs]);
  return reshape(g, slice(g, interleaved, [0], [size]), shape);
}

type Pair = readonly [Value, Value];

/** Threefry-2x32 of twenty rounds, a key injection after every fourth; key and counter are u32 of one shape, or scalars. */
function threefry(g: Graph, [a, b]: Pair, counter: Pair): Pair {
  const { shape } = counter[0];
  const c = withNumber(g, "xor", binary(g, "xor", a, b), 0x1bd11bda);
  const keys = [a, b, c];
  let x = binary(g, "add", counter[0], a);
  let y = binary(g, "add", counter[1], b);
  for (let group = 0; group < 5; group++) {
    for (const distance of ROTATIONS[group % 2]!) {
      x = binary(g, "add", x, y);
      y = binary(g, "xor", rotateLeft(g, y, distance, shape), x);
    }
    x = binary(g, "add", x, keys[(group + 1) % 3]!);
    y = binary(g, "add", y, withNumber(g, "add", keys[(group + 2) % 3]!, group + 1));
  }
  return [x, y];
}

const ROTATIONS = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;

function rotateLeft(g: Graph, x: Value, distance: number, shape: readonly number[]): Value {
  const left = g.record("stablehlo.shift_left", [x, splat(g, distance, "u32", shape)], x);
  const right = g.record("stablehlo.shift_right_logical", [x, splat(g, 32 - distance, "u32", shape)], x);
  return binary(g, "or", left, right);
}
