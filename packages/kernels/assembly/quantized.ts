/**
 * Products with weights of 8 or 4 bits, and activations quantised by row as they come.
 *
 * The eight-bit dot product wants one side within 7 bits and not negative, for x86 takes that side as unsigned and adds two
 * products in 16 bits. That side are the weights: see `quantized_pack.ts`. Activations have 8 signed bits, and scales that
 * keep each sum over 16 columns in 16 bits, whatever wraps on the way: see `quantize.ts`. So sums are widened once in 16
 * products, by the instruction that multiplies them by their scale.
 */
import { activate, NONE } from "./activation";
import { blockBytes } from "./quantize";
import { GROUP, HEADER, widenPanel } from "./quantized_pack";
import { dotPairs, madd, up } from "./simd";

/** Bytes of scratch of {@link quantizedLinear}. */
export function quantizedScratch(columns: i32): i32 {
  return 288 + 8 * up(columns, GROUP);
}

/**
 * `y = activation(x·Wᵀ + bias)` with x from `quantize` and W packed.
 *
 * @param weights `[rows, columns]`, packed.
 * @param scales As they were packed; with 4 bits one for each `groupSize` columns, a multiple of 32.
 * @param bias float32 `[rows]`.
 * @param y float32 `[m, rows]`.
 * @param scratch `quantizedScratch(columns)` bytes.
 */
export function quantizedLinear(
  bits: i32,
  x: usize,
  weights: usize,
  scales: usize,
  groupSize: i32,
  bias: usize,
  y: usize,
  m: i32,
  rows: i32,
  columns: i32,
  activation: i32,
  scratch: usize,
): void {
  const sums = scratch + 128; // after a tile
  const biasRow = sums + 128;
  const wide = biasRow + 32;
  const groups = up(columns, GROUP) / GROUP;
  const width = (<usize>rows) << 2;
  const panel = <usize>(groups << (bits == 8 ? 8 : 7));
  const scalePanel: usize = bits == 8 ? 32 : <usize>(((columns + groupSize - 1) / groupSize) << 5);
  const perScale = groupSize / GROUP;
  if (bits == 8) scales += HEADER;
  for (let j = 0; j < rows; j += 8) {
    const limit = min(rows - j, 8);
    let offset = bias + ((<usize>j) << 2);
    if (limit < 8) {
      memory.copy(biasRow, offset, (<usize>limit) << 2);
      offset = biasRow;
    }
    if (bits == 4) widenPanel(weights, panel, wide);
    let block = x;
    for (let i = 0; i < m; i += 4) {
      const to = y + <usize>i * width + ((<usize>j) << 2);
      const whole = limit == 8 && i + 4 <= m;
      const out = whole ? to : scratch;
      const stride = whole ? width : 32;
      if (bits == 8) {
        sumTile<i32>(block, weights, groups, 0, 0, sums);
        finishInt8(sums, block, scales, offset, out, stride);
      } else {
        sumTile<f32>(block, wide, groups, scales, perScale, sums);
        finishInt4(sums, block, offset, out, stride);
      }
      if (!whole) storeEdge(scratch, to, width, min(m - i, 4), limit);
      block += blockBytes(columns);
    }
    weights += panel;
    scales += scalePanel;
  }
  if (activation != NONE) activate(y, y, m * rows, activation);
}

// --- internal ---

/**
 * Four rows times a panel of eight outputs: 4 × 8 sums, of integers for 8-bit weights, and of float32 for 4-bit weights, whose
 * groups have scales of their own, one for `perScale` groups of 32.
 */
function sumTile<Sum>(
  block: usize,
  panel: usize,
  groups: i32,
  scales: usize,
  perScale: i32,
  sums: usize,
): void {
  for (let at: usize = 0; at < 128; at += 16) v128.store(sums + at, i32x4.splat(0));
  let x = block + 16;
  for (let group = 0; group < groups; group++) {
    let c00 = v128.load32_splat(x);
    let c01 = c00;
    let c10 = v128.load32_splat(x, 4);
    let c11 = c10;
    let c20 = v128.load32_splat(x, 8);
    let c21 = c20;
    let c30 = v128.load32_splat(x, 12);
    let c31 = c30;
    const multiples = x + 16;
    x += 32;
    // One step of a loop, not eight in a row: V8 computes the address of each broadcast that has an offset of its own.
    for (const end = panel + 256; panel < end; panel += 32) {
      const left = v128.load(panel);
      const right = v128.load(panel, 16);
      let four = v128.load32_splat(x);
      c00 = i16x8.add(c00, dotPairs(four, left));
      c01 = i16x8.add(c01, dotPairs(four, right));
      four = v128.load32_splat(x, 4);
      c10 = i16x8.add(c10, dotPairs(four, left));
      c11 = i16x8.add(c11, dotPairs(four, right));
      four = v128.load32_splat(x, 8);
      c20 = i16x8.add(c20, dotPairs(four, left));
      c21 = i16x8.add(c21, dotPairs(four, right));
      four = v128.load32_splat(x, 12);
      c30 = i16x8.add(c30, dotPairs(four, left));
      c31 = i16x8.add(c31, dotPairs(four, right));
      x += 16;
    }
    const scale = isFloat<Sum>() ? scales + ((<usize>(group / perScale)) << 5) : 0;
    addGroup<Sum>(c00, c01, multiples, scale, sums);
    addGroup<Sum>(c10, c11, multiples + 4, scale, sums + 32);
    addGroup<Sum>(c20, c21, multiples + 8, scale, sums + 64);
    addGroup<Sum>(c30, c31, multiples + 12, scale, sums + 96);
  }
}

/** Widen a row's 16-bit sums of a group, times the row's multiple and the weights' scales, and add them. */
// @inline
function addGroup<Sum>(left: v128, right: v128, multiples: usize, scale: usize, sums: usize): void {
  const multiple = v128.load32_splat(multiples);
  const a = i32x4.dot_i16x8_s(left, multiple);
  const b = i32x4.dot_i16x8_s(right, multiple);
  if (isFloat<Sum>()) {
    v128.store(sums, madd(f32x4.convert_i32x4_s(a), v128.load(scale), v128.load(sums)));
    v128.store(sums, madd(f32x4.convert_i32x4_s(b), v128.load(scale, 16), v128.load(sums, 16)), 16);
  } else {
    v128.store(sums, i32x4.add(v128.load(sums), a));
    v128.store(sums, i32x4.add(v128.load(sums, 16), b), 16);
  }
}

/** Sums of integers to float32: times the unit of the row and the scales of the outputs, and with the bias. */
function finishInt8(sums: usize, units: usize, scales: usize, bias: usize, to: usize, width: usize): void {
  const leftScale = v128.load(scales);
  const rightScale = v128.load(scales, 16);
  const leftBias = v128.load(bias);
  const rightBias = v128.load(bias, 16);
  for (const end = units + 16; units < end; units += 4) {
    const unit = v128.load32_splat(units);
    const left = f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums)), unit), leftScale);
    const right = f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums, 16)), unit), rightScale);
    v128.store(to, f32x4.add(left, leftBias));
    v128.store(to, f32x4.add(right, rightBias), 16);
    sums += 32;
    to += width;
  }
}

/** Sums that have their weights' scales already: times the unit of the row, and with the bias. */
function finishInt4(sums: usize, units: usize, bias: usize, to: usize, width: usize): void {
  const leftBias = v128.load(bias);
  const rightBias = v128.load(bias, 16);
  for (const end = units + 16; units < end; units += 4) {
    const unit = v128.load32_splat(units);
    v128.store(to, f32x4.add(f32x4.mul(v128.load(sums), unit), leftBias));
    v128.store(to, f32x4.add(f32x4.mul(v128.load(sums, 16), unit), rightBias), 16);
    sums += 32;
    to += width;
  }
}

function storeEdge(tile: usize, to: usize, width: usize, rows: i32, columns: i32): void {
  for (let i = 0; i < rows; i++) {
    memory.copy(to + <usize>i * width, tile + ((<usize>i) << 5), (<usize>columns) << 2);
  }
}
