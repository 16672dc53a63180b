/**
 * Masked language modelling: choose tokens to predict, and hide most of them.
 */
import { randomBits } from "@kcbert/bert";
import type { BertTokenizer } from "@kcbert/tokenizer";
import type { Batch } from "./batches.ts";

/** The label of a place that counts for nothing, as in PyTorch and Hugging Face. */
export const IGNORED_LABEL: number = -100;

/** What is masked, how much of it, and with what. */
export interface MaskingOptions {
  /** Chooses the masks, with `step`. */
  seed: number;
  /** The step that the batch is for: the same text is masked anew whenever it comes again. */
  step: number;
  /** Id of `[MASK]`. */
  maskId: number;
  /** Ids that are never masked: `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]`, `[MASK]`. */
  specialIds: readonly number[];
  /** A token in ten is replaced by a random one in [0, vocabSize). */
  vocabSize: number;
  /** Part of a line's tokens to predict, in (0, 1). @default 0.15 */
  probability?: number;
  /** P, the number of places for predictions. @default `placesFor(tokens of the batch, probability)` */
  places?: number;
  /** `[vocabSize]`, 1 for tokens that go on with a word (`##…`): then a word is masked as a whole or not at all. */
  continuations?: Uint8Array;
  /**
   * Static masks, as those of a file made by google-research/bert's `create_pretraining_data.py`: a line's masks depend on
   * `seed`, its number and `copy` alone, not on `step`. @default dynamic
   */
  copy?: number;
}

/** A batch with tokens hidden, and what stood there. */
export interface MaskedBatch extends Batch {
  /** `[P]`, flat indexes into `B · T`, ascending; 0 in places that are not needed. */
  readonly maskedPositions: Int32Array;
  /** `[P]`, the ids that stood there; `IGNORED_LABEL` in places that are not needed. */
  readonly labels: Int32Array;
  /** How many places are needed. */
  readonly predictions: number;
}

/**
 * Choose about 15 % of each line's tokens; of these replace 80 % by `[MASK]`, 10 % by a random token, keep 10 %.
 *
 * A line of n tokens, special ones not counted, gets n · probability predictions, rounded up or down at random so that
 * the mean is exact, and at least one. The number of places P is fixed, for fixed shapes: what is left over is labelled
 * −100; if there are more predictions than places (rare), they are thinned at random, each line's first one last.
 * Follows `create_masked_lm_predictions` of google-research/bert, but `[UNK]` is never chosen, as in Hugging Face's
 * `DataCollatorForLanguageModeling`. With `continuations`, words are taken whole, in random order, those left out that
 * would exceed the number; only a line's first word may.
 *
 * @param batch Left as it is; the result has its own `inputIds`.
 * @throws {RangeError} If `probability` is not in (0, 1).
 *
 * @example
 * ```ts
 * import { maskTokens, packLines, cutBatch } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const lines = { ids: Int32Array.of(2, 7, 8, 3), rowStarts: Int32Array.of(0, 4) };
 * const packed = packLines(lines, { rowLength: 6, seed: 1, epoch: 0 });
 * const batch = cutBatch(lines, packed, { first: 0, count: 1, rowLength: 6, padId: 0 });
 * const masked = maskTokens(batch, { seed: 1, step: 0, maskId: 4, specialIds: [0, 1, 2, 3, 4], vocabSize: 10 });
 * assert.equal(masked.predictions, 1);
 * assert.equal(masked.labels[0], batch.inputIds[masked.maskedPositions[0]!]);
 * ```
 */
export function maskTokens(batch: Batch, options: MaskingOptions): MaskedBatch {
  const { maskId, specialIds, vocabSize, probability = 0.15, continuations } = options;
  if (!(probability > 0 && probability < 1)) {
    throw new RangeError(
      `Cannot mask tokens as probability must be above 0 and below 1: current value is ${probability}`,
    );
  }
  const size = batch.inputIds.length;
  const { places = placesFor(size, probability) } = options;
  const { keys, actions } = drawWords(batch, options);
  const maskable = maskableOf(batch, specialIds, vocabSize);
  const choose = continuations === undefined ? chooseTokens : wordChooser(batch.inputIds, continuations);
  const chosen = new Uint8Array(size); // 1, or 2 for the one that its line gives up last
  let count = 0;
  for (let start = 0, end = 0; start < size; start = end) {
    const segment = batch.segments[start]!;
    let candidates = 0;
    for (end = start; end < size && batch.segments[end] === segment; end++) candidates += maskable[end]!;
    if (candidates === 0) continue;
    // The key of the line's first token, [CLS], is never used to choose: it rounds.
    const wanted = Math.max(1, Math.floor(candidates * probability + keys[start]! / 2 ** 32));
    count += choose({ start, end, candidates, wanted }, maskable, keys, chosen);
  }
  if (count > places) thin(chosen, keys, count, places);

  const inputIds = batch.inputIds.slice();
  const maskedPositions = new Int32Array(places);
  const labels = new Int32Array(places).fill(IGNORED_LABEL);
  let predictions = 0;
  for (let position = 0; position < size; position++) {
    if (chosen[position] === 0) continue;
    maskedPositions[predictions] = position;
    labels[predictions++] = inputIds[position]!;
    // 80% of the time, replace with [MASK]; 10% of the time, with a random token; 10% of the time, keep the original
    const action = actions[position]! / 2 ** 32;
    if (action < 0.8) inputIds[position] = maskId;
    else if (action < 0.9) inputIds[position] = Math.floor((action - 0.8) * 10 * vocabSize);
  }
  return { ...batch, inputIds, maskedPositions, labels, predictions };
}

/**
 * How many places for predictions a batch needs, so that almost none is lost and few are wasted.
 *
 * @param tokens Tokens of the batch, padding included.
 * @param probability Part of them to predict.
 * @returns `tokens · probability`, rounded up to a multiple of 8, at least 8.
 *
 * @example
 * ```ts
 * import { placesFor } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.equal(placesFor(512, 0.15), 80);
 * ```
 */
export function placesFor(tokens: number, probability: number): number {
  return Math.max(1, Math.ceil((tokens * probability) / 8)) * 8;
}

/**
 * The ids of a tokenizer that are never masked and never counted.
 *
 * @returns `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]` and `[MASK]`.
 *
 * @example
 * ```ts
 * import { BertTokenizer } from "@kcbert/tokenizer";
 * import { specialIdsOf } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const tokenizer = BertTokenizer.fromVocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "영화"]);
 * assert.deepEqual(specialIdsOf(tokenizer), [0, 1, 2, 3, 4]);
 * ```
 */
export function specialIdsOf(
  tokenizer: Pick<BertTokenizer, "padId" | "unkId" | "clsId" | "sepId" | "maskId">,
): number[] {
  return [tokenizer.padId, tokenizer.unkId, tokenizer.clsId, tokenizer.sepId, tokenizer.maskId];
}

/**
 * Which tokens of a tokenizer go on with a word, for whole-word masking.
 *
 * @returns `[vocabSize]`, 1 for tokens that begin with `##`, else 0.
 *
 * @example
 * ```ts
 * import { BertTokenizer } from "@kcbert/tokenizer";
 * import { continuationsOf } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const tokenizer = BertTokenizer.fromVocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "영화", "##를"]);
 * assert.deepEqual([...continuationsOf(tokenizer)], [0, 0, 0, 0, 0, 0, 1]);
 * ```
 */
export function continuationsOf(tokenizer: Pick<BertTokenizer, "vocabSize" | "idToToken">): Uint8Array {
  return Uint8Array.from({ length: tokenizer.vocabSize }, (_, id) =>
    Number(tokenizer.idToToken(id)?.startsWith("##") ?? false),
  );
}

// --- internal ---

/** A line's tokens, and how many of its candidates to predict. */
interface Line {
  readonly start: number;
  readonly end: number;
  readonly candidates: number;
  readonly wanted: number;
}

/** Marks what it chooses, and tells how many; `keys` are random. */
type Choose = (line: Line, maskable: Uint8Array, keys: Uint32Array, chosen: Uint8Array) => number;

/** Two random words for every token: one chooses, the other replaces. */
function drawWords(
  batch: Batch,
  { seed, step, copy }: MaskingOptions,
): { keys: Uint32Array; actions: Uint32Array } {
  const size = batch.inputIds.length;
  if (copy === undefined) {
    return {
      keys: randomBits(seed, step, "masking.choose", size),
      actions: randomBits(seed, step, "masking.replace", size),
    };
  }
  const [keys, actions] = [new Uint32Array(size), new Uint32Array(size)];
  for (let start = 0, end = 0; start < size; start = end) {
    const segment = batch.segments[start]!;
    for (end = start; end < size && batch.segments[end] === segment;) end++;
    if (segment === 0) continue;
    const length = end - start;
    const words = randomBits(seed, copy, batch.lines[segment - 1]!, 2 * length);
    keys.set(words.subarray(0, length), start);
    actions.set(words.subarray(length), start);
  }
  return { keys, actions };
}

/** `[B · T]`, 1 where a token may be masked. */
function maskableOf(
  { inputIds, segments }: Batch,
  specialIds: readonly number[],
  vocabSize: number,
): Uint8Array {
  const special = new Uint8Array(vocabSize);
  for (const id of specialIds) special[id] = 1;
  const maskable = new Uint8Array(inputIds.length);
  for (let i = 0; i < maskable.length; i++)
    maskable[i] = segments[i] === 0 || special[inputIds[i]!] === 1 ? 0 : 1;
  return maskable;
}

/** Selection sampling (Knuth, The Art of Computer Programming, 3.4.2 S): every subset of `wanted` is as likely. */
const chooseTokens: Choose = ({ start, end, candidates, wanted }, maskable, keys, chosen) => {
  let left = candidates;
  let needed = wanted;
  let first = -1; // the chosen one with the smallest key
  for (let i = start; needed > 0 && i < end; i++) {
    if (maskable[i] === 0) continue;
    if ((keys[i]! / 2 ** 32) * left-- >= needed) continue;
    needed--;
    chosen[i] = 1;
    if (first < 0 || keys[i]! < keys[first]!) first = i;
  }
  chosen[first] = 2;
  return wanted;
};

/** Words in random order, whole, until there are `wanted` tokens. */
function wordChooser(inputIds: Int32Array, continuations: Uint8Array): Choose {
  const beginsWord = (i: number, maskable: Uint8Array): boolean =>
    maskable[i] === 1 && (continuations[inputIds[i]!] === 0 || maskable[i - 1] === 0);
  return ({ start, end, wanted }, maskable, keys, chosen) => {
    const words: number[] = [];
    for (let i = start; i < end; i++) if (beginsWord(i, maskable)) words.push(i);
    words.sort((a, b) => keys[a]! - keys[b]! || a - b);
    let count = 0;
    for (const word of words) {
      let after = word + 1;
      while (after < end && maskable[after] === 1 && !beginsWord(after, maskable)) after++;
      if (count > 0 && count + after - word > wanted) continue;
      chosen.fill(1, word, after);
      if (count === 0) chosen[word] = 2;
      count += after - word;
      if (count >= wanted) break;
    }
    return count;
  };
}

/** Take back choices until `places` are left, at random, each line's first one last. */
function thin(chosen: Uint8Array, keys: Uint32Array, count: number, places: number): void {
  const positions = new Uint32Array(count);
  let at = 0;
  for (let i = 0; i < chosen.length; i++) if (chosen[i] !== 0) positions[at++] = i;
  positions.sort((a, b) => chosen[b]! - chosen[a]! || keys[a]! - keys[b]!);
  for (const position of positions.subarray(places)) chosen[position] = 0;
}
