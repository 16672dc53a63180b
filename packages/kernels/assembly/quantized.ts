/**
 * Products with weights of 8 or 4 bits, and activations quantised to 8 bits a row as they come.
 *
 * Weights lie in panels of eight outputs, packed once. With 8 bits: for each four inputs, four bytes an output,
 * `[⌈R / 8⌉, ⌈C / 4⌉, 8, 4]`, each an integer in [−63, 63] plus 64. With 4 bits: for each eight inputs, four bytes an output,
 * the first four in the low halves, `[⌈R / 8⌉, ⌈C / 8⌉, 8, 4]`, each an integer in [−8, 7] plus 8. So both are unsigned and
 * within 7 bits, as the eight-bit dot product wants; what the offsets add is taken off by the sum of the activations.
 *
 * Activations lie in blocks of four rows, `[⌈M / 4⌉, ⌈C / 4⌉, 4, 4]`, filled up with zeros.
 */
import { activate, GELU, NONE } from "./activation";
import { gelu } from "./functions";
import { dotPairs, largestOf, madd, storeTurned } from "./simd";

/** Integers of 8 bits are kept with this added, integers of 4 bits with 8. */
const OFFSET: i32 = 64;

/** The shortest group of 4-bit weights with one scale; sums over it fit in 16 bits. */
const GROUP: i32 = 32;

/** Bytes of packed weights. */
export function packedBytes(rows: i32, columns: i32, bits: i32): i32 {
  return bits == 8 ? up(rows, 8) * up(columns, 4) : (up(rows, 8) * up(columns, 8)) >> 1;
}

/** Pack int8 `[rows, columns]`. */
export function packInt8(from: usize, to: usize, rows: i32, columns: i32): void {
  for (let j = 0; j < rows; j += 8) {
    for (let k = 0; k < columns; k += 4) {
      for (let row = j; row < j + 8; row++) {
        for (let column = k; column < k + 4; column++) {
          const inside = row < rows && column < columns;
          const value = inside ? <i32>load<i8>(from + <usize>row * columns + column) : 0;
          store<u8>(to++, value + OFFSET);
        }
      }
    }
  }
}

/** What {@link packInt8} was given. */
export function unpackInt8(from: usize, to: usize, rows: i32, columns: i32): void {
  for (let j = 0; j < rows; j += 8) {
    for (let k = 0; k < columns; k += 4) {
      for (let row = j; row < j + 8; row++) {
        for (let column = k; column < k + 4; column++) {
          const value = <i32>load<u8>(from++) - OFFSET;
          if (row < rows && column < columns) store<i8>(to + <usize>row * columns + column, value);
        }
      }
    }
  }
}

/** Pack 4-bit `[rows, ⌈columns / 2⌉]`, the even column of a byte in its low half. */
export function packInt4(from: usize, to: usize, rows: i32, columns: i32): void {
  const width = <usize>((columns + 1) >> 1);
  for (let j = 0; j < rows; j += 8) {
    for (let k = 0; k < columns; k += 8) {
      for (let row = j; row < j + 8; row++) {
        for (let column = k; column < k + 4; column++) {
          const low = row < rows && column < columns ? nibble(from + <usize>row * width, column) : 8;
          const high = row < rows && column + 4 < columns ? nibble(from + <usize>row * width, column + 4) : 8;
          store<u8>(to++, low | (high << 4));
        }
      }
    }
  }
}

/** What {@link packInt4} was given; the last half of a row of an odd length is 8, a zero. */
export function unpackInt4(from: usize, to: usize, rows: i32, columns: i32): void {
  const width = <usize>((columns + 1) >> 1);
  memory.fill(to, 0x88, <usize>rows * width);
  for (let j = 0; j < rows; j += 8) {
    for (let k = 0; k < columns; k += 8) {
      for (let row = j; row < j + 8; row++) {
        for (let column = k; column < k + 4; column++) {
          const byte = <i32>load<u8>(from++);
          if (row >= rows) continue;
          if (column < columns) setNibble(to + <usize>row * width, column, byte & 15);
          if (column + 4 < columns) setNibble(to + <usize>row * width, column + 4, byte >> 4);
        }
      }
    }
  }
}

/** Pack the scales of 4-bit weights, `[rows, groups]`, into `[⌈rows / 8⌉, groups, 8]`. */
export function packScales(from: usize, to: usize, rows: i32, groups: i32): void {
  for (let j = 0; j < rows; j += 8) {
    for (let group = 0; group < groups; group++) {
      for (let row = j; row < j + 8; row++) {
        f32.store(to, row < rows ? f32.load(from + ((<usize>row * groups + group) << 2)) : 0);
        to += 4;
      }
    }
  }
}

/** What {@link packScales} was given. */
export function unpackScales(from: usize, to: usize, rows: i32, groups: i32): void {
  for (let j = 0; j < rows; j += 8) {
    for (let group = 0; group < groups; group++) {
      for (let row = j; row < j + 8; row++) {
        if (row < rows) f32.store(to + ((<usize>row * groups + group) << 2), f32.load(from));
        from += 4;
      }
    }
  }
}

/** Bytes of m quantised rows: see {@link quantize}. */
export function quantizedBytes(m: i32, columns: i32): i32 {
  return (up(m, 4) / 4) * <i32>blockBytes(up(columns, GROUP)) + 64;
}

/**
 * Quantise rows to integers in [−127, 127] with a scale each; a row that holds a NaN or an infinity gets a scale that
 * makes NaN of all it meets.
 *
 * @param x float32 `[m, columns]`; with `activation`, it is changed to its gelu first.
 * @param to `quantizedBytes(m, columns)` bytes. For each block of four rows: their scales, the sums of their integers,
 * those sums over each group of 32 columns, and the integers.
 */
export function quantize(x: usize, m: i32, columns: i32, activation: i32, to: usize): void {
  const padded = up(columns, GROUP);
  const width = (<usize>columns) << 2;
  const tail = to + <usize>(up(m, 4) / 4) * blockBytes(padded);
  for (let i = 0; i < m; i += 4) {
    const row0 = x + <usize>i * width;
    const row1 = i + 1 < m ? row0 + width : row0;
    const row2 = i + 2 < m ? row1 + width : row0;
    const row3 = i + 3 < m ? row2 + width : row0;
    const most0 = largest(row0, columns, activation);
    const most1 = i + 1 < m ? largest(row1, columns, activation) : 0;
    const most2 = i + 2 < m ? largest(row2, columns, activation) : 0;
    const most3 = i + 3 < m ? largest(row3, columns, activation) : 0;
    f32.store(to, most0 / MOST);
    f32.store(to, most1 / MOST, 4);
    f32.store(to, most2 / MOST, 8);
    f32.store(to, most3 / MOST, 12);
    const by0 = inverse(most0);
    const by1 = inverse(most1);
    const by2 = inverse(most2);
    const by3 = inverse(most3);
    let sums = to + 32;
    let integers = sums + ((<usize>(padded / GROUP)) << 4);
    let total = i32x4.splat(0);
    for (let k = 0; k < padded; k += 16) {
      let at = (<usize>k) << 2;
      let a: v128, b: v128, c: v128, d: v128;
      if (k + 16 <= columns) {
        a = sixteen(row0 + at, by0);
        b = sixteen(row1 + at, by1);
        c = sixteen(row2 + at, by2);
        d = sixteen(row3 + at, by3);
      } else {
        const rest = (<usize>max(columns - k, 0)) << 2;
        a = sixteen(filledUp(row0 + at, rest, tail), by0);
        b = sixteen(filledUp(row1 + at, rest, tail), by1);
        c = sixteen(filledUp(row2 + at, rest, tail), by2);
        d = sixteen(filledUp(row3 + at, rest, tail), by3);
      }
      storeTurned(a, b, c, d, integers, 16);
      integers += 64;
      const sum = rowSums(a, b, c, d);
      total = i32x4.add(total, sum);
      if (k & 16) {
        v128.store(sums, i32x4.add(v128.load(sums), sum));
        sums += 16;
      } else {
        v128.store(sums, sum);
      }
    }
    v128.store(to, total, 16);
    to = integers;
  }
}

/**
 * `y = activation(x·Wᵀ + bias)` with x from {@link quantize} and W packed.
 *
 * @param weights `[rows, columns]`, packed.
 * @param scales float32 `[rows]` with 8 bits; packed, one for each `groupSize` columns, with 4.
 * @param bias float32 `[rows]`.
 * @param y float32 `[m, rows]`.
 * @param tile `TILE_BYTES` of scratch.
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
  tile: usize,
): void {
  const padded = up(columns, GROUP);
  const width = (<usize>rows) << 2;
  const scaleRow = tile + 128;
  const biasRow = tile + 160;
  const panel = bits == 8 ? up(columns, 4) << 3 : up(columns, 8) << 2;
  const scalePanel = <usize>(((columns + groupSize - 1) / groupSize) << 5);
  for (let j = 0; j < rows; j += 8) {
    const limit = min(rows - j, 8);
    let scale = bits == 8 ? scales + ((<usize>j) << 2) : scales;
    let offset = bias + ((<usize>j) << 2);
    if (limit < 8) {
      if (bits == 8) {
        memory.copy(scaleRow, scale, (<usize>limit) << 2);
        scale = scaleRow;
      }
      memory.copy(biasRow, offset, (<usize>limit) << 2);
      offset = biasRow;
    }
    let block = x;
    for (let i = 0; i < m; i += 4) {
      const to = y + <usize>i * width + ((<usize>j) << 2);
      const whole = limit == 8 && i + 4 <= m;
      const out = whole ? to : tile;
      const stride = whole ? width : 32;
      if (bits == 8) tileInt8(block, padded, weights, panel, scale, offset, out, stride);
      else tileInt4(block, padded, weights, columns, scale, groupSize, offset, out, stride, tile + 192);
      if (!whole) storeEdge(tile, to, width, min(m - i, 4), limit);
      block += blockBytes(padded);
    }
    weights += panel;
    scales += bits == 8 ? 0 : scalePanel;
  }
  if (activation != NONE) activate(y, y, m * rows, activation);
}

/** Bytes of scratch of {@link quantizedLinear}. */
export const TILE_BYTES: i32 = 320;

// --- internal ---

/** The largest integer of an activation. */
const MOST: f32 = 127;

/** Bytes of four quantised rows of so many columns. */
// @inline
function blockBytes(padded: i32): usize {
  return 32 + ((<usize>(padded / GROUP)) << 4) + ((<usize>padded) << 2);
}

// @inline
function up(n: i32, multiple: i32): i32 {
  return (n + multiple - 1) & -multiple;
}

// @inline
function nibble(row: usize, column: i32): i32 {
  const byte = <i32>load<u8>(row + <usize>(column >> 1));
  return column & 1 ? byte >> 4 : byte & 15;
}

function setNibble(row: usize, column: i32, value: i32): void {
  const at = row + <usize>(column >> 1);
  const byte = <i32>load<u8>(at);
  store<u8>(at, column & 1 ? (byte & 15) | (value << 4) : (byte & 240) | value);
}

/** The largest magnitude of a row, after its gelu if that is asked for. */
function largest(row: usize, columns: i32, activation: i32): f32 {
  if (activation == GELU) activate(row, row, columns, GELU);
  let most = f32x4.splat(0);
  let k = 0;
  for (; k + 4 <= columns; k += 4) {
    most = f32x4.max(most, f32x4.abs(v128.load(row)));
    row += 16;
  }
  let found = largestOf(most);
  for (; k < columns; k++) {
    found = max<f32>(found, abs<f32>(f32.load(row)));
    row += 4;
  }
  return found;
}

// @inline
function inverse(most: f32): f32 {
  return most > 0 ? MOST / most : 0;
}

/** Sixteen float32 as int8, rounded to the nearest, ties to even. */
// @inline
function sixteen(from: usize, by: f32): v128 {
  const factor = f32x4.splat(by);
  const a = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(from), factor)));
  const b = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(from, 16), factor)));
  const c = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(from, 32), factor)));
  const d = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(from, 48), factor)));
  return i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

/** The last numbers of a row, filled up to sixteen with zeros. */
function filledUp(from: usize, bytes: usize, tail: usize): usize {
  memory.fill(tail, 0, 64);
  memory.copy(tail, from, bytes);
  return tail;
}

/** The sums of sixteen int8 of four rows. */
// @inline
function rowSums(a: v128, b: v128, c: v128, d: v128): v128 {
  const a4 = i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(a));
  const b4 = i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(b));
  const c4 = i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(c));
  const d4 = i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(d));
  const ab = i32x4.add(
    i8x16.shuffle(a4, b4, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23),
    i8x16.shuffle(a4, b4, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31),
  ); // a, b, a, b
  const cd = i32x4.add(
    i8x16.shuffle(c4, d4, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23),
    i8x16.shuffle(c4, d4, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31),
  );
  return i32x4.add(
    i8x16.shuffle(ab, cd, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
    i8x16.shuffle(ab, cd, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31),
  );
}

function storeEdge(tile: usize, to: usize, width: usize, rows: i32, columns: i32): void {
  for (let i = 0; i < rows; i++) {
    memory.copy(to + <usize>i * width, tile + ((<usize>i) << 5), (<usize>columns) << 2);
  }
}

/** `sum + x·w`, where each int32 gets four products. */
// @inline
function dot(x: v128, w: v128, sum: v128): v128 {
  return i32x4.add(sum, i32x4.extadd_pairwise_i16x8_s(dotPairs(x, w)));
}

/** Four rows times a panel of eight 8-bit outputs. */
function tileInt8(
  block: usize,
  padded: i32,
  panel: usize,
  panelBytes: i32,
  scales: usize,
  bias: usize,
  to: usize,
  width: usize,
): void {
  let c00 = i32x4.splat(0);
  let c01 = c00;
  let c10 = c00;
  let c11 = c00;
  let c20 = c00;
  let c21 = c00;
  let c30 = c00;
  let c31 = c00;
  let x = block + 32 + ((<usize>(padded / GROUP)) << 4);
  const end = panel + <usize>panelBytes;
  while (panel < end) {
    const left = v128.load(panel);
    const right = v128.load(panel, 16);
    let four = v128.load32_splat(x);
    c00 = dot(four, left, c00);
    c01 = dot(four, right, c01);
    four = v128.load32_splat(x, 4);
    c10 = dot(four, left, c10);
    c11 = dot(four, right, c11);
    four = v128.load32_splat(x, 8);
    c20 = dot(four, left, c20);
    c21 = dot(four, right, c21);
    four = v128.load32_splat(x, 12);
    c30 = dot(four, left, c30);
    c31 = dot(four, right, c31);
    x += 16;
    panel += 32;
  }
  const leftScale = v128.load(scales);
  const rightScale = v128.load(scales, 16);
  const leftBias = v128.load(bias);
  const rightBias = v128.load(bias, 16);
  scaleRow(c00, c01, block, leftScale, rightScale, leftBias, rightBias, to);
  scaleRow(c10, c11, block + 4, leftScale, rightScale, leftBias, rightBias, to + width);
  scaleRow(c20, c21, block + 8, leftScale, rightScale, leftBias, rightBias, to + 2 * width);
  scaleRow(c30, c31, block + 12, leftScale, rightScale, leftBias, rightBias, to + 3 * width);
}

/** Eight sums of one row to float32: without what the offset of the weights added, times both scales, plus bias. */
// @inline
function scaleRow(
  left: v128,
  right: v128,
  row: usize,
  leftScale: v128,
  rightScale: v128,
  leftBias: v128,
  rightBias: v128,
  to: usize,
): void {
  const offset = i32x4.shl(v128.load32_splat(row, 16), 6); // OFFSET · Σx
  const scale = v128.load32_splat(row);
  const a = f32x4.convert_i32x4_s(i32x4.sub(left, offset));
  const b = f32x4.convert_i32x4_s(i32x4.sub(right, offset));
  v128.store(to, f32x4.add(f32x4.mul(a, f32x4.mul(scale, leftScale)), leftBias));
  v128.store(to, f32x4.add(f32x4.mul(b, f32x4.mul(scale, rightScale)), rightBias), 16);
}

/** Four rows times a panel of eight 4-bit outputs. Over a group of 32 columns all sums fit in 16 bits. */
function tileInt4(
  block: usize,
  padded: i32,
  panel: usize,
  columns: i32,
  scales: usize,
  groupSize: i32,
  bias: usize,
  to: usize,
  width: usize,
  sums: usize,
): void {
  memory.fill(sums, 0, 128);
  let group = block + 32;
  let x = group + ((<usize>(padded / GROUP)) << 4);
  for (let k = 0; k < columns; k += GROUP) {
    let c00 = i16x8.splat(0);
    let c01 = c00;
    let c10 = c00;
    let c11 = c00;
    let c20 = c00;
    let c21 = c00;
    let c30 = c00;
    let c31 = c00;
    const end = panel + ((<usize>(min(columns - k, GROUP) + 7) >> 3) << 5);
    while (panel < end) {
      let left = v128.load(panel);
      let right = v128.load(panel, 16);
      const leftHigh = i8x16.shr_u(left, 4);
      const rightHigh = i8x16.shr_u(right, 4);
      left = v128.and(left, i8x16.splat(15));
      right = v128.and(right, i8x16.splat(15));
      let four = v128.load32_splat(x);
      let next = v128.load32_splat(x, 16);
      c00 = i16x8.add(i16x8.add(c00, dotPairs(four, left)), dotPairs(next, leftHigh));
      c01 = i16x8.add(i16x8.add(c01, dotPairs(four, right)), dotPairs(next, rightHigh));
      four = v128.load32_splat(x, 4);
      next = v128.load32_splat(x, 20);
      c10 = i16x8.add(i16x8.add(c10, dotPairs(four, left)), dotPairs(next, leftHigh));
      c11 = i16x8.add(i16x8.add(c11, dotPairs(four, right)), dotPairs(next, rightHigh));
      four = v128.load32_splat(x, 8);
      next = v128.load32_splat(x, 24);
      c20 = i16x8.add(i16x8.add(c20, dotPairs(four, left)), dotPairs(next, leftHigh));
      c21 = i16x8.add(i16x8.add(c21, dotPairs(four, right)), dotPairs(next, rightHigh));
      four = v128.load32_splat(x, 12);
      next = v128.load32_splat(x, 28);
      c30 = i16x8.add(i16x8.add(c30, dotPairs(four, left)), dotPairs(next, leftHigh));
      c31 = i16x8.add(i16x8.add(c31, dotPairs(four, right)), dotPairs(next, rightHigh));
      x += 32;
      panel += 32;
    }
    const scale = scales + ((<usize>(k / groupSize)) << 5);
    const leftScale = v128.load(scale);
    const rightScale = v128.load(scale, 16);
    addGroup(c00, c01, group, leftScale, rightScale, sums);
    addGroup(c10, c11, group + 4, leftScale, rightScale, sums + 32);
    addGroup(c20, c21, group + 8, leftScale, rightScale, sums + 64);
    addGroup(c30, c31, group + 12, leftScale, rightScale, sums + 96);
    group += 16;
  }
  const leftBias = v128.load(bias);
  const rightBias = v128.load(bias, 16);
  for (let row: usize = 0; row < 4; row++) {
    const scale = v128.load32_splat(block + (row << 2));
    v128.store(to, f32x4.add(f32x4.mul(v128.load(sums), scale), leftBias));
    v128.store(to, f32x4.add(f32x4.mul(v128.load(sums, 16), scale), rightBias), 16);
    sums += 32;
    to += width;
  }
}

/** Add the sums of a group to those of a row, in float32. */
// @inline
function addGroup(
  left: v128,
  right: v128,
  group: usize,
  leftScale: v128,
  rightScale: v128,
  sums: usize,
): void {
  const offset = i32x4.shl(v128.load32_splat(group), 3); // 8 · Σx
  const a = f32x4.convert_i32x4_s(i32x4.sub(i32x4.extadd_pairwise_i16x8_s(left), offset));
  const b = f32x4.convert_i32x4_s(i32x4.sub(i32x4.extadd_pairwise_i16x8_s(right), offset));
  v128.store(sums, madd(a, leftScale, v128.load(sums)));
  v128.store(sums, madd(b, rightScale, v128.load(sums, 16)), 16);
}
