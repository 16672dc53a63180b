import { describe, expect, test } from "vitest";
import { recordedRun } from "../testing/recorded_run.ts";
import { emptyRun, gapOf, leftMs, progressOf, receive } from "./run_view.ts";

describe("receive()", () => {
  test("collects a run from its begin to its end", () => {
    const run = emptyRun();
    const events = [...recordedRun(40)];
    for (const event of events.slice(0, 20)) receive(run, event);
    expect(run.phase).toBe("running");
    expect(progressOf(run)).toBeCloseTo(run.steps.at(-1)!.step / 40);
    for (const event of events.slice(20)) receive(run, event);
    expect(run.phase).toBe("done");
    expect(run.steps.map(({ step }) => step)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    expect(run.evals).toHaveLength(4);
    expect(run.samples?.step).toBe(40);
    expect(gapOf(run)).toBeCloseTo(0.9);
    expect(progressOf(run)).toBe(1);
    expect(leftMs(run)).toBeUndefined();
  });

  test("takes back the steps after a checkpoint when the run goes on from it", () => {
    const run = emptyRun();
    for (const step of [1, 2, 3, 4, 5]) receive(run, { event: "step", step, loss: 9 });
    receive(run, { event: "end", step: 5, reason: "interrupted" });
    expect(run.phase).toBe("interrupted");
    receive(run, { event: "start", time: 0 });
    expect(run.phase).toBe("running");
    receive(run, { event: "step", step: 4, loss: 1 });
    expect(run.steps.map(({ step, loss }) => [step, loss])).toEqual([
      [1, 9],
      [2, 9],
      [3, 9],
      [4, 1],
    ]);
  });
});

test("progressOf() and leftMs() go by time where the run has no number of steps", () => {
  const run = emptyRun();
  expect(progressOf(run)).toBeUndefined();
  receive(run, { event: "start", time: 0, maxSteps: null, maxSeconds: 180 });
  expect(progressOf(run)).toBe(0);
  expect(leftMs(run)).toBeUndefined();
  receive(run, { event: "step", step: 9, loss: 1, elapsedMs: 45_000 });
  expect(progressOf(run)).toBe(0.25);
  expect(leftMs(run)).toBe(135_000);
});
