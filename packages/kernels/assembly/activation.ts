/** Activations of whole arrays. */
import { gelu, geluSlope, storeGelu } from "./functions";

/** Codes of activations, as the TypeScript side has them. */
export const NONE: i32 = 0;
export const GELU: i32 = 1;
export const RELU: i32 = 2;

/** `to[i] = activation(x[i])` for n float32; `to` may be `x`. */
export function activate(x: usize, to: usize, n: i32, activation: i32): void {
  if (activation == NONE && x == to) return;
  let i = 0;
  if (activation == GELU) {
    storeGelu(x, to, n);
    i = n & ~3;
    x += (<usize>i) << 2;
    to += (<usize>i) << 2;
  }
  for (; i + 4 <= n; i += 4) {
    v128.store(to, activated(v128.load(x), activation));
    x += 16;
    to += 16;
  }
  for (; i < n; i++) {
    f32.store(to, f32x4.extract_lane(activated(v128.load32_splat(x), activation), 0));
    x += 4;
    to += 4;
  }
}

/** `dx[i] = dy[i]·gelu′(x[i])` for n float32. */
export function geluGrad(dy: usize, x: usize, dx: usize, n: i32): void {
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    v128.store(dx, f32x4.mul(v128.load(dy), geluSlope(v128.load(x))));
    dy += 16;
    x += 16;
    dx += 16;
  }
  for (; i < n; i++) {
    f32.store(dx, f32.load(dy) * f32x4.extract_lane(geluSlope(v128.load32_splat(x)), 0));
    dy += 4;
    x += 4;
    dx += 4;
  }
}

// --- internal ---

// @inline
function activated(x: v128, activation: i32): v128 {
  if (activation == GELU) return gelu(x);
  if (activation == RELU) return f32x4.max(x, f32x4.splat(0));
  return x;
}
