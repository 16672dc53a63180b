import * as v from "valibot";

/** A number, or null where the trainer measured one that JSON cannot write. */
const measured = v.nullable(v.number());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/**
 * One line of a run's `metrics.jsonl`. Losses are in nats per masked token, times in milliseconds, accuracies and scores
 * in [0, 1]. Fields that are not named here pass through.
 */
const trainingEventSchema: v.GenericSchema<unknown, TrainingEvent> = v.variant("event", [
  v.looseObject({
    event: v.literal("start"),
    time: v.number(),
    maxSteps: v.nullish(count),
    maxSeconds: v.nullish(v.number()),
    unigramLoss: v.nullish(v.number()),
    heldOutLines: v.nullish(count),
    batchSize: v.nullish(count),
    parameters: v.nullish(count),
    config: v.nullish(v.looseObject({})),
  }),
  v.looseObject({
    event: v.literal("step"),
    step: count,
    loss: measured,
    learningRate: v.nullish(v.number()),
    tokensPerSecond: v.nullish(v.number()),
    elapsedMs: v.nullish(v.number()),
  }),
  v.looseObject({ event: v.literal("eval"), step: count, loss: measured, accuracy: v.nullish(v.number()) }),
  v.looseObject({
    event: v.literal("samples"),
    step: count,
    samples: v.array(
      v.looseObject({
        text: v.string(),
        fills: v.array(v.looseObject({ token: v.string(), score: measured })),
      }),
    ),
  }),
  v.looseObject({
    event: v.literal("end"),
    step: count,
    reason: v.string(),
    evalLoss: v.nullish(v.number()),
    unigramLoss: v.nullish(v.number()),
    accuracy: v.nullish(v.number()),
  }),
]) as v.GenericSchema<unknown, TrainingEvent>;

/** A run begins, or goes on after an interruption. */
export interface StartEvent {
  /** The kind. */
  event: "start";
  /** When, in milliseconds since 1970. */
  time: number;
  /** Steps after which the run ends, if it ends by steps. */
  maxSteps?: number | null;
  /** Seconds after which the run ends, if it ends by time. */
  maxSeconds?: number | null;
  /** Cross-entropy of the held-out tokens under the corpus's unigram distribution: the line to beat. */
  unigramLoss?: number | null;
  /** Lines that the model is tested on and never learns from. */
  heldOutLines?: number | null;
  /** Rows of a batch. */
  batchSize?: number | null;
  /** Count of the model's weights. */
  parameters?: number | null;
  /** The model's dimensions. */
  config?: Record<string, unknown> | null;
}

/** One optimiser step was taken. */
export interface StepEvent {
  /** The kind. */
  event: "step";
  /** Steps taken so far. */
  step: number;
  /** Training loss of this step. */
  loss: number | null;
  /** The learning rate of this step. */
  learningRate?: number | null;
  /** Tokens a second since the last report. */
  tokensPerSecond?: number | null;
  /** Milliseconds since the run began. */
  elapsedMs?: number | null;
}

/** The held-out lines were measured. */
export interface EvalEvent {
  /** The kind. */
  event: "eval";
  /** Steps taken so far. */
  step: number;
  /** Held-out loss. */
  loss: number | null;
  /** Part of the hidden tokens that the first guess hits. */
  accuracy?: number | null;
}

/** What the model says in a few masked comments, best first. */
export interface SamplesEvent {
  /** The kind. */
  event: "samples";
  /** Steps taken so far. */
  step: number;
  /** Comments with a `[MASK]`, and the best tokens for it. */
  samples: { text: string; fills: { token: string; score: number | null }[] }[];
}

/** The run ended. */
export interface EndEvent {
  /** The kind. */
  event: "end";
  /** Steps taken in all. */
  step: number;
  /** `done`, or `interrupted`. */
  reason: string;
  /** The last held-out loss. */
  evalLoss?: number | null;
  /** As in {@link StartEvent}. */
  unigramLoss?: number | null;
  /** The last held-out accuracy. */
  accuracy?: number | null;
}

/** One line of a run's `metrics.jsonl`. */
export type TrainingEvent = StartEvent | StepEvent | EvalEvent | SamplesEvent | EndEvent;

/** Read one line of `metrics.jsonl`; undefined if it is not one. */
export function parseTrainingEvent(line: string): TrainingEvent | undefined {
  try {
    const result = v.safeParse(trainingEventSchema, JSON.parse(line));
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}
