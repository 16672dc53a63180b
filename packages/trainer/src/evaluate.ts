/**
 * Score a model on masked text that it was not trained on.
 */
import { softmaxCrossEntropy } from "@kcbert/bert";
import * as tf from "@tensorflow/tfjs-core";
import { masked, type PretrainableModel, scoresOf, uploadBatch } from "./_masked_lm_inputs.ts";
import { eager, type Jit } from "./jit.ts";
import { IGNORED_LABEL, type MaskedBatch } from "./masked_lm.ts";

/** Scores over all masked positions of some text. */
export interface MaskedLmScores {
  /** Mean cross-entropy, nats per masked token. */
  readonly loss: number;
  /** Part of the masked tokens that the model ranks first, in [0, 1]. */
  readonly accuracy: number;
  /** Of pairs: part of which the model knows whether they follow one another, in [0, 1]. */
  readonly nextSentenceAccuracy?: number;
}

/**
 * Masked-LM loss and accuracy of a model, without dropout.
 *
 * @param model The model; unchanged.
 * @param batches Masked batches; the same ones every time make scores comparable.
 * @param options `jit` compiles the forward pass.
 * @returns NaN for both if the batches hold no prediction.
 *
 * @example
 * ```ts
 * import { BertForMaskedLM, kcbertBase } from "@kcbert/bert";
 * import { BertTokenizer } from "@kcbert/tokenizer";
 * import { cutBatch, evaluateMaskedLm, maskTokens, packLines, specialIdsOf } from "@kcbert/trainer";
 * import * as tf from "@tensorflow/tfjs";
 * import assert from "node:assert/strict";
 *
 * await tf.setBackend("cpu");
 * const vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "영화", "정말", "좋다"];
 * const tokenizer = BertTokenizer.fromVocab(vocab);
 * const sizes = { vocabSize: 8, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 16 };
 * const model = BertForMaskedLM.init({ ...kcbertBase, ...sizes }, { seed: 1 });
 * const lines = tokenizer.encodeBatch(["영화 정말 좋다", "정말 영화"]);
 * const packed = packLines(lines, { rowLength: 10, seed: 1, epoch: 0 });
 * const batch = cutBatch(lines, packed, { first: 0, count: 1, rowLength: 10, padId: tokenizer.padId });
 * const masking = { seed: 1, step: 0, maskId: tokenizer.maskId, specialIds: specialIdsOf(tokenizer), vocabSize: 8 };
 * const { loss } = await evaluateMaskedLm(model, [maskTokens(batch, masking)]);
 * assert.ok(Math.abs(loss - Math.log(8)) < 0.5); // it knows nothing yet
 * ```
 */
export async function evaluateMaskedLm(
  model: PretrainableModel,
  batches: Iterable<MaskedBatch>,
  { jit = eager }: { jit?: Jit } = {},
): Promise<MaskedLmScores> {
  return maskedLmScorer(model, jit)(batches);
}

/** The same for one who scores a model again and again: what is compiled is compiled once. */
export function maskedLmScorer(
  model: PretrainableModel,
  jit: Jit,
): (batches: Iterable<MaskedBatch>) => Promise<MaskedLmScores> {
  const score = jit((...batch) =>
    tf.tidy(() => {
      const { inputs, maskedPositions, labels, nextSentenceLabels } = masked(batch);
      const { words, pairs } = scoresOf(model, inputs, maskedPositions); // [P, V], [B, 2]
      const loss = softmaxCrossEntropy(words, labels); // []
      const known = nextSentenceLabels && pairs ? [hits(pairs, nextSentenceLabels)] : [];
      return [tf.stack([loss, hits(words, labels), ...known])]; // [2] or [3]
    }),
  );
  return async (batches) => {
    const sums = { loss: 0, hits: 0, count: 0, pairHits: 0, pairs: 0 };
    const inFlight: { readonly scores: tf.Tensor; readonly batch: MaskedBatch }[] = [];
    const read = async () => {
      const { scores, batch } = inFlight.shift()!;
      const { predictions, nextSentenceLabels } = batch;
      const [loss, hits, pairHits = 0] = await scores.data();
      scores.dispose();
      sums.pairHits += pairHits;
      sums.pairs += nextSentenceLabels?.filter((label) => label !== IGNORED_LABEL).length ?? 0;
      sums.loss += loss! * predictions;
      sums.hits += hits!;
      sums.count += predictions;
    };
    for (const batch of batches) {
      if (batch.predictions === 0) continue;
      const inputs = uploadBatch(batch);
      const [scores] = score(...inputs);
      tf.dispose(inputs);
      inFlight.push({ scores: scores!, batch });
      if (inFlight.length > IN_FLIGHT) await read();
    }
    while (inFlight.length > 0) await read();
    return {
      loss: sums.loss / sums.count,
      accuracy: sums.hits / sums.count,
      ...(sums.pairs > 0 ? { nextSentenceAccuracy: sums.pairHits / sums.pairs } : {}),
    };
  };
}

// --- internal ---

/** How many rows of scores rank their label first; none whose label is ignored. */
function hits(scores: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  return tf.sum(tf.cast(tf.equal(tf.argMax(scores, 1), labels), "float32"));
}

/** Batches handed to the backend before the scores of the first are read. */
const IN_FLIGHT = 2;
