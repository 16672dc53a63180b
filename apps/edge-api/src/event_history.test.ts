import { expect, test } from "vitest";
import { EventHistory } from "./event_history.ts";

test("EventHistory keeps every event of a short run, in order", () => {
  const history = new EventHistory();
  history.push({ event: "start", time: 0 });
  for (let step = 1; step <= 100; step++) history.push({ event: "step", step, loss: step });
  expect(history.from(0).map(({ number }) => number)).toEqual(Array.from({ length: 101 }, (_, i) => i));
  expect(history.from(99).map(({ event }) => event)).toEqual([
    { event: "step", step: 99, loss: 99 },
    { event: "step", step: 100, loss: 100 },
  ]);
  expect(history.from(101)).toEqual([]);
  expect(history.newest("step")?.step).toBe(100);
  expect(history.newest("eval")).toBeUndefined();
});

test("EventHistory holds a long run in bounded memory: coarser, whole, and up to its newest", () => {
  const history = new EventHistory();
  history.push({ event: "start", time: 0 });
  for (let step = 1; step <= 100_000; step++) {
    history.push({ event: "step", step, loss: 1 });
    if (step % 100 === 0) history.push({ event: "eval", step, loss: 1 });
    if (step % 1_000 === 0) history.push({ event: "samples", step, samples: [] });
  }
  const events = history.from(0).map(({ event }) => event);
  const steps = events.flatMap((event) => (event.event === "step" ? event.step : []));
  expect(events[0]!.event).toBe("start");
  expect(steps.length).toBeLessThanOrEqual(4_096);
  expect(steps.length).toBeGreaterThan(1_000);
  expect(steps[0]).toBeLessThan(200);
  expect(steps.at(-1)).toBe(100_000);
  expect(events.filter(({ event }) => event === "eval").length).toBeLessThanOrEqual(1_024);
  expect(events.filter(({ event }) => event === "samples").length).toBeLessThanOrEqual(32);
  expect(history.from(0).every(({ number }, i, all) => i === 0 || number > all[i - 1]!.number)).toBe(true);
  expect(history.last).toMatchObject({ event: "samples", step: 100_000 });
});
