import * as fc from "fast-check";
import { expect, test } from "vitest";
import { bertDecay, constantRate, cosineDecay, linearDecay, trapezoid } from "./schedules.ts";

test("linearDecay() is get_linear_schedule_with_warmup in fractions of the run", () => {
  const schedule = linearDecay({ warmup: 4 / 20 });
  for (let step = 0; step < 20; step++) {
    expect(schedule(step / 20)).toBeCloseTo(step < 4 ? step / 4 : (20 - step) / 16, 14);
  }
});

test("bertDecay() counts its decay from the start of the run, as google-research/bert", () => {
  const schedule = bertDecay({ warmup: 4 / 20 });
  for (let step = 0; step < 20; step++) {
    expect(schedule(step / 20)).toBeCloseTo(step < 4 ? step / 4 : 1 - step / 20, 14);
  }
});

test("cosineDecay() is half a cosine after the warm-up", () => {
  const schedule = cosineDecay({ warmup: 0.5 });
  expect(schedule(0.25)).toBe(0.5);
  expect(schedule(0.5)).toBe(1);
  expect(schedule(0.75)).toBeCloseTo(0.5, 14);
  expect(schedule(0.9999)).toBeCloseTo(0, 6);
});

test("trapezoid() holds the peak until the cool-down", () => {
  const schedule = trapezoid({ warmup: 0.125, cooldown: 0.25 });
  expect([0, 0.0625, 0.125, 0.5, 0.75, 0.875].map(schedule)).toEqual([0, 0.5, 1, 1, 1, 0.5]);
});

test("constantRate() warms up and stays", () => {
  expect([0, 0.125, 0.25, 0.5, 0.999].map(constantRate({ warmup: 0.25 }))).toEqual([0, 0.5, 1, 1, 1]);
});

test("a schedule decays to the part of the peak that it is told", () => {
  expect([0, 0.5, 1].map(linearDecay({ warmup: 0, final: 0.5 }))).toEqual([1, 0.75, 0.5]);
  expect([0, 0.5, 1].map(cosineDecay({ warmup: 0, final: 0.5 }))).toEqual([1, 0.75, 0.5]);
  const schedule = trapezoid({ warmup: 0.25, cooldown: 0.5, final: 0.5 });
  expect([0.125, 0.5, 0.75, 1].map(schedule)).toEqual([0.5, 1, 0.75, 0.5]);
});

test.each([-0.1, 1, NaN])("a decay to %d of the peak is refused", (final) => {
  expect(() => linearDecay({ final })).toThrow(
    new RangeError(`Cannot decay to a part of the peak outside of [0, 1): final is ${final}`),
  );
});

test("every schedule stays within [0, 1] and is 0 once the run is over", () => {
  const warmups = fc.double({ min: 0, max: 0.5, noNaN: true });
  const progress = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
  fc.assert(
    fc.property(warmups, progress, (warmup, done) => {
      for (const schedule of [linearDecay, bertDecay, cosineDecay, trapezoid].map((make) =>
        make({ warmup }),
      )) {
        expect(schedule(done)).toBeGreaterThanOrEqual(0);
        expect(schedule(done)).toBeLessThanOrEqual(1);
        expect(schedule(1)).toBe(0);
      }
    }),
  );
});

test.each([-0.1, 1, NaN])("a warm-up of %d is refused", (warmup) => {
  expect(() => linearDecay({ warmup })).toThrow(
    new RangeError(`Cannot warm up over a part of the run outside of [0, 1): warmup is ${warmup}`),
  );
});

test.each([0, 0.95, NaN])("a cool-down of %d after a warm-up of 0.1 is refused", (cooldown) => {
  expect(() => trapezoid({ warmup: 0.1, cooldown })).toThrow(RangeError);
});
