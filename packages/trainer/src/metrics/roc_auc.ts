import { ranks } from "./correlation.ts";

/**
 * The area under the receiver operating characteristic: how likely a text of class 1 scores higher than one of class 0,
 * ties counting half, in [0, 1]. scikit-learn's `roc_auc_score`.
 *
 * @param labels 0 or 1.
 * @param scores As many numbers, higher for likelier 1; of any scale.
 * @returns NaN if one of the classes is missing.
 * @throws {RangeError} If they differ in length.
 *
 * @example
 * ```ts
 * import { rocAuc } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.equal(rocAuc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 0.75);
 * ```
 */
export function rocAuc(labels: ArrayLike<number>, scores: ArrayLike<number>): number {
  if (labels.length !== scores.length) {
    throw new RangeError(
      `Cannot score the predictions as there must be one for each label: ${labels.length} labels, ${scores.length} scores`,
    );
  }
  const rankOf = ranks(scores);
  let [positives, rankSum] = [0, 0];
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] !== 1) continue;
    positives++;
    rankSum += rankOf[i]!;
  }
  const pairs = positives * (labels.length - positives);
  return pairs === 0 ? NaN : (rankSum - (positives * (positives + 1)) / 2) / pairs;
}
