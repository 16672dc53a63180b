/**
 * Comment in, answer out: Hugging Face's pipelines for BERT on TensorFlow.js.
 *
 * Each pipeline is a function of a model, a tokenizer and a text, in a file of its own; `load…` puts the three together
 * from a folder in Hugging Face's layout. The tfjs backend is the caller's choice.
 *
 * @module
 */
export { fillMask } from "./fill_mask.ts";
export type { FillMaskAnswer, FillMaskOptions, FillMaskResult } from "./fill_mask.ts";
export { loadClean } from "./load_clean.ts";
export { loadFillMask } from "./load_fill_mask.ts";
export type { FillMaskPipeline } from "./load_fill_mask.ts";
export { loadTokenizer } from "./load_tokenizer.ts";
export type { ReadSourceOptions } from "./_read_source.ts";
