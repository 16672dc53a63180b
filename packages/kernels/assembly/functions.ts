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

/** Gelu of sixteen float32 in a row: V8 makes each constant anew for each use, so four vectors share it. */
// @inline
export function storeGelu(x: usize, to: usize): void {
  const a = nearZero(v128.load(x));
  const b = nearZero(v128.load(x, 16));
  const c = nearZero(v128.load(x, 32));
  const d = nearZero(v128.load(x, 48));
  let p = f32x4.splat(2.80827362e-6);
  let q = p;
  let r = p;
  let s = p;
  let constant = p;
  constant = f32x4.splat(-1.51351705e-5);
  p = madd(p, a, constant);
  q = madd(q, b, constant);
  r = madd(r, c, constant);
  s = madd(s, d, constant);
  constant = f32x4.splat(8.9156325e-5);
  p = madd(p, a, constant);
  q = madd(q, b, constant);
  r = madd(r, c, constant);
  s = madd(s, d, constant);
  constant = f32x4.splat(1.34172791e-4);
  p = madd(p, a, constant);
  q = madd(q, b, constant);
  r = madd(r, c, constant);
  s = madd(s, d, constant);
  constant = f32x4.splat(9.46396147e-4);
  p = madd(p, a, constant);
  q = madd(q, b, constant);
  r = madd(r, c, constant);
  s = madd(s, d, constant);
  constant = f32x4.splat(8.61979369e-3);
  p = madd(p, a, constant);
  q = madd(q, b, constant);
  r = madd(r, c, constant);
  s = madd(s, d, constant);
  constant = f32x4.splat(4.47772741e-2);
  p = madd(p, a, constant);
  q = madd(q, b, constant);
  r = madd(r, c, constant);
  s = madd(s, d, constant);
  constant = f32x4.splat(9.97342616e-2);
  p = madd(p, a, constant);
  q = madd(q, b, constant);
  r = madd(r, c, constant);
  s = madd(s, d, constant);
  constant = f32x4.splat(1);
  p = madd(p, a, constant);
  q = madd(q, b, constant);
  r = madd(r, c, constant);
  s = madd(s, d, constant);
  v128.store(to, withoutTail(v128.load(x), a, halfOfEighth(p)));
  v128.store(to, withoutTail(v128.load(x, 16), b, halfOfEighth(q)), 16);
  v128.store(to, withoutTail(v128.load(x, 32), c, halfOfEighth(r)), 32);
  v128.store(to, withoutTail(v128.load(x, 48), d, halfOfEighth(s)), 48);
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
