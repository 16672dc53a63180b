/** A point of a curve in the data's own units. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * The running mean of a curve. It looks as far ahead as back, so that a steep begin does not trail behind; at the end,
 * where nothing is ahead, it looks back alone, and at the begin a few points ahead, so that it does not jump with the
 * newest point nor begin with the first.
 *
 * @param reach How many points on either side count, at most.
 */
export function smooth(points: readonly Point[], reach: number): Point[] {
  const sums = new Float64Array(points.length + 1);
  for (const [i, { y }] of points.entries()) sums[i + 1] = sums[i]! + y;
  return points.map(({ x }, i) => {
    const from = Math.max(0, i - reach);
    const ahead = Math.max(i - from, Math.min(reach, 4));
    const to = Math.min(points.length, i + ahead + 1);
    return { x, y: (sums[to]! - sums[from]!) / (to - from) };
  });
}

/** The curve in at most `count` points: neighbours become their mean, the last point stays. */
export function thin(points: readonly Point[], count: number): Point[] {
  if (points.length <= count) return [...points];
  const size = Math.ceil(points.length / (count - 1));
  const result: Point[] = [];
  for (let from = 0; from < points.length - 1; from += size) {
    const part = points.slice(from, Math.min(from + size, points.length - 1));
    result.push({
      x: part.reduce((sum, { x }) => sum + x, 0) / part.length,
      y: part.reduce((sum, { y }) => sum + y, 0) / part.length,
    });
  }
  return [...result, points.at(-1)!];
}

/** Round values from `low` to `high`, about `count` of them, 1, 2 or 5 times a power of ten apart. */
export function ticks(low: number, high: number, count: number): number[] {
  const raw = (high - low) / Math.max(1, count);
  if (!(raw > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= raw * (1 - 1e-9)) ?? 10) * power;
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** The index of the point nearest to `x`; −1 if there is none. */
export function nearest(points: readonly Point[], x: number): number {
  let best = -1;
  let distance = Infinity;
  for (const [index, point] of points.entries()) {
    const away = Math.abs(point.x - x);
    if (away <= distance) [best, distance] = [index, away];
  }
  return best;
}
