/**
 * Quantised weights in the order in which products read them, and back.
 *
 * Panels of eight outputs; columns filled up with zeros to groups of 32. With 8 bits, for each four inputs four bytes an
 * output, each plus 64: `[⌈R / 8⌉, ⌈C / 32⌉·8, 8, 4]`. With 4 bits, for each eight inputs four bytes an output, the first four
 * in the low halves, each plus 8: `[⌈R / 8⌉, ⌈C / 32⌉·4, 8, 4]`.
 */
import { up } from "./simd";

/** Columns whose products are summed in 16 bits: 16 products a sum. */
export const GROUP: i32 = 32;

/** Bytes before the scales of 8-bit weights: their bound, see {@link packInt8}. */
export const HEADER: usize = 16;

/** What is added to an 8-bit weight, in [−63, 63], so that it has 7 bits and no sign. */
const CENTRE: i32 = 64;

/** Bytes of packed weights. */
export function packedBytes(rows: i32, columns: i32, bits: i32): i32 {
  return (up(rows, 8) * up(columns, GROUP)) >> (bits == 8 ? 0 : 1);
}

/**
 * Pack int8 `[rows, columns]`, and its scales `[rows]` as `[4 + ⌈rows / 8⌉·8]`: first the length that the activations of a
 * 16-bit sum may have, then the scales. By Cauchy and Schwarz a sum of products is at most the product of both lengths.
 */
export function packInt8(
  from: usize,
  scales: usize,
  to: usize,
  toScales: usize,
  rows: i32,
  columns: i32,
): void {
  let longest: f32 = 1;
  for (let j = 0; j < rows; j += 8) {
    for (let group = 0; group < columns; group += GROUP) {
      for (let k = group; k < group + GROUP; k += 4) {
        for (let row = j; row < j + 8; row++) {
          for (let column = k; column < k + 4; column++) {
            const inside = row < rows && column < columns;
            store<u8>(to++, CENTRE + (inside ? load<i8>(from + <usize>row * columns + column) : 0));
          }
        }
      }
      longest = max<f32>(longest, longestSum(to - 256));
    }
  }
  f32.store(toScales, MOST_SUM / sqrt<f32>(longest) - ROUNDING);
  memory.fill(toScales + HEADER, 0, (<usize>up(rows, 8)) << 2);
  memory.copy(toScales + HEADER, scales, (<usize>rows) << 2);
}

/** The integers that {@link packInt8} was given. */
export function unpackInt8(from: usize, to: usize, rows: i32, columns: i32): void {
  for (let j = 0; j < rows; j += 8) {
    for (let k = 0; k < up(columns, GROUP); k += 4) {
      for (let row = j; row < j + 8; row++) {
        for (let column = k; column < k + 4; column++) {
          const weight = <i32>load<u8>(from++) - CENTRE;
          if (row < rows && column < columns) store<i8>(to + <usize>row * columns + column, weight);
        }
      }
    }
  }
}

/** The scales that {@link packInt8} was given. */
export function unpackInt8Scales(from: usize, to: usize, rows: i32): void {
  memory.copy(to, from + HEADER, (<usize>rows) << 2);
}

/** Pack 4-bit `[rows, ⌈columns / 2⌉]`, the even column of a byte in its low half. */
export function packInt4(from: usize, to: usize, rows: i32, columns: i32): void {
  const width = <usize>((columns + 1) >> 1);
  for (let j = 0; j < rows; j += 8) {
    for (let k = 0; k < up(columns, GROUP); k += 8) {
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
    for (let k = 0; k < up(columns, GROUP); k += 8) {
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

/** A panel of packed 4-bit weights, so many bytes, with a byte each, as 8-bit weights lie. */
export function widenPanel(from: usize, bytes: usize, to: usize): void {
  const low = i8x16.splat(15);
  for (const end = from + bytes; from < end; from += 32) {
    const left = v128.load(from);
    const right = v128.load(from, 16);
    v128.store(to, v128.and(left, low));
    v128.store(to, v128.and(right, low), 16);
    v128.store(to, i8x16.shr_u(left, 4), 32);
    v128.store(to, i8x16.shr_u(right, 4), 48);
    to += 64;
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

// --- internal ---

/** The largest sum of products in 16 bits, less what float32 may round away. */
const MOST_SUM: f32 = 32760;

/** By how much rounding can lengthen 16 activations, each by a half, and a little. */
const ROUNDING: f32 = 2.1;

/** Of a packed group of 32 columns, the largest square of the length of the weights that one 16-bit sum meets. */
function longestSum(group: usize): f32 {
  let found: f32 = 0;
  for (let row: usize = 0; row < 32; row += 4) {
    for (let pair: usize = 0; pair < 4; pair += 2) {
      let square = 0;
      for (let step: usize = 0; step < 256; step += 32) {
        const a = <i32>load<u8>(group + step + row + pair) - CENTRE;
        const b = <i32>load<u8>(group + step + row + pair, 1) - CENTRE;
        square += a * a + b * b;
      }
      found = max<f32>(found, <f32>square);
    }
  }
  return found;
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
