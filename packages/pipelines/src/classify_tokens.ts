import type { BertForTokenClassification } from "@kcbert/bert";
import type { BertTokenizer, Encoding } from "@kcbert/tokenizer";
import {
  groupEntities,
  type JoinTokens,
  labelToken,
  labelWords,
  mergeOverlaps,
  type ScoredToken,
  type TagPosition,
} from "./_aggregate_tokens.ts";
import { checkChoice, checkCount, checkFit, checkText } from "./_checks.ts";
import { inUnit, type OffsetUnit } from "./_code_points.ts";
import { NEVER_CUT } from "./_encode.ts";
import { labelsOf } from "./_labels.ts";
import { type RunOptions, runRows } from "./_run_rows.ts";
import { softmax } from "./_softmax.ts";

/** Where something was found in a text. */
export interface TokenSpan {
  /** Probability in [0, 1] of the label; the mean over what was put together. */
  readonly score: number;
  /** The tokens as text; `text.slice(start, end)` is how it is written there. */
  readonly word: string;
  /** Where it begins in the text. */
  readonly start: number;
  /** Where it ends, just past its last character. */
  readonly end: number;
}

/** A token with its label. */
export interface TokenEntity extends TokenSpan {
  /** The label, such as `B-PER`. */
  readonly entity: string;
  /** The token's place in the row, `[CLS]` being 0. */
  readonly index: number;
}

/** Neighbours of one class, put together. */
export interface EntityGroup extends TokenSpan {
  /** The class, such as `PER`. */
  readonly entityGroup: string;
}

/**
 * How tokens become names:
 *
 * - `"none"`: they do not, each token has its label;
 * - `"simple"`: neighbours of one class make a group, a `B-` begins another;
 * - `"first"`, `"average"`, `"max"`: likewise with words, whose tokens agree on the label of the first one, of their
 *   mean, or of the surest.
 */
export type AggregationStrategy = "none" | "simple" | "first" | "average" | "max";

/** What a strategy gives. */
export type EntityOf<Strategy extends AggregationStrategy> = Strategy extends "none"
  ? TokenEntity
  : EntityGroup;

/** How tokens are classified. */
export interface ClassifyTokensOptions<
  Strategy extends AggregationStrategy = AggregationStrategy,
> extends RunOptions {
  /** How tokens become names; `"none"` by default. */
  readonly aggregationStrategy?: Strategy;
  /** Labels, or classes of groups, to leave out; `["O"]` by default. */
  readonly ignoreLabels?: readonly string[];
  /**
   * Read the whole of a text that is longer than the model, in windows that share this many tokens; 0 or more, with any
   * strategy but `"none"`. By default the text is cut where the model ends.
   */
  readonly stride?: number;
  /** What `start` and `end` count; `"utf16"` by default, `"codepoint"` is what Hugging Face counts. */
  readonly offsetUnit?: OffsetUnit;
  /**
   * Where labels say that they begin a name: `"prefix"` (`B-PER`) by default. `"suffix"` reads `PER-B`, as Naver's NER
   * data are labelled and Hugging Face's pipeline does not understand.
   */
  readonly tagPosition?: TagPosition;
}

/**
 * Label the tokens of a text: names, places, dates.
 *
 * Follows the `token-classification` pipeline of Hugging Face transformers, with all its strategies. The text is not
 * cleaned here. Leaves no tensor behind.
 *
 * @param model A classifier of tokens, on the backend that is set.
 * @param tokenizer Its tokenizer.
 * @param text A text, or several.
 * @returns What was found in the text, in order, or in each text in order.
 * @throws {RangeError} If an option is out of its range, `stride` is given without a strategy that groups or is not
 * less than a window, or the tokenizer has more tokens than the model.
 * @throws {TypeError} If a text is not a string.
 *
 * @example
 * ```ts
 * import { BertForTokenClassification, kcbertBase } from "@kcbert/bert";
 * import { classifyTokens } from "@kcbert/pipelines";
 * import { BertTokenizer } from "@kcbert/tokenizer";
 * import "@tensorflow/tfjs-backend-cpu";
 * import assert from "node:assert/strict";
 *
 * const tokenizer = BertTokenizer.fromVocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "서울", "##에"]);
 * const small = { ...kcbertBase, vocabSize: 7, hiddenSize: 8, numAttentionHeads: 2, intermediateSize: 16 };
 * const model = BertForTokenClassification.init({ ...small, id2label: ["B-LOC", "I-LOC"] }, { seed: 1 });
 * const text = "😀 서울에";
 * const tokens = await classifyTokens(model, tokenizer, text);
 * assert.deepEqual(tokens.map(({ start, end }) => text.slice(start, end)), ["😀", "서울", "에"]);
 * const groups = await classifyTokens(model, tokenizer, text, { aggregationStrategy: "first" });
 * assert.ok(groups.every(({ entityGroup }) => entityGroup === "LOC"));
 * model.dispose();
 * ```
 */
export async function classifyTokens<Strategy extends AggregationStrategy = "none">(
  model: BertForTokenClassification,
  tokenizer: BertTokenizer,
  text: string,
  options?: ClassifyTokensOptions<Strategy>,
): Promise<EntityOf<Strategy>[]>;
/**
 * Label the tokens of several texts; see the form for one text.
 *
 * @returns What was found in each text, in order.
 */
export async function classifyTokens<Strategy extends AggregationStrategy = "none">(
  model: BertForTokenClassification,
  tokenizer: BertTokenizer,
  text: readonly string[],
  options?: ClassifyTokensOptions<Strategy>,
): Promise<EntityOf<Strategy>[][]>;
export async function classifyTokens(
  model: BertForTokenClassification,
  tokenizer: BertTokenizer,
  text: string | readonly string[],
  options: ClassifyTokensOptions = {},
): Promise<Entity[] | Entity[][]> {
  checkOptions(options);
  checkFit(TASK, model, tokenizer);
  const texts = typeof text === "string" ? [text] : text;
  if (!Array.isArray(texts)) checkText(TASK, "the text", texts);
  const windows = texts.flatMap((each, index) => windowsOf(model, tokenizer, each, index, options.stride));
  const found: Entity[][] = [];
  const rows = windows.map(({ encoding }) => encoding);
  const forward = runRows(rows, { model, tokenizer }, options, (inputs) => [model.forward(inputs).logits]);
  const join: JoinTokens = (tokens) => tokenizer.convertTokensToString(tokens);
  for await (const { index, values } of forward) {
    const tokens = scoredTokens(windows[index]!, values[0]!, model.config.numLabels, tokenizer);
    found[index] = entitiesOf(tokens, labelsOf(model.config), join, options);
  }
  const results = texts.map((): Entity[] => []);
  for (const [i, { index }] of windows.entries()) results[index]!.push(...found[i]!);
  const whole = results.map((entities, i) => {
    const merged = options.stride === undefined ? entities : mergeOverlaps(entities as EntityGroup[]);
    return inUnit(merged, texts[i]!, options.offsetUnit ?? "utf16");
  });
  return typeof text === "string" ? whole[0]! : whole;
}

// --- internal ---

const TASK = "classify the tokens";

type Entity = TokenEntity | EntityGroup;

/** A part of a text that fits the model. */
interface Window {
  readonly text: string;
  /** The text's place in what the caller gave. */
  readonly index: number;
  readonly encoding: Encoding;
}

function checkOptions({ batchSize, stride, ...options }: ClassifyTokensOptions): void {
  const { aggregationStrategy = "none", offsetUnit = "utf16", tagPosition = "prefix" } = options;
  checkChoice(TASK, "aggregationStrategy", aggregationStrategy, [
    "none",
    "simple",
    "first",
    "average",
    "max",
  ]);
  checkChoice(TASK, "offsetUnit", offsetUnit, ["utf16", "codepoint"]);
  checkChoice(TASK, "tagPosition", tagPosition, ["prefix", "suffix"]);
  checkCount(TASK, "batchSize", batchSize);
  checkCount(TASK, "stride", stride, 0);
  if (stride === undefined || aggregationStrategy !== "none") return;
  throw new RangeError(
    `Cannot ${TASK} with stride ${stride} as aggregationStrategy is "none": windows overlap, so tokens would come twice; use "simple", "first", "average" or "max"`,
  );
}

function windowsOf(
  model: BertForTokenClassification,
  tokenizer: BertTokenizer,
  text: string,
  index: number,
  stride: number | undefined,
): Window[] {
  checkText(TASK, "the text", text);
  const encoding = tokenizer.encode(text, {
    ...NEVER_CUT,
    maxLength: model.config.maxPositionEmbeddings,
    truncation: "longest_first",
    ...(stride === undefined ? {} : { stride }),
  });
  const encodings = stride === undefined ? [encoding] : [encoding, ...encoding.overflowing];
  return encodings.map((encoding) => ({ text, index, encoding }));
}

/** The window's tokens but for those that were added, each with the probabilities of its labels. */
function scoredTokens(
  { text, encoding }: Window,
  logits: Float32Array, // [T, L]
  numLabels: number,
  tokenizer: BertTokenizer,
): ScoredToken[] {
  const { ids, offsets, specialTokensMask, tokens } = encoding;
  const scored: ScoredToken[] = [];
  for (let index = 0; index < ids.length; index++) {
    if (specialTokensMask[index] === 1) continue;
    const [start, end] = [offsets[2 * index]!, offsets[2 * index + 1]!];
    const written = text.slice(start, end);
    const isUnknown = ids[index] === tokenizer.unkId;
    const token = tokens[index]!;
    scored.push({
      word: isUnknown ? written : token,
      scores: softmax(logits.subarray(index * numLabels, (index + 1) * numLabels)),
      index,
      isSubword: !isUnknown && countCodePoints(token) !== countCodePoints(written),
      start,
      end,
    });
  }
  return scored;
}

function countCodePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function entitiesOf(
  tokens: readonly ScoredToken[],
  labels: readonly string[],
  join: JoinTokens,
  { aggregationStrategy = "none", ignoreLabels = ["O"], tagPosition = "prefix" }: ClassifyTokensOptions,
): Entity[] {
  if (aggregationStrategy === "none") {
    return tokens
      .map((token) => ({ ...labelToken(token, labels), index: token.index }))
      .filter(({ entity }) => !ignoreLabels.includes(entity));
  }
  const labelled =
    aggregationStrategy === "simple"
      ? tokens.map((token) => labelToken(token, labels))
      : labelWords(tokens, labels, aggregationStrategy, join);
  return groupEntities(labelled, tagPosition, join).filter(
    ({ entityGroup }) => !ignoreLabels.includes(entityGroup),
  );
}
