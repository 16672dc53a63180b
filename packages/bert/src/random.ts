/**
 * Random numbers from a counter: the same `(seed, step, stream)` gives the same numbers on every backend and
 * runtime, in any order of asking, so a resumed run repeats an uninterrupted one bit for bit.
 *
 * The one definition, in 32-bit integer operations only: with `threefry(key, counter)` the Threefry-2x32 function
 * of 20 rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"),
 *
 * - `tensorKey = threefry([seed mod 2^32, floor(seed / 2^32)], [step, stream])`,
 * - words `2j` and `2j + 1` are `threefry(tensorKey, [j, 0])`.
 *
 * A stream given as text is the 32-bit FNV-1a hash of its UTF-8 bytes.
 */

/** What tells one use of randomness from another: a number, or a name such as a parameter's key. */
export type RandomStream = number | string;

/**
 * `size` uniform 32-bit words.
 *
 * @param seed The run's seed, an integer in [0, 2^53).
 * @param step The training step, an integer in [0, 2^32).
 * @param stream What the numbers are for: an integer in [0, 2^32), or a name.
 * @throws {RangeError} If an argument is out of its range.
 *
 * @example
 * ```ts
 * import { randomBits } from "@kcbert/bert";
 * import assert from "node:assert/strict";
 *
 * const words = randomBits(42, 0, "dropout", 4);
 * assert.deepEqual(randomBits(42, 0, "dropout", 4), words);
 * assert.notDeepEqual(randomBits(42, 1, "dropout", 4), words);
 * ```
 */
export function randomBits(
  seed: number,
  step: number,
  stream: RandomStream,
  size: number,
): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(checkInteger("size", size, 2 ** 32) + (size & 1));
  const low = checkInteger("seed", seed, 2 ** 53) >>> 0;
  const counter = Uint32Array.of(checkInteger("step", step, 2 ** 32), streamNumber(stream));
  threefry(low, Math.floor(seed / 2 ** 32), counter);
  const [key0 = 0, key1 = 0] = counter;
  for (let j = 0; 2 * j < words.length; j++) words[2 * j] = j;
  threefry(key0, key1, words);
  return words.subarray(0, size);
}

/**
 * `size` float32 numbers in [0, 1), multiples of 2^-24: the upper 24 bits of {@link randomBits}.
 *
 * @param seed The run's seed, an integer in [0, 2^53).
 * @param step The training step, an integer in [0, 2^32).
 * @param stream What the numbers are for: an integer in [0, 2^32), or a name.
 * @throws {RangeError} If an argument is out of its range.
 *
 * @example
 * ```ts
 * import { uniform } from "@kcbert/bert";
 * import assert from "node:assert/strict";
 *
 * assert.ok(uniform(42, 0, "masking", 1000).every((x) => x >= 0 && x < 1));
 * ```
 */
export function uniform(
  seed: number,
  step: number,
  stream: RandomStream,
  size: number,
): Float32Array<ArrayBuffer> {
  const words = randomBits(seed, step, stream, size);
  const numbers = new Float32Array(size);
  for (let i = 0; i < size; i++) numbers[i] = (words[i]! >>> 8) * 2 ** -24;
  return numbers;
}

/**
 * `size` float32 numbers, normal with mean 0 and deviation 1 before everything beyond ±2 is cut off and the rest
 * rescaled to probability 1, like TensorFlow's `truncated_normal`.
 *
 * By inversion of the distribution, with the four basic operations in float64 alone, so that every engine gives the
 * same bits.
 *
 * @param seed The run's seed, an integer in [0, 2^53).
 * @param step The training step, an integer in [0, 2^32).
 * @param stream What the numbers are for: an integer in [0, 2^32), or a name.
 * @throws {RangeError} If an argument is out of its range.
 *
 * @example
 * ```ts
 * import { truncatedNormal } from "@kcbert/bert";
 * import assert from "node:assert/strict";
 *
 * assert.ok(truncatedNormal(42, 0, "bert.pooler.dense.weight", 1000).every((x) => Math.abs(x) <= 2));
 * ```
 */
export function truncatedNormal(
  seed: number,
  step: number,
  stream: RandomStream,
  size: number,
): Float32Array<ArrayBuffer> {
  const words = randomBits(seed, step, stream, size);
  const numbers = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const centred = (words[i]! + 0.5) * 2 ** -32 - 0.5; // (-0.5, 0.5)
    numbers[i] = normalQuantile(centred * WITHIN_TWO);
  }
  return numbers;
}

/** The number of a stream: its own, or the 32-bit FNV-1a hash of its name. */
export function streamNumber(stream: RandomStream): number {
  if (typeof stream === "number") return checkInteger("stream", stream, 2 ** 32);
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(stream)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

// --- internal ---

/** Probability that a normal number lies within ±2 deviations. */
const WITHIN_TWO = 0.9544997361036416;

/** Encrypt each pair of words of `counters` in place: twenty rounds, a key injection after every fourth. */
function threefry(key0: number, key1: number, counters: Uint32Array): void {
  const a = key0 | 0;
  const b = key1 | 0;
  const c = a ^ b ^ 0x1bd11bda;
  for (let i = 0; i < counters.length; i += 2) {
    let x = (counters[i]! + a) | 0;
    let y = (counters[i + 1]! + b) | 0;
    x = (x + y) | 0;
    y = ((y << 13) | (y >>> 19)) ^ x;
    x = (x + y) | 0;
    y = ((y << 15) | (y >>> 17)) ^ x;
    x = (x + y) | 0;
    y = ((y << 26) | (y >>> 6)) ^ x;
    x = (x + y) | 0;
    y = ((y << 6) | (y >>> 26)) ^ x;
    x = (x + b) | 0;
    y = (y + c + 1) | 0;
    x = (x + y) | 0;
    y = ((y << 17) | (y >>> 15)) ^ x;
    x = (x + y) | 0;
    y = ((y << 29) | (y >>> 3)) ^ x;
    x = (x + y) | 0;
    y = ((y << 16) | (y >>> 16)) ^ x;
    x = (x + y) | 0;
    y = ((y << 24) | (y >>> 8)) ^ x;
    x = (x + c) | 0;
    y = (y + a + 2) | 0;
    x = (x + y) | 0;
    y = ((y << 13) | (y >>> 19)) ^ x;
    x = (x + y) | 0;
    y = ((y << 15) | (y >>> 17)) ^ x;
    x = (x + y) | 0;
    y = ((y << 26) | (y >>> 6)) ^ x;
    x = (x + y) | 0;
    y = ((y << 6) | (y >>> 26)) ^ x;
    x = (x + a) | 0;
    y = (y + b + 3) | 0;
    x = (x + y) | 0;
    y = ((y << 17) | (y >>> 15)) ^ x;
    x = (x + y) | 0;
    y = ((y << 29) | (y >>> 3)) ^ x;
    x = (x + y) | 0;
    y = ((y << 16) | (y >>> 16)) ^ x;
    x = (x + y) | 0;
    y = ((y << 24) | (y >>> 8)) ^ x;
    x = (x + b) | 0;
    y = (y + c + 4) | 0;
    x = (x + y) | 0;
    y = ((y << 13) | (y >>> 19)) ^ x;
    x = (x + y) | 0;
    y = ((y << 15) | (y >>> 17)) ^ x;
    x = (x + y) | 0;
    y = ((y << 26) | (y >>> 6)) ^ x;
    x = (x + y) | 0;
    y = ((y << 6) | (y >>> 26)) ^ x;
    x = (x + c) | 0;
    y = (y + a + 5) | 0;
    counters[i] = x;
    counters[i + 1] = y;
  }
}

/**
 * The normal deviate `z` with `P(0 < Z < z) = p` (both of one sign), for |p| <= 0.4773, where |z| <= 2.
 *
 * The central rational approximation of P. J. Acklam (2003); relative error below 2e-8 over this range, less than
 * half a unit of float32.
 */
function normalQuantile(p: number): number {
  const r = p * p;
  const above =
    ((((-3.969683028665376e1 * r + 2.209460984245205e2) * r - 2.759285104469687e2) * r + 1.38357751867269e2) *
      r -
      3.066479806614716e1) *
      r +
    2.506628277459239;
  const below =
    ((((-5.447609879822406e1 * r + 1.615858368580409e2) * r - 1.556989798598866e2) * r +
      6.680131188771972e1) *
      r -
      1.328068155288572e1) *
      r +
    1;
  return (p * above) / below;
}

function checkInteger(name: string, value: number, limit: number): number {
  if (Number.isInteger(value) && value >= 0 && value < limit) return value;
  throw new RangeError(
    `Cannot draw random numbers as ${name} must be an integer in [0, ${limit}): it is ${value}`,
  );
}
