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
 * −100; if there are more predictions than places (rare), they are thinned at random, each line's last one last.
 * Follows `create_masked_lm_predictions` of google-research/bert, but `[UNK]` is never chosen, as in Hugging Face's
 * `DataCollatorForLanguageModeling`.
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
  const { seed, step, maskId, specialIds, vocabSize, probability = 0.15 } = options;
  if (!(probability > 0 && probability < 1)) {
    throw new RangeError(
      `Cannot mask tokens as probability must be above 0 and below 1: current value is ${probability}`,
    );
  }
  const size = batch.inputIds.length;
  const { places = placesFor(size, probability) } = options;
  const keys = randomBits(seed, step, "masking.choose", size);
  const positions = thin(choosePositions(batch, keys, new Set(specialIds), probability), keys, places);
  const actions = randomBits(seed, step, "masking.replace", size);
  const tokens = randomBits(seed, step, "masking.token", size);

  const inputIds = batch.inputIds.slice();
  const maskedPositions = new Int32Array(places);
  const labels = new Int32Array(places).fill(IGNORED_LABEL);
  for (const [i, position] of positions.entries()) {
    maskedPositions[i] = position;
    labels[i] = inputIds[position]!;
    // 80% of the time, replace with [MASK]; 10% of the time, with a random token; 10% of the time, keep the original
    const action = actions[position]! / 2 ** 32;
    if (action < 0.8) inputIds[position] = maskId;
    else if (action < 0.9) inputIds[position] = Math.floor((tokens[position]! / 2 ** 32) * vocabSize);
  }
  return { ...batch, inputIds, maskedPositions, labels, predictions: positions.length };
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

// --- internal ---

/** A chosen position; `rank` is 0 for the one that its line gives up last. */
interface Choice {
  readonly position: number;
  readonly rank: 0 | 1;
}

/** Line by line, the positions with the smallest keys. */
function choosePositions(
  { inputIds, segments }: Batch,
  keys: Uint32Array,
  special: ReadonlySet<number>,
  probability: number,
): Choice[] {
  const chosen: Choice[] = [];
  const candidates = new Float64Array(inputIds.length); // key · 2^21 + place in the line: sorts by key, exact in 53 bits
  for (let start = 0, end = 0; start < segments.length; start = end) {
    const segment = segments[start]!;
    let count = 0;
    for (end = start; end < segments.length && segments[end] === segment; end++) {
      if (segment !== 0 && !special.has(inputIds[end]!))
        candidates[count++] = keys[end]! * 2 ** 21 + (end - start);
    }
    if (count === 0) continue;
    // The key of the line's first token, [CLS], is never used to choose: it rounds.
    const wanted = Math.max(1, Math.floor(count * probability + keys[start]! / 2 ** 32));
    const byKey = candidates.subarray(0, count).sort();
    for (let i = 0; i < Math.min(wanted, count); i++) {
      chosen.push({ position: start + (byKey[i]! % 2 ** 21), rank: i === 0 ? 0 : 1 });
    }
  }
  return chosen;
}

/** At most `places` positions, ascending. */
function thin(chosen: Choice[], keys: Uint32Array, places: number): Int32Array {
  if (chosen.length > places) {
    chosen.sort((a, b) => a.rank - b.rank || keys[a.position]! - keys[b.position]!);
    chosen.length = places;
  }
  return Int32Array.from(chosen, ({ position }) => position).sort();
}
