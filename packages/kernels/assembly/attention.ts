/**
 * Attention over heads that lie beside one another: head h of a row `[H]` are its columns from `h·D`. No operand is
 * transposed or copied; scores of one head of one example at a time.
 */
import { NONE } from "./activation";
import { matMul, matMulScratch } from "./mat_mul";
import { softmaxGradRows, softmaxRows } from "./softmax";

/** Bytes of scratch that {@link attention} and {@link attentionGrad} need. */
export function attentionScratch(tokens: i32, size: i32): i32 {
  const widest = max(tokens, size);
  return 8 * tokens * tokens + matMulScratch(widest, widest, widest);
}

/**
 * `context = (softmax(q·kᵀ·scale + bias) ∘ drop)·v`.
 *
 * @param q float32 `[batch·tokens, heads·size]`, `width` elements from row to row; so are k and v.
 * @param bias float32 `[batch, biasRows, tokens]`, with biasRows 1 or `tokens`; or 0.
 * @param drop float32 `[batch, heads, tokens, tokens]`, what probabilities are multiplied by; or 0.
 * @param context float32 `[batch·tokens, heads·size]`.
 * @param probabilities float32 `[batch, heads, tokens, tokens]`, where they are put before `drop`; or 0.
 */
export function attention(
  q: usize,
  k: usize,
  v: usize,
  width: i32,
  bias: usize,
  biasRows: i32,
  drop: usize,
  context: usize,
  probabilities: usize,
  batch: i32,
  heads: i32,
  tokens: i32,
  size: i32,
  scale: f32,
  scratch: usize,
): void {
  const square = (<usize>(tokens * tokens)) << 2;
  const dropped = scratch + square;
  const rest = dropped + square;
  const hidden = heads * size;
  const biasStride = biasRows == 1 ? 0 : tokens << 2;
  for (let b = 0; b < batch; b++) {
    const corner = <usize>(b * tokens) * width;
    for (let h = 0; h < heads; h++) {
      const at = (corner + h * size) << 2;
      const scores = probabilities == 0 ? scratch : probabilities;
      matMul(q + at, width, false, k + at, width, true, scores, tokens, tokens, tokens, size, 0, NONE, rest);
      softmaxRows(scores, tokens, tokens, scale, bias, biasStride);
      let weights = scores;
      if (drop != 0) {
        multiply(scores, drop, dropped, tokens * tokens);
        weights = dropped;
        drop += square;
      }
      const to = context + ((<usize>(b * tokens) * hidden + h * size) << 2);
      matMul(weights, tokens, false, v + at, width, false, to, hidden, tokens, size, tokens, 0, NONE, rest);
      if (probabilities != 0) probabilities += square;
    }
    if (bias != 0) bias += (<usize>(biasRows * tokens)) << 2;
  }
}

/** The gradients of {@link attention} in q, k and v, `[batch·tokens, heads·size]` each, as are q, k and v themselves. */
export function attentionGrad(
  dy: usize,
  q: usize,
  k: usize,
  v: usize,
  probabilities: usize,
  drop: usize,
  dq: usize,
  dk: usize,
  dv: usize,
  batch: i32,
  heads: i32,
  tokens: i32,
  size: i32,
  scale: f32,
  scratch: usize,
): void {
  const square = (<usize>(tokens * tokens)) << 2;
  const dropped = scratch + square;
  const rest = dropped + square;
  const hidden = heads * size;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const at = (<usize>(b * tokens) * hidden + h * size) << 2;
      let weights = probabilities;
      matMul(
        dy + at,
        hidden,
        false,
        v + at,
        hidden,
        true,
        scratch,
        tokens,
        tokens,
        tokens,
        size,
        0,
        NONE,
        rest,
      );
      if (drop != 0) {
        multiply(scratch, drop, scratch, tokens * tokens);
        multiply(probabilities, drop, dropped, tokens * tokens);
        weights = dropped;
        drop += square;
      }
      matMul(
        weights,
        tokens,
        true,
        dy + at,
        hidden,
        false,
        dv + at,
        hidden,
        tokens,
        size,
        tokens,
        0,
        NONE,
        rest,
      );
      softmaxGradRows(scratch, probabilities, tokens, tokens, scale);
      matMul(
        scratch,
        tokens,
        false,
        k + at,
        hidden,
        false,
        dq + at,
        hidden,
        tokens,
        size,
        tokens,
        0,
        NONE,
        rest,
      );
      matMul(
        scratch,
        tokens,
        true,
        q + at,
        hidden,
        false,
        dk + at,
        hidden,
        tokens,
        size,
        tokens,
        0,
        NONE,
        rest,
      );
      probabilities += square;
    }
  }
}

// --- internal ---

function multiply(x: usize, y: usize, to: usize, n: i32): void {
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    v128.store(to, f32x4.mul(v128.load(x), v128.load(y)));
    x += 16;
    y += 16;
    to += 16;
  }
  for (; i < n; i++) {
    f32.store(to, f32.load(x) * f32.load(y));
    x += 4;
    y += 4;
    to += 4;
  }
}
