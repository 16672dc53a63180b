import type { BertForMaskedLM } from "@kcbert/bert";
import type { BertTokenizer, Encoding } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { inputsOf, startsOf } from "./_run_rows.ts";
import { softmaxTop } from "./_softmax_top.ts";

/** One candidate for a mask; Hugging Face's names in camel case. */
export interface FillMaskAnswer {
  /** Probability in [0, 1] that the token stands there, out of the whole vocabulary (also with `targets`). */
  readonly score: number;
  /** The token's id. */
  readonly token: number;
  /** The token as text; a continuation piece keeps its `##`. */
  readonly tokenStr: string;
  /**
   * The text with the token in place. With one mask, special tokens are left out; with several, the other masks stay,
   * between `[CLS]` and `[SEP]`.
   */
  readonly sequence: string;
}

/** The candidates for a text: best first for one mask, a list per mask, in order, for several. */
export type FillMaskResult = FillMaskAnswer[] | FillMaskAnswer[][];

/** How masks are filled. */
export interface FillMaskOptions {
  /** How many candidates a mask gets, at most; 5 by default, at least 1. */
  readonly topK?: number;
  /**
   * The only candidates. One that is no token of the vocabulary stands for its first piece; equal ones count once.
   */
  readonly targets?: string | readonly string[];
  /** How many texts go through the model together; 16 by default. */
  readonly batchSize?: number;
  /** Stops between two batches; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/**
 * Guess what stands behind `[MASK]`.
 *
 * Follows the `fill-mask` pipeline of Hugging Face transformers 5: the text is neither cleaned nor cut here.
 * Leaves no tensor behind.
 *
 * @param model A masked language model, on the backend that is set.
 * @param tokenizer Its tokenizer.
 * @param text A text with one or more masks, or several texts.
 * @returns The candidates of the text, or of each text in order.
 * @throws {RangeError} If a text has no mask or more tokens than the model has positions, if `topK` or `batchSize` is
 * no whole number above 0, or if `targets` names no token.
 * @throws {TypeError} If a text is not a string.
 *
 * @example
 * ```ts
 * import { BertForMaskedLM, kcbertBase } from "@kcbert/bert";
 * import { fillMask } from "@kcbert/pipelines";
 * import { BertTokenizer } from "@kcbert/tokenizer";
 * import "@tensorflow/tfjs-backend-cpu";
 * import assert from "node:assert/strict";
 *
 * const tokenizer = BertTokenizer.fromVocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "영화", "재밌다"]);
 * const config = { ...kcbertBase, vocabSize: 7, hiddenSize: 8, numAttentionHeads: 2, intermediateSize: 16 };
 * const model = BertForMaskedLM.init(config, { seed: 1 });
 * const answers = await fillMask(model, tokenizer, "영화 [MASK]", { topK: 2 });
 * assert.equal(answers.length, 2);
 * model.dispose();
 * ```
 */
export async function fillMask(
  model: BertForMaskedLM,
  tokenizer: BertTokenizer,
  text: string,
  options?: FillMaskOptions,
): Promise<FillMaskResult>;
/**
 * Guess what stands behind `[MASK]` in several texts; see the form for one text.
 *
 * @returns The candidates of each text, in order.
 */
export async function fillMask(
  model: BertForMaskedLM,
  tokenizer: BertTokenizer,
  text: readonly string[],
  options?: FillMaskOptions,
): Promise<FillMaskResult[]>;
export async function fillMask(
  model: BertForMaskedLM,
  tokenizer: BertTokenizer,
  text: string | readonly string[],
  { topK = 5, targets, batchSize = 16, signal }: FillMaskOptions = {},
): Promise<FillMaskResult | FillMaskResult[]> {
  checkCount("topK", topK);
  checkCount("batchSize", batchSize);
  const texts = typeof text === "string" ? [text] : text;
  const allowed = targets === undefined ? undefined : targetIds(tokenizer, targets);
  const masked = texts.map((each) => findMasks(model, tokenizer, each));
  const results: FillMaskResult[] = [];
  for (const batch of batchesByLength(masked, batchSize)) {
    signal?.throwIfAborted();
    const rows = await maskLogits(
      model,
      tokenizer,
      batch.map(({ item }) => item),
    );
    for (const [i, { item, index }] of batch.entries()) {
      results[index] = answersFor(tokenizer, item, rows[i]!, topK, allowed);
    }
  }
  return typeof text === "string" ? results[0]! : results;
}

// --- internal ---

/** A text's tokens, and where its masks are among them. */
interface MaskedText {
  readonly ids: Int32Array;
  readonly typeIds: Int32Array;
  readonly masks: readonly number[];
}

interface Placed {
  readonly item: MaskedText;
  /** Its place in what the caller gave. */
  readonly index: number;
}

/** What a `tokenizer.json` may ask for by default, and the reference's pipeline does not do. */
const NEVER_CUT = { truncation: false, padding: false } as const;

function checkCount(name: string, value: number): void {
  if (Number.isInteger(value) && value > 0) return;
  throw new RangeError(
    `Cannot fill masks as ${name} must be a whole number above 0: current value is ${value}`,
  );
}

function findMasks(model: BertForMaskedLM, tokenizer: BertTokenizer, text: string): MaskedText {
  if (typeof text !== "string") {
    throw new TypeError(
      `Cannot fill masks as the text must be a string: current value is of type ${typeof text}`,
    );
  }
  const { ids, typeIds }: Encoding = tokenizer.encode(text, NEVER_CUT);
  const { maxPositionEmbeddings } = model.config;
  if (ids.length > maxPositionEmbeddings) {
    throw new RangeError(
      `Cannot fill masks as the text has ${ids.length} tokens: the model takes at most ${maxPositionEmbeddings}`,
    );
  }
  const masks = [...ids.keys()].filter((i) => ids[i] === tokenizer.maskId);
  if (masks.length > 0) return { ids, typeIds, masks };
  const mask = tokenizer.idToToken(tokenizer.maskId);
  throw new RangeError(`Cannot fill masks as the text has no ${mask}: current value is "${shortened(text)}"`);
}

function shortened(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}

/** The ids of the only candidates, each once. */
function targetIds(tokenizer: BertTokenizer, targets: string | readonly string[]): Int32Array {
  const words = typeof targets === "string" ? [targets] : targets;
  const ids = words.flatMap((word) => {
    const id =
      tokenizer.tokenToId(word) ?? tokenizer.encode(word, { ...NEVER_CUT, addSpecialTokens: false }).ids[0];
    return id === undefined ? [] : [id];
  });
  if (ids.length > 0) return Int32Array.from(new Set(ids));
  throw new RangeError(
    `Cannot fill masks as targets must name at least one token: current value is [${words.join(", ")}]`,
  );
}

/** Texts of like length together, so that little of a batch is padding. */
function batchesByLength(texts: readonly MaskedText[], batchSize: number): Placed[][] {
  const placed = texts.map((item, index) => ({ item, index }));
  placed.sort((a, b) => a.item.ids.length - b.item.ids.length);
  const batches: Placed[][] = [];
  for (let i = 0; i < placed.length; i += batchSize) batches.push(placed.slice(i, i + batchSize));
  return batches;
}

/** The logits over the vocabulary at each mask of each text: one run of the model. */
async function maskLogits(
  model: BertForMaskedLM,
  tokenizer: BertTokenizer,
  texts: readonly MaskedText[],
): Promise<Float32Array[][]> {
  const logits = tf.tidy(() => runModel(model, tokenizer.padId, texts)); // [P, V]
  try {
    const vocabSize = logits.shape[1]!;
    const values = (await logits.data()) as Float32Array;
    let row = 0;
    return texts.map(({ masks }) => masks.map(() => values.subarray(row * vocabSize, ++row * vocabSize)));
  } finally {
    logits.dispose();
  }
}

function runModel(model: BertForMaskedLM, padId: number, texts: readonly MaskedText[]): tf.Tensor2D {
  const width = model.packsRows ? undefined : Math.max(...texts.map(({ ids }) => ids.length));
  const starts = startsOf(texts, width);
  const positions = texts.flatMap(({ masks }, row) => masks.map((mask) => starts[row]! + mask));
  const options = { maskedPositions: tf.tensor1d(positions, "int32") };
  return model.forward(inputsOf(texts, width, padId), options).logits as tf.Tensor2D; // [P, V]
}

function answersFor(
  tokenizer: BertTokenizer,
  { ids, masks }: MaskedText,
  logits: readonly Float32Array[],
  topK: number,
  allowed: Int32Array | undefined,
): FillMaskResult {
  const single = masks.length === 1;
  const lists = masks.map((mask, i) =>
    softmaxTop(logits[i]!, topK, allowed).map(({ score, index }) => ({
      score,
      token: index,
      tokenStr: tokenizer.decode([index], { skipSpecialTokens: false }),
      sequence: tokenizer.decode(withToken(ids, mask, index, tokenizer.padId), { skipSpecialTokens: single }),
    })),
  );
  return single ? lists[0]! : lists;
}

/** The ids with another one at the mask; padding is dropped, as the reference does. */
function withToken(ids: Int32Array, mask: number, token: number, padId: number): Int32Array {
  const filled = ids.slice();
  filled[mask] = token;
  return filled.filter((id) => id !== padId);
}
