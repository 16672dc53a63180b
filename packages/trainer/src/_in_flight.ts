import type { StepResult } from "./train_step.ts";

/** What a step was about, and its numbers. */
export interface Settled<About> {
  readonly about: About;
  readonly loss: number;
  readonly gradNorm: number;
}

/**
 * Steps that a backend may still be computing, in their order.
 *
 * An accelerator works while the next batch is made, and is never waited for: the numbers of a step are read only when
 * some more steps have been handed to it.
 */
export class StepsInFlight<About> {
  readonly #steps: (StepResult & { readonly about: About })[] = [];

  /** Take in a step that was handed to the backend. */
  add(result: StepResult, about: About): void {
    this.#steps.push({ ...result, about });
  }

  /** Read steps, the oldest first, until no more than `left` are in flight. */
  async *settle(left: number): AsyncGenerator<Settled<About>, void, void> {
    while (this.#steps.length > left) {
      const { loss, gradNorm, about } = this.#steps.shift()!;
      try {
        const [[first], [second]] = await Promise.all([loss.data(), gradNorm.data()]);
        yield { about, loss: first!, gradNorm: second! };
      } finally {
        loss.dispose();
        gradNorm.dispose();
      }
    }
  }

  /** Forget what is in flight. */
  dispose(): void {
    for (const { loss, gradNorm } of this.#steps.splice(0)) {
      loss.dispose();
      gradNorm.dispose();
    }
  }
}
