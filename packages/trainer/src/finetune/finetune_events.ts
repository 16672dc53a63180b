/**
 * What a fine-tuning run tells as it goes on.
 */
import type { Scores } from "./score_examples.ts";

/** The run begins. */
export interface FinetuneStartEvent {
  /** `start`. */
  readonly event: "start";
  /** Steps taken so far; not 0 where the run goes on. */
  readonly step: number;
  /** Examples to learn from. */
  readonly examples: number;
  /** Steps in all. */
  readonly maxSteps: number;
  /** Steps that go through the examples once. */
  readonly stepsPerEpoch: number;
  /** Rows in a batch. */
  readonly batchSize: number;
  /** Tokens that rows are filled up to. */
  readonly widths: readonly number[];
  /** Numbers that are learnt. */
  readonly parameters: number;
}

/** A step was taken. */
export interface FinetuneStepEvent {
  /** `step`. */
  readonly event: "step";
  /** Steps taken so far. */
  readonly step: number;
  /** Times that the examples were gone through, with a fraction. */
  readonly epoch: number;
  /** Mean loss of the step's batch. */
  readonly loss: number;
  /** Learning rate of the step. */
  readonly learningRate: number;
  /** Global norm of the gradients before clipping. */
  readonly gradNorm: number;
  /** Examples per second. */
  readonly examplesPerSecond: number;
  /** Part of the run that is done, in [0, 1]. */
  readonly progress: number;
  /** Time since the run began, in milliseconds. */
  readonly elapsedMs: number;
}

/** A point of the run at which the model was scored. */
export interface ScoredStep {
  /** Steps taken so far. */
  readonly step: number;
  /** Times that the examples were gone through, with a fraction. */
  readonly epoch: number;
  /** Scores on the development set, where there is one. */
  readonly dev?: Scores;
  /** Scores on the test set, where there is one. */
  readonly test?: Scores;
}

/** The model was scored. */
export interface FinetuneEvalEvent extends ScoredStep {
  /** `eval`. */
  readonly event: "eval";
}

/** The three ways to choose the model that a result speaks of; they must not be mixed up. */
export interface Selection {
  /** The model at the end of the run: nothing was chosen. */
  readonly last: ScoredStep;
  /** The model that was best on the development set; its test scores are honest. Absent without such a set. */
  readonly devSelected?: ScoredStep;
  /**
   * The model that was best on the test set, as most published Korean results were chosen: comparable with them, and
   * better than an unseen text would be judged. Absent without a test set.
   */
  readonly bestOnTest?: ScoredStep;
}

/** The run is over. */
export interface FinetuneEndEvent {
  /** `end`. */
  readonly event: "end";
  /** Steps taken. */
  readonly step: number;
  /** Whether it came to its end, was aborted, or ended early as the development set's score rose no more. */
  readonly reason: "done" | "interrupted" | "patience";
  /** The score by which models were chosen. */
  readonly metric: string;
  /** What was chosen; absent if the run was aborted before anything was scored. */
  readonly selection?: Selection;
  /** Every time that the model was scored, before the run was stopped and resumed as well. */
  readonly evaluations: readonly ScoredStep[];
  /** Which of them the model is now. */
  readonly kept: "last" | "devSelected";
  /** Time that the run took, in milliseconds. */
  readonly elapsedMs: number;
}

/** What happens in a run. */
export type FinetuneEvent = FinetuneStartEvent | FinetuneStepEvent | FinetuneEvalEvent | FinetuneEndEvent;
