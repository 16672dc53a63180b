/**
 * What a training run tells as it goes on. Losses are in nats per masked token.
 */
import type { BertConfig } from "@kcbert/bert";
import type { MaskedLmScores } from "./evaluate.ts";
import type { MaskedSample } from "./samples.ts";

/** The run begins, or goes on. */
export interface StartEvent {
  /** `start`. */
  readonly event: "start";
  /** The time, in milliseconds since 1970. */
  readonly time: number;
  /** Steps taken before: 0, or where the run goes on. */
  readonly step: number;
  /** The number of steps that ends the run; null if only time does. */
  readonly maxSteps: number | null;
  /** The time that ends the run, in seconds; null if only steps do. */
  readonly maxSeconds: number | null;
  /** The loss of predicting every held-out token by how often it occurs in the training lines. */
  readonly unigramLoss: number;
  /** Lines to learn from. */
  readonly trainLines: number;
  /** Lines that are only tested on. */
  readonly heldOutLines: number;
  /** The model's dimensions. */
  readonly config: BertConfig;
  /** Rows in a batch. */
  readonly batchSize: number;
  /** Tokens in a row. */
  readonly rowLength: number;
  /** Numbers that are learnt. */
  readonly parameters: number;
  /** Floating-point operations for a token of training, see `trainingFlopsPerToken`. */
  readonly flopsPerToken: number;
}

/** A step was taken. */
export interface StepEvent {
  /** `step`. */
  readonly event: "step";
  /** Steps taken so far. */
  readonly step: number;
  /** Training loss of this step. */
  readonly loss: number;
  /** Learning rate of this step. */
  readonly learningRate: number;
  /** Global norm of the gradients before clipping. */
  readonly gradNorm: number;
  /** Tokens of this step, padding not counted, per second. */
  readonly tokensPerSecond: number;
  /** Time since the run began, in milliseconds, without the time between stop and resumption. */
  readonly elapsedMs: number;
  /** Part of the run that is done, in [0, 1]. */
  readonly progress: number;
}

/** The held-out lines were scored. */
export interface EvalEvent extends MaskedLmScores {
  /** `eval`. */
  readonly event: "eval";
  /** Steps taken so far. */
  readonly step: number;
}

/** The samples were filled in. */
export interface SamplesEvent {
  /** `samples`. */
  readonly event: "samples";
  /** Steps taken so far. */
  readonly step: number;
  /** In order of the option `samples`. */
  readonly samples: readonly MaskedSample[];
}

/** The run is over. */
export interface EndEvent {
  /** `end`. */
  readonly event: "end";
  /** Steps taken. */
  readonly step: number;
  /** Whether the run came to its end, or was aborted. */
  readonly reason: "done" | "interrupted";
  /** Held-out loss at the last evaluation. */
  readonly evalLoss: number;
  /** As in `start`. */
  readonly unigramLoss: number;
  /** Held-out accuracy at the last evaluation, in [0, 1]. */
  readonly accuracy: number;
}

/** What happens in a run. */
export type PretrainEvent = StartEvent | StepEvent | EvalEvent | SamplesEvent | EndEvent;
