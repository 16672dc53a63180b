import type { PretrainEvent } from "@kcbert/trainer";
import { kcbertBase } from "@kcbert/bert";
import { expect, test } from "vitest";
import { startTrainingProgress } from "./training_progress.ts";

const start: PretrainEvent = {
  event: "start",
  time: 0,
  step: 0,
  maxSteps: null,
  maxSeconds: 100,
  unigramLoss: 7.5,
  trainLines: 46_662,
  heldOutLines: 1000,
  config: kcbertBase,
  batchSize: 8,
  rowLength: 64,
  parameters: 1_454_016,
  flopsPerToken: 5e6,
};

function step(step: number, progress: number): PretrainEvent {
  const elapsedMs = progress * 100_000;
  const rates = { learningRate: 1e-3, gradNorm: 1, tokensPerSecond: 3000 };
  return { event: "step", step, loss: 7.25, elapsedMs, progress, ...rates };
}

function watched(isTTY: boolean) {
  const written: string[] = [];
  const clock = { now: 0 };
  const stream = { isTTY, columns: 120, write: (text: string) => written.push(text) };
  return { written, clock, progress: startTrainingProgress({ stream, now: () => clock.now }) };
}

test("elsewhere than on a terminal there is a line for the start, and one for each evaluation", () => {
  const { written, progress } = watched(false);
  progress.show(start);
  progress.show(step(10, 0.1));
  progress.show(step(20, 0.2));
  progress.show({ event: "eval", step: 20, loss: 7.4, accuracy: 0.101 });
  progress.show(step(100, 1));
  progress.show({ event: "eval", step: 100, loss: 7.55, accuracy: 0.2 });
  progress.done();
  expect(written).toEqual([
    "Training 1,454,016 parameters on 46,662 lines, 1,000 held out; unigram loss 7.500\n",
    "Step 20, 20 %: held-out loss 7.400 (−0.100 against unigrams), accuracy 10.1 %, 3,000 tokens/s, 1 min 20 s left\n",
    "Step 100, 100 %: held-out loss 7.550 (+0.050 against unigrams), accuracy 20.0 %\n",
  ]);
});

test("on a terminal there is a bar too, redrawn at most ten times a second and taken away at the end", () => {
  const { written, clock, progress } = watched(true);
  progress.show(start);
  progress.show(step(10, 0.1));
  clock.now = 50;
  progress.show(step(11, 0.11));
  clock.now = 150;
  progress.show(step(50, 0.5));
  progress.done();
  expect(written.slice(1)).toEqual([
    "\rTraining ██░░░░░░░░░░░░░░░░░░░░░░ 10 %, step 10, loss 7.250, 3,000 tokens/s, unknown time left\u001B[K",
    "\rTraining ████████████░░░░░░░░░░░░ 50 %, step 50, loss 7.250, 3,000 tokens/s, 50 s left\u001B[K",
    "\r\u001B[K",
  ]);
});
