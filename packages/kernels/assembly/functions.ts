/**
 * Functions of four float32 at once, from polynomials fitted for this file: nothing here needs a table, for a module that
 * shares TensorFlow.js's memory must own none of it.
 */
import { madd, ROUNDER } from "./simd";

/**
 * `e^x` to 1e-7 of its value, for x at most 88; 0 below −87.3, where float32 has no normal numbers; NaN stays NaN.
 *
 * With n = round(x / ln 2) and r = x − n·ln 2: e^x = 2ⁿ·e^r, and e^r = 1 + r + r²·p(r) on ±ln 2 / 2.
 */
// @inline
export function exp(x: v128): v128 {
  const steps = f32x4.add(f32x4.mul(x, f32x4.splat(1.44269504)), f32x4.splat(ROUNDER));
  const n = f32x4.sub(steps, f32x4.splat(ROUNDER));
  let r = madd(n, f32x4.splat(-0.693359375), x); // ln 2 in two parts, the first of few bits
  r = madd(n, f32x4.splat(2.1219444e-4), r);
  let p = madd(f32x4.splat(1.3950479e-3), r, f32x4.splat(8.3688824e-3));
  p = madd(p, r, f32x4.splat(4.1666206e-2));
  p = madd(p, r, f32x4.splat(1.6666518e-1));
  p = madd(p, r, f32x4.splat(0.5));
  p = madd(f32x4.mul(r, r), p, f32x4.add(r, f32x4.splat(1)));
  const power = i32x4.add(i32x4.shl(steps, 23), i32x4.splat(127 << 23));
  return v128.andnot(f32x4.mul(p, power), f32x4.lt(x, f32x4.splat(-87.3)));
}

/**
 * `e^(x − shift)` of n float32 in a row, but for what is left of whole fours, as {@link exp} has it. Constants are kept as in
 * {@link storeGelu}.
 *
 * @returns Their sums, by fours.
 */
export function storeExp(x: usize, shift: f32, to: usize, n: i32): v128 {
  const zero = i32x4.splat(n >> 31);
  const scale = v128.or(f32x4.splat(1.44269504), zero);
  const rounder = v128.or(f32x4.splat(ROUNDER), zero);
  const high = v128.or(f32x4.splat(-0.693359375), zero);
  const low = v128.or(f32x4.splat(2.1219444e-4), zero);
  const a = v128.or(f32x4.splat(1.3950479e-3), zero);
  const b = v128.or(f32x4.splat(8.3688824e-3), zero);
  const c = v128.or(f32x4.splat(4.1666206e-2), zero);
  const d = v128.or(f32x4.splat(1.6666518e-1), zero);
  const half = v128.or(f32x4.splat(0.5), zero);
  const one = v128.or(f32x4.splat(1), zero);
  const least = v128.or(f32x4.splat(-87.3), zero);
  let sums = f32x4.splat(0);
  for (const end = x + ((<usize>(n & ~3)) << 2); x < end; x += 16) {
    const value = f32x4.sub(v128.load(x), f32x4.splat(shift));
    const steps = f32x4.add(f32x4.mul(value, scale), rounder);
    const whole = f32x4.sub(steps, rounder);
    const r = madd(whole, low, madd(whole, high, value));
    let p = madd(a, r, b);
    p = madd(p, r, c);
    p = madd(p, r, d);
    p = madd(p, r, half);
    p = madd(f32x4.mul(r, r), p, f32x4.add(r, one));
    const power = i32x4.add(i32x4.shl(steps, 23), one); // the bits of 1 are those of 2⁰
    const result = v128.andnot(f32x4.mul(p, power), f32x4.lt(value, least));
    v128.store(to, result);
    sums = f32x4.add(sums, result);
    to += 16;
  }
  return sums;
}

/** The smallest float32 above which {@link upperTail} is as good as 0. */
const FAR: f32 = 12;

/** `|x|`, but at most 12: farther out the normal distribution has nothing left. NaN stays NaN. */
// @inline
export function nearZero(x: v128): v128 {
  return f32x4.pmin(f32x4.abs(x), f32x4.splat(FAR));
}

/**
 * `1 − Φ(a)` of the normal distribution function, for a in [0, 12], to 5e-7; times a to 2e-7.
 *
 * As `1 / (2·p(a)⁸)`: the eighth root bends little, and nothing cancels in the tail.
 */
// @inline
export function upperTail(a: v128): v128 {
  let p = madd(f32x4.splat(2.80827362e-6), a, f32x4.splat(-1.51351705e-5));
  p = madd(p, a, f32x4.splat(8.9156325e-5));
  p = madd(p, a, f32x4.splat(1.34172791e-4));
  p = madd(p, a, f32x4.splat(9.46396147e-4));
  p = madd(p, a, f32x4.splat(8.61979369e-3));
  p = madd(p, a, f32x4.splat(4.47772741e-2));
  p = madd(p, a, f32x4.splat(9.97342616e-2));
  return halfOfEighth(madd(p, a, f32x4.splat(1)));
}

/** `1 / (2·p⁸)`. */
// @inline
function halfOfEighth(p: v128): v128 {
  p = f32x4.mul(p, p);
  p = f32x4.mul(p, p);
  p = f32x4.mul(p, p);
  return f32x4.div(f32x4.splat(0.5), p);
}

/** `gelu(x) = x·Φ(x)`, as `max(x, 0) − |x|·(1 − Φ(|x|))`; within 3e-7 of the exact value. */
// @inline
export function gelu(x: v128): v128 {
  const a = nearZero(x);
  return withoutTail(x, a, upperTail(a));
}

/** Gelu of x, given its magnitude, at most 12, and the upper tail there. */
// @inline
function withoutTail(x: v128, a: v128, tail: v128): v128 {
  return f32x4.sub(f32x4.pmax(x, f32x4.splat(0)), f32x4.mul(a, tail));
}

/**
 * Gelu of n float32 in a row, but for what is left of whole fours. V8 makes a constant anew for each use, in three
 * instructions; here each is joined to a zero that it cannot know, and so kept.
 */
export function storeGelu(x: usize, to: usize, n: i32): void {
  const zero = i32x4.splat(n >> 31);
  const far = v128.or(f32x4.splat(FAR), zero);
  const half = v128.or(f32x4.splat(0.5), zero);
  const a = v128.or(f32x4.splat(2.80827362e-6), zero);
  const b = v128.or(f32x4.splat(-1.51351705e-5), zero);
  const c = v128.or(f32x4.splat(8.9156325e-5), zero);
  const d = v128.or(f32x4.splat(1.34172791e-4), zero);
  const e = v128.or(f32x4.splat(9.46396147e-4), zero);
  const f = v128.or(f32x4.splat(8.61979369e-3), zero);
  const g = v128.or(f32x4.splat(4.47772741e-2), zero);
  const h = v128.or(f32x4.splat(9.97342616e-2), zero);
  const i = v128.or(f32x4.splat(1), zero);
  for (const end = x + ((<usize>(n & ~3)) << 2); x < end; x += 16) {
    const value = v128.load(x);
    const size = f32x4.pmin(f32x4.abs(value), far);
    let p = madd(a, size, b);
    p = madd(p, size, c);
    p = madd(p, size, d);
    p = madd(p, size, e);
    p = madd(p, size, f);
    p = madd(p, size, g);
    p = madd(p, size, h);
    p = madd(p, size, i);
    p = f32x4.mul(p, p);
    p = f32x4.mul(p, p);
    p = f32x4.mul(p, p);
    v128.store(to, withoutTail(value, size, f32x4.div(half, p)));
    to += 16;
  }
}

/** The derivative of gelu: `Φ(x) + x·φ(x)`. */
// @inline
export function geluSlope(x: v128): v128 {
  const a = nearZero(x);
  const tail = upperTail(a);
  const below = f32x4.lt(x, f32x4.splat(0));
  const phi = v128.bitselect(tail, f32x4.sub(f32x4.splat(1), tail), below); // Φ(x)
  const density = f32x4.mul(exp(f32x4.mul(f32x4.mul(a, a), f32x4.splat(-0.5))), f32x4.splat(0.39894228));
  const signed = v128.bitselect(f32x4.neg(a), a, below);
  return madd(signed, density, phi);
}
