/**
 * Scores of a classifier that gives each text any of several labels.
 */
import { f1 } from "./classification.ts";

/** Scores over texts and labels, in [0, 1]. */
export interface MultiLabelScores {
  /** F1 of each label on its own, and their mean; a label that never occurs and is never given has 0, as in scikit-learn. */
  readonly macroF1: number;
  /** F1 over all labels of all texts together. */
  readonly microF1: number;
  /** Part of the texts whose labels are all right, and none too many. */
  readonly exactMatch: number;
  /** F1 by label. */
  readonly perLabel: readonly number[];
}

/**
 * F1 and exact match of predicted label sets, as scikit-learn's `f1_score` and `accuracy_score` of indicator matrices.
 *
 * @param labels `[texts · count]`, 1 where a label is right, else 0.
 * @param predictions The same shape, 1 where a label is given, else 0.
 * @param count How many labels there are.
 * @throws {RangeError} If the two have not the same length, or it is no multiple of `count`.
 *
 * @example
 * ```ts
 * import { multiLabelScores } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const { microF1, exactMatch } = multiLabelScores([1, 0, 1, 1], [1, 0, 0, 1], 2);
 * assert.equal(microF1, 0.8);
 * assert.equal(exactMatch, 0.5);
 * ```
 */
export function multiLabelScores(
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
  count: number,
): MultiLabelScores {
  const texts = checkMatrices(labels, predictions, count);
  const [right, wanted, given] = [
    new Float64Array(count),
    new Float64Array(count),
    new Float64Array(count),
  ] as const;
  let exact = 0;
  for (let text = 0; text < texts; text++) {
    let same = true;
    for (let l = 0; l < count; l++) {
      const [label, prediction] = [labels[text * count + l]!, predictions[text * count + l]!];
      wanted[l]! += label;
      given[l]! += prediction;
      right[l]! += label * prediction;
      same &&= label === prediction;
    }
    if (same) exact++;
  }
  const perLabel = Array.from(right, (hits, l) => f1(hits, wanted[l]!, given[l]!) ?? 0);
  return {
    macroF1: sum(perLabel) / count,
    microF1: f1(sum(right), sum(wanted), sum(given)) ?? 0,
    exactMatch: exact / texts,
    perLabel,
  };
}

/**
 * Label ranking average precision: how far above the wrong labels the right ones are ranked, in (0, 1].
 *
 * For each right label, the part of right ones among the labels ranked as high or higher, averaged over the labels of a
 * text, then over texts. A text with no right label, or with all of them, counts as 1. scikit-learn's
 * `label_ranking_average_precision_score`, which UnSmile's authors report.
 *
 * @param labels `[texts · count]`, 1 where a label is right, else 0.
 * @param scores The same shape, higher for likelier labels; of any scale.
 * @param count How many labels there are.
 * @throws {RangeError} If the two have not the same length, or it is no multiple of `count`.
 *
 * @example
 * ```ts
 * import { labelRankingAveragePrecision } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.equal(labelRankingAveragePrecision([1, 0, 0], [0.2, 0.9, 0.1], 3), 0.5);
 * ```
 */
export function labelRankingAveragePrecision(
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  count: number,
): number {
  const texts = checkMatrices(labels, scores, count);
  let total = 0;
  for (let from = 0; from < texts * count; from += count)
    total += rankingPrecision(labels, scores, from, count);
  return total / texts;
}

// --- internal ---

/** The average precision of one text. */
function rankingPrecision(
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  from: number,
  count: number,
): number {
  let [precision, wanted] = [0, 0];
  for (let l = from; l < from + count; l++) {
    if (labels[l] !== 1) continue;
    let [rank, rightRank] = [0, 0];
    for (let other = from; other < from + count; other++) {
      if (scores[other]! < scores[l]!) continue;
      rank++;
      if (labels[other] === 1) rightRank++;
    }
    precision += rightRank / rank;
    wanted++;
  }
  return wanted === 0 || wanted === count ? 1 : precision / wanted;
}

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}

/** How many texts there are. */
function checkMatrices(a: ArrayLike<number>, b: ArrayLike<number>, count: number): number {
  if (a.length === b.length && a.length % count === 0) return a.length / count;
  throw new RangeError(
    `Cannot score the predictions as labels and predictions must both be [texts, ${count}]: they hold ${a.length} and ${b.length} numbers`,
  );
}
