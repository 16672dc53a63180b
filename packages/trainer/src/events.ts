/**
 * What a training run tells as it goes on. Losses are in nats per masked token.
 */
import type { BertConfig } from "@kcbert/bert";
import type { MaskedLmScores } from "./evaluate.ts";
import type { MaskedSample } from "./samples.ts";

/** The run begins, or goes on. */
export interface StartEvent {
  readonly event: "start";
  /** The time, in milliseconds since 1970. */
  readonly time: number;
  /** Steps taken before: 0, or where the run goes on. */
  readonly step: number;
  readonly maxSteps: number | null;
  readonly maxSeconds: number | null;
  /** The loss of predicting every held-out token by how often it occurs in the training lines. */
  readonly unigramLoss: number;
  readonly trainLines: number;
  readonly heldOutLines: number;
  readonly config: BertConfig;
  readonly batchSize: number;
  readonly rowLength: number;
  /** Numbers that are learnt. */
  readonly parameters: number;
}

/** A step was taken. */
export interface StepEvent {
  readonly event: "step";
  /** Steps taken so far. */
  readonly step: number;
  /** Training loss of this step. */
  readonly loss: number;
  readonly learningRate: number;
  /** Global norm of the gradients before clipping. */
  readonly gradNorm: number;
  /** Tokens, padding not counted, per second since the last report. */
  readonly tokensPerSecond: number;
  readonly elapsedMs: number;
  /** Part of the run that is done, in [0, 1]. */
  readonly progress: number;
}

/** The held-out lines were scored. */
export interface EvalEvent extends MaskedLmScores {
  readonly event: "eval";
  readonly step: number;
}

/** The samples were filled in. */
export interface SamplesEvent {
  readonly event: "samples";
  readonly step: number;
  readonly samples: readonly MaskedSample[];
}

/** The run is over. */
export interface EndEvent {
  readonly event: "end";
  readonly step: number;
  readonly reason: "done" | "interrupted";
  /** Held-out loss at the last evaluation. */
  readonly evalLoss: number;
  readonly unigramLoss: number;
  /** Held-out accuracy at the last evaluation. */
  readonly accuracy: number;
}

/** What happens in a run. */
export type PretrainEvent = StartEvent | StepEvent | EvalEvent | SamplesEvent | EndEvent;
