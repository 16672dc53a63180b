import type { FinetuneEvent } from "@kcbert/trainer";
import { expect, test, vi } from "vitest";
import { startFinetuneProgress } from "./finetune_progress.ts";

const start: FinetuneEvent = {
  event: "start",
  step: 0,
  examples: 6400,
  maxSteps: 100,
  stepsPerEpoch: 100,
  batchSize: 64,
  widths: [32],
  parameters: 11_137_154,
};

/** Steps of a second each after a minute of compiling; some are told at once with the one before them. */
function step(step: number, examplesPerSecond = 64): FinetuneEvent {
  const elapsedMs = 60_000 + step * 1000;
  const figures = { loss: 0.5, learningRate: 1e-4, gradNorm: 1, examplesPerSecond };
  return { event: "step", step, epoch: step / 100, elapsedMs, progress: step / 100, ...figures };
}

function watched(isTTY: boolean) {
  const written: string[] = [];
  const clock = { now: 0 };
  const stream = { isTTY, columns: 120, write: (text: string) => written.push(text) };
  const progress = startFinetuneProgress("nsmc, seed 1", { stream, now: () => clock.now });
  return { written, clock, progress };
}

test("in a log there is a line every half minute, of the pace after compiling", () => {
  const { written, clock, progress } = watched(false);
  progress.show(start);
  progress.show(step(1, 1));
  for (let i = 2; i <= 60; i++) {
    clock.now = i * 1000;
    progress.show(i === 29 ? step(i, 32) : step(i, i === 30 ? 64_000 : 64));
  }
  progress.done();
  expect(written).toEqual([
    "nsmc, seed 1: 11,137,154 parameters, 6,400 examples, 100 steps\n",
    "nsmc, seed 1 step 30, 30 %, loss 0.500, 64 examples/s, 1 min 10 s left\n",
    "nsmc, seed 1 step 60, 60 %, loss 0.500, 64 examples/s, 40 s left\n",
  ]);
});

test("on a terminal there is a bar, in a person's language", () => {
  vi.stubEnv("LC_ALL", "ko_KR.UTF-8");
  const { written, clock, progress } = watched(true);
  progress.show(step(1));
  clock.now = 150;
  progress.show(step(50));
  progress.done();
  vi.unstubAllEnvs();
  expect(written).toEqual([
    "\rnsmc, 시드 1 ░░░░░░░░░░░░░░░░░░░░ 1 %, 손실 0.500, 초당 예 64개, 남은 시간 알 수 없음\u001B[K",
    "\rnsmc, 시드 1 ██████████░░░░░░░░░░ 50 %, 손실 0.500, 초당 예 64개, 50초 남음\u001B[K",
    "\r\u001B[K",
  ]);
});
