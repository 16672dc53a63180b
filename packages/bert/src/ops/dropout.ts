import * as tf from "@tensorflow/tfjs-core";
import { randomBits, type RandomStream } from "../random.ts";
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
 * `rate`. The same elements on every backend.
 *
 * @param x float32, any shape.
 * @param rate Probability in [0, 1); 0 gives `x` as it is.
 * @param key Which random numbers.
 * @returns float32, the shape of `x`; the caller owns it.
 * @throws {RangeError} If `rate` is out of its range.
 */
export function dropout<T extends tf.Tensor>(x: T, rate: number, { seed, step, stream }: DropoutKey): T {
  if (!(rate >= 0 && rate < 1)) {
    throw new RangeError(`Cannot drop elements as the rate must be in [0, 1): it is ${rate}`);
  }
  if (rate === 0) return tf.clone(x);
  return withGradient<T>(
    [x],
    (save) => {
      const words = randomBits(seed, stepNumber(step), stream, x.size);
      const mask = tf.tensor(keepMask(words, rate), x.shape);
      save(mask);
      return tf.mul(x, mask);
    },
    (dy, [mask]) => [tf.mul(dy, mask!)],
  );
}

// --- internal ---

function stepNumber(step: number | tf.Scalar): number {
  return typeof step === "number" ? step : step.dataSync()[0]! >>> 0;
}

/** 0 where dropped, `1 / (1 − rate)` where kept. */
function keepMask(words: Uint32Array, rate: number): Float32Array {
  const mask = new Float32Array(words.length);
  const bound = Math.ceil(rate * 2 ** 24); // fraction < rate, among multiples of 2^-24
  const kept = 1 / (1 - rate);
  for (let i = 0; i < mask.length; i++) mask[i] = words[i]! >>> 8 < bound ? 0 : kept;
  return mask;
}
