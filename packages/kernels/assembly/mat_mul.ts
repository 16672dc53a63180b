/**
 * Matrix products in float32.
 *
 * Goto's scheme: of the right side a block of `BLOCK_K` rows is packed into panels of eight columns that stay in the first
 * level of the cache, whichever way the operand lies; a tile of 4 × 8 sums stays in registers. A transposed left side is
 * turned a block at a time. Of `x·Wᵀ` with fewer rows in x than in W, the product is made as `(W·xᵀ)ᵀ`: x is packed, and W is
 * read where it lies. Sums over K are made in blocks, in an order that depends on the sizes alone.
 */
import { activate, NONE } from "./activation";
import { madd, storeTurned, sumOf } from "./simd";

const BLOCK_M: i32 = 64;
const BLOCK_N: i32 = 1024;
const BLOCK_K: i32 = 384;

/** As many rows as are multiplied without packing, by a right side of which the rows are dotted. */
const FEW_ROWS: i32 = 4;

/** Bytes of scratch that {@link matMul} needs. */
export function matMulScratch(m: i32, n: i32, k: i32): i32 {
  const columns = (min(max(m, n), BLOCK_N) + 7) & ~7;
  return (columns * min(k, BLOCK_K) + BLOCK_M * BLOCK_K + 32) << 2;
}

/**
 * `C = activation(A·B + bias)`.
 *
 * @param a float32 `[m, k]`, or `[k, m]` if `transA`; `lda` elements from row to row, and so on for the others.
 * @param b float32 `[k, n]`, or `[n, k]` if `transB`.
 * @param c float32 `[m, n]`.
 * @param bias float32 `[n]`, or 0 for none.
 * @param scratch `matMulScratch(m, n, k)` bytes.
 */
export function matMul(
  a: usize,
  lda: i32,
  transA: bool,
  b: usize,
  ldb: i32,
  transB: bool,
  c: usize,
  ldc: i32,
  m: i32,
  n: i32,
  k: i32,
  bias: usize,
  activation: i32,
  scratch: usize,
): void {
  if (k == 0) {
    for (let i = 0; i < m; i++) memory.fill(c + ((<usize>i * ldc) << 2), 0, (<usize>n) << 2);
    finish(c, ldc, m, n, bias, activation);
    return;
  }
  if (transB && !transA && m <= FEW_ROWS) {
    dotRows(a, lda, b, ldb, c, ldc, m, n, k);
    finish(c, ldc, m, n, bias, activation);
    return;
  }
  const tile = scratch;
  const blockA = tile + 128;
  const panels = blockA + ((BLOCK_M * BLOCK_K) << 2);
  if (transB && !transA && m < n) {
    for (let ic = 0; ic < m; ic += BLOCK_N) {
      const mc = min(BLOCK_N, m - ic);
      const out = c + ((<usize>ic * ldc) << 2);
      for (let pc = 0; pc < k; pc += BLOCK_K) {
        const kc = min(BLOCK_K, k - pc);
        packTurned(a + ((<usize>ic * lda + pc) << 2), lda, panels, mc, kc);
        multiplySwapped(b + ((<usize>pc) << 2), ldb, panels, out, ldc, mc, n, kc, pc > 0, tile);
      }
      finish(out, ldc, mc, n, bias, activation);
    }
    return;
  }
  for (let jc = 0; jc < n; jc += BLOCK_N) {
    const nc = min(BLOCK_N, n - jc);
    for (let pc = 0; pc < k; pc += BLOCK_K) {
      const kc = min(BLOCK_K, k - pc);
      const corner = b + ((transB ? <usize>jc * ldb + pc : <usize>pc * ldb + jc) << 2);
      if (transB) packTurned(corner, ldb, panels, nc, kc);
      else pack(corner, ldb, panels, nc, kc);
      for (let ic = 0; ic < m; ic += BLOCK_M) {
        const mc = min(BLOCK_M, m - ic);
        let rows = a + ((<usize>ic * lda + pc) << 2);
        let stride = lda;
        if (transA) {
          rows = blockA;
          stride = kc;
          turn(a + ((<usize>pc * lda + ic) << 2), lda, blockA, mc, kc);
        }
        const out = c + ((<usize>ic * ldc + jc) << 2);
        multiplyBlock(rows, stride, panels, out, ldc, mc, nc, kc, pc > 0, tile);
        if (pc + kc == k) finish(out, ldc, mc, nc, bias == 0 ? 0 : bias + ((<usize>jc) << 2), activation);
      }
    }
  }
}

// --- internal ---

/** Bias and activation, over what has just been computed. */
function finish(c: usize, ldc: i32, m: i32, n: i32, bias: usize, activation: i32): void {
  if (bias == 0 && activation == NONE) return;
  for (let i = 0; i < m; i++) {
    const row = c + ((<usize>i * ldc) << 2);
    if (bias != 0) {
      let j = 0;
      for (; j + 4 <= n; j += 4) {
        const at = (<usize>j) << 2;
        v128.store(row + at, f32x4.add(v128.load(row + at), v128.load(bias + at)));
      }
      for (; j < n; j++) {
        const at = (<usize>j) << 2;
        f32.store(row + at, f32.load(row + at) + f32.load(bias + at));
      }
    }
    if (activation != NONE) activate(row, row, n, activation);
  }
}

/** Panels of eight columns: `[⌈n / 8⌉, k, 8]`, filled up with zeros. */
function pack(b: usize, ldb: i32, to: usize, n: i32, k: i32): void {
  const stride = (<usize>ldb) << 2;
  let j = 0;
  for (; j + 8 <= n; j += 8) {
    let from = b + ((<usize>j) << 2);
    for (let p = 0; p < k; p++) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
      from += stride;
      to += 32;
    }
  }
  if (j == n) return;
  for (let p = 0; p < k; p++) {
    const from = b + <usize>p * stride;
    for (let column = j; column < j + 8; column++) {
      f32.store(to, column < n ? f32.load(from + ((<usize>column) << 2)) : 0);
      to += 4;
    }
  }
}

/** The same panels, of a right side that lies transposed, `[n, k]`. */
function packTurned(b: usize, ldb: i32, to: usize, n: i32, k: i32): void {
  const stride = (<usize>ldb) << 2;
  let j = 0;
  for (; j + 8 <= n; j += 8) {
    const from = b + <usize>j * stride;
    turnFour(from, stride, to, k);
    turnFour(from + 4 * stride, stride, to + 16, k);
    to += (<usize>k) << 5;
  }
  if (j == n) return;
  for (let p = 0; p < k; p++) {
    for (let column = j; column < j + 8; column++) {
      f32.store(to, column < n ? f32.load(b + <usize>column * stride + ((<usize>p) << 2)) : 0);
      to += 4;
    }
  }
}

/** Four rows of k numbers to k rows of four, 32 bytes apart. */
function turnFour(from: usize, stride: usize, to: usize, k: i32): void {
  let row0 = from;
  let row1 = row0 + stride;
  let row2 = row1 + stride;
  let row3 = row2 + stride;
  let p = 0;
  for (; p + 4 <= k; p += 4) {
    storeTurned(v128.load(row0), v128.load(row1), v128.load(row2), v128.load(row3), to, 32);
    row0 += 16;
    row1 += 16;
    row2 += 16;
    row3 += 16;
    to += 128;
  }
  for (; p < k; p++) {
    f32.store(to, f32.load(row0));
    f32.store(to, f32.load(row1), 4);
    f32.store(to, f32.load(row2), 8);
    f32.store(to, f32.load(row3), 12);
    row0 += 4;
    row1 += 4;
    row2 += 4;
    row3 += 4;
    to += 32;
  }
}

/** `[k, m]` to `[m, k]`. */
function turn(a: usize, lda: i32, to: usize, m: i32, k: i32): void {
  const stride = (<usize>lda) << 2;
  const width = (<usize>k) << 2;
  let p = 0;
  for (; p + 4 <= k; p += 4) {
    const from = a + <usize>p * stride;
    const column = to + ((<usize>p) << 2);
    let i = 0;
    for (; i + 4 <= m; i += 4) {
      const at = from + ((<usize>i) << 2);
      const row1 = at + stride;
      const row2 = row1 + stride;
      storeTurned(
        v128.load(at),
        v128.load(row1),
        v128.load(row2),
        v128.load(row2 + stride),
        column + <usize>i * width,
        width,
      );
    }
    for (; i < m; i++) {
      for (let q: usize = 0; q < 4; q++) {
        f32.store(column + <usize>i * width + (q << 2), f32.load(from + q * stride + ((<usize>i) << 2)));
      }
    }
  }
  for (; p < k; p++) {
    for (let i = 0; i < m; i++) {
      f32.store(
        to + <usize>i * width + ((<usize>p) << 2),
        f32.load(a + <usize>p * stride + ((<usize>i) << 2)),
      );
    }
  }
}

/** Rows times packed panels, tile by tile; tiles at the edge go by way of `tile`. */
function multiplyBlock(
  a: usize,
  lda: i32,
  panels: usize,
  c: usize,
  ldc: i32,
  m: i32,
  n: i32,
  k: i32,
  accumulate: bool,
  tile: usize,
): void {
  const stride = (<usize>lda) << 2;
  const width = (<usize>ldc) << 2;
  for (let j = 0; j < n; j += 8) {
    const panel = panels + ((<usize>j * k) << 2);
    const columns = n - j;
    for (let i = 0; i < m; i += 4) {
      const rows = m - i;
      const from = a + <usize>i * stride;
      const to = c + <usize>i * width + ((<usize>j) << 2);
      if (rows >= 4 && columns >= 8) {
        multiplyTile(
          from,
          from + stride,
          from + 2 * stride,
          from + 3 * stride,
          panel,
          k,
          to,
          width,
          accumulate,
        );
        continue;
      }
      const row1 = rows > 1 ? from + stride : from;
      const row2 = rows > 2 ? row1 + stride : row1;
      multiplyTile(from, row1, row2, rows > 3 ? row2 + stride : row2, panel, k, tile, 32, false);
      storeEdge(tile, to, width, min(rows, 4), min(columns, 8), accumulate);
    }
  }
}

/** `C = (B·Aᵀ)ᵀ`, with the rows of B where they lie and A packed. */
function multiplySwapped(
  b: usize,
  ldb: i32,
  panels: usize,
  c: usize,
  ldc: i32,
  m: i32,
  n: i32,
  k: i32,
  accumulate: bool,
  tile: usize,
): void {
  const stride = (<usize>ldb) << 2;
  const width = (<usize>ldc) << 2;
  for (let j = 0; j < n; j += 4) {
    const columns = n - j;
    const row0 = b + <usize>j * stride;
    const row1 = columns > 1 ? row0 + stride : row0;
    const row2 = columns > 2 ? row1 + stride : row1;
    const row3 = columns > 3 ? row2 + stride : row2;
    for (let i = 0; i < m; i += 8) {
      multiplyTile(row0, row1, row2, row3, panels + ((<usize>i * k) << 2), k, tile, 32, false);
      const to = c + <usize>i * width + ((<usize>j) << 2);
      if (columns >= 4 && i + 8 <= m) {
        storeTurnedTile(tile, to, width, accumulate);
        storeTurnedTile(tile + 16, to + 4 * width, width, accumulate);
        continue;
      }
      for (let row = 0; row < min(m - i, 8); row++) {
        for (let column = 0; column < min(columns, 4); column++) {
          const at = to + <usize>row * width + ((<usize>column) << 2);
          const sum = f32.load(tile + ((<usize>column) << 5) + ((<usize>row) << 2));
          f32.store(at, accumulate ? f32.load(at) + sum : sum);
        }
      }
    }
  }
}

/** Half of a tile, 4 × 4, transposed. */
function storeTurnedTile(tile: usize, to: usize, width: usize, accumulate: bool): void {
  if (!accumulate) {
    storeTurned(v128.load(tile), v128.load(tile, 32), v128.load(tile, 64), v128.load(tile, 96), to, width);
    return;
  }
  const a = v128.load(to);
  const b = v128.load(to + width);
  const c = v128.load(to + 2 * width);
  const d = v128.load(to + 3 * width);
  storeTurned(v128.load(tile), v128.load(tile, 32), v128.load(tile, 64), v128.load(tile, 96), to, width);
  v128.store(to, f32x4.add(v128.load(to), a));
  v128.store(to + width, f32x4.add(v128.load(to + width), b));
  v128.store(to + 2 * width, f32x4.add(v128.load(to + 2 * width), c));
  v128.store(to + 3 * width, f32x4.add(v128.load(to + 3 * width), d));
}

function storeEdge(tile: usize, to: usize, width: usize, rows: i32, columns: i32, accumulate: bool): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const at = to + <usize>i * width + ((<usize>j) << 2);
      const sum = f32.load(tile + ((<usize>i) << 5) + ((<usize>j) << 2));
      f32.store(at, accumulate ? f32.load(at) + sum : sum);
    }
  }
}

/** Four rows of k numbers times one panel: 4 × 8 sums. */
function multiplyTile(
  row0: usize,
  row1: usize,
  row2: usize,
  row3: usize,
  panel: usize,
  k: i32,
  c: usize,
  width: usize,
  accumulate: bool,
): void {
  let c00 = f32x4.splat(0);
  let c01 = c00;
  let c10 = c00;
  let c11 = c00;
  let c20 = c00;
  let c21 = c00;
  let c30 = c00;
  let c31 = c00;
  const end = row0 + ((<usize>(k & ~1)) << 2);
  while (row0 < end) {
    let left = v128.load(panel);
    let right = v128.load(panel, 16);
    let x = v128.load32_splat(row0);
    c00 = madd(x, left, c00);
    c01 = madd(x, right, c01);
    x = v128.load32_splat(row1);
    c10 = madd(x, left, c10);
    c11 = madd(x, right, c11);
    x = v128.load32_splat(row2);
    c20 = madd(x, left, c20);
    c21 = madd(x, right, c21);
    x = v128.load32_splat(row3);
    c30 = madd(x, left, c30);
    c31 = madd(x, right, c31);
    left = v128.load(panel, 32);
    right = v128.load(panel, 48);
    x = v128.load32_splat(row0, 4);
    c00 = madd(x, left, c00);
    c01 = madd(x, right, c01);
    x = v128.load32_splat(row1, 4);
    c10 = madd(x, left, c10);
    c11 = madd(x, right, c11);
    x = v128.load32_splat(row2, 4);
    c20 = madd(x, left, c20);
    c21 = madd(x, right, c21);
    x = v128.load32_splat(row3, 4);
    c30 = madd(x, left, c30);
    c31 = madd(x, right, c31);
    row0 += 8;
    row1 += 8;
    row2 += 8;
    row3 += 8;
    panel += 64;
  }
  if (k & 1) {
    const left = v128.load(panel);
    const right = v128.load(panel, 16);
    let x = v128.load32_splat(row0);
    c00 = madd(x, left, c00);
    c01 = madd(x, right, c01);
    x = v128.load32_splat(row1);
    c10 = madd(x, left, c10);
    c11 = madd(x, right, c11);
    x = v128.load32_splat(row2);
    c20 = madd(x, left, c20);
    c21 = madd(x, right, c21);
    x = v128.load32_splat(row3);
    c30 = madd(x, left, c30);
    c31 = madd(x, right, c31);
  }
  if (accumulate) {
    addTo(c, c00, c01);
    addTo(c + width, c10, c11);
    addTo(c + 2 * width, c20, c21);
    addTo(c + 3 * width, c30, c31);
  } else {
    v128.store(c, c00);
    v128.store(c, c01, 16);
    c += width;
    v128.store(c, c10);
    v128.store(c, c11, 16);
    c += width;
    v128.store(c, c20);
    v128.store(c, c21, 16);
    c += width;
    v128.store(c, c30);
    v128.store(c, c31, 16);
  }
}

// @inline
function addTo(c: usize, left: v128, right: v128): void {
  v128.store(c, f32x4.add(v128.load(c), left));
  v128.store(c, f32x4.add(v128.load(c, 16), right), 16);
}

/** A few rows against a transposed right side, which is read once and where it lies. */
function dotRows(a: usize, lda: i32, b: usize, ldb: i32, c: usize, ldc: i32, m: i32, n: i32, k: i32): void {
  const stride = (<usize>ldb) << 2;
  for (let j = 0; j < n; j += 4) {
    const row0 = b + <usize>j * stride;
    const row1 = j + 1 < n ? row0 + stride : row0;
    const row2 = j + 2 < n ? row1 + stride : row1;
    const row3 = j + 3 < n ? row2 + stride : row2;
    for (let i = 0; i < m; i++) {
      dotFour(a + ((<usize>i * lda) << 2), row0, row1, row2, row3, k, c + ((<usize>i * ldc + j) << 2), n - j);
    }
  }
}

function dotFour(
  x: usize,
  row0: usize,
  row1: usize,
  row2: usize,
  row3: usize,
  k: i32,
  to: usize,
  columns: i32,
): void {
  let sum0 = f32x4.splat(0);
  let sum1 = sum0;
  let sum2 = sum0;
  let sum3 = sum0;
  let at: usize = 0;
  const end = (<usize>(k & ~3)) << 2;
  for (; at < end; at += 16) {
    const four = v128.load(x + at);
    sum0 = madd(v128.load(row0 + at), four, sum0);
    sum1 = madd(v128.load(row1 + at), four, sum1);
    sum2 = madd(v128.load(row2 + at), four, sum2);
    sum3 = madd(v128.load(row3 + at), four, sum3);
  }
  let dot0 = sumOf(sum0);
  let dot1 = sumOf(sum1);
  let dot2 = sumOf(sum2);
  let dot3 = sumOf(sum3);
  for (const last = (<usize>k) << 2; at < last; at += 4) {
    const one = f32.load(x + at);
    dot0 += one * f32.load(row0 + at);
    dot1 += one * f32.load(row1 + at);
    dot2 += one * f32.load(row2 + at);
    dot3 += one * f32.load(row3 + at);
  }
  f32.store(to, dot0);
  if (columns > 1) f32.store(to, dot1, 4);
  if (columns > 2) f32.store(to, dot2, 8);
  if (columns > 3) f32.store(to, dot3, 12);
}
