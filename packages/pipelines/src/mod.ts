/**
 * Comment in, answer out: Hugging Face's pipelines for BERT on TensorFlow.js.
 *
 * Each pipeline is a function of a model, a tokenizer and a text, in a file of its own; `load…` puts the three together
 * from a folder in Hugging Face's layout. The tfjs backend is the caller's choice.
 *
 * @module
 */
export { analyze } from "./analyze.ts";
export type { AnalyzeHeads, AnalyzeOptions, CommentAnalysis, CommentSpan } from "./analyze.ts";
export { answerQuestion } from "./answer_question.ts";
export type { Answer, AnswerQuestionOptions, Question } from "./answer_question.ts";
export { answerSquad } from "./answer_squad.ts";
export type { AnswerSquadOptions, SquadAnswer } from "./answer_squad.ts";
export { classifyText } from "./classify_text.ts";
export type { ClassificationFunction, ClassifyTextOptions, TextLabel } from "./classify_text.ts";
export { classifyTokens } from "./classify_tokens.ts";
export type {
  AggregationStrategy,
  ClassifyTokensOptions,
  EntityGroup,
  EntityOf,
  TokenEntity,
  TokenSpan,
} from "./classify_tokens.ts";
export { extractFeatures } from "./extract_features.ts";
export type { ExtractFeaturesOptions, Pooling } from "./extract_features.ts";
export { fillMask } from "./fill_mask.ts";
export type { FillMaskAnswer, FillMaskOptions, FillMaskResult } from "./fill_mask.ts";
export { loadAnalyze } from "./load_analyze.ts";
export type { AnalyzePipeline, AnalyzeSources } from "./load_analyze.ts";
export { loadAnswerQuestion } from "./load_answer_question.ts";
export type { AnswerQuestionPipeline } from "./load_answer_question.ts";
export { loadClassifyText } from "./load_classify_text.ts";
export type { ClassifyTextPipeline } from "./load_classify_text.ts";
export { loadClassifyTokens } from "./load_classify_tokens.ts";
export type { ClassifyTokensPipeline } from "./load_classify_tokens.ts";
export { loadClean } from "./load_clean.ts";
export { loadExtractFeatures } from "./load_extract_features.ts";
export type { ExtractFeaturesPipeline, LoadExtractFeaturesOptions } from "./load_extract_features.ts";
export { loadFillMask } from "./load_fill_mask.ts";
export type { FillMaskPipeline } from "./load_fill_mask.ts";
export { loadSentenceSimilarity } from "./load_sentence_similarity.ts";
export type { SentenceSimilarityPipeline } from "./load_sentence_similarity.ts";
export { loadTokenizer } from "./load_tokenizer.ts";
export { type SquadSizes, type SquadWindow, squadWindows, squadWords } from "./squad_windows.ts";
export { sentenceSimilarity } from "./sentence_similarity.ts";
export type { SentenceSimilarityOptions, SimilarityQuery } from "./sentence_similarity.ts";
export type { TagPosition } from "./_aggregate_tokens.ts";
export type { AtLeastOne } from "./_at_least_one.ts";
export type { OffsetUnit } from "./_code_points.ts";
export type { TextPair, TruncationOptions } from "./_encode.ts";
export type { LoadedModel, LoadModelOptions } from "./_load_model.ts";
export type { ReadSourceOptions } from "./_read_source.ts";
export type { RunOptions } from "./_run_rows.ts";
