/**
 * KcBERT's text cleaning for Korean comments: the published `clean`, with or without offsets, soynlp's `repeatNormalize`
 * under it, and the filters that make a corpus of comments. No dependencies, any runtime.
 *
 * @example
 * ```ts
 * import { clean } from "@kcbert/normalizer";
 * import assert from "node:assert/strict";
 *
 * assert.equal(clean("와 대박ㅋㅋㅋㅋㅋㅋ♡ http://a.com/b 또 볼래요~~~~"), "와 대박ㅋㅋ 또 볼래요~~~~");
 * ```
 *
 * @module
 */
export { clean, cleanWithOffsets } from "./clean.ts";
export type { CleanedText, CleanOptions } from "./clean.ts";
export { cleanCorpus, countCodePoints, distinctLines, longLines } from "./corpus.ts";
export type { CorpusOptions, LengthOptions, Lines, LinesLike } from "./corpus.ts";
export { LineSet } from "./line_set.ts";
export { repeatNormalize } from "./repeat_normalize.ts";
export type { RepeatNormalizeOptions } from "./repeat_normalize.ts";
