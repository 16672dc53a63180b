/** Softmax of rows, its gradient, and cross-entropy against it. */
import { exp, storeExp } from "./functions";
import { largestOf, madd, sumOf } from "./simd";

/**
 * `softmax(x·scale + bias)` of rows, in place; a row of which a number is NaN becomes NaN.
 *
 * @param x float32 `[rows, n]`.
 * @param bias float32 `[n]` at `biasStride` bytes from row to row, or 0 for none.
 */
export function softmaxRows(x: usize, rows: i32, n: i32, scale: f32, bias: usize, biasStride: i32): void {
  for (let i = 0; i < rows; i++) {
    const most = bias == 0 ? scaleRow(x, n, scale) : scaleAndAdd(x, n, scale, bias + <usize>i * biasStride);
    const sum = expRow(x, x, n, most);
    multiplyRow(x, n, 1 / sum);
    x += (<usize>n) << 2;
  }
}

/**
 * From the gradient of softmax's result that of its argument before scaling: `scale·p·(dp − Σ dp·p)`, in place of `dp`.
 *
 * @param dp float32 `[rows, n]`.
 * @param p float32 `[rows, n]`, softmax's result.
 */
export function softmaxGradRows(dp: usize, p: usize, rows: i32, n: i32, scale: f32): void {
  for (let i = 0; i < rows; i++) {
    const along = dot(dp, p, n);
    let j = 0;
    for (; j + 4 <= n; j += 4) {
      const centred = f32x4.sub(v128.load(dp), f32x4.splat(along));
      v128.store(dp, f32x4.mul(f32x4.mul(centred, v128.load(p)), f32x4.splat(scale)));
      dp += 16;
      p += 16;
    }
    for (; j < n; j++) {
      f32.store(dp, (f32.load(dp) - along) * f32.load(p) * scale);
      dp += 4;
      p += 4;
    }
  }
}

/**
 * The mean cross-entropy in nats of softmax over rows of logits against labels; rows labelled `ignored` count for nothing.
 *
 * @param logits float32 `[rows, n]`.
 * @param labels int32 `[rows]`.
 * @param probabilities float32 `[rows, n]`, where softmax is put; or scratch of n float32 if `keep` is false.
 * @returns The mean; NaN if no row counts.
 */
export function crossEntropy(
  logits: usize,
  labels: usize,
  probabilities: usize,
  rows: i32,
  n: i32,
  ignored: i32,
  keep: bool,
): f32 {
  let loss: f64 = 0;
  let counted = 0;
  for (let i = 0; i < rows; i++) {
    const most = largest(logits, n);
    const sum = expRow(logits, probabilities, n, most);
    const label = i32.load(labels);
    if (label != ignored) {
      const chosen = f32.load(logits + ((<usize>label) << 2)) - most;
      loss += log(sum) - chosen;
      counted++;
    }
    if (keep) {
      multiplyRow(probabilities, n, 1 / sum);
      probabilities += (<usize>n) << 2;
    }
    logits += (<usize>n) << 2;
    labels += 4;
  }
  return <f32>(loss / counted);
}

/** The gradient of {@link crossEntropy} in the logits: `(p − one-hot)·dy / count`, and 0 for rows that do not count. */
export function crossEntropyGrad(
  dy: f32,
  probabilities: usize,
  labels: usize,
  dx: usize,
  rows: i32,
  n: i32,
  ignored: i32,
): void {
  let counted = 0;
  for (let i = 0; i < rows; i++) counted += i32.load(labels + ((<usize>i) << 2)) == ignored ? 0 : 1;
  const scale = dy / <f32>max(counted, 1);
  for (let i = 0; i < rows; i++) {
    const label = i32.load(labels + ((<usize>i) << 2));
    const row = dx;
    const by: f32 = label == ignored ? 0 : scale;
    let j = 0;
    for (; j + 4 <= n; j += 4) {
      v128.store(dx, f32x4.mul(v128.load(probabilities), f32x4.splat(by)));
      dx += 16;
      probabilities += 16;
    }
    for (; j < n; j++) {
      f32.store(dx, f32.load(probabilities) * by);
      dx += 4;
      probabilities += 4;
    }
    if (label != ignored) {
      const at = row + ((<usize>label) << 2);
      f32.store(at, f32.load(at) - by);
    }
  }
}

// --- internal ---

/** Scale a row in place; its largest number. */
function scaleRow(x: usize, n: i32, scale: f32): f32 {
  let most = f32x4.splat(-Infinity);
  let j = 0;
  for (; j + 4 <= n; j += 4) {
    const value = f32x4.mul(v128.load(x), f32x4.splat(scale));
    v128.store(x, value);
    most = f32x4.pmax(most, value);
    x += 16;
  }
  let found = largestOf(most);
  for (; j < n; j++) {
    const value = f32.load(x) * scale;
    f32.store(x, value);
    found = max<f32>(found, value);
    x += 4;
  }
  return found;
}

/** Scale a row in place and add a bias; its largest number. */
function scaleAndAdd(x: usize, n: i32, scale: f32, bias: usize): f32 {
  let most = f32x4.splat(-Infinity);
  let j = 0;
  for (; j + 4 <= n; j += 4) {
    const value = f32x4.add(f32x4.mul(v128.load(x), f32x4.splat(scale)), v128.load(bias));
    v128.store(x, value);
    most = f32x4.pmax(most, value);
    x += 16;
    bias += 16;
  }
  let found = largestOf(most);
  for (; j < n; j++) {
    const value = f32.load(x) * scale + f32.load(bias);
    f32.store(x, value);
    found = max<f32>(found, value);
    x += 4;
    bias += 4;
  }
  return found;
}

function largest(x: usize, n: i32): f32 {
  let most = f32x4.splat(-Infinity);
  let j = 0;
  for (; j + 4 <= n; j += 4) {
    most = f32x4.pmax(most, v128.load(x));
    x += 16;
  }
  let found = largestOf(most);
  for (; j < n; j++) {
    found = max<f32>(found, f32.load(x));
    x += 4;
  }
  return found;
}

/** `to = e^(x − most)` for a row; the sum. */
function expRow(x: usize, to: usize, n: i32, most: f32): f32 {
  let sum = sumOf(storeExp(x, most, to, n));
  const shift = f32x4.splat(most);
  let j = n & ~3;
  x += (<usize>j) << 2;
  to += (<usize>j) << 2;
  for (; j < n; j++) {
    const value = f32x4.extract_lane(exp(f32x4.sub(v128.load32_splat(x), shift)), 0);
    f32.store(to, value);
    sum += value;
    x += 4;
    to += 4;
  }
  return sum;
}

function multiplyRow(x: usize, n: i32, by: f32): void {
  let j = 0;
  for (; j + 4 <= n; j += 4) {
    v128.store(x, f32x4.mul(v128.load(x), f32x4.splat(by)));
    x += 16;
  }
  for (; j < n; j++) {
    f32.store(x, f32.load(x) * by);
    x += 4;
  }
}

function dot(x: usize, y: usize, n: i32): f32 {
  let sums = f32x4.splat(0);
  let j = 0;
  for (; j + 4 <= n; j += 4) {
    sums = madd(v128.load(x), v128.load(y), sums);
    x += 16;
    y += 16;
  }
  let sum = sumOf(sums);
  for (; j < n; j++) {
    sum += f32.load(x) * f32.load(y);
    x += 4;
    y += 4;
  }
  return sum;
}

/**
 * The natural logarithm of a positive normal number, to 1e-12: x = 2ᵉ·m with m in [√½, √2), and log m as a series in
 * (m − 1) / (m + 1). NaN and infinity stay what they are.
 */
function log(x: f64): f64 {
  if (!(x < Infinity)) return x;
  const bits = reinterpret<i64>(x);
  let e = <i32>((bits >> 52) & 2047) - 1023;
  let m = reinterpret<f64>((bits & 0xfffffffffffff) | 0x3ff0000000000000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    e++;
  }
  const s = (m - 1) / (m + 1);
  const u = s * s;
  let series: f64 = 1.0 / 15;
  series = series * u + 1.0 / 13;
  series = series * u + 1.0 / 11;
  series = series * u + 1.0 / 9;
  series = series * u + 1.0 / 7;
  series = series * u + 1.0 / 5;
  series = series * u + 1.0 / 3;
  series = series * u + 1;
  return <f64>e * 0.6931471805599453 + 2 * s * series;
}
