/**
 * Pre-training by masked language modelling: one loop, from packed comments to weights.
 */
import { BertForPreTraining, type PretrainedSink, type PretrainedSource } from "@kcbert/bert";
import type { BertTokenizer } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { StepsInFlight } from "./_in_flight.ts";
import { masked, type PretrainableModel, uploadBatch } from "./_masked_lm_inputs.ts";
import { type Batch, cutBatch } from "./batches.ts";
import { readTrainerState, type TrainerState, writeTrainerState } from "./checkpoint.ts";
import { type MaskedLmScores, maskedLmScorer } from "./evaluate.ts";
import type { PretrainEvent, StepEvent } from "./events.ts";
import { eager, type Jit } from "./jit.ts";
import { trainingFlopsPerToken } from "./flops.ts";
import { type LineShards, oneShard } from "./line_shards.ts";
import { BatchLoader } from "./loader.ts";
import {
  continuationsOf,
  type MaskedBatch,
  type MaskingOptions,
  maskTokens,
  specialIdsOf,
} from "./masked_lm.ts";
import { adamW, type Optimizer, type Parameters } from "./optimization.ts";
import { cutPairs, pairSentences, type TokenizedDocuments } from "./next_sentence.ts";
import { packLines } from "./packing.ts";
import { sampleFiller } from "./samples.ts";
import { linearDecay, type Schedule } from "./schedules.ts";
import { lineCount, type TokenizedLines } from "./tokenized_lines.ts";
import { trainStep } from "./train_step.ts";
import { unigramCosts, unigramLoss } from "./unigram.ts";

/** What is learnt from, and what is only tested on. */
export interface PretrainingData {
  /** Lines to learn, special tokens included; in shards where memory does not hold them all; documents for pairs. */
  readonly train: TokenizedLines | TokenizedDocuments | LineShards;
  /** Lines to test on, documents for pairs; the model never learns from them. */
  readonly heldOut: TokenizedLines | TokenizedDocuments;
}

/** The hyper-parameters of a run, and what it reports to. */
export interface PretrainOptions {
  /** The tokenizer that made the ids. */
  tokenizer: BertTokenizer;
  /** End after so many optimiser steps. One of `maxSteps` and `maxSeconds` is needed; with both, the first to come ends. */
  maxSteps?: number;
  /**
   * End after so many seconds; the schedule then follows the time, from where the first step is compiled. Such a run cannot
   * be repeated bit for bit.
   */
  maxSeconds?: number;
  /** Rows per batch, B. @default 32 */
  batchSize?: number;
  /** Tokens per row, T; lines are packed into rows, longer ones cut. @default 128 */
  rowLength?: number;
  /** Batches whose gradients are averaged for one step. @default 1 */
  accumulate?: number;
  /** Peak learning rate. @default 1e-4 */
  learningRate?: number;
  /** How the rate rises and falls over the run. @default `linearDecay({ warmup: 0.1 })` */
  schedule?: Schedule;
  /** Makes the optimiser. @default `adamW` */
  optimizer?: (parameters: Parameters) => Optimizer;
  /** Part of the tokens to predict while learning; held-out lines are always masked at 0.15. @default 0.15 */
  maskProbability?: number;
  /** Mask words as a whole or not at all. @default false */
  wholeWords?: boolean;
  /** Places for predictions, for each row of a batch; see `LoaderOptions`. @default as many as are needed */
  predictionsPerRow?: number;
  /** How many masks a line has, which then come again; see `LoaderOptions`. @default every epoch has masks of its own */
  maskCopies?: number;
  /** Lengths of rows for lines that are not packed; see `LoaderOptions`. Not with `accumulate`. @default lines are packed */
  buckets?: readonly number[];
  /** Seed of order, masks and dropout; whole, in [0, 2³²). @default 0 */
  seed?: number;
  /**
   * How often to score the held-out lines, spread evenly over the run, beside its begin and end. Where a run bounded by
   * time would spend more than a tenth of it so, some are left out. @default 10
   */
  evaluations?: number;
  /** Texts with a `[MASK]`, filled in at each evaluation. @default none */
  samples?: readonly string[];
  /**
   * Keeps a checkpoint: `write` hands it the files of a Hugging Face folder and of the trainer's state. It is for the
   * callee to make them appear at once. Called at the end too, also when aborted.
   */
  checkpoint?: (step: number, write: (sink: PretrainedSink) => Promise<void>) => Promise<void>;
  /** How often to keep one, spread evenly over the run. @default 4 */
  checkpoints?: number;
  /** The files of a checkpoint to go on from; `model` must have been loaded from the same. */
  resume?: PretrainedSource;
  /** Compiles the step and the scoring: `jit` of a backend that compiles, such as `@kcbert/xla`. @default none */
  jit?: Jit;
  /**
   * How many steps may be on their way when the numbers of the one before them are read: an accelerator then never waits,
   * and the events come so many steps late. @default 2 with `jit`, else 0
   */
  stepsInFlight?: number;
  /** Aborting ends the run after the current step, as if it were done, with reason `interrupted`. */
  signal?: AbortSignal;
  /** The time in milliseconds. @default `Date.now` */
  now?: () => number;
}

/**
 * Train a masked language model, and tell what happens.
 *
 * The model is changed in place and stays the caller's. Whether a run is stopped and resumed or not, the weights are the
 * same bit for bit, on one backend, if it is bounded by steps.
 *
 * @param model What to train, fresh or from a checkpoint. A `BertForPreTraining` also learns whether one text follows another,
 * from documents, in pairs that are made as google-research/bert makes them, one a row.
 * @param data Lines as token ids, from `tokenizer.encodeBatch`.
 * @param options The hyper-parameters; see each.
 * @returns Events: `start`, then `step`s with `eval`s and `samples` between, then `end`. Leaving the loop early ends the
 * run without a checkpoint.
 * @throws {RangeError} If an option is out of range, there is nothing to learn from, or `resume` belongs to another run.
 * @throws {Error} If the loss is no longer a number.
 *
 * @example
 * ```ts
 * import { BertForMaskedLM, kcbertBase } from "@kcbert/bert";
 * import { BertTokenizer } from "@kcbert/tokenizer";
 * import { pretrain } from "@kcbert/trainer";
 * import * as tf from "@tensorflow/tfjs";
 * import assert from "node:assert/strict";
 *
 * await tf.setBackend("cpu"); // "wasm" is the fast one, see @kcbert/kernels
 * const vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "영화", "정말", "좋다"];
 * const tokenizer = BertTokenizer.fromVocab(vocab);
 * const sizes = { vocabSize: 8, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 16 };
 * const model = BertForMaskedLM.init({ ...kcbertBase, ...sizes }, { seed: 1 });
 * const train = tokenizer.encodeBatch(["영화 정말 좋다", "정말 좋다"]);
 * const heldOut = tokenizer.encodeBatch(["영화 좋다"]);
 * const options = { tokenizer, maxSteps: 2, batchSize: 1, rowLength: 8, learningRate: 1e-3 };
 * for await (const event of pretrain(model, { train, heldOut }, options)) {
 *   if (event.event === "end") assert.equal(event.step, 2);
 * }
 * ```
 */
export async function* pretrain(
  model: PretrainableModel,
  data: PretrainingData,
  options: PretrainOptions,
): AsyncGenerator<PretrainEvent, void, void> {
  const { batchSize = 32, rowLength = 128, accumulate = 1, learningRate: peak = 1e-4, seed = 0 } = options;
  const { schedule = linearDecay(), maskProbability = 0.15, samples = [] } = options;
  const { wholeWords = false, maskCopies, predictionsPerRow, buckets } = options;
  const { maxSteps = Infinity, maxSeconds = Infinity, evaluations = 10, checkpoints = 4 } = options;
  const { tokenizer, signal, now = Date.now, jit = eager } = options;
  const { stepsInFlight = jit === eager ? 0 : 2 } = options;
  if (buckets !== undefined && model instanceof BertForPreTraining)
    throw new RangeError("Cannot pretrain on pairs in buckets: each pair has a row of rowLength");
  checkOptions(
    model,
    tokenizer,
    { maxSteps, maxSeconds, batchSize, rowLength, accumulate, peak },
    { buckets, maskCopies, predictionsPerRow },
  );

  const specialIds = specialIdsOf(tokenizer);
  const masking = {
    maskId: tokenizer.maskId,
    specialIds,
    vocabSize: tokenizer.vocabSize,
    probability: maskProbability,
  };
  const pairs =
    model instanceof BertForPreTraining ? { clsId: tokenizer.clsId, sepId: tokenizer.sepId } : undefined;
  const corpus = "shards" in data.train ? data.train : oneShard(data.train);
  const first = await corpus.read(0);
  checkLines({ train: first, heldOut: data.heldOut }, specialIds, pairs !== undefined);
  const shape = { count: batchSize, rowLength, padId: tokenizer.padId };
  const heldOut = heldOutBatches(
    data.heldOut,
    shape,
    { ...masking, probability: HELD_OUT_PROBABILITY },
    pairs,
  );
  const baseline = unigramLoss(unigramCosts(first, masking), heldOut);

  const optimizer = (options.optimizer ?? adamW)(model.parameters);
  const inFlight = new StepsInFlight<StepFacts>();
  try {
    const recipe = {
      seed,
      batchSize,
      rowLength,
      accumulate,
      maskProbability,
      ...(wholeWords ? { wholeWords } : {}),
      ...(maskCopies === undefined ? {} : { maskCopies }),
      ...(predictionsPerRow === undefined ? {} : { predictionsPerRow }),
      ...(buckets === undefined ? {} : { buckets: buckets.join(" ") }),
      data: corpus.checksum,
    };
    const begin = { step: 0, epoch: 0, shard: 0, batch: 0, elapsedMs: 0 };
    const from =
      options.resume === undefined ? begin : await readTrainerState(options.resume, optimizer, recipe);
    let { step } = from;
    const loader = new BatchLoader(
      corpus,
      {
        batchSize,
        rowLength,
        seed,
        padId: tokenizer.padId,
        masking: wholeWords ? { ...masking, continuations: continuationsOf(tokenizer) } : masking,
        ...(maskCopies === undefined ? {} : { maskCopies }),
        ...(predictionsPerRow === undefined ? {} : { predictionsPerRow }),
        ...(buckets === undefined ? {} : { buckets }),
        ...(pairs === undefined ? {} : { pairs }),
      },
      from,
    );
    let scores: MaskedLmScores = { loss: NaN, accuracy: NaN };
    const launched = now();
    let began = launched - from.elapsedMs;
    let limitMs = maxSeconds * 1000;
    const elapsedMs = () => now() - began;
    const progress = () => Math.min(1, Math.max(step / maxSteps, limitMs > 0 ? elapsedMs() / limitMs : 1));
    const aborted = () => signal?.aborted === true;

    const takeStep = trainStep(
      model.parameters,
      optimizer,
      (draw, ...batch) => {
        const { inputs, labels, maskedPositions, nextSentenceLabels } = masked(batch);
        const how = { maskedPositions, dropout: { seed, step: draw as tf.Scalar } };
        return model instanceof BertForPreTraining
          ? model.loss(inputs, labels, nextSentenceLabels!, how)
          : model.loss(inputs, labels, how);
      },
      { accumulate, jit },
    );
    const scoreHeldOut = maskedLmScorer(model, jit);
    const fillGaps = sampleFiller(model, tokenizer, samples, { jit });

    let scoringMs = 0;
    async function* score(): AsyncGenerator<PretrainEvent, void, void> {
      const from = now();
      scores = await scoreHeldOut(heldOut);
      scoringMs += now() - from;
      yield { event: "eval", step, ...scores };
    }
    async function* fill(): AsyncGenerator<PretrainEvent, void, void> {
      if (samples.length === 0) return;
      yield { event: "samples", step, samples: await fillGaps() };
    }
    /** On a slow machine, time that is short goes into learning. */
    const mayScore = () => maxSeconds === Infinity || scoringMs <= SCORING_SHARE * elapsedMs();

    async function keep(): Promise<void> {
      const state: TrainerState = { step, ...loader.position, elapsedMs: elapsedMs(), recipe };
      await options.checkpoint?.(step, async (sink) => {
        await model.save(sink);
        await writeTrainerState(sink, optimizer, state);
      });
    }

    /** Hand the next step to the backend. */
    async function advance(): Promise<void> {
      const draws = Array.from({ length: accumulate }, (_, part) => (step * accumulate + part) % 2 ** 32);
      const batches: MaskedBatch[] = [];
      for (const draw of draws) batches.push(await loader.next(draw));
      const learningRate = peak * schedule(progress());
      const scalars = tf.tensor1d(optimizer.scalars(learningRate, step));
      // The draw's 32 bits, as a signed number.
      const inputs = batches.map((batch, i) => [tf.scalar(draws[i]! | 0, "int32"), ...uploadBatch(batch)]);
      const result = takeStep(inputs, scalars);
      tf.dispose([scalars, ...inputs.flat()]);
      step++;
      const tokens = batches.reduce((sum, { tokens }) => sum + tokens, 0);
      inFlight.add(result, { step, learningRate, progress: progress(), tokens });
    }

    let since = now();
    /** Tell of steps that are done, until no more than `left` are on their way. */
    async function* settle(left: number): AsyncGenerator<PretrainEvent, void, void> {
      for await (const { about, loss, gradNorm } of inFlight.settle(left)) {
        const { step, learningRate, progress, tokens } = about;
        checkLoss(loss, step - 1, learningRate);
        const tokensPerSecond = (tokens / Math.max(1, now() - since)) * 1000;
        since = now();
        const elapsed = elapsedMs();
        yield {
          event: "step",
          step,
          loss,
          learningRate,
          gradNorm,
          tokensPerSecond,
          elapsedMs: elapsed,
          progress,
        };
      }
    }

    yield {
      event: "start",
      time: now(),
      step,
      maxSteps: finiteOrNull(maxSteps),
      maxSeconds: finiteOrNull(maxSeconds),
      unigramLoss: baseline,
      trainLines: corpus.shards.reduce((sum, { sequences }) => sum + sequences, 0),
      heldOutLines: lineCount(data.heldOut),
      config: model.config,
      batchSize,
      rowLength,
      parameters: sizeOf(model.parameters),
      flopsPerToken: trainingFlopsPerToken(model.config, { rowLength, maskProbability }),
    };
    if (progress() < 1) {
      yield* score();
      yield* fill();
    }

    let done = progress();
    let turned = now();
    let compiled = jit === eager;
    since = now();
    while (progress() < 1 && !aborted()) {
      if (!compiled) began = now() - from.elapsedMs;
      await advance();
      yield* settle(compiled ? stepsInFlight : 0);
      if (!compiled) {
        // To compile takes time that belongs to no step: the schedule begins when the first one is done.
        compiled = true;
        if (from.step === 0) limitMs -= now() - launched;
        since = now();
        began = since - from.elapsedMs;
        scoringMs = 0;
      }
      if (now() - turned >= TURN_MS) {
        await turn();
        turned = now();
      }

      const before = done;
      done = progress();
      if (done === 1 || aborted()) break;
      const [scoring, keeping] = [evaluations, checkpoints].map((times) => crosses(before, done, times));
      if (scoring! || keeping!) yield* settle(0);
      if (scoring!) {
        if (mayScore()) yield* score();
        yield* fill();
      }
      if (keeping!) await keep();
      if (scoring! || keeping!) since = now();
    }
    yield* settle(0);

    const reason = progress() < 1 ? "interrupted" : "done";
    if (reason === "done") {
      yield* score();
      yield* fill();
    }
    await keep();
    yield {
      event: "end",
      step,
      reason,
      evalLoss: scores.loss,
      unigramLoss: baseline,
      accuracy: scores.accuracy,
    };
  } finally {
    inFlight.dispose();
    optimizer.dispose();
  }
}

// --- internal ---

/** What is known of a step before its loss. */
interface StepFacts extends Pick<StepEvent, "step" | "learningRate" | "progress"> {
  readonly tokens: number;
}

/** The seed of the held-out masks, and part of the tokens that they hide: the same in every run, so that runs compare. */
const HELD_OUT_SEED = 20_200_719;
const HELD_OUT_PROBABILITY = 0.15;
/** The largest part of a run bounded by time that may go into scoring between its begin and its end. */
const SCORING_SHARE = 0.1;
/** How long timers and signals may wait, in milliseconds; a turn takes one, a step on an accelerator two. */
const TURN_MS = 10;

/** The held-out lines, packed and masked once. */
function heldOutBatches(
  lines: TokenizedLines,
  shape: { count: number; rowLength: number; padId: number },
  masking: Omit<MaskingOptions, "seed" | "step">,
  pairs: { clsId: number; sepId: number } | undefined,
): MaskedBatch[] {
  const mask = (batch: Batch, step: number) => maskTokens(batch, { ...masking, seed: HELD_OUT_SEED, step });
  if (pairs !== undefined) {
    const options = { rowLength: shape.rowLength, seed: HELD_OUT_SEED, epoch: 0, ...pairs };
    const made = pairSentences(lines as TokenizedDocuments, options);
    const count = Math.ceil(made.labels.length / shape.count);
    return Array.from({ length: count }, (_, i) =>
      mask(cutPairs(made, { ...shape, first: i * shape.count }), i),
    );
  }
  const packed = packLines(lines, { rowLength: shape.rowLength, seed: HELD_OUT_SEED, epoch: 0 });
  const count = Math.ceil((packed.starts.length - 1) / shape.count);
  return Array.from({ length: count }, (_, i) =>
    mask(cutBatch(lines, packed, { ...shape, first: i * shape.count }), i),
  );
}

/** Whether something that happens `times` in a run, evenly spread, is due between two points of its progress. */
function crosses(before: number, after: number, times: number): boolean {
  return Math.floor(after * times) > Math.floor(before * times);
}

/** Let timers, signals and other requests have their turn: a step on the CPU never waits for anything. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}

function finiteOrNull(value: number): number | null {
  return value === Infinity ? null : value;
}

function sizeOf(parameters: Parameters): number {
  return Array.from(parameters.values(), ({ size }) => size).reduce((sum, size) => sum + size, 0);
}

function checkLoss(loss: number, step: number, learningRate: number): void {
  if (Number.isFinite(loss)) return;
  throw new Error(
    `Cannot go on as the loss is ${loss} in step ${step}, at learning rate ${learningRate}: a lower rate or a longer warm-up would help`,
  );
}

function checkOptions(
  model: PretrainableModel,
  tokenizer: BertTokenizer,
  numbers: PretrainNumbers,
  { buckets, ...counts }: PretrainCounts,
): void {
  const { maxSteps, maxSeconds, rowLength, accumulate, peak } = numbers;
  const { vocabSize, maxPositionEmbeddings } = model.config;
  if (maxSteps === Infinity && maxSeconds === Infinity) {
    throw new RangeError("Cannot pretrain without an end: give maxSteps or maxSeconds");
  }
  for (const [name, value] of Object.entries({ maxSeconds, learningRate: peak })) {
    if (!(value > 0))
      throw new RangeError(`Cannot pretrain as ${name} must be above 0: current value is ${value}`);
  }
  for (const name of ["maxSteps", "batchSize", "accumulate"] as const) {
    const value = numbers[name];
    if (value >= 1 && (Number.isSafeInteger(value) || value === Infinity)) continue;
    throw new RangeError(
      `Cannot pretrain as ${name} must be a whole number above 0: current value is ${value}`,
    );
  }
  if (model.matrices.size > 0) {
    throw new TypeError(
      `Cannot pretrain a model whose weights are frozen or quantised: load ${[...model.matrices.keys()][0]} and the others without frozen, from the folder in float32`,
    );
  }
  if (rowLength > maxPositionEmbeddings) {
    throw new RangeError(
      `Cannot pretrain on rows longer than the model's positions: rowLength is ${rowLength}, maxPositionEmbeddings is ${maxPositionEmbeddings}`,
    );
  }
  if (tokenizer.vocabSize > vocabSize) {
    throw new RangeError(
      `Cannot pretrain as the tokenizer has more tokens than the model: ${tokenizer.vocabSize}, the model's vocabSize is ${vocabSize}`,
    );
  }
  if (buckets !== undefined && (accumulate > 1 || buckets.at(-1) !== rowLength)) {
    throw new RangeError(
      `Cannot pretrain in buckets unless the last is rowLength and nothing is accumulated: rowLength is ${rowLength}, buckets are ${buckets.join(", ")}, accumulate is ${accumulate}`,
    );
  }
  for (const [name, value] of Object.entries(counts)) {
    if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) continue;
    throw new RangeError(
      `Cannot pretrain as ${name} must be a whole number above 0: current value is ${value}`,
    );
  }
}

function checkLines(
  data: Record<string, TokenizedLines>,
  specialIds: readonly number[],
  wantsDocuments: boolean,
): void {
  const special = new Set(specialIds);
  for (const [name, lines] of wantsDocuments ? Object.entries(data) : []) {
    if ("documentStarts" in lines) continue;
    throw new TypeError(
      `Cannot pretrain a BertForPreTraining as ${name} has no documentStarts: pairs are made of documents; a BertForMaskedLM does without`,
    );
  }
  for (const [name, lines] of Object.entries(data)) {
    if (lines.ids.some((id) => !special.has(id))) continue;
    throw new RangeError(
      `Cannot pretrain as there is nothing to predict: the ${lineCount(lines)} lines of ${name} hold special tokens only`,
    );
  }
}

interface PretrainCounts {
  readonly buckets: readonly number[] | undefined;
  readonly maskCopies: number | undefined;
  readonly predictionsPerRow: number | undefined;
}

interface PretrainNumbers {
  readonly maxSteps: number;
  readonly maxSeconds: number;
  readonly batchSize: number;
  readonly rowLength: number;
  readonly accumulate: number;
  readonly peak: number;
}
