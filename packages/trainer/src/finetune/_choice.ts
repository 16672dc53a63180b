import type { ScoredStep, Selection } from "./finetune_events.ts";
import type { Scores } from "./score_examples.ts";

/** Chooses among the scored steps of a run, each way on its own. */
export class Choice {
  metric: string | undefined;
  /** Scorings since the one that was best on the development set. */
  sinceBest = 0;
  #last: ScoredStep | undefined;
  #onDev: ScoredStep | undefined;
  #onTest: ScoredStep | undefined;

  constructor(metric: string | undefined) {
    this.metric = metric;
  }

  /** Take in a scored step; whether it is the best on the development set so far. */
  take(scored: ScoredStep): boolean {
    this.metric ??= Object.keys(scored.dev ?? scored.test ?? {})[0]!;
    this.#last = scored;
    if (scored.test !== undefined && this.#value(scored.test) > this.#value(this.#onTest?.test)) {
      this.#onTest = scored;
    }
    const isBest = scored.dev !== undefined && this.#value(scored.dev) > this.#value(this.#onDev?.dev);
    this.sinceBest = isBest || scored.dev === undefined ? 0 : this.sinceBest + 1;
    if (isBest) this.#onDev = scored;
    return isBest;
  }

  get selection(): Selection | undefined {
    if (this.#last === undefined) return undefined;
    return {
      last: this.#last,
      ...(this.#onDev === undefined ? {} : { devSelected: this.#onDev }),
      ...(this.#onTest === undefined ? {} : { bestOnTest: this.#onTest }),
    };
  }

  /** What is not there, or not a number, is worse than anything that is. */
  #value(scores: Scores | undefined): number {
    if (scores === undefined) return -Infinity;
    const value = scores[this.metric!];
    if (value === undefined) {
      throw new RangeError(
        `Cannot choose a model by ${this.metric}: the scores are ${Object.keys(scores).join(", ")}`,
      );
    }
    return Number.isNaN(value) ? -Number.MAX_VALUE : value;
  }
}
