/**
 * Pretrain BERT from TypeScript: masked language modelling, AdamW, checkpoints that are Hugging Face folders.
 *
 * `pretrain` is the whole loop; everything it is made of can be had alone. The backend of TensorFlow.js that computes is
 * the caller's choice, made before: this package never chooses one.
 *
 * @module
 */
import "./_gradients.ts";

export { pretrain } from "./pretrain.ts";
export type { EndEvent, EvalEvent, PretrainEvent, SamplesEvent, StartEvent, StepEvent } from "./events.ts";
export type { PretrainingData, PretrainOptions } from "./pretrain.ts";
export type { Jit, TensorFunction } from "./jit.ts";
export { type StepResult, type TrainStep, trainStep, type TrainStepOptions } from "./train_step.ts";
export { joinLines, lineCount, type TokenizedLines } from "./tokenized_lines.ts";
export { decodeShard, encodeShard, readShard, shardEntry } from "./shards.ts";
export { formatShardIndex, parseShardIndex, type ShardEntry, type ShardIndex } from "./shards.ts";
export { tokenizerSha256 } from "./shards.ts";
export { type PackedRows, packLines } from "./packing.ts";
export { bucketLines } from "./buckets.ts";
export { holdOutOfShards, type LineShards } from "./line_shards.ts";
export { BatchLoader, type LoaderOptions, type LoaderPosition } from "./loader.ts";
export { holdOut } from "./hold_out.ts";
export { type Batch, cutBatch } from "./batches.ts";
export { continuationsOf, IGNORED_LABEL, maskTokens, placesFor, specialIdsOf } from "./masked_lm.ts";
export type { MaskedBatch, MaskingOptions } from "./masked_lm.ts";
export { adamW, bertAdam, globalNorm, lamb } from "./optimization.ts";
export type { Optimizer, OptimizerOptions, Parameters } from "./optimization.ts";
export {
  bertDecay,
  cosineDecay,
  linearDecay,
  type Schedule,
  trapezoid,
  type WarmupOptions,
} from "./schedules.ts";
export { evaluateMaskedLm, type MaskedLmScores } from "./evaluate.ts";
export { fillSamples, type MaskedSample } from "./samples.ts";
export { startFromUnigrams, unigramCosts, unigramLoss } from "./unigram.ts";
export { readTrainerState, trainerFiles, type TrainerState, writeTrainerState } from "./checkpoint.ts";
