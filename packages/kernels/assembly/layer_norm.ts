/** Layer normalisation of rows, and its gradient. */
import { madd, sumOf } from "./simd";

/**
 * `y = (s − mean) / √(variance + eps)·gain + bias` with `s = x + residual`, row by row.
 *
 * @param residual float32 `[m, h]`, or 0 for none.
 * @param y float32 `[m, h]`; may be `x` or `residual`.
 * @param normal float32 `[m, h]`, where the rows go before gain and bias; or 0.
 * @param inverse float32 `[m]`, where `1 / √(variance + eps)` goes, if `normal` is given.
 */
export function layerNorm(
  x: usize,
  residual: usize,
  gain: usize,
  bias: usize,
  y: usize,
  normal: usize,
  inverse: usize,
  m: i32,
  h: i32,
  eps: f32,
): void {
  const width = (<usize>h) << 2;
  for (let i = 0; i < m; i++) {
    const mean = addInto(x, residual, y, h) / <f32>h;
    const deviation: f32 = 1 / sqrt<f32>(centre(y, mean, h) / <f32>h + eps);
    if (normal != 0) {
      f32.store(inverse, deviation);
      inverse += 4;
    }
    scaleRow(y, deviation, gain, bias, normal, h);
    if (normal != 0) normal += width;
    x += width;
    y += width;
    if (residual != 0) residual += width;
  }
}

/**
 * The gradients of {@link layerNorm}: `dx` (of the residual too), `dgain = Σ dy·normal`, `dbias = Σ dy`, where sums go over
 * the rows in their order.
 */
export function layerNormGrad(
  dy: usize,
  normal: usize,
  inverse: usize,
  gain: usize,
  dx: usize,
  dgain: usize,
  dbias: usize,
  m: i32,
  h: i32,
): void {
  memory.fill(dgain, 0, (<usize>h) << 2);
  memory.fill(dbias, 0, (<usize>h) << 2);
  const whole = (<usize>(h & ~3)) << 2;
  const width = (<usize>h) << 2;
  for (let i = 0; i < m; i++) {
    let sums = f32x4.splat(0);
    let products = sums;
    let at: usize = 0;
    for (; at < whole; at += 16) {
      const d = v128.load(dy + at);
      const n = v128.load(normal + at);
      v128.store(dgain + at, madd(d, n, v128.load(dgain + at)));
      v128.store(dbias + at, f32x4.add(v128.load(dbias + at), d));
      const scaled = f32x4.mul(d, v128.load(gain + at));
      sums = f32x4.add(sums, scaled);
      products = madd(scaled, n, products);
    }
    let sum = sumOf(sums);
    let product = sumOf(products);
    for (; at < width; at += 4) {
      const d = f32.load(dy + at);
      const n = f32.load(normal + at);
      f32.store(dgain + at, f32.load(dgain + at) + d * n);
      f32.store(dbias + at, f32.load(dbias + at) + d);
      const scaled = d * f32.load(gain + at);
      sum += scaled;
      product += scaled * n;
    }
    const mean = sum / <f32>h;
    const along = product / <f32>h;
    const by = f32.load(inverse);
    for (at = 0; at < whole; at += 16) {
      const scaled = f32x4.mul(v128.load(dy + at), v128.load(gain + at));
      const across = f32x4.sub(scaled, f32x4.splat(mean));
      const rest = f32x4.sub(across, f32x4.mul(v128.load(normal + at), f32x4.splat(along)));
      v128.store(dx + at, f32x4.mul(rest, f32x4.splat(by)));
    }
    for (; at < width; at += 4) {
      const scaled = f32.load(dy + at) * f32.load(gain + at);
      f32.store(dx + at, (scaled - mean - f32.load(normal + at) * along) * by);
    }
    dy += width;
    normal += width;
    dx += width;
    inverse += 4;
  }
}

// --- internal ---

/** `y = x + residual`; the sum of y. */
function addInto(x: usize, residual: usize, y: usize, h: i32): f32 {
  let sums = f32x4.splat(0);
  let j = 0;
  for (; j + 4 <= h; j += 4) {
    let value = v128.load(x);
    if (residual != 0) {
      value = f32x4.add(value, v128.load(residual));
      residual += 16;
    }
    v128.store(y, value);
    sums = f32x4.add(sums, value);
    x += 16;
    y += 16;
  }
  let sum = sumOf(sums);
  for (; j < h; j++) {
    let value = f32.load(x);
    if (residual != 0) {
      value += f32.load(residual);
      residual += 4;
    }
    f32.store(y, value);
    sum += value;
    x += 4;
    y += 4;
  }
  return sum;
}

/** Take the mean off a row; the sum of the squares. */
function centre(y: usize, mean: f32, h: i32): f32 {
  let squares = f32x4.splat(0);
  let j = 0;
  for (; j + 4 <= h; j += 4) {
    const value = f32x4.sub(v128.load(y), f32x4.splat(mean));
    v128.store(y, value);
    squares = madd(value, value, squares);
    y += 16;
  }
  let sum = sumOf(squares);
  for (; j < h; j++) {
    const value = f32.load(y) - mean;
    f32.store(y, value);
    sum += value * value;
    y += 4;
  }
  return sum;
}

/** From a centred row the normalised one, and from it the result. */
function scaleRow(y: usize, by: f32, gain: usize, bias: usize, normal: usize, h: i32): void {
  const whole = (<usize>(h & ~3)) << 2;
  const width = (<usize>h) << 2;
  let at: usize = 0;
  for (; at < whole; at += 16) {
    const value = f32x4.mul(v128.load(y + at), f32x4.splat(by));
    if (normal != 0) v128.store(normal + at, value);
    v128.store(y + at, madd(value, v128.load(gain + at), v128.load(bias + at)));
  }
  for (; at < width; at += 4) {
    const value = f32.load(y + at) * by;
    if (normal != 0) f32.store(normal + at, value);
    f32.store(y + at, value * f32.load(gain + at) + f32.load(bias + at));
  }
}
