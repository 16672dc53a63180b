/**
 * Real numbers to small integers and back. All is symmetric: a number is an integer times a scale.
 *
 * @module
 */
import { fromFloat32, toFloat32 } from "@kcbert/safetensors";

/** Integers in rows of C columns, of which G share a scale; packed as their kind says. */
export interface Quantized<Values extends Int8Array | Uint8Array> {
  /** Row-major. */
  readonly values: Values;
  /** `[R, ⌈C / G⌉]`, row-major. */
  readonly scales: Float32Array;
}

/**
 * Each row to integers in [−most, most] with one scale, by which its largest number is ±most.
 *
 * @param most 127 for a table. 63 for a dense layer, see {@link MOST_OF_WEIGHTS}.
 */
export function quantizeRows(values: Float32Array, columns: number, most: number): Quantized<Int8Array> {
  const integers = new Int8Array(values.length);
  const scales = new Float32Array(values.length / columns);
  for (let row = 0; row < scales.length; row++) {
    const [begin, end] = [row * columns, (row + 1) * columns];
    const scale = Math.fround(largest(values, begin, end) / most);
    scales[row] = scale;
    if (scale === 0) continue;
    for (let i = begin; i < end; i++) integers[i] = clamp(Math.round(values[i]! / scale), -most, most);
  }
  return { values: integers, scales };
}

/**
 * The largest integer of an eight-bit weight. The fast product of WebAssembly, `i16x8.relaxed_dot_i8x16_i7x16_s`, adds two
 * products in 16 bits, one side of which must be within 7 bits, [0, 127]. That side are the weights, plus 64; so activations
 * may have 8 bits and a sign.
 */
export const MOST_OF_WEIGHTS = 63;

/**
 * Whether all of these bytes are integers of at most {@link MOST_OF_WEIGHTS}; four at a time, for there are many and a server
 * that starts waits for it.
 */
export function areWithinWeights(bytes: Uint8Array): boolean {
  const head = Math.min(bytes.length, -bytes.byteOffset & 3);
  const count = (bytes.length - head) >> 2;
  const words =
    count === 0 ? new Uint32Array() : new Uint32Array(bytes.buffer, bytes.byteOffset + head, count);
  let outside = 0; // the highest bit of a byte that is
  for (let i = 0; i < count; i++) {
    const word = words[i]!;
    const second = word << 1; // where each byte has its second bit on the place of its first
    const rest = ((word & 0x3f3f3f3f) + 0x3f3f3f3f) << 1; // the same place: whether one of the lower six bits is set
    outside |= (word ^ second) | (word & second & ~rest); // 01…, 10…, 11000000
  }
  const others = [...bytes.subarray(0, head), ...bytes.subarray(head + 4 * count)];
  return (outside & 0x80808080) === 0 && others.every((byte) => byte <= 63 || byte >= 193);
}

/** The largest integer of a row of a table. */
export const MOST_OF_TABLES = 127;

/**
 * Each group of G numbers of a row to integers in [−8, 7] and a scale that half precision holds, two integers in a byte:
 * the even column in the low four bits, each plus 8. A row begins with a byte of its own, and its last group may be
 * shorter.
 *
 * Of some scales near the one that takes the largest number to −8, the one with the least squared error is taken.
 */
export function quantizeGroups(
  values: Float32Array,
  columns: number,
  groupSize: number,
): Quantized<Uint8Array> {
  const rows = values.length / columns;
  const groups = Math.ceil(columns / groupSize);
  const best = new Float32Array(rows * groups);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let begin = 0; begin < columns; begin += groupSize) {
      const end = Math.min(begin + groupSize, columns);
      best[at++] = bestScale(values, row * columns + begin, row * columns + end);
    }
  }
  const scales = toFloat32(fromFloat32(best, [best.length], "F16"));
  checkScales(scales);
  const width = Math.ceil(columns / 2);
  const packed = new Uint8Array(rows * width).fill(0x88);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const scale = scales[row * groups + Math.floor(column / groupSize)]!;
      const nibble = fourBits(values[row * columns + column]!, scale) + 8;
      const at = row * width + (column >> 1);
      packed[at] = column % 2 === 0 ? (packed[at]! & 0xf0) | nibble : (packed[at]! & 0x0f) | (nibble << 4);
    }
  }
  return { values: packed, scales };
}

/** The numbers of the rows from `begin` to before `end`, of what {@link quantizeRows} gave. */
export function dequantizeRows(
  { values, scales }: Quantized<Int8Array>,
  columns: number,
  begin: number,
  end: number,
): Float32Array {
  const floats = new Float32Array((end - begin) * columns);
  for (let row = begin, to = 0, from = begin * columns; row < end; row++) {
    const scale = scales[row]!;
    for (let column = 0; column < columns; column++) floats[to++] = values[from++]! * scale;
  }
  return floats;
}

/** The numbers of the rows from `begin` to before `end`, of what {@link quantizeGroups} gave. */
export function dequantizeGroups(
  { values, scales }: Quantized<Uint8Array>,
  columns: number,
  groupSize: number,
  begin: number,
  end: number,
): Float32Array {
  const floats = new Float32Array((end - begin) * columns);
  const [groups, width] = [Math.ceil(columns / groupSize), Math.ceil(columns / 2)];
  for (let row = begin, to = 0; row < end; row++) {
    for (let group = 0; group < groups; group++) {
      const scale = scales[row * groups + group]!;
      const last = Math.min((group + 1) * groupSize, columns);
      for (let column = group * groupSize; column < last; column++) {
        const byte = values[row * width + (column >> 1)]!;
        floats[to++] = ((column % 2 === 0 ? byte & 15 : byte >> 4) - 8) * scale;
      }
    }
  }
  return floats;
}

// --- internal ---

/** What the largest number of a group may become, beside −8: less cuts it off, more leaves integers unused. */
const TARGETS = [-8, -7.4, -7.7, -8.3, -8.6, -8.9, -9.3, 7];

function bestScale(values: Float32Array, begin: number, end: number): number {
  const extreme = signedLargest(values, begin, end);
  if (extreme === 0) return 0;
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (const target of TARGETS) {
    const scale = extreme / target;
    let error = 0;
    for (let i = begin; i < end; i++) {
      const rest = values[i]! - fourBits(values[i]!, scale) * scale;
      error += rest * rest;
    }
    if (error < least) [best, least] = [scale, error];
  }
  return best;
}

/** Half precision ends at 65,504. */
function checkScales(scales: Float32Array): void {
  if (scales.every((scale) => Number.isFinite(scale))) return;
  throw new RangeError("Cannot quantise to 4 bits as weights must be below 400,000: one is not");
}

/** The nearest integer in [−8, 7]. */
function fourBits(value: number, scale: number): number {
  return scale === 0 ? 0 : clamp(Math.round(value / scale), -8, 7);
}

function largest(values: Float32Array, begin: number, end: number): number {
  return Math.abs(signedLargest(values, begin, end));
}

/** The number of the largest magnitude. */
function signedLargest(values: Float32Array, begin: number, end: number): number {
  let found = 0;
  for (let i = begin; i < end; i++) if (Math.abs(values[i]!) > Math.abs(found)) found = values[i]!;
  return found;
}

function clamp(value: number, least: number, most: number): number {
  return value < least ? least : value > most ? most : value;
}
