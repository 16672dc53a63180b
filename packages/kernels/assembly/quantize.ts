/**
 * Activations quantised as they come, for products with 8-bit and 4-bit weights.
 *
 * Each 32 numbers of a row become integers in [−127, 127] with a scale of their own, which is a multiple of the row's unit, so
 * that sums stay integers. Rows lie in blocks of four, filled up with zeros: the four units as float32, then for each group 16
 * bytes of offsets, 16 of multiples (each twice, as int16), and the integers, `[8, 4, 4]`: four columns of four rows at a time.
 *
 * Weights have something added, 64 or 8, to have no sign; that adds as many times the sum of the integers to each sum of
 * products, and the offsets take it away: two int16 a row, for the columns 4i and 4i + 1, and for 4i + 2 and 4i + 3, which
 * are summed apart.
 */
import { activate } from "./activation";
import { GROUP } from "./quantized_pack";
import { highHalves, highPairs, lowHalves, lowPairs, ROUNDER, storeTurned, turnedSum, up } from "./simd";

/** Bytes of a group of four rows. */
export const GROUP_BYTES: usize = 160;

/** Bytes of m quantised rows: see {@link quantize}. */
export function quantizedBytes(m: i32, columns: i32): i32 {
  return (up(m, 4) >> 2) * <i32>blockBytes(columns) + 512;
}

/** Bytes of four quantised rows of so many columns. */
// @inline
export function blockBytes(columns: i32): usize {
  return 16 + <usize>(up(columns, GROUP) / GROUP) * GROUP_BYTES;
}

/**
 * Quantise rows for weights of so many bits. A row that holds a NaN or an infinity gets a unit that makes NaN of all it
 * meets.
 *
 * @param scales The packed scales of the weights; with 8 bits they begin with how long the activations of a sum may be.
 * @param x float32 `[m, columns]`; with `activation`, it is changed to its gelu first.
 * @param to `quantizedBytes(m, columns)` bytes.
 */
export function quantize(
  bits: i32,
  scales: usize,
  x: usize,
  m: i32,
  columns: i32,
  activation: i32,
  to: usize,
): void {
  const longest: f32 = bits == 8 ? f32.load(scales) : Infinity;
  const shift = bits == 8 ? 6 : 3;
  const width = (<usize>columns) << 2;
  const filled = to + <usize>(up(m, 4) >> 2) * blockBytes(columns);
  const rounder = v128.or(f32x4.splat(ROUNDER), i32x4.splat(m >> 31)); // kept, see `storeGelu`
  for (let i = 0; i < m; i += 4) {
    const rows = min(m - i, 4);
    activate(x, x, rows * columns, activation);
    const row1 = rows > 1 ? x + width : x; // rows that only fill up are of no matter
    const row2 = rows > 2 ? row1 + width : x;
    const row3 = rows > 3 ? row2 + width : x;
    chooseScales(x, row1, row2, row3, columns, longest, filled, to);
    const unit = v128.load(to);
    to += 16;
    for (let k = 0; k < columns; k += GROUP) {
      const at = (<usize>k) << 2;
      const rest = columns - k;
      quantizeGroup(
        filledUp(x + at, rest, filled),
        filledUp(row1 + at, rest, filled + 128),
        filledUp(row2 + at, rest, filled + 256),
        filledUp(row3 + at, rest, filled + 384),
        unit,
        shift,
        rounder,
        to,
      );
      to += GROUP_BYTES;
    }
    x += <usize>rows * width;
  }
}

// --- internal ---

/** The largest integer of an activation. */
const MOST: f32 = 127;

/** Below, all is as good as 0, for squares and inverses would leave the range of float32. */
const LEAST: f32 = 1e-15;

/** The units of four rows, and how many times they are the scale of each group. */
function chooseScales(
  row0: usize,
  row1: usize,
  row2: usize,
  row3: usize,
  columns: i32,
  longest: f32,
  filled: usize,
  to: usize,
): void {
  const groups = up(columns, GROUP) / GROUP;
  let coarsest = f32x4.splat(0);
  let at = to + 32;
  for (let k = 0; k < columns; k += GROUP) {
    const rest = columns - k;
    const a = filledUp(row0, rest, filled);
    const b = filledUp(row1, rest, filled + 128);
    const c = filledUp(row2, rest, filled + 256);
    const d = filledUp(row3, rest, filled + 384);
    const largest = turnedMost(largestOf(a), largestOf(b), largestOf(c), largestOf(d));
    const square = longerShare(squaresOf(a), squaresOf(b), squaresOf(c), squaresOf(d));
    // 16 numbers are at most four times as long as the largest: that counts where squares leave the range of float32.
    const length = f32x4.min(f32x4.sqrt(square), f32x4.mul(largest, f32x4.splat(4)));
    const scale = f32x4.max(f32x4.div(largest, f32x4.splat(MOST)), f32x4.div(length, f32x4.splat(longest)));
    v128.store(at, scale);
    coarsest = f32x4.max(coarsest, scale);
    row0 += 128;
    row1 += 128;
    row2 += 128;
    row3 += 128;
    at += GROUP_BYTES;
  }
  const most: i32 = 32767 / groups; // a multiple with which all sums fit in 32 bits
  const steps = f32x4.splat(<f32>most);
  const isNumber = v128.and(
    f32x4.gt(coarsest, f32x4.splat(LEAST)),
    f32x4.lt(coarsest, f32x4.splat(Infinity)),
  );
  const unit = f32x4.div(coarsest, steps);
  const nothing = f32x4.mul(coarsest, f32x4.splat(0)); // 0, or NaN
  v128.store(to, v128.bitselect(unit, nothing, isNumber));
  at = to + 32;
  for (let group = 0; group < groups; group++) {
    const multiple = f32x4.ceil(f32x4.div(v128.load(at), unit));
    const bounded = f32x4.pmin(steps, f32x4.pmax(f32x4.splat(1), multiple)); // NaN becomes 1
    const count = i32x4.trunc_sat_f32x4_s(bounded);
    v128.store(at, v128.or(count, i32x4.shl(count, 16)));
    at += GROUP_BYTES;
  }
}

/** The largest magnitudes of 32 numbers, by fours; a NaN is lost, but not from {@link squaresOf}. */
// @inline
function largestOf(x: usize): v128 {
  let most = f32x4.splat(0);
  for (let j: usize = 0; j < 128; j += 16) most = f32x4.pmax(most, f32x4.abs(v128.load(x + j)));
  return most;
}

/** The sums of the squares of 32 numbers, by fours. */
// @inline
function squaresOf(x: usize): v128 {
  let squares = f32x4.splat(0);
  for (let j: usize = 0; j < 128; j += 16) {
    const value = v128.load(x + j);
    squares = f32x4.add(squares, f32x4.mul(value, value));
  }
  return squares;
}

/** The largest of each of four. */
// @inline
function turnedMost(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.pmax(lowHalves(a, b), highHalves(a, b)); // a, b, a, b
  const cd = f32x4.pmax(lowHalves(c, d), highHalves(c, d));
  return f32x4.pmax(lowPairs(ab, cd), highPairs(ab, cd));
}

/** Of each of four the larger of two sums: of its first two numbers, and of its last two. */
// @inline
function longerShare(a: v128, b: v128, c: v128, d: v128): v128 {
  const firstAb = lowHalves(a, b); // a0, b0, a1, b1
  const firstCd = lowHalves(c, d);
  const lastAb = highHalves(a, b);
  const lastCd = highHalves(c, d);
  return f32x4.max(
    f32x4.add(lowPairs(firstAb, firstCd), highPairs(firstAb, firstCd)),
    f32x4.add(lowPairs(lastAb, lastCd), highPairs(lastAb, lastCd)),
  );
}

/** Integers and offsets of 32 columns of four rows. */
// @inline
function quantizeGroup(
  row0: usize,
  row1: usize,
  row2: usize,
  row3: usize,
  unit: v128,
  shift: i32,
  rounder: v128,
  to: usize,
): void {
  const multiples = v128.and(v128.load(to, 16), i32x4.splat(0xffff));
  const scales = f32x4.mul(f32x4.convert_i32x4_s(multiples), unit);
  // 0 for rows that are nothing, or not finite
  const by = v128.and(f32x4.div(f32x4.splat(1), scales), f32x4.gt(scales, f32x4.splat(0)));
  let sums = i16x8.splat(0);
  for (let half: usize = 0; half < 2; half++) {
    const at = half << 6;
    const a = sixteen(row0 + at, f32x4.splat(f32x4.extract_lane(by, 0)), rounder);
    const b = sixteen(row1 + at, f32x4.splat(f32x4.extract_lane(by, 1)), rounder);
    const c = sixteen(row2 + at, f32x4.splat(f32x4.extract_lane(by, 2)), rounder);
    const d = sixteen(row3 + at, f32x4.splat(f32x4.extract_lane(by, 3)), rounder);
    storeTurned(a, b, c, d, to + 32 + at, 16);
    sums = i16x8.add(sums, turnedSum(pairs(a), pairs(b), pairs(c), pairs(d)));
  }
  v128.store(to, i16x8.neg(i16x8.shl(sums, shift)));
}

/** Sixteen float32 as int8, rounded to the nearest, ties to even. */
// @inline
function sixteen(from: usize, by: v128, rounder: v128): v128 {
  const a = rounded(v128.load(from), by, rounder);
  const b = rounded(v128.load(from, 16), by, rounder);
  const c = rounded(v128.load(from, 32), by, rounder);
  const d = rounded(v128.load(from, 48), by, rounder);
  return i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

// @inline
function rounded(x: v128, by: v128, rounder: v128): v128 {
  return i32x4.sub(f32x4.add(f32x4.mul(x, by), rounder), rounder);
}

// @inline
function pairs(x: v128): v128 {
  return i16x8.extadd_pairwise_i8x16_s(x);
}

/** The next 32 numbers of a row where they lie, or, if fewer are left, filled up with zeros. */
function filledUp(from: usize, rest: i32, filled: usize): usize {
  if (rest >= GROUP) return from;
  memory.fill(filled, 0, 128);
  memory.copy(filled, from, (<usize>rest) << 2);
  return filled;
}
