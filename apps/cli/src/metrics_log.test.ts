import type { PretrainEvent, StepEvent } from "@kcbert/trainer";
import { expect, test } from "vitest";
import { MetricsLog } from "./metrics_log.ts";

function step(step: number, progress: number, loss: number = step): StepEvent {
  return {
    event: "step",
    step,
    loss,
    learningRate: 1,
    gradNorm: 2,
    tokensPerSecond: 100,
    elapsedMs: step,
    progress,
  };
}

const scores: PretrainEvent = { event: "eval", step: 5, loss: 1, accuracy: 0 };

test("every step of a short run has a line of its own", () => {
  const log = new MetricsLog(undefined);
  const events = Array.from({ length: 20 }, (_, i) => step(i + 1, (i + 1) / 20));
  expect(events.flatMap((event) => log.add(event))).toEqual(events);
});

test("of a long run, some steps share a line, which holds their mean; nothing waits behind another event", () => {
  const log = new MetricsLog(4);
  const events = [1, 2, 3, 4, 5].flatMap((n) => log.add(step(n, n / 100)));
  expect(events).toEqual([{ ...step(4, 0.04), loss: 2.5 }]);
  expect(log.add(scores)).toEqual([step(5, 0.05), scores]);
});

test("a run has some ten thousand lines, however long it is", () => {
  const log = new MetricsLog(undefined);
  let lines = 0;
  for (let n = 1; n <= 300_000; n++) lines += log.add(step(n, n / 300_000)).length;
  expect(lines).toBeGreaterThan(4000);
  expect(lines).toBeLessThanOrEqual(10_000);
});
