/**
 * Fine-tuning that does not forget: a masked language model that shares the encoder goes on learning in the same steps, so
 * that one set of weights fills masks and judges texts.
 */
import type { BertClass, BertForMaskedLM, BertForwardOptions } from "@kcbert/bert";
import * as tf from "@tensorflow/tfjs-core";
import { masked, uploadBatch } from "../_masked_lm_inputs.ts";
import type { BatchLoader, LoaderPosition } from "../loader.ts";
import type { Parameters } from "../optimization.ts";
import type { FinetuneModel } from "./_heads.ts";

/** Another objective, learnt in the same steps as the task. */
export interface Alongside {
  /** What its loss depends on; a parameter that the model has too is the same variable. */
  readonly parameters: Parameters;
  /** The inputs of the step's batch; the caller owns them. There are as many of the same shapes in every step. */
  next(step: number): Promise<tf.Tensor[]>;
  /** Where its data stands. */
  readonly position: LoaderPosition;
  /** Go on from another position of the data. */
  goTo(position: LoaderPosition): void;
  /** What is added to the task's loss, float32 `[]`: pure, of the inputs alone. */
  loss(inputs: readonly tf.Tensor[], options: BertForwardOptions): tf.Scalar;
}

/**
 * Keep a masked language model learning while another model with its encoder is fine-tuned.
 *
 * @param model The masked language model, sharing its parameters: see {@link shareParameters}.
 * @param loader Gives its batches, packed.
 * @param options `weight` of its loss beside the task's, above 0; by default 1.
 * @throws {RangeError} If the weight is not above 0.
 *
 * @example
 * ```ts
 * import { BertForMaskedLM, BertForSequenceClassification, kcbertBase } from "@kcbert/bert";
 * import { BatchLoader, finetune, type LineShards, maskedLmAlongside, shareParameters } from "@kcbert/trainer";
 * import * as tf from "@tensorflow/tfjs";
 * import assert from "node:assert/strict";
 *
 * await tf.setBackend("cpu");
 * const sizes = { vocabSize: 10, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 16 };
 * const masked = BertForMaskedLM.init({ ...kcbertBase, ...sizes }, { seed: 1 });
 * const fresh = BertForSequenceClassification.init({ ...kcbertBase, ...sizes }, { seed: 1 });
 * const model = shareParameters(fresh, masked);
 *
 * const lines = { ids: Uint16Array.of(2, 7, 8, 3), rowStarts: Uint32Array.of(0, 4) };
 * const corpus: LineShards = { shards: [{ sequences: 1, tokens: 4 }], checksum: "", read: async () => lines };
 * const masking = { maskId: 4, specialIds: [0, 1, 2, 3, 4], vocabSize: 10 };
 * const loader = new BatchLoader(corpus, { batchSize: 1, rowLength: 4, seed: 1, padId: 0, masking });
 * const alongside = maskedLmAlongside(masked, loader);
 *
 * const train = { kind: "texts" as const, texts: lines, labels: Int32Array.of(1) };
 * const before = masked.parameters.get("cls.predictions.bias")!.dataSync().slice();
 * for await (const { event } of finetune(model, { train }, { epochs: 1, alongside })) assert.ok(event);
 * assert.notDeepEqual(masked.parameters.get("cls.predictions.bias")!.dataSync(), before);
 * ```
 */
export function maskedLmAlongside(
  model: BertForMaskedLM,
  loader: BatchLoader,
  { weight = 1 }: { weight?: number } = {},
): Alongside {
  if (!(weight > 0)) {
    throw new RangeError(
      `Cannot learn the masked language model alongside as weight must be above 0: current value is ${weight}`,
    );
  }
  return {
    parameters: model.parameters,
    next: async (step) => uploadBatch(await loader.next(step)),
    get position() {
      return loader.position;
    },
    goTo: (position) => loader.goTo(position),
    loss: (batch, options) => {
      const { inputs, maskedPositions, labels } = masked(batch);
      return tf.mul(model.loss(inputs, labels, { maskedPositions, ...options }), weight) as tf.Scalar;
    },
  };
}

/**
 * The same model, on the parameters of another where their keys are the same: what one learns the other knows.
 *
 * @param model Of whose own parameters those are freed that it no longer needs; not to be used any more.
 * @param other Whose parameters are shared; of the same dimensions.
 * @returns A model of the class of `model`. Disposing it or `other` frees what they share.
 * @throws {TypeError} If a parameter has another shape in `other`, or a model is frozen or quantised.
 */
export function shareParameters<Model extends FinetuneModel>(model: Model, other: BertForMaskedLM): Model {
  const parameters = new Map<string, tf.Variable>();
  for (const [key, own] of model.parameters) {
    const shared = other.parameters.get(key) ?? own;
    if (!tf.util.arraysEqual(own.shape, shared.shape)) {
      throw new TypeError(
        `Cannot share ${key} as its shapes differ: [${own.shape.join(", ")}] and [${shared.shape.join(", ")}]`,
      );
    }
    parameters.set(key, shared);
  }
  const matrix = [...model.matrices.keys(), ...other.matrices.keys()][0];
  if (matrix !== undefined) {
    throw new TypeError(`Cannot share parameters of a model that is frozen or quantised: ${matrix} is`);
  }
  for (const [key, own] of model.parameters) if (parameters.get(key) !== own) own.dispose();
  return new (model.constructor as unknown as BertClass<Model>)(model.config, parameters);
}
