/**
 * BERT WordPiece for Korean: Hugging Face's token ids and offsets, vocabulary training, in plain TypeScript.
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
export { countWords, mergeWordCounts, trainFromWordCounts, trainWordPiece } from "./wordpiece_trainer.ts";
export type {
  CountWordsOptions,
  TrainControl,
  TrainFromWordCountsOptions,
  TrainProgress,
  TrainReport,
  TrainSource,
  TrainWordPieceOptions,
  Vocab,
  WordCounts,
} from "./wordpiece_trainer.ts";
