/**
 * Pretrain BERT from TypeScript: masked language modelling, AdamW, checkpoints that are Hugging Face folders.
 *
 * @module
 */
import "./_gradients.ts";

export { adamW, bertAdam, lamb, globalNorm, type Optimizer, type OptimizerOptions, type Parameters } from "./optimization.ts";
export { linearDecay, bertDecay, cosineDecay, trapezoid, type Schedule, type WarmupOptions } from "./schedules.ts";
export { packLines, lineCount, type PackedRows, type TokenizedLines } from "./packing.ts";
export { cutBatch, type Batch } from "./batches.ts";
export { maskTokens, predictionsFor, type MaskedBatch, type MaskingOptions } from "./masked_lm.ts";
export { startFromUnigrams, unigramCosts, unigramLoss } from "./unigram.ts";
