/**
 * How much arithmetic training takes, for the utilisation of an accelerator.
 */
import type { BertConfig } from "@kcbert/bert";

/**
 * Floating-point operations that a token of masked-LM training takes: the matrix products alone, a multiplication and an
 * addition counted as two, the backward pass as twice the forward one.
 *
 * ```text
 * 3 · ( L · (8 H² + 4 H I + 4 T H)  +  p · (2 H² + 2 H V) )
 *
 * L layers, H hidden size, I intermediate size, T tokens in a row (attention looks at them all, packed or not),
 * p the part of tokens that go through the head, V vocabulary
 * ```
 *
 * Model FLOPs utilisation (MFU) is this times tokens per second, over what the accelerator can at best. As tokens per second
 * leaves padding out, so does MFU.
 *
 * @param config The model's dimensions.
 * @param options `rowLength` in tokens; `maskProbability`, the part of the tokens to predict.
 * @returns Operations for each token; 0.55 · 10⁹ for KcBERT Base at 128 tokens.
 *
 * @example
 * ```ts
 * import { kcbertBase } from "@kcbert/bert";
 * import { trainingFlopsPerToken } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const flops = trainingFlopsPerToken(kcbertBase, { rowLength: 128, maskProbability: 0.15 });
 * assert.equal(Math.round(flops / 1e7), 55); // 0.55 GFLOP
 * ```
 */
export function trainingFlopsPerToken(
  config: Pick<BertConfig, "hiddenSize" | "intermediateSize" | "numHiddenLayers" | "vocabSize">,
  { rowLength, maskProbability }: { rowLength: number; maskProbability: number },
): number {
  const { hiddenSize: h, intermediateSize: i, numHiddenLayers: layers, vocabSize } = config;
  const layer = 8 * h * h + 4 * h * i + 4 * rowLength * h;
  const head = 2 * h * h + 2 * h * vocabSize;
  return 3 * (layers * layer + maskProbability * head);
}
