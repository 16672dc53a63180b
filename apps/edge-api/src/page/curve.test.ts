import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nearest, smooth, thin, ticks } from "./curve.ts";

const points = fc
  .array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 300 })
  .map((values) => values.map((y, x) => ({ x, y })));

describe("smooth()", () => {
  test("leaves a straight line as it is, but where it can look one way only", () => {
    const line = Array.from({ length: 50 }, (_, x) => ({ x, y: 3 * x + 1 }));
    const smoothed = smooth(line, 7);
    for (const [i, { y }] of smoothed.slice(0, -7).entries())
      if (i >= 4) expect(y).toBeCloseTo(line[i]!.y, 9);
    expect(smoothed[0]!.y).toBeCloseTo(line[0]!.y + 3 * 2, 9);
    expect(smoothed.at(-1)!.y).toBeCloseTo(line.at(-1)!.y - 3 * 3.5, 9);
  });

  test("stays between the lowest and the highest point", () => {
    fc.assert(
      fc.property(points, fc.nat(40), (curve, reach) => {
        const smoothed = smooth(curve, reach);
        const values = curve.map(({ y }) => y);
        expect(smoothed).toHaveLength(curve.length);
        for (const { y } of smoothed) {
          expect(y).toBeGreaterThanOrEqual(Math.min(...values) - 1e-6);
          expect(y).toBeLessThanOrEqual(Math.max(...values) + 1e-6);
        }
      }),
    );
  });
});

test("thin() keeps short curves whole, and long ones whole from begin to end", () => {
  fc.assert(
    fc.property(points, fc.integer({ min: 2, max: 60 }), (curve, count) => {
      const thinned = thin(curve, count);
      expect(thinned.length).toBeLessThanOrEqual(count + 1);
      expect(thinned.at(-1)).toEqual(curve.at(-1));
      expect(thinned.every(({ x }, i) => i === 0 || x > thinned[i - 1]!.x)).toBe(true);
      if (curve.length <= count) expect(thinned).toEqual(curve);
    }),
  );
});

describe("ticks()", () => {
  test.each([
    [0, 260, 7, [0, 50, 100, 150, 200, 250]],
    [5.4, 9.6, 5, [6, 7, 8, 9]],
    [6.51, 6.59, 4, [6.52, 6.54, 6.56, 6.58]],
    [0, 1_000_000, 4, [0, 500_000, 1_000_000]],
  ])("from %d to %d", (low, high, count, expected) => {
    expect(ticks(low, high, count)).toEqual(expected);
  });

  test("are a few, inside, ascending", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
        (low, span) => {
          const found = ticks(low, low + span, 5);
          expect(found.length).toBeLessThanOrEqual(6);
          for (const tick of found) {
            expect(tick).toBeGreaterThanOrEqual(low - span * 1e-6);
            expect(tick).toBeLessThanOrEqual(low + span * 1.000_001);
          }
        },
      ),
    );
  });

  test("of nothing are one", () => expect(ticks(3, 3, 5)).toEqual([3]));
});

test("nearest() finds the point beside the pointer", () => {
  const curve = [0, 10, 20].map((x) => ({ x, y: 0 }));
  expect([-5, 4, 6, 14, 99].map((x) => nearest(curve, x))).toEqual([0, 0, 1, 1, 2]);
  expect(nearest([], 1)).toBe(-1);
});
