import type { BertForSequenceClassification, BertForTokenClassification } from "@kcbert/bert";
import { type CleanedText, cleanWithOffsets } from "@kcbert/normalizer";
import type { BertTokenizer } from "@kcbert/tokenizer";
import type { AtLeastOne } from "./_at_least_one.ts";
import type { TagPosition } from "./_aggregate_tokens.ts";
import { checkChoice, checkText } from "./_checks.ts";
import { classifySourceTokens } from "./_classify_source_tokens.ts";
import { cleanVariantOf } from "./_cleaning.ts";
import { inUnit, type OffsetUnit } from "./_code_points.ts";
import { NEVER_CUT } from "./_encode.ts";
import type { RunOptions } from "./_run_rows.ts";
import { classifyText, type TextLabel } from "./classify_text.ts";
import type { AggregationStrategy, EntityGroup } from "./classify_tokens.ts";

/** Models that look at a comment, each under a name of your choice. They share one tokenizer. */
export interface AnalyzeHeads<Labels extends string = string, Spans extends string = string> {
  /** Those that judge the comment as a whole: hate, sentiment. */
  readonly labels?: Readonly<Record<Labels, BertForSequenceClassification>>;
  /** Those that find something in it: names, slurs. */
  readonly spans?: Readonly<Record<Spans, BertForTokenClassification>>;
}

/** How comments are analyzed. */
export interface AnalyzeOptions extends RunOptions {
  /** How many labels each judgement has, at most; all by default. */
  readonly topK?: number | null;
  /** How tokens become spans; `"first"` by default, so that words stay whole. */
  readonly aggregationStrategy?: Exclude<AggregationStrategy, "none">;
  /** Classes to leave out; `["O"]` by default. */
  readonly ignoreLabels?: readonly string[];
  /** Where labels say that they begin a name; `"prefix"` (`B-PER`) by default, or `"suffix"` (`PER-B`). */
  readonly tagPosition?: TagPosition;
  /** Tokens that the windows of a long comment share where spans are looked for; a quarter of a window by default. */
  readonly stride?: number;
  /** What `start` and `end` count; `"utf16"` by default. */
  readonly offsetUnit?: OffsetUnit;
  /** Which `clean` the comment goes through first, `null` for none; by default the one that the models' configs name. */
  readonly clean?: "2020" | "2021" | "2022" | null;
}

/** Something found in a comment. */
export interface CommentSpan {
  /** Its class. */
  readonly label: string;
  /** Probability in [0, 1]. */
  readonly score: number;
  /** Where it begins in the comment as it was written. */
  readonly start: number;
  /** Where it ends, just past its last character. */
  readonly end: number;
  /** What stands there; no emoji is cut in two. */
  readonly text: string;
}

/** What the models make of a comment. */
export interface CommentAnalysis<Labels extends string = string, Spans extends string = string> {
  /** The comment as the models read it: cleaned, if they were trained so. */
  readonly text: string;
  /** Whether it is so long that the models of `labels` read only its beginning; those of `spans` read it all. */
  readonly truncated: boolean;
  /** Under each name the labels, best first. */
  readonly labels: Readonly<Record<Labels, AtLeastOne<TextLabel>>>;
  /** Under each name what was found, in order. */
  readonly spans: Readonly<Record<Spans, CommentSpan[]>>;
}

/**
 * Ask several models about a raw comment at once: what it is, and what is in it.
 *
 * The comment is cleaned as the models were trained, but what is found is given where it stands in the comment as it was
 * written, with the runs that cleaning shortens, without what it takes out, in whole characters: a family of emoji stays
 * together. Leaves no tensor behind.
 *
 * @param heads The models, on the backend that is set.
 * @param tokenizer The tokenizer that they share.
 * @param comment A comment of any length, or several.
 * @returns What the models make of the comment, or of each comment in order.
 * @throws {RangeError} If the models were trained on text cleaned in different ways and `clean` does not decide, an option
 * is out of its range, or the tokenizer has more tokens than a model.
 * @throws {TypeError} If a comment is not a string.
 *
 * @example
 * ```ts
 * import { BertForSequenceClassification, BertForTokenClassification, kcbertBase } from "@kcbert/bert";
 * import { analyze } from "@kcbert/pipelines";
 * import { BertTokenizer } from "@kcbert/tokenizer";
 * import "@tensorflow/tfjs-backend-cpu";
 * import assert from "node:assert/strict";
 *
 * const tokenizer = BertTokenizer.fromVocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "영화", "최고", "ㅋㅋ"]);
 * const sizes = { vocabSize: 8, hiddenSize: 8, numAttentionHeads: 2, intermediateSize: 16 };
 * const small = { ...kcbertBase, ...sizes, clean: "2021" };
 * const mood = BertForSequenceClassification.init({ ...small, id2label: ["나쁨", "좋음"] }, { seed: 1 });
 * const words = BertForTokenClassification.init({ ...small, id2label: ["B-말", "B-글"] }, { seed: 1 });
 *
 * const comment = "★영화★★ 최고 ㅋㅋㅋㅋㅋ";
 * const { text, labels, spans } = await analyze({ labels: { mood }, spans: { words } }, tokenizer, comment);
 * assert.equal(text, "영화 최고 ㅋㅋ");
 * assert.equal(labels.mood.length, 2);
 * assert.deepEqual(spans.words.map(({ text }) => text), ["영화", "최고", "ㅋㅋㅋㅋㅋ"]);
 * mood.dispose();
 * words.dispose();
 * ```
 */
export async function analyze<Labels extends string = never, Spans extends string = never>(
  heads: AnalyzeHeads<Labels, Spans>,
  tokenizer: BertTokenizer,
  comment: string,
  options?: AnalyzeOptions,
): Promise<CommentAnalysis<Labels, Spans>>;
/**
 * Ask several models about several comments; see the form for one.
 *
 * @returns What the models make of each comment, in order.
 */
export async function analyze<Labels extends string = never, Spans extends string = never>(
  heads: AnalyzeHeads<Labels, Spans>,
  tokenizer: BertTokenizer,
  comment: readonly string[],
  options?: AnalyzeOptions,
): Promise<CommentAnalysis<Labels, Spans>[]>;
export async function analyze(
  heads: AnalyzeHeads,
  tokenizer: BertTokenizer,
  comment: string | readonly string[],
  options: AnalyzeOptions = {},
): Promise<CommentAnalysis | CommentAnalysis[]> {
  const many = Array.isArray(comment);
  const comments: readonly string[] = many ? comment : [comment];
  for (const each of comments) checkText(TASK, "the comment", each);
  const cleaning = cleaningFor(heads, options);
  const texts = comments.map((each) => cleaning(each).text);
  const labels = new Map<string, AtLeastOne<TextLabel>[]>();
  for (const [name, model] of Object.entries(heads.labels ?? {})) {
    labels.set(name, await judge(model, tokenizer, texts, options));
  }
  const spans = new Map<string, CommentSpan[][]>();
  for (const [name, model] of Object.entries(heads.spans ?? {})) {
    spans.set(name, await find(model, tokenizer, comments, cleaning, options));
  }
  const limit = Math.min(
    ...Object.values(heads.labels ?? {}).map(({ config }) => config.maxPositionEmbeddings),
  );
  const results = texts.map((text, i) => ({
    text,
    truncated: limit < Infinity && tokenizer.encode(text, NEVER_CUT).length > limit,
    labels: Object.fromEntries([...labels].map(([name, all]) => [name, all[i]!])),
    spans: Object.fromEntries([...spans].map(([name, all]) => [name, all[i]!])),
  }));
  return many ? results : results[0]!;
}

// --- internal ---

const TASK = "analyze the comment";

/** The cleaning that the caller asks for, else that on which all models agree. */
function cleaningFor(heads: AnalyzeHeads, { clean }: AnalyzeOptions): (text: string) => CleanedText {
  const wanted = [heads.labels ?? {}, heads.spans ?? {}].flatMap((models) =>
    Object.entries(models).map(([name, { config }]) => ({ name, variant: config.clean ?? null })),
  );
  const variants = new Set(clean === undefined ? wanted.map(({ variant }) => variant) : [clean]);
  if (variants.size > 1) {
    const which = wanted.map(({ name, variant }) => `${name} ${JSON.stringify(variant)}`).join(", ");
    throw new RangeError(
      `Cannot ${TASK} as the models were trained on text cleaned in different ways, and clean does not say which to use: ${which}`,
    );
  }
  const variant = cleanVariantOf([...variants][0]);
  return variant === undefined ? asItIs : (text) => cleanWithOffsets(text, { variant });
}

function asItIs(text: string): CleanedText {
  return { text, offsets: Uint32Array.from({ length: text.length + 1 }, (_, i) => i) };
}

function judge(
  model: BertForSequenceClassification,
  tokenizer: BertTokenizer,
  texts: readonly string[],
  { topK = null, ...options }: AnalyzeOptions,
): Promise<AtLeastOne<TextLabel>[]> {
  return classifyText(model, tokenizer, texts, { ...runOptions(options), topK, truncation: true });
}

async function find(
  model: BertForTokenClassification,
  tokenizer: BertTokenizer,
  comments: readonly string[],
  cleaning: (text: string) => CleanedText,
  options: AnalyzeOptions,
): Promise<CommentSpan[][]> {
  const { aggregationStrategy = "first", ignoreLabels = ["O"], tagPosition = "prefix" } = options;
  checkChoice(TASK, "aggregationStrategy", aggregationStrategy, ["simple", "first", "average", "max"]);
  checkChoice(TASK, "offsetUnit", options.offsetUnit ?? "utf16", ["utf16", "codepoint"]);
  const { stride = (model.config.maxPositionEmbeddings - 2) >> 2 } = options;
  const settings = { ...runOptions(options), aggregationStrategy, ignoreLabels, tagPosition, stride };
  const found = await classifySourceTokens(model, tokenizer, comments, cleaning, settings);
  return found.map((groups, i) => {
    const spans = groups.map((group) => spanOf(group, comments[i]!));
    return inUnit(spans, comments[i]!, options.offsetUnit ?? "utf16");
  });
}

function spanOf({ entityGroup, score, start, end }: EntityGroup, comment: string): CommentSpan {
  return { label: entityGroup, score, start, end, text: comment.slice(start, end) };
}

function runOptions({ batchSize, signal }: RunOptions): RunOptions {
  return { ...(batchSize === undefined ? {} : { batchSize }), ...(signal === undefined ? {} : { signal }) };
}
