import * as v from "valibot";

/** A number, or null where the trainer measured one that JSON cannot write. */
const measured = v.nullable(v.number());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/**
 * One line of a run's `metrics.jsonl`. Losses are in nats per masked token, times in milliseconds, accuracies and scores
 * in [0, 1]. Fields that are not named here pass through.
 */
export const trainingEventSchema: v.GenericSchema<unknown, TrainingEvent> = v.variant("event", [
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
  event: "start";
  /** When, in milliseconds since 1970. */
  time: number;
  maxSteps?: number | null;
  maxSeconds?: number | null;
  /** Cross-entropy of the held-out tokens under the corpus's unigram distribution: the line to beat. */
  unigramLoss?: number | null;
  heldOutLines?: number | null;
  batchSize?: number | null;
  /** Count of the model's weights. */
  parameters?: number | null;
  config?: Record<string, unknown> | null;
}

/** One optimiser step was taken. */
export interface StepEvent {
  event: "step";
  step: number;
  loss: number | null;
  learningRate?: number | null;
  tokensPerSecond?: number | null;
  elapsedMs?: number | null;
}

/** The held-out lines were measured. */
export interface EvalEvent {
  event: "eval";
  step: number;
  loss: number | null;
  accuracy?: number | null;
}

/** What the model says in a few masked comments, best first. */
export interface SamplesEvent {
  event: "samples";
  step: number;
  samples: { text: string; fills: { token: string; score: number | null }[] }[];
}

/** The run ended. */
export interface EndEvent {
  event: "end";
  step: number;
  /** `done`, or `interrupted`. */
  reason: string;
  evalLoss?: number | null;
  unigramLoss?: number | null;
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
