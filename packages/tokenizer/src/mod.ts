/**
 * BERT WordPiece for Korean: Hugging Face's token ids and offsets, vocabulary training, in plain TypeScript.
 *
 * {@linkcode BertTokenizer} encodes and decodes, {@linkcode trainWordPiece} makes vocabularies, {@linkcode reportUnknown} says
 * which words a vocabulary does not know.
 *
 * @example
 * ```ts
 * import { BertTokenizer, trainWordPiece } from "@kcbert/tokenizer";
 * import assert from "node:assert/strict";
 *
 * const { tokens } = await trainWordPiece(["영화가 재밌다", "영화를 봤다"], { vocabSize: 30 });
 * const tokenizer = BertTokenizer.fromVocab(tokens);
 * assert.equal(tokenizer.decode(tokenizer.encode("영화가 재밌다").ids), "영화가 재밌다");
 * ```
 *
 * @module
 */
export { BertTokenizer } from "./bert_tokenizer.ts";
export type { BertTokenizerOptions, DecodeOptions, SpecialTokenRole } from "./bert_tokenizer.ts";
export type { BatchEncoding } from "./batch_encoding.ts";
export type { CommonEncodeOptions, EncodeBatchOptions, EncodeOptions, TextInput } from "./encode_options.ts";
export type { Encoding } from "./encoding.ts";
export type { OffsetUnit } from "./offset_units.ts";
export type { Side, TruncationStrategy } from "./truncation.ts";
export { formatTokenizerConfig, parseTokenizerConfig } from "./tokenizer_config.ts";
export { reportUnknown } from "./unknown_report.ts";
export type { UnknownReport, UnknownWord } from "./unknown_report.ts";
export { formatVocab, parseVocab } from "./vocab.ts";
export type { TrainControl, TrainProgress } from "./_train_pace.ts";
export type { WordCounts } from "./_train_words.ts";
export { countWords, mergeWordCounts } from "./count_words.ts";
export type { CountWordsOptions, TrainSource } from "./count_words.ts";
export { trainFromWordCounts, trainWordPiece } from "./wordpiece_trainer.ts";
export type {
  TrainFromWordCountsOptions,
  TrainReport,
  TrainWordPieceOptions,
  Vocab,
} from "./wordpiece_trainer.ts";
