/**
 * Fine-tuning: one loop, from labelled texts to a model that labels.
 */
import type { PretrainedSink, PretrainedSource } from "@kcbert/bert";
import * as tf from "@tensorflow/tfjs-core";
import { StepsInFlight } from "../_in_flight.ts";
import type { TrainerState } from "../checkpoint.ts";
import { linearDecay, type Schedule } from "../schedules.ts";
import { Choice } from "./_choice.ts";
import { exampleLengths, uploadLabels, uploadTexts } from "./_example_inputs.ts";
import {
  type BestWeights,
  examplesChecksum,
  readFinetuneState,
  writeFinetuneState,
} from "./_finetune_checkpoint.ts";
import type { FinetuneModel } from "./_heads.ts";
import { exampleCount, type Examples } from "./examples.ts";
import type { FinetuneEvent, FinetuneStepEvent, ScoredStep } from "./finetune_events.ts";
import {
  copyWeights,
  dropoutDraw,
  type FinetuneProgram,
  finetuneProgram,
  type FinetuneProgramOptions,
} from "./finetune_program.ts";
import { epochBatches, type RowBatch } from "./length_batches.ts";
import { predictWith, usableWidths, warmUp } from "./predict_examples.ts";
import { scoreExamples, type Scores } from "./score_examples.ts";

/** What a model is scored on: examples of its kind, or a function that scores it in another way, such as by its answers. */
export type EvaluationSet = Examples | (() => Promise<Scores>);

/** What is learnt from, and what is only tested on. */
export interface FinetuneData {
  /** Examples to learn from. */
  readonly train: Examples;
  /** The development set, which may choose among the models of a run. */
  readonly dev?: EvaluationSet;
  /** The test set. */
  readonly test?: EvaluationSet;
}

/** The hyper-parameters of a run. */
export interface FinetuneOptions extends FinetuneProgramOptions {
  /** Times that the examples are gone through. @default 3 */
  readonly epochs?: number;
  /** End after so many steps, instead of after `epochs`. */
  readonly maxSteps?: number;
  /** Rows in a batch. @default 32 */
  readonly batchSize?: number;
  /** Peak learning rate. @default 5e-5 */
  readonly learningRate?: number;
  /** How the rate rises and falls over the run. @default `linearDecay({ warmup: 0 })` */
  readonly schedule?: Schedule;
  /** Seed of order and dropout; whole, in [0, 2³²). @default 0 */
  readonly seed?: number;
  /** Score the model every so many steps, beside the end. @default once an epoch */
  readonly evaluateEvery?: number;
  /** The score by which models are chosen. @default the first of the scores */
  readonly metric?: string;
  /** End early after so many scorings in a row without a better one on the development set. @default never */
  readonly patience?: number;
  /**
   * Which model is left at the end: the one that was best on the development set, or the last.
   *
   * @default `devSelected` where there is a development set, else `last`
   */
  readonly keep?: "devSelected" | "last";
  /**
   * Tokens that rows may be filled up to, ascending; another is added where rows are longer than the last, and those that
   * no row needs are left out. @default what suits the backend
   */
  readonly widths?: readonly number[];
  /** Rows in a batch when scoring. @default 512 where it is compiled, else 64 */
  readonly evaluationBatchSize?: number;
  /** Whether the tags of named entities are written `PER-B`. @default false */
  readonly suffix?: boolean;
  /**
   * A program for this model that was made before, by `finetuneProgram`, and is not made again; its own options count. The
   * caller disposes it.
   */
  readonly program?: FinetuneProgram;
  /** Steps handed to the backend before the numbers of the first are read. @default 4 where it is compiled, else 0 */
  readonly stepsInFlight?: number;
  /**
   * Keeps a checkpoint: `write` hands it the files. It is for the callee to make them appear at once, and to remove them when
   * the run has ended. Called when a run is aborted, too.
   */
  readonly checkpoint?: (step: number, write: (sink: PretrainedSink) => Promise<void>) => Promise<void>;
  /** Seconds from one checkpoint to the next, at least. @default 300 */
  readonly checkpointSeconds?: number;
  /** The files of a checkpoint to go on from; the model is of the same dimensions, its weights do not matter. */
  readonly resume?: PretrainedSource;
  /**
   * What else a run that goes on must have been started with, such as the checksum of the model that it began from; seed,
   * steps, batches, learning rate and the examples are compared anyway. @default nothing
   */
  readonly recipe?: TrainerState["recipe"];
  /** Aborting ends the run after the current step, or amid a scoring, which is then done when the run goes on. */
  readonly signal?: AbortSignal;
  /** The time in milliseconds. @default `Date.now` */
  readonly now?: () => number;
}

/**
 * Fine-tune a model, and tell what happens.
 *
 * The model is changed in place and stays the caller's. On one backend the same seed gives the same weights, bit for bit,
 * whether a run is stopped and resumed or not.
 *
 * @param model A pretrained model with a head for the task, as `fromPretrained` makes it.
 * @param data Examples of the kind that the model's class takes.
 * @param options The hyper-parameters; see each. By default those of BERT's paper.
 * @returns Events: `start`, then `step`s with `eval`s between, then `end`.
 * @throws {RangeError} If an option is out of range, there is nothing to learn from, a row is too long for the model, or
 * `resume` belongs to another run.
 * @throws {TypeError} If the examples are not of the model's kind, or the model is frozen or quantised.
 * @throws {Error} If the loss is no longer a number.
 *
 * @example
 * ```ts
 * import { BertForSequenceClassification, kcbertBase } from "@kcbert/bert";
 * import { BertTokenizer } from "@kcbert/tokenizer";
 * import { finetune, type TextExamples } from "@kcbert/trainer";
 * import * as tf from "@tensorflow/tfjs";
 * import assert from "node:assert/strict";
 *
 * await tf.setBackend("cpu"); // "wasm" is the fast one, see @kcbert/kernels
 * const tokenizer = BertTokenizer.fromVocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "최고", "최악", "영화"]);
 * const sizes = { vocabSize: 8, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 16 };
 * const labels = { id2label: ["negative", "positive"], problemType: "single_label_classification" as const };
 * const model = BertForSequenceClassification.init({ ...kcbertBase, ...sizes, ...labels }, { seed: 1 });
 * const texts = tokenizer.encodeBatch(["최고 영화", "최악 영화", "최고", "최악"]);
 * const train: TextExamples = { kind: "texts", texts, labels: Int32Array.of(1, 0, 1, 0) };
 * for await (const event of finetune(model, { train, test: train }, { epochs: 30, learningRate: 1e-2 })) {
 *   if (event.event === "end") assert.equal(event.selection?.last.test?.accuracy, 1);
 * }
 * ```
 */
export async function* finetune(
  model: FinetuneModel,
  data: FinetuneData,
  options: FinetuneOptions = {},
): AsyncGenerator<FinetuneEvent, void, void> {
  const { epochs = 3, batchSize = 32, learningRate: peak = 5e-5, seed = 0, signal, now = Date.now } = options;
  const { schedule = linearDecay({ warmup: 0 }), patience = Infinity, suffix = false } = options;
  const program = options.program ?? finetuneProgram(model, options);
  const inFlight = new StepsInFlight<StepFacts>();
  try {
    const { train, dev, test } = data;
    checkData(model, program, data);
    const lengths = exampleLengths(train);
    const stepsPerEpoch = Math.ceil(lengths.length / batchSize);
    const { maxSteps = Math.round(epochs * stepsPerEpoch), evaluateEvery = stepsPerEpoch } = options;
    const { checkpointSeconds = 300 } = options;
    checkNumbers({
      epochs,
      maxSteps,
      batchSize,
      learningRate: peak,
      evaluateEvery,
      patience,
      checkpointSeconds,
    });
    const longest = lengths.reduce((most, length) => Math.max(most, length), 1);
    const widths = usableWidths(longest, program.compiled, model, options.widths);
    const { stepsInFlight = program.compiled ? 4 : 0 } = options;
    const keep = options.keep ?? (dev === undefined ? "last" : "devSelected");
    const shape = { batchSize, padId: model.config.padTokenId };
    const aborted = () => signal?.aborted === true;
    const recipe: TrainerState["recipe"] = {
      ...options.recipe,
      seed,
      maxSteps,
      batchSize,
      learningRate: peak,
      evaluateEvery,
      keep,
      widths: widths.join(" "),
      data: examplesChecksum([train, dev, test].filter((set) => typeof set === "object")),
    };
    const resumed =
      options.resume === undefined ? undefined : await readFinetuneState(options.resume, program, recipe);
    const began = now() - (resumed?.state.elapsedMs ?? 0);
    const first = resumed?.state.step ?? 0;
    let step = first;
    let batches: RowBatch[] = [];
    const chosen = new Choice(options.metric);
    const evaluations: ScoredStep[] = [];
    let bestWeights: BestWeights | undefined = resumed?.best;
    for (const scored of resumed?.state.evaluations ?? []) {
      chosen.take(scored);
      evaluations.push(scored);
    }

    let kept = now();
    async function keepCheckpoint(): Promise<void> {
      const position = program.alongside?.position;
      const state = {
        step,
        epoch: Math.floor(step / stepsPerEpoch),
        shard: 0,
        batch: step % stepsPerEpoch,
        elapsedMs: now() - began,
        recipe,
        evaluations,
        ...(position === undefined ? {} : { alongside: position }),
      };
      await options.checkpoint?.(step, (sink) => writeFinetuneState(sink, program, state, bestWeights));
      kept = now();
    }

    /** Hand the next step to the backend. */
    async function advance(): Promise<void> {
      const place = step % stepsPerEpoch;
      if (place === 0 || step === first) {
        const epoch = Math.floor(step / stepsPerEpoch);
        batches = epochBatches(lengths, { batchSize, widths, seed, epoch });
      }
      const batch = batches[place]!;
      const learningRate = peak * schedule(step / maxSteps);
      const scalars = tf.tensor1d(program.optimizer.scalars(learningRate, step));
      const texts = uploadTexts(train, batch, shape);
      const draw = tf.scalar(dropoutDraw(seed, step), "int32");
      const labels = uploadLabels(train, batch, shape);
      const others = (await program.alongside?.next(step)) ?? [];
      const result = program.step([[...texts, draw, ...labels, ...others]], scalars);
      tf.dispose([scalars, draw, ...texts, ...labels, ...others]);
      step++;
      inFlight.add(result, { step, learningRate, examples: batch.rows.length });
    }

    let since = now();
    /** Tell of steps that are done, until no more than `left` are on their way. */
    async function* settle(left: number): AsyncGenerator<FinetuneStepEvent, void, void> {
      for await (const { about, loss, gradNorm } of inFlight.settle(left)) {
        checkLoss(loss, about.step, about.learningRate);
        const examplesPerSecond = (about.examples / Math.max(1, now() - since)) * 1000;
        since = now();
        yield {
          event: "step",
          step: about.step,
          epoch: about.step / stepsPerEpoch,
          loss,
          learningRate: about.learningRate,
          gradNorm,
          examplesPerSecond,
          progress: about.step / maxSteps,
          elapsedMs: now() - began,
        };
      }
    }

    const scoring = {
      ...(options.evaluationBatchSize === undefined ? {} : { batchSize: options.evaluationBatchSize }),
      ...(options.widths === undefined ? {} : { widths: options.widths }),
    };
    async function scoreOn(set: EvaluationSet): Promise<Scores> {
      if (typeof set === "function") return set();
      const { compiled, outputs } = program;
      const stop = signal === undefined ? {} : { signal };
      const said = await predictWith(outputs, model, set, { compiled, ...scoring, ...stop });
      return scoreExamples(set, said, model.config, { suffix });
    }

    async function* score(): AsyncGenerator<FinetuneEvent, void, void> {
      if ((dev === undefined && test === undefined) || evaluations.at(-1)?.step === step || aborted()) return;
      let scored: ScoredStep;
      try {
        scored = {
          step,
          epoch: step / stepsPerEpoch,
          ...(dev === undefined ? {} : { dev: await scoreOn(dev) }),
          ...(test === undefined ? {} : { test: await scoreOn(test) }),
        };
      } catch (error) {
        if (aborted()) return;
        throw error;
      }
      evaluations.push(scored);
      const isBest = chosen.take(scored);
      if (isBest && keep === "devSelected") bestWeights = await copyWeights(model);
      yield { event: "eval", ...scored };
      since = now();
    }

    yield {
      event: "start",
      step,
      examples: lengths.length,
      maxSteps,
      stepsPerEpoch,
      batchSize,
      widths,
      parameters: Array.from(program.parameters.values()).reduce((sum, { size }) => sum + size, 0),
    };
    const isDue = () => step > 0 && (step % evaluateEvery === 0 || step === maxSteps);
    if (isDue()) yield* score(); // where the run was stopped before
    let turned = now();
    while (step < maxSteps && !aborted() && chosen.sinceBest < patience) {
      await advance();
      if (step === first + 1 && program.compiled) {
        // The forward pass is compiled while the step still is, rather than when the first scoring waits for it.
        for (const set of [dev, test])
          if (typeof set === "object") warmUp(program.outputs, model, set, scoring);
      }
      yield* settle(stepsInFlight);
      if (now() - turned >= TURN_MS) {
        await turn();
        turned = now();
      }
      if (isDue()) {
        yield* settle(0);
        yield* score();
      }
      if (step < maxSteps && !aborted() && now() - kept >= checkpointSeconds * 1000) {
        yield* settle(0);
        await keepCheckpoint();
        since = now();
      }
    }
    yield* settle(0);
    const scored = (dev === undefined && test === undefined) || evaluations.at(-1)?.step === step;
    const reason =
      step === maxSteps && scored ? "done" : chosen.sinceBest >= patience ? "patience" : "interrupted";
    if (reason === "interrupted") await keepCheckpoint();
    const left = keep === "devSelected" && bestWeights !== undefined ? "devSelected" : "last";
    if (left === "devSelected" && chosen.sinceBest > 0) assignWeights(model, bestWeights!);
    yield {
      event: "end",
      step,
      reason,
      metric: chosen.metric ?? "",
      ...(chosen.selection === undefined ? {} : { selection: chosen.selection }),
      evaluations,
      kept: left,
      elapsedMs: now() - began,
    };
  } finally {
    inFlight.dispose();
    if (options.program === undefined) program.dispose();
  }
}

// --- internal ---

/** How long timers and signals may wait, in milliseconds. */
const TURN_MS = 50;

/** What is known of a step before its loss. */
interface StepFacts {
  readonly step: number;
  readonly learningRate: number;
  readonly examples: number;
}

function assignWeights(model: FinetuneModel, weights: BestWeights): void {
  tf.tidy(() => {
    for (const [key, parameter] of model.parameters) {
      parameter.assign(tf.tensor(weights.get(key)!, parameter.shape));
    }
  });
}

/** Let timers, signals and other requests have their turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}

function checkLoss(loss: number, step: number, learningRate: number): void {
  if (Number.isFinite(loss)) return;
  throw new Error(
    `Cannot go on as the loss is ${loss} in step ${step}, at learning rate ${learningRate}: a lower rate or a warm-up would help`,
  );
}

function checkData(model: FinetuneModel, program: FinetuneProgram, { train, dev, test }: FinetuneData): void {
  if (program.model !== model) throw new TypeError("Cannot fine-tune a model by the program of another");
  for (const [name, set] of Object.entries({ train, dev, test })) {
    if (set === undefined || typeof set === "function") continue;
    if (set.kind !== program.kind) {
      throw new TypeError(
        `Cannot fine-tune a ${model.architecture} on examples of kind ${set.kind} (${name}): it takes ${program.kind}`,
      );
    }
    if (exampleCount(set) === 0) throw new RangeError(`Cannot fine-tune as ${name} holds no example`);
  }
}

function checkNumbers(numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    const whole = !["epochs", "learningRate", "checkpointSeconds"].includes(name);
    if (value > 0 && (!whole || Number.isSafeInteger(value) || value === Infinity)) continue;
    throw new RangeError(
      `Cannot fine-tune as ${name} must be ${whole ? "a whole number above 0" : "above 0"}: current value is ${value}`,
    );
  }
}
