import { appendFile } from "node:fs/promises";
import type { TrainingEvent } from "../training_event.ts";

/** A run in its events: `steps` steps, scored at every tenth. */
export function* recordedRun(steps: number): Generator<TrainingEvent> {
  const unigramLoss = 6.5;
  yield {
    event: "start",
    time: 1_795_000_000_000,
    maxSteps: steps,
    maxSeconds: null,
    unigramLoss,
    parameters: 1_000,
  };
  for (let step = 1; step <= steps; step++) {
    const loss = 5.5 + 3 * Math.exp((-5 * step) / steps);
    yield { event: "step", step, loss, learningRate: 1e-3, tokensPerSecond: 6_000, elapsedMs: step * 300 };
    if (step % 10 === 0) {
      yield { event: "eval", step, loss: loss + 0.1, accuracy: 0.2 };
      const fills = ["재밌", "좋", "최고", "##다", "."].map((token, i) => ({ token, score: 0.3 / (i + 1) }));
      yield { event: "samples", step, samples: [{ text: "오늘 영화 정말 [MASK]", fills }] };
    }
  }
  yield { event: "end", step: steps, reason: "done", evalLoss: 5.6, unigramLoss, accuracy: 0.2 };
}

/** Append events to a `metrics.jsonl`, as the trainer does. */
export async function appendEvents(path: string, events: Iterable<TrainingEvent>): Promise<void> {
  await appendFile(path, [...events].map((event) => `${JSON.stringify(event)}\n`).join(""));
}
