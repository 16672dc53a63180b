/** What the benchmarks of training share with their peers in `peers/`: the same model, batches and step. */
import { BertForMaskedLM, kcbertBase } from "@kcbert/bert";
import { adamW, trainStep, type TrainStep } from "@kcbert/trainer";
import type { JittedFunction, TensorFunction } from "@kcbert/xla";
import * as tf from "@tensorflow/tfjs-core";

/** A model's and a batch's sizes. */
export interface Sizes {
  layers: number;
  hidden: number;
  heads: number;
  vocab: number;
  positions: number;
  /** Tokens a row. */
  length: number;
  /** Rows. */
  batch: number;
  /** Predictions a batch; by default 15 % of the tokens, in eights. */
  masked?: number;
  dropout?: number;
}

/** One batch on the host. */
export interface HostBatch {
  ids: Int32Array<ArrayBuffer>;
  places: Int32Array<ArrayBuffer>;
  labels: Int32Array<ArrayBuffer>;
}

export const placesOf = ({ length, batch, masked }: Sizes): number =>
  masked ?? Math.max(1, Math.ceil(Math.ceil(length * batch * 0.15) / 8)) * 8;

/** Words of Zipf's kind; the same numbers as in `peers/jax_bert.py`. */
export function hostBatch(sizes: Sizes, step: number): HostBatch {
  const count = sizes.batch * sizes.length;
  const places = placesOf(sizes);
  const offset = Number((BigInt(step) * 2654435761n) & 0xffffffffn);
  const ids = Int32Array.from({ length: count }, (_, i) => {
    const part = mix((i + offset) >>> 0) / 2 ** 32;
    return 5 + Math.floor((sizes.vocab - 5) * part ** 4);
  });
  const at = Int32Array.from({ length: places }, (_, i) => Math.floor(i * (count / places)));
  const labels = at.map((place) => ids[place]!);
  for (const place of at) ids[place] = 4;
  return { ids, places: at, labels };
}

/** A model in training. */
export interface Training {
  model: BertForMaskedLM;
  step: TrainStep;
  /** The tensors of a batch, and what changes from step to step. */
  take: (batch: HostBatch, index: number) => { loss: tf.Scalar; gradNorm: tf.Scalar };
  dispose: () => void;
}

/** Make a model, and a step that `jit` compiles. */
export function training(
  sizes: Sizes,
  jit: (fn: TensorFunction) => TensorFunction | JittedFunction,
  rate = 1e-4,
): Training {
  const { dropout = 0 } = sizes;
  const model = BertForMaskedLM.init(
    {
      ...kcbertBase,
      vocabSize: sizes.vocab,
      hiddenSize: sizes.hidden,
      numHiddenLayers: sizes.layers,
      numAttentionHeads: sizes.heads,
      intermediateSize: 4 * sizes.hidden,
      maxPositionEmbeddings: sizes.positions,
      hiddenDropoutProb: dropout,
      attentionProbsDropoutProb: dropout,
    },
    { seed: 1 },
  );
  const optimizer = adamW(model.parameters);
  const step = trainStep(
    model.parameters,
    optimizer,
    (draw, ids, places, labels) =>
      model.loss({ inputIds: ids as tf.Tensor2D }, labels!, {
        maskedPositions: places as tf.Tensor1D,
        ...(dropout === 0 ? {} : { dropout: { seed: 1, step: draw as tf.Scalar } }),
      }),
    { jit },
  );
  return {
    model,
    step,
    take: ({ ids, places, labels }, index) => {
      const scalars = tf.tensor1d(optimizer.scalars(rate, index));
      const inputs = [
        tf.scalar(index, "int32"),
        tf.tensor2d(ids, [sizes.batch, sizes.length], "int32"),
        tf.tensor1d(places, "int32"),
        tf.tensor1d(labels, "int32"),
      ];
      const result = step([inputs], scalars);
      tf.dispose([scalars, ...inputs]);
      return result;
    },
    dispose: () => {
      optimizer.dispose();
      model.dispose();
    },
  };
}

/** Floating-point operations of a step by the model's arithmetic, products alone: three times the forward pass. */
export function flopsPerStep(sizes: Sizes): number {
  const { layers, hidden: h, length, batch, vocab } = sizes;
  const tokens = length * batch;
  const encoder = layers * (2 * 12 * h * h + 4 * length * h) * tokens;
  const head = placesOf(sizes) * (2 * h * h + 2 * h * vocab);
  return 3 * (encoder + head);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

// --- internal ---

/** A 32-bit hash of a counter. */
function mix(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}
