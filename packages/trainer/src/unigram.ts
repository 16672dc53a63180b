/**
 * The honest baseline: predict every token by how often it occurs, whatever stands around it.
 *
 * A model has learnt something about language only where its masked-LM loss is below the unigram model's on the same
 * positions.
 */
import type { PretrainableModel } from "./_masked_lm_inputs.ts";
import * as tf from "@tensorflow/tfjs-core";
import { IGNORED_LABEL, type MaskedBatch } from "./masked_lm.ts";
import type { TokenizedLines } from "./tokenized_lines.ts";

/**
 * Count tokens, and tell what each costs under the unigram distribution, add-one smoothed.
 *
 * @param lines The training lines.
 * @param options `vocabSize`; `specialIds`, not counted, so that they cost as much as a token that never occurs.
 * @returns `[vocabSize]`, −log p of each token in nats.
 * @throws {RangeError} If a line holds an id outside of [0, vocabSize).
 *
 * @example
 * ```ts
 * import { unigramCosts } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const lines = { ids: Int32Array.of(2, 5, 5, 3), rowStarts: Int32Array.of(0, 4) };
 * const costs = unigramCosts(lines, { vocabSize: 6, specialIds: [0, 1, 2, 3, 4] });
 * assert.equal(costs[5], -Math.log(3 / 8));
 * ```
 */
export function unigramCosts(
  { ids }: TokenizedLines,
  { vocabSize, specialIds }: { vocabSize: number; specialIds: readonly number[] },
): Float64Array {
  const counts = new Float64Array(vocabSize).fill(1);
  for (const id of ids) {
    if (id < 0 || id >= vocabSize) {
      throw new RangeError(
        `Cannot count tokens as an id is outside of the vocabulary of ${vocabSize}: ${id}`,
      );
    }
    counts[id]!++;
  }
  for (const id of specialIds) counts[id] = 1;
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => -Math.log(count / total));
}

/**
 * The unigram model's mean loss at the masked positions.
 *
 * @param costs From `unigramCosts`.
 * @param batches The batches whose predictions are scored; NaN if they hold none.
 * @returns Nats per masked token.
 *
 * @example
 * ```ts
 * import { IGNORED_LABEL, unigramLoss } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const batch = { labels: Int32Array.of(1, IGNORED_LABEL) };
 * assert.equal(unigramLoss(Float64Array.of(9, 3, 9), [batch]), 3);
 * ```
 */
export function unigramLoss(costs: Float64Array, batches: Iterable<Pick<MaskedBatch, "labels">>): number {
  let loss = 0;
  let count = 0;
  for (const { labels } of batches) {
    for (const label of labels) {
      if (label === IGNORED_LABEL) continue;
      loss += costs[label]!;
      count++;
    }
  }
  return loss / count;
}

/**
 * Let an untrained model begin as a unigram model: its output bias becomes log p of each token.
 *
 * Without it, the first hundreds of steps go into learning how often tokens occur.
 *
 * @param model A model with fresh weights.
 * @param costs From `unigramCosts`, as long as the model's vocabulary.
 *
 * @example
 * ```ts
 * import { BertForMaskedLM, kcbertBase } from "@kcbert/bert";
 * import { startFromUnigrams } from "@kcbert/trainer";
 * import * as tf from "@tensorflow/tfjs";
 * import assert from "node:assert/strict";
 *
 * await tf.setBackend("cpu");
 * const sizes = { vocabSize: 2, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 16 };
 * const model = BertForMaskedLM.init({ ...kcbertBase, ...sizes }, { seed: 1 });
 * startFromUnigrams(model, Float64Array.of(1, 3));
 * assert.deepEqual([...model.parameters.get("cls.predictions.bias")!.dataSync()], [1, -1]);
 * ```
 */
export function startFromUnigrams(model: PretrainableModel, costs: Float64Array): void {
  const mean = costs.reduce((sum, cost) => sum + cost, 0) / costs.length;
  const bias = model.parameters.get("cls.predictions.bias")!;
  tf.tidy(() => bias.assign(tf.tensor1d(Float32Array.from(costs, (cost) => mean - cost))));
}
