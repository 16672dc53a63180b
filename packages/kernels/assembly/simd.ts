/**
 * Where the two builds differ: the relaxed one has a fused multiply-add and an eight-bit dot product, the plain one makes
 * both of what every engine with SIMD has. The integers are the same in both.
 */

/**
 * 1.5·2²³: a float32 of at most 2²² in magnitude, added to it, is rounded to a whole number, ties to even, which then are the
 * lowest bits. Rounding and converting by their own instructions takes V8 a dozen of the processor's.
 */
export const ROUNDER: f32 = 12582912;

/** `x·y + z`, rounded once in the relaxed build where the processor can. */
// @inline
export function madd(x: v128, y: v128, z: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(x, y, z);
  return f32x4.add(f32x4.mul(x, y), z);
}

/**
 * Products of sixteen pairs, added two by two: eight int16.
 *
 * @param x int8.
 * @param y int8 in [0, 127]: 7 bits, for x86 takes this side as unsigned and adds in 16 bits.
 */
// @inline
export function dotPairs(x: v128, y: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i16x8.relaxed_dot_i8x16_i7x16_s(x, y);
  return i16x8.narrow_i32x4_s(
    i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(x), i16x8.extend_low_i8x16_s(y)),
    i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(x), i16x8.extend_high_i8x16_s(y)),
  );
}

/** The least multiple, a power of two, from n on. */
// @inline
export function up(n: i32, multiple: i32): i32 {
  return (n + multiple - 1) & -multiple;
}

/** The sum of four float32. */
// @inline
export function sumOf(x: v128): f32 {
  const pairs = f32x4.add(x, i8x16.shuffle(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/** The largest of four float32; NaN if one is. */
// @inline
export function largestOf(x: v128): f32 {
  const pairs = f32x4.max(x, i8x16.shuffle(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return max<f32>(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/** Of two times four 32-bit numbers: a0, b0, a1, b1. */
// @inline
export function lowHalves(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
}

/** a2, b2, a3, b3. */
// @inline
export function highHalves(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
}

/** a0, a1, b0, b1. */
// @inline
export function lowPairs(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
}

/** a2, a3, b2, b3. */
// @inline
export function highPairs(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
}

/** The transpose of a 4 × 4 matrix, of 32-bit numbers, its rows `stride` bytes apart. */
// @inline
export function storeTurned(a: v128, b: v128, c: v128, d: v128, to: usize, stride: usize): void {
  const ab01 = lowHalves(a, b);
  const ab23 = highHalves(a, b);
  const cd01 = lowHalves(c, d);
  const cd23 = highHalves(c, d);
  v128.store(to, lowPairs(ab01, cd01));
  to += stride;
  v128.store(to, highPairs(ab01, cd01));
  to += stride;
  v128.store(to, lowPairs(ab23, cd23));
  to += stride;
  v128.store(to, highPairs(ab23, cd23));
}

/** The sums over four pairs of int16 each of a, b, c and d. */
// @inline
export function turnedSum(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i16x8.add(lowHalves(a, b), highHalves(a, b)); // a, b, a, b
  const cd = i16x8.add(lowHalves(c, d), highHalves(c, d));
  return i16x8.add(lowPairs(ab, cd), highPairs(ab, cd));
}
