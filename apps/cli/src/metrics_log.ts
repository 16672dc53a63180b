import type { PretrainEvent, StepEvent } from "@kcbert/trainer";

/**
 * Thins the steps of a long run: one line for every so many, with the mean of what it stands for.
 *
 * A step on an accelerator takes milliseconds; a line for each would be a gigabyte in a day.
 */
export class MetricsLog {
  readonly #every: number | undefined;
  #waiting: StepEvent[] = [];
  #interval = 1;

  /** @param every Steps for each line; by default so many that a run has some ten thousand lines. */
  constructor(every: number | undefined) {
    this.#every = every;
    this.#interval = every ?? 1;
  }

  /** Take in an event; gives the events to be written now. */
  add(event: PretrainEvent): PretrainEvent[] {
    if (event.event !== "step") return [...this.flush(), event];
    this.#waiting.push(event);
    if (this.#every === undefined) this.#interval = intervalFor(event);
    return event.step % this.#interval === 0 ? this.flush() : [];
  }

  /** The steps that wait, as one. */
  flush(): PretrainEvent[] {
    const steps = this.#waiting.splice(0);
    if (steps.length <= 1) return steps;
    const mean = (of: (step: StepEvent) => number) =>
      steps.reduce((sum, step) => sum + of(step), 0) / steps.length;
    const tokensPerSecond = steps.length / steps.reduce((sum, step) => sum + 1 / step.tokensPerSecond, 0);
    const [loss, gradNorm] = [mean(({ loss }) => loss), mean(({ gradNorm }) => gradNorm)];
    return [{ ...steps.at(-1)!, loss, gradNorm, tokensPerSecond }];
  }
}

// --- internal ---

const LINES = 10_000;

/** 1, 2, 5, 10, 20, 50, … steps, so that the whole run has at most some ten thousand lines. */
function intervalFor({ step, progress }: StepEvent): number {
  const wanted = Math.round(step / Math.max(progress, 1e-9)) / LINES;
  if (wanted <= 1) return 1;
  const magnitude = 10 ** Math.floor(Math.log10(wanted));
  return [1, 2, 5, 10].map((factor) => factor * magnitude).find((interval) => interval >= wanted)!;
}
