import * as tf from "@tensorflow/tfjs-core";
import { randomBits, type RandomStream, streamNumber } from "../random.ts";
import { withGradient } from "./_with_gradient.ts";

/** Which random numbers a dropout draws. */
export interface DropoutKey {
  /** The run's seed, an integer in [0, 2^53). */
  seed: number;
  /** The training step, an integer in [0, 2^32): a number, or an int32 scalar of its bits, which a compiled step takes in. */
  step: number | tf.Scalar;
  /** The place in the model. */
  stream: RandomStream;
}

/**
 * Set each element to zero with probability `rate`, and divide the others by `1 − rate`.
 *
 * Element `i` is dropped if the upper 24 bits of word `i` of {@link randomBits}, as a fraction in [0, 1), lie below
 * `rate`. The same elements on every backend: one that registers the kernel `CounterDropout` computes them itself,
 * elsewhere they are computed here, for which a step that is a tensor is read.
 *
 * @param x float32, any shape.
 * @param rate Probability in [0, 1); 0 gives `x` as it is.
 * @param key Which random numbers.
 * @returns float32, the shape of `x`; the caller owns it.
 * @throws {RangeError} If `rate` is out of its range.
 */
export function dropout<T extends tf.Tensor>(x: T, rate: number, key: DropoutKey): T {
  if (!(rate >= 0 && rate < 1)) {
    throw new RangeError(`Cannot drop elements as the rate must be in [0, 1): it is ${rate}`);
  }
  if (rate === 0) return tf.clone(x);
  return tf.getKernel(COUNTER_DROPOUT, tf.getBackend()) == null
    ? dropByMask(x, rate, key)
    : dropByKernel(x, rate, key);
}

// --- internal ---

/**
 * The kernel: inputs `x` and `step` (an int32 scalar), attributes `rate`, `seed` and `stream` (a number); its result is
 * `x` with elements dropped and the others scaled. It is linear in `x`, so it is its own gradient.
 */
const COUNTER_DROPOUT = "CounterDropout";

function dropByKernel<T extends tf.Tensor>(x: T, rate: number, { seed, step, stream }: DropoutKey): T {
  const attributes = { rate, seed, stream: streamNumber(stream) };
  const drop = (x: T, step: tf.Tensor): T =>
    tf.engine().runKernel(COUNTER_DROPOUT, { x, step }, attributes) as tf.Tensor as T;
  return withGradient<T>(
    [x],
    (save) => {
      const at = typeof step === "number" ? tf.scalar(step | 0, "int32") : step;
      save(at);
      return drop(x, at);
    },
    (dy, [at]) => [drop(dy, at!)],
  );
}

function dropByMask<T extends tf.Tensor>(x: T, rate: number, { seed, step, stream }: DropoutKey): T {
  const at = typeof step === "number" ? step : step.dataSync()[0]! >>> 0;
  return withGradient<T>(
    [x],
    (save) => {
      const mask = tf.tensor(keepMask(randomBits(seed, at, stream, x.size), rate), x.shape);
      save(mask);
      return tf.mul(x, mask);
    },
    (dy, [mask]) => [tf.mul(dy, mask!)],
  );
}

/** 0 where dropped, `1 / (1 − rate)` where kept. */
function keepMask(words: Uint32Array, rate: number): Float32Array {
  const mask = new Float32Array(words.length);
  const bound = Math.ceil(rate * 2 ** 24); // fraction < rate, among multiples of 2^-24
  const kept = 1 / (1 - rate);
  for (let i = 0; i < mask.length; i++) mask[i] = words[i]! >>> 8 < bound ? 0 : kept;
  return mask;
}
