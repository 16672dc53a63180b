/** The step of AdamW, and the norms that gradients are clipped by. */
import { sumOf } from "./simd";

/**
 * One step for n parameters:
 *
 * m′ = β₁·m + g·w₁, v′ = β₂·v + g²·w₂, p′ = p − η·(c₁·m′ / (√(c₂·v′) + ε) + λ·p)
 *
 * Weights w₁ = clip·(1 − β₁) and w₂ = clip²·(1 − β₂), the rate η and the corrections come at addresses, for they are
 * tensors.
 */
export function adamW(
  p: usize,
  m: usize,
  v: usize,
  g: usize,
  nextP: usize,
  nextM: usize,
  nextV: usize,
  n: i32,
  firstWeight: usize,
  secondWeight: usize,
  rate: usize,
  firstCorrection: usize,
  secondCorrection: usize,
  beta1: f32,
  beta2: f32,
  epsilon: f32,
  decay: f32,
): void {
  const w1 = v128.load32_splat(firstWeight);
  const w2 = v128.load32_splat(secondWeight);
  const eta = v128.load32_splat(rate);
  const c1 = v128.load32_splat(firstCorrection);
  const c2 = v128.load32_splat(secondCorrection);
  const end = (<usize>n) << 2;
  for (let at: usize = 0; at < end; at += 16) {
    const whole = at + 16 <= end;
    const gradient = whole ? v128.load(g + at) : v128.load32_splat(g + at);
    const parameter = whole ? v128.load(p + at) : v128.load32_splat(p + at);
    const first = f32x4.add(
      f32x4.mul(whole ? v128.load(m + at) : v128.load32_splat(m + at), f32x4.splat(beta1)),
      f32x4.mul(gradient, w1),
    );
    const second = f32x4.add(
      f32x4.mul(whole ? v128.load(v + at) : v128.load32_splat(v + at), f32x4.splat(beta2)),
      f32x4.mul(f32x4.mul(gradient, gradient), w2),
    );
    const root = f32x4.add(f32x4.sqrt(f32x4.mul(second, c2)), f32x4.splat(epsilon));
    const adam = f32x4.div(f32x4.mul(first, c1), root);
    const change = f32x4.add(adam, f32x4.mul(parameter, f32x4.splat(decay)));
    const next = f32x4.sub(parameter, f32x4.mul(change, eta));
    if (whole) {
      v128.store(nextM + at, first);
      v128.store(nextV + at, second);
      v128.store(nextP + at, next);
    } else {
      f32.store(nextM + at, f32x4.extract_lane(first, 0));
      f32.store(nextV + at, f32x4.extract_lane(second, 0));
      f32.store(nextP + at, f32x4.extract_lane(next, 0));
      at -= 12; // one by one at the end
    }
  }
}

/** The sum of the squares of n float32, in double precision. */
export function sumOfSquares(x: usize, n: i32): f64 {
  let sum: f64 = 0;
  let i = 0;
  while (i + 4 <= n) {
    const end = min(n & ~3, i + 256); // short sums first
    let squares = f32x4.splat(0);
    for (; i < end; i += 4) {
      const value = v128.load(x);
      squares = f32x4.add(squares, f32x4.mul(value, value));
      x += 16;
    }
    sum += sumOf(squares);
  }
  for (; i < n; i++) {
    const value = <f64>f32.load(x);
    sum += value * value;
    x += 4;
  }
  return sum;
}
