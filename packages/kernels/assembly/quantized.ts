/**
 * Products with weights of 8 or 4 bits, and activations quantised by row as they come.
 *
 * The eight-bit dot product wants one side within 7 bits and not negative, for x86 takes that side as unsigned and adds two
 * products in 16 bits.
 *
 * With 8-bit weights that side are the activations: 7 bits from a row's least number to its largest, so that a row all of
 * one sign, such as gelu's, loses nothing against 8 signed bits. With weights in [−63, 63] four products then fit in
 * 16 bits, and a step of eight columns widens its sums once. What the least number contributes is `least·Σw`, kept with the
 * scales. Weights lie in panels of eight outputs: for each four inputs four bytes an output, `[⌈R / 8⌉, ⌈C / 8⌉·2, 8, 4]`.
 *
 * With 4-bit weights that side are the weights, plus 8, and activations have 8 signed bits; over 32 columns all sums fit in
 * 16 bits. What the 8 contributes is `8·Σx`, which is kept with the activations. Weights lie, for each eight inputs, four
 * bytes an output, the first four in the low halves: `[⌈R / 8⌉, ⌈C / 8⌉, 8, 4]`.
 *
 * Activations lie in blocks of four rows, filled up with zeros: `[⌈M / 4⌉, ⌈C / 4⌉, 4, 4]`.
 */
import { activate, GELU, NONE } from "./activation";
import { gelu } from "./functions";
import { dotPairs, largestOf, madd, storeTurned } from "./simd";

/** The shortest group of 4-bit weights with one scale; sums over it fit in 16 bits. */
const GROUP: i32 = 32;

/** Bytes of packed weights. */
export function packedBytes(rows: i32, columns: i32, bits: i32): i32 {
  return bits == 8 ? up(rows, 8) * up(columns, 8) : (up(rows, 8) * up(columns, 8)) >> 1;
}

/**
 * Pack int8 `[rows, columns]`, and its scales `[rows]` as `[2, ⌈rows / 8⌉·8]`: the scales, and the sums of the integers of
 * each row times its scale.
 */
export function packInt8(
  from: usize,
  scales: usize,
  to: usize,
  toScales: usize,
  rows: i32,
  columns: i32,
): void {
  const padded = up(rows, 8);
  for (let row = 0; row < padded; row++) {
    let sum = 0;
    if (row < rows) {
      for (let column = 0; column < columns; column++) sum += load<i8>(from + <usize>row * columns + column);
    }
    const scale: f32 = row < rows ? f32.load(scales + ((<usize>row) << 2)) : 0;
    f32.store(toScales + ((<usize>row) << 2), scale);
    f32.store(toScales + ((<usize>(padded + row)) << 2), scale * <f32>sum);
  }
  for (let j = 0; j < rows; j += 8) {
    for (let k = 0; k < up(columns, 8); k += 4) {
      for (let row = j; row < j + 8; row++) {
        for (let column = k; column < k + 4; column++) {
          const inside = row < rows && column < columns;
          store<i8>(to++, inside ? load<i8>(from + <usize>row * columns + column) : 0);
        }
      }
    }
  }
}

/** The integers that {@link packInt8} was given. */
export function unpackInt8(from: usize, to: usize, rows: i32, columns: i32): void {
  for (let j = 0; j < rows; j += 8) {
    for (let k = 0; k < up(columns, 8); k += 4) {
      for (let row = j; row < j + 8; row++) {
        for (let column = k; column < k + 4; column++) {
          if (row < rows && column < columns) store<i8>(to + <usize>row * columns + column, load<i8>(from));
          from++;
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
 * Quantise rows for weights of so many bits. A row that holds a NaN or an infinity gets a scale that makes NaN of all it
 * meets.
 *
 * @param x float32 `[m, columns]`; with `activation`, it is changed to its gelu first.
 * @param to `quantizedBytes(m, columns)` bytes. For each block of four rows: their scales, their least numbers (8 bits) or
 * unused, the sums of their integers over each group of 32 columns, and the integers.
 */
export function quantize(bits: i32, x: usize, m: i32, columns: i32, activation: i32, to: usize): void {
  const padded = up(columns, GROUP);
  const width = (<usize>columns) << 2;
  const tail = to + <usize>(up(m, 4) / 4) * blockBytes(padded);
  for (let i = 0; i < m; i += 4) {
    const row0 = x + <usize>i * width;
    const row1 = i + 1 < m ? row0 + width : row0;
    const row2 = i + 2 < m ? row1 + width : row0;
    const row3 = i + 3 < m ? row2 + width : row0;
    for (let row = 0; row < 4; row++) {
      if (i + row < m)
        scaleOf(bits, row0 + <usize>row * width, columns, activation, to + ((<usize>row) << 2));
      else noScale(to + ((<usize>row) << 2));
    }
    const by0 = inverse(to);
    const by1 = inverse(to + 4);
    const by2 = inverse(to + 8);
    const by3 = inverse(to + 12);
    const least0 = f32.load(to, 16);
    const least1 = f32.load(to, 20);
    const least2 = f32.load(to, 24);
    const least3 = f32.load(to, 28);
    let sums = to + 32;
    let integers = sums + ((<usize>(padded / GROUP)) << 4);
    for (let k = 0; k < padded; k += 16) {
      const at = (<usize>k) << 2;
      let a: v128, b: v128, c: v128, d: v128;
      if (k + 16 <= columns) {
        a = sixteen(row0 + at, least0, by0);
        b = sixteen(row1 + at, least1, by1);
        c = sixteen(row2 + at, least2, by2);
        d = sixteen(row3 + at, least3, by3);
      } else {
        const rest = (<usize>max(columns - k, 0)) << 2;
        a = sixteen(filledUp(row0 + at, rest, tail), least0, by0);
        b = sixteen(filledUp(row1 + at, rest, tail), least1, by1);
        c = sixteen(filledUp(row2 + at, rest, tail), least2, by2);
        d = sixteen(filledUp(row3 + at, rest, tail), least3, by3);
      }
      storeTurned(a, b, c, d, integers, 16);
      integers += 64;
      if (bits == 8) continue;
      const sum = rowSums(a, b, c, d);
      if (k & 16) {
        v128.store(sums, i32x4.add(v128.load(sums), sum));
        sums += 16;
      } else {
        v128.store(sums, sum);
      }
    }
    to = integers;
  }
}

/**
 * `y = activation(x·Wᵀ + bias)` with x from {@link quantize} and W packed.
 *
 * @param weights `[rows, columns]`, packed.
 * @param scales As they were packed; with 4 bits one for each `groupSize` columns.
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
  const biasRow = tile + 160;
  const panel = bits == 8 ? up(columns, 8) << 3 : up(columns, 8) << 2;
  const scalePanel = <usize>(((columns + groupSize - 1) / groupSize) << 5);
  for (let j = 0; j < rows; j += 8) {
    const limit = min(rows - j, 8);
    const scale = bits == 8 ? scales + ((<usize>j) << 2) : scales;
    let offset = bias + ((<usize>j) << 2);
    if (limit < 8) {
      memory.copy(biasRow, offset, (<usize>limit) << 2);
      offset = biasRow;
    }
    let block = x;
    for (let i = 0; i < m; i += 4) {
      const to = y + <usize>i * width + ((<usize>j) << 2);
      const whole = limit == 8 && i + 4 <= m;
      const out = whole ? to : tile;
      const stride = whole ? width : 32;
      if (bits == 8) tileInt8(block, padded, weights, panel, scale, up(rows, 8), offset, out, stride);
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

/** A row's scale, and 16 bytes on its least number, 0 with 4 bits; after its gelu if that is asked for. */
function scaleOf(bits: i32, row: usize, columns: i32, activation: i32, to: usize): void {
  let most = f32x4.splat(-Infinity);
  let least = f32x4.splat(Infinity);
  let k = 0;
  for (; k + 4 <= columns; k += 4) {
    let value = v128.load(row);
    if (activation == GELU) {
      value = gelu(value);
      v128.store(row, value);
    }
    most = f32x4.max(most, value);
    least = f32x4.min(least, value);
    row += 16;
  }
  for (; k < columns; k++) {
    let value = v128.load32_splat(row);
    if (activation == GELU) {
      value = gelu(value);
      f32.store(row, f32x4.extract_lane(value, 0));
    }
    most = f32x4.max(most, value);
    least = f32x4.min(least, value);
    row += 4;
  }
  const high = largestOf(most);
  const low = -largestOf(f32x4.neg(least));
  f32.store(to, bits == 8 ? (high - low) / MOST : max<f32>(high, -low) / MOST);
  f32.store(to, bits == 8 ? low : 0, 16);
}

function noScale(to: usize): void {
  f32.store(to, 0);
  f32.store(to, 0, 16);
}

/** What the row's numbers are multiplied by; 0 if all are alike or one is not finite. */
// @inline
function inverse(scale: usize): f32 {
  const value = f32.load(scale);
  return value > 0 && value < Infinity ? 1 / value : 0;
}

/** Sixteen float32, less the least of their row, as int8, rounded to the nearest, ties to even. */
// @inline
function sixteen(from: usize, least: f32, by: f32): v128 {
  const a = rounded(v128.load(from), least, by);
  const b = rounded(v128.load(from, 16), least, by);
  const c = rounded(v128.load(from, 32), least, by);
  const d = rounded(v128.load(from, 48), least, by);
  return i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

// @inline
function rounded(x: v128, least: f32, by: f32): v128 {
  const steps = f32x4.mul(f32x4.sub(x, f32x4.splat(least)), f32x4.splat(by));
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(steps));
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

/** `sum + x·w + z·v`, where each int32 gets eight products. */
// @inline
function dotTwice(w: v128, x: v128, v: v128, z: v128, sum: v128): v128 {
  return i32x4.add(sum, i32x4.extadd_pairwise_i16x8_s(i16x8.add(dotPairs(w, x), dotPairs(v, z))));
}

/** Four rows times a panel of eight 8-bit outputs. */
function tileInt8(
  block: usize,
  padded: i32,
  panel: usize,
  panelBytes: i32,
  scales: usize,
  rows: i32,
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
    const nextLeft = v128.load(panel, 32);
    const nextRight = v128.load(panel, 48);
    let four = v128.load32_splat(x);
    let next = v128.load32_splat(x, 16);
    c00 = dotTwice(left, four, nextLeft, next, c00);
    c01 = dotTwice(right, four, nextRight, next, c01);
    four = v128.load32_splat(x, 4);
    next = v128.load32_splat(x, 20);
    c10 = dotTwice(left, four, nextLeft, next, c10);
    c11 = dotTwice(right, four, nextRight, next, c11);
    four = v128.load32_splat(x, 8);
    next = v128.load32_splat(x, 24);
    c20 = dotTwice(left, four, nextLeft, next, c20);
    c21 = dotTwice(right, four, nextRight, next, c21);
    four = v128.load32_splat(x, 12);
    next = v128.load32_splat(x, 28);
    c30 = dotTwice(left, four, nextLeft, next, c30);
    c31 = dotTwice(right, four, nextRight, next, c31);
    x += 32;
    panel += 64;
  }
  const sums = scales + ((<usize>rows) << 2);
  scaleRow(c00, c01, block, scales, sums, bias, to);
  scaleRow(c10, c11, block + 4, scales, sums, bias, to + width);
  scaleRow(c20, c21, block + 8, scales, sums, bias, to + 2 * width);
  scaleRow(c30, c31, block + 12, scales, sums, bias, to + 3 * width);
}

/** Eight sums of one row to float32: times both scales, and with what the row's least number contributes, and the bias. */
// @inline
function scaleRow(
  left: v128,
  right: v128,
  row: usize,
  scales: usize,
  sums: usize,
  bias: usize,
  to: usize,
): void {
  const scale = v128.load32_splat(row);
  const least = v128.load32_splat(row, 16);
  const a = f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(left), scale), v128.load(scales));
  const b = f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(right), scale), v128.load(scales, 16));
  const plusA = f32x4.add(f32x4.mul(least, v128.load(sums)), v128.load(bias));
  const plusB = f32x4.add(f32x4.mul(least, v128.load(sums, 16)), v128.load(bias, 16));
  v128.store(to, f32x4.add(a, plusA));
  v128.store(to, f32x4.add(b, plusB), 16);
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
