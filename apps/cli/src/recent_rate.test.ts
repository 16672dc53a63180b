import { expect, test } from "vitest";
import { RecentRate } from "./recent_rate.ts";

test("a step in which a backend compiles is forgotten with the next one", () => {
  const rate = new RecentRate();
  expect([1, 60, 60].map((reading) => rate.add(reading))).toEqual(
    [1, 60, 60].map((x) => expect.closeTo(x, 9)),
  );
});

test("steps that are told at once after a pause say no more than that they took no time", () => {
  const rate = new RecentRate();
  const told = Array.from({ length: 200 }, (_, step) => {
    const at = step % 50; // in each fifty, one step waits for two more, which then take a millisecond
    return rate.add(at === 20 ? 20 : at === 21 || at === 22 ? 64_000 : 60);
  });
  expect(Math.min(...told.slice(2))).toBeGreaterThan(50);
  expect(Math.max(...told)).toBeLessThan(67);
});
