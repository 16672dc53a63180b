/** Sums of rows. */

/** The sum of the rows of float32 `[rows, width]`, four at a time, in their order. */
export function sumRows(x: usize, rows: i32, width: i32, to: usize): void {
  const stride = (<usize>width) << 2;
  memory.fill(to, 0, stride);
  let i = 0;
  for (; i + 4 <= rows; i += 4) {
    let at: usize = 0;
    for (const whole = (<usize>(width & ~3)) << 2; at < whole; at += 16) {
      const row = x + at;
      const ab = f32x4.add(v128.load(row), v128.load(row + stride));
      const cd = f32x4.add(v128.load(row + 2 * stride), v128.load(row + 3 * stride));
      v128.store(to + at, f32x4.add(v128.load(to + at), f32x4.add(ab, cd)));
    }
    for (; at < stride; at += 4) {
      const row = x + at;
      const ab = f32.load(row) + f32.load(row + stride);
      const cd = f32.load(row + 2 * stride) + f32.load(row + 3 * stride);
      f32.store(to + at, f32.load(to + at) + (ab + cd));
    }
    x += 4 * stride;
  }
  for (; i < rows; i++) {
    addRow(x, width, to, true);
    x += stride;
  }
}

/**
 * Row i of x `[count, width]` is added to row `ids[i]` of the result `[segments, width]`, in the order of i; ids out of
 * range are left out.
 */
export function segmentSum(
  x: usize,
  ids: usize,
  to: usize,
  count: i32,
  width: i32,
  segments: i32,
  isFloat: bool,
): void {
  const stride = (<usize>width) << 2;
  memory.fill(to, 0, <usize>segments * stride);
  for (let i = 0; i < count; i++) {
    const id = i32.load(ids + ((<usize>i) << 2));
    if (id < 0 || id >= segments) continue;
    addRow(x + <usize>i * stride, width, to + <usize>id * stride, isFloat);
  }
}

// --- internal ---

function addRow(x: usize, width: i32, to: usize, isFloat: bool): void {
  let j = 0;
  for (; j + 4 <= width; j += 4) {
    const sum = v128.load(to);
    const row = v128.load(x);
    v128.store(to, isFloat ? f32x4.add(sum, row) : i32x4.add(sum, row));
    x += 16;
    to += 16;
  }
  for (; j < width; j++) {
    if (isFloat) f32.store(to, f32.load(to) + f32.load(x));
    else i32.store(to, i32.load(to) + i32.load(x));
    x += 4;
    to += 4;
  }
}
