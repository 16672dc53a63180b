/**
 * A few masked sentences and what the model puts into the gap: the quickest way to see it learn.
 */
import type { BertTokenizer } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { type PretrainableModel, scoresOf } from "./_masked_lm_inputs.ts";
import { eager, type Jit } from "./jit.ts";

/** A sentence with a gap, and the likeliest fillings. */
export interface MaskedSample {
  /** The sentence, `[MASK]` in it. */
  readonly text: string;
  /** The likeliest tokens, best first. */
  readonly fills: readonly { readonly token: string; readonly score: number }[];
}

/**
 * Fill the first `[MASK]` of each text.
 *
 * @param model The model; unchanged.
 * @param tokenizer The model's tokenizer.
 * @param texts Texts as the model was trained on (cleaned, if it was), each with a `[MASK]`.
 * @param options `topK`, how many tokens to give for each; `jit` compiles the forward pass.
 * @returns In order of `texts`; `score` is the token's probability in [0, 1].
 * @throws {RangeError} If a text has no `[MASK]` among the tokens that fit into the model.
 *
 * @example
 * ```ts
 * import { BertForMaskedLM, kcbertBase } from "@kcbert/bert";
 * import { BertTokenizer } from "@kcbert/tokenizer";
 * import { fillSamples } from "@kcbert/trainer";
 * import * as tf from "@tensorflow/tfjs";
 * import assert from "node:assert/strict";
 *
 * await tf.setBackend("cpu");
 * const vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "영화", "정말", "좋다"];
 * const tokenizer = BertTokenizer.fromVocab(vocab);
 * const sizes = { vocabSize: 8, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 16 };
 * const model = BertForMaskedLM.init({ ...kcbertBase, ...sizes }, { seed: 1 });
 * const [sample] = await fillSamples(model, tokenizer, ["영화 정말 [MASK]"], { topK: 3 });
 * assert.equal(sample?.fills.length, 3);
 * ```
 */
export async function fillSamples(
  model: PretrainableModel,
  tokenizer: BertTokenizer,
  texts: readonly string[],
  options: { topK?: number; jit?: Jit } = {},
): Promise<MaskedSample[]> {
  return sampleFiller(model, tokenizer, texts, options)();
}

/** The same for one who fills the samples again and again: what is compiled is compiled once. */
export function sampleFiller(
  model: PretrainableModel,
  tokenizer: BertTokenizer,
  texts: readonly string[],
  { topK = 5, jit = eager }: { topK?: number; jit?: Jit } = {},
): () => Promise<MaskedSample[]> {
  if (texts.length === 0) return async () => [];
  const rows = texts.map((text) => gapped(text, tokenizer, model.config.maxPositionEmbeddings));
  const tokens = Math.max(...rows.map(({ ids }) => ids.length)); // T
  const shape: [number, number] = [rows.length, tokens]; // S samples
  const padded = rows.flatMap(({ ids }) => [
    ...ids,
    ...Array<number>(tokens - ids.length).fill(tokenizer.padId),
  ]);
  const score = jit((inputIds, attentionMask, maskedPositions) =>
    tf.tidy(() => {
      const inputs = { inputIds: inputIds as tf.Tensor2D, attentionMask: attentionMask! };
      return [tf.softmax(scoresOf(model, inputs, maskedPositions as tf.Tensor1D).words)]; // [S, V]
    }),
  );
  return async () => {
    const inputs = [
      tf.tensor2d(padded, shape, "int32"), // [S, T]
      tf.tensor2d(
        rows.flatMap(({ ids }) => Array.from({ length: tokens }, (_, i) => Number(i < ids.length))),
        shape,
        "int32",
      ),
      tf.tensor1d(
        rows.map(({ gap }, i) => i * tokens + gap),
        "int32",
      ), // [S]
    ];
    const [probabilities] = score(...inputs);
    const scores = (await probabilities!.data()) as Float32Array;
    tf.dispose([...inputs, probabilities!]);
    const { vocabSize } = model.config;
    return texts.map((text, i) => ({
      text,
      fills: best(scores.subarray(i * vocabSize, (i + 1) * vocabSize), topK).map(([id, score]) => ({
        token: tokenizer.idToToken(id) ?? "[UNK]",
        score,
      })),
    }));
  };
}

// --- internal ---

function gapped(
  text: string,
  tokenizer: BertTokenizer,
  maxLength: number,
): { ids: readonly number[]; gap: number } {
  const ids = Array.from(tokenizer.encode(text, { maxLength, truncation: "longest_first" }).ids);
  const gap = ids.indexOf(tokenizer.maskId);
  if (gap < 0) throw new RangeError(`Cannot fill a sample as it has no [MASK]: ${text}`);
  return { ids, gap };
}

/** The places of the largest scores, and these scores, the largest first. */
function best(scores: Float32Array, count: number): (readonly [id: number, score: number])[] {
  const order = Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
  return order.slice(0, count).map((id) => [id, scores[id]!] as const);
}
