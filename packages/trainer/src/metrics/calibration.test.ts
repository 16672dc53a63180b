/** Against SciPy 1.17.1 and NumPy, on numbers that both sides make by the same rule. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { beyond, calibration, fitTemperature, unsureBand } from "./calibration.ts";

/** `[(i·a + b + ⌊i²/3⌋) mod m for i in range(n)]`. */
function sequence(n: number, a: number, b: number, m: number): number[] {
  return Array.from({ length: n }, (_, i) => (i * a + b + Math.floor((i * i) / 3)) % m);
}

const logits = sequence(360, 7919, 13, 101).map((value) => value / 20);
/** The class that is first, but for some of those that are hardly so, and some others. */
const labels = sequence(120, 104_729, 5, 97).map((noise, i) => {
  const row = logits.slice(3 * i, 3 * i + 3);
  const [most, next] = row.toSorted((a, b) => b - a);
  const isNoise = (noise % 2 === 0 && most! - next! < 1.5) || noise % 17 === 0;
  return isNoise ? noise % 3 : row.indexOf(most!);
});

describe("of three classes", () => {
  const temperature = fitTemperature(logits, labels, 3);

  test("the temperature is the one that SciPy finds", () => {
    expect(temperature).toBeCloseTo(1.1614570438795373, 6);
  });

  test("calibration errors and likelihoods are NumPy's", () => {
    const [before, after] = [calibration(logits, labels, 3), calibration(logits, labels, 3, temperature)];
    expect(before.nll).toBeCloseTo(0.7554901675376318, 12);
    expect(after.nll).toBeCloseTo(0.7503456269247072, 12);
    expect(before.ece).toBeCloseTo(0.15590173477562952, 12);
    expect(after.ece).toBeCloseTo(0.16974537189452044, 8);
  });

  test("the band is the narrowest of whole hundredths, and says what lies beyond it", () => {
    const band = unsureBand(logits, labels, 3, 0.8)!;
    expect(band.below).toBe(0.35);
    expect(band.accuracy).toBeCloseTo(0.8050847457627118, 12);
    expect(band.coverage).toBeCloseTo(0.9833333333333333, 12);
    expect(beyond(logits, labels, 3, 0.34).accuracy).toBeLessThan(0.8);
    expect(beyond(logits, labels, 3, 0.35)).toEqual(band);
    expect(unsureBand(logits, labels, 3, 0)).toMatchObject({ below: 0, coverage: 1 });
  });

  test("where nothing is sure enough there is no band", () => {
    expect(unsureBand([1, 0, 1, 0], [1, 1], 2, 0.5)).toBeUndefined();
    expect(beyond([1, 0], [0], 2, 1)).toEqual({ below: 1, accuracy: NaN, coverage: 0 });
  });
});

test("logits that were scaled beforehand are found out", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.2, max: 5, noNaN: true }), (scale) => {
      const scaled = logits.map((logit) => logit * scale);
      expect(fitTemperature(scaled, labels, 3) / scale).toBeCloseTo(1.1614570438795373, 5);
    }),
  );
});

test("where all are right, no model is too sure", () => {
  expect(fitTemperature([3, 0, 0, 3], [0, 1], 2)).toBeCloseTo(0.05, 12);
});

test("what does not fit together is refused", () => {
  expect(() => fitTemperature([], [], 2)).toThrow(
    new RangeError("Cannot calibrate as there are no examples"),
  );
  expect(() => unsureBand([1, 2, 3], [0, 1], 2, 0.9)).toThrow(
    "there must be 2 logits for each of 2 labels: there are 3",
  );
});
