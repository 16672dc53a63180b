/** Dropout by random numbers from a counter: Threefry-2x32 of 20 rounds, as `random.ts` of `@kcbert/bert` defines it. */

/**
 * Element i of y is 0 if the upper 24 bits of word i are below `bound`, else `x[i]·keep`.
 *
 * @param low The seed modulo 2³².
 * @param high The seed over 2³².
 */
export function dropout(
  x: usize,
  y: usize,
  n: i32,
  low: i32,
  high: i32,
  step: i32,
  stream: i32,
  bound: i32,
  keep: f32,
): void {
  threefry(i32x4.splat(low), i32x4.splat(high), i32x4.splat(step), i32x4.splat(stream));
  const key0 = i32x4.splat(i32x4.extract_lane(first, 0));
  const key1 = i32x4.splat(i32x4.extract_lane(second, 0));
  const factor = f32x4.splat(keep);
  const limit = i32x4.splat(bound);
  let counters = i32x4(0, 1, 2, 3);
  for (let i = 0; i < n; i += 8) {
    threefry(key0, key1, counters, i32x4.splat(0));
    counters = i32x4.add(counters, i32x4.splat(4));
    // Words 2j and 2j + 1 are the two results of counter j.
    const words0 = i8x16.shuffle(first, second, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
    const words1 = i8x16.shuffle(first, second, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
    const dropped0 = i32x4.lt_s(i32x4.shr_u(words0, 8), limit);
    const dropped1 = i32x4.lt_s(i32x4.shr_u(words1, 8), limit);
    if (i + 8 <= n) {
      v128.store(y, v128.bitselect(f32x4.splat(0), f32x4.mul(v128.load(x), factor), dropped0));
      v128.store(y, v128.bitselect(f32x4.splat(0), f32x4.mul(v128.load(x, 16), factor), dropped1), 16);
      x += 32;
      y += 32;
      continue;
    }
    let low4 = dropped0;
    for (let rest = 0; i + rest < n; rest++) {
      if (rest == 4) low4 = dropped1;
      f32.store(y, i32x4.extract_lane(low4, 0) != 0 ? 0 : f32.load(x) * keep);
      low4 = i8x16.shuffle(low4, low4, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3);
      x += 4;
      y += 4;
    }
  }
}

// --- internal ---

/** The two words that {@link threefry} gives, for four counters at once. */
let first: v128 = i32x4(0, 0, 0, 0);
let second: v128 = i32x4(0, 0, 0, 0);

// @inline
function threefry(a: v128, b: v128, counter0: v128, counter1: v128): void {
  const c = v128.xor(v128.xor(a, b), i32x4.splat(0x1bd11bda));
  let x = i32x4.add(counter0, a);
  let y = i32x4.add(counter1, b);
  x = i32x4.add(x, y);
  y = v128.xor(turned(y, 13), x);
  x = i32x4.add(x, y);
  y = v128.xor(turned(y, 15), x);
  x = i32x4.add(x, y);
  y = v128.xor(turned(y, 26), x);
  x = i32x4.add(x, y);
  y = v128.xor(turned(y, 6), x);
  x = i32x4.add(x, b);
  y = i32x4.add(y, i32x4.add(c, i32x4.splat(1)));
  x = i32x4.add(x, y);
  y = v128.xor(turned(y, 17), x);
  x = i32x4.add(x, y);
  y = v128.xor(turned(y, 29), x);
  x = i32x4.add(x, y);
  y = v128.xor(turned(y, 16), x);
  x = i32x4.add(x, y);
  y = v128.xor(turned(y, 24), x);
  x = i32x4.add(x, c);
  y = i32x4.add(y, i32x4.add(a, i32x4.splat(2)));
  x = i32x4.add(x, y);
  y = v128.xor(turned(y, 13), x);
  x = i32x4.add(x, y);
  y = v128.xor(turned(y, 15), x);
  x = i32x4.add(x, y);
  y = v128.xor(turned(y, 26), x);
  x = i32x4.add(x, y);
  y = v128.xor(turned(y, 6), x);
  x = i32x4.add(x, a);
  y = i32x4.add(y, i32x4.add(b, i32x4.splat(3)));
  x = i32x4.add(x, y);
  y = v128.xor(turned(y, 17), x);
  x = i32x4.add(x, y);
  y = v128.xor(turned(y, 29), x);
  x = i32x4.add(x, y);
  y = v128.xor(turned(y, 16), x);
  x = i32x4.add(x, y);
  y = v128.xor(turned(y, 24), x);
  x = i32x4.add(x, b);
  y = i32x4.add(y, i32x4.add(c, i32x4.splat(4)));
  x = i32x4.add(x, y);
  y = v128.xor(turned(y, 13), x);
  x = i32x4.add(x, y);
  y = v128.xor(turned(y, 15), x);
  x = i32x4.add(x, y);
  y = v128.xor(turned(y, 26), x);
  x = i32x4.add(x, y);
  y = v128.xor(turned(y, 6), x);
  x = i32x4.add(x, c);
  y = i32x4.add(y, i32x4.add(a, i32x4.splat(5)));
  first = x;
  second = y;
}

// @inline
function turned(y: v128, by: i32): v128 {
  return v128.or(i32x4.shl(y, by), i32x4.shr_u(y, 32 - by));
}
