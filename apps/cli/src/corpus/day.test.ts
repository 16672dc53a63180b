import * as fc from "fast-check";
import { expect, test } from "vitest";
import { dayOf } from "./day.ts";

test.each([
  ["1970-01-01", 0],
  ["1970-01-02", 1],
  ["2003-11-21", 12_377],
  ["2019.1.31", 17_927],
  ["2019/01/31", 17_927],
  ["20190131", 17_927],
  [" 2019-01-31T23:59:59+09:00", 17_927],
  ["2019-01-31 09:30:00.000", 17_927],
  ["2020-02-29", 18_321],
])("%j is day %d", (date, day) => {
  expect(dayOf(date)).toBe(day);
});

test.each(["", "2019-02-29", "2019-13-01", "2019-00-10", "31-01-2019", "201901311", "yesterday", "2019-01"])(
  "%j is no date",
  (date) => {
    expect(dayOf(date)).toBeUndefined();
  },
);

test("every day of a thousand years is counted as Date counts it, in every form", () => {
  const day = fc.integer({ min: -300_000, max: 300_000 });
  fc.assert(
    fc.property(
      day,
      fc.constantFrom("-", ".", "/", ""),
      fc.constantFrom("", " 10:00", "T23:59:59Z", "x"),
      (days, sign, rest) => {
        const iso = new Date(days * 86_400_000).toISOString().slice(0, 10);
        expect(dayOf(iso.replaceAll("-", sign) + rest)).toBe(days);
      },
    ),
  );
  for (const [date, next] of [
    ["2000-02-29", "2000-03-01"],
    ["1900-02-28", "1900-03-01"],
    ["2023-12-31", "2024-01-01"],
  ]) {
    expect(dayOf(next!)! - dayOf(date!)!).toBe(1);
  }
  expect(dayOf("1900-02-29")).toBeUndefined();
});
