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
export { holdOutOfShards, type LineShards, oneShard } from "./line_shards.ts";
export { holdOutDocuments, type PairingOptions, pairSentences } from "./next_sentence.ts";
export type { SentencePairs, TokenizedDocuments } from "./next_sentence.ts";
export type { PretrainableModel } from "./_masked_lm_inputs.ts";
export { BatchLoader, type LoaderOptions, type LoaderPosition } from "./loader.ts";
export { holdOut } from "./hold_out.ts";
export { type Batch, cutBatch } from "./batches.ts";
export { continuationsOf, IGNORED_LABEL, maskTokens, placesFor, specialIdsOf } from "./masked_lm.ts";
export type { MaskedBatch, MaskingOptions } from "./masked_lm.ts";
export { adamW, bertAdam, globalNorm, lamb } from "./optimization.ts";
export type { Optimizer, OptimizerOptions, Parameters } from "./optimization.ts";
export {
  bertDecay,
  constantRate,
  cosineDecay,
  type DecayOptions,
  linearDecay,
  type Schedule,
  trapezoid,
  type WarmupOptions,
} from "./schedules.ts";
export { evaluateMaskedLm, type MaskedLmScores } from "./evaluate.ts";
export { trainingFlopsPerToken } from "./flops.ts";
export { type TensorBoardEvent, tensorBoardEvents, tensorBoardHeader } from "./tensorboard.ts";
export { fillSamples, type MaskedSample } from "./samples.ts";
export { startFromUnigrams, unigramCosts, unigramLoss } from "./unigram.ts";
export { finetune } from "./finetune/finetune.ts";
export type { EvaluationSet, FinetuneData, FinetuneOptions } from "./finetune/finetune.ts";
export type {
  FinetuneEndEvent,
  FinetuneEvalEvent,
  FinetuneEvent,
  FinetuneStartEvent,
  FinetuneStepEvent,
  ScoredStep,
  Selection,
} from "./finetune/finetune_events.ts";
export { type Alongside, maskedLmAlongside, shareParameters } from "./finetune/alongside.ts";
export { copyWeights, finetuneProgram } from "./finetune/finetune_program.ts";
export type { FinetuneProgram, FinetuneProgramOptions } from "./finetune/finetune_program.ts";
export type { FinetuneModel } from "./finetune/_heads.ts";
export { exampleCount, selectExamples } from "./finetune/examples.ts";
export type {
  EmbeddingExamples,
  EncodedTexts,
  Examples,
  SpanExamples,
  TextExamples,
  TokenExamples,
} from "./finetune/examples.ts";
export { epochBatches, sortedBatches, widthsFor } from "./finetune/length_batches.ts";
export type { EpochOptions, RowBatch } from "./finetune/length_batches.ts";
export { predict, type Predictions, type PredictOptions } from "./finetune/predict_examples.ts";
export { argMax, evaluate, scoreExamples, type Scores } from "./finetune/score_examples.ts";
export { accuracy, f1, f1Scores, type F1Scores } from "./metrics/classification.ts";
export { labelRankingAveragePrecision, multiLabelScores } from "./metrics/multi_label.ts";
export type { MultiLabelScores } from "./metrics/multi_label.ts";
export { pearson, ranks, spearman } from "./metrics/correlation.ts";
export { beyond, type Calibration, calibration, fitTemperature } from "./metrics/calibration.ts";
export { type UnsureBand, unsureBand } from "./metrics/calibration.ts";
export { rocAuc } from "./metrics/roc_auc.ts";
export { entitiesOf, entityScores } from "./metrics/entity_f1.ts";
export type { EntityScores, TaggedEntity, TagOptions } from "./metrics/entity_f1.ts";
export { korquadScores, normalizeKorquadAnswer } from "./metrics/korquad.ts";
export type { KorquadQuestion, KorquadScores } from "./metrics/korquad.ts";
export { readTrainerState, trainerFiles, type TrainerState, writeTrainerState } from "./checkpoint.ts";
