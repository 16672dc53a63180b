/**
 * BERT on TensorFlow.js, equal to Hugging Face's, in one readable file; loads and writes Hugging Face folders.
 *
 * The package needs a TensorFlow.js backend, which the application chooses (`@kcbert/kernels` for WASM), and to train
 * also the gradients that `@tensorflow/tfjs` registers.
 *
 * @example
 * ```ts
 * import { BertForMaskedLM, kcbertBase } from "@kcbert/bert";
 * import * as tf from "@tensorflow/tfjs-core";
 * import "@tensorflow/tfjs-backend-cpu";
 * import assert from "node:assert/strict";
 *
 * const config = { ...kcbertBase, hiddenSize: 24, numHiddenLayers: 2, intermediateSize: 96, vocabSize: 100 };
 * const model = BertForMaskedLM.init(config, { seed: 1 });
 *
 * const folder = new Map<string, Uint8Array>();
 * await model.save(async (name, bytes) => void folder.set(name, bytes));
 * const again = await BertForMaskedLM.fromPretrained(async (name) => folder.get(name));
 *
 * const inputIds = tf.tensor2d([[2, 8, 4, 3]], [1, 4], "int32");
 * const [said, repeated] = [model.forward({ inputIds }).logits, again.forward({ inputIds }).logits];
 * assert.deepEqual(repeated.dataSync(), said.dataSync());
 * tf.dispose([inputIds, said, repeated]);
 * model.dispose();
 * again.dispose();
 * ```
 *
 * @module
 */
export {
  type BertConfig,
  type BertProblemType,
  checkBertConfig,
  formatBertConfig,
  kcbertBase,
  kcbertLarge,
  parseBertConfig,
} from "./config.ts";
export { dequantized } from "./dequantized.ts";
export {
  BertForMaskedLM,
  BertForPreTraining,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  type MaskedLmOptions,
  type MaskedLmOutputs,
  type PreTrainingOutputs,
  type QuestionAnsweringOutputs,
  type SequenceClassifierOutputs,
  type TokenClassifierOutputs,
} from "./heads.ts";
export {
  type BertForwardOptions,
  type BertInputs,
  BertModel,
  type BertOutputs,
  type BertStates,
} from "./modeling_bert.ts";
export { softmaxCrossEntropy } from "./ops/softmax_cross_entropy.ts";
export { saveOverlay, type SaveOverlayOptions } from "./overlay.ts";
export {
  loadConfig,
  type LoadedWeights,
  loadWeights,
  type LoadWeightsOptions,
  type PretrainedSink,
  type PretrainedSource,
  savePretrained,
  type SaveOptions,
  type Weight,
} from "./pretrained.ts";
export {
  type BertClass,
  BertPreTrainedModel,
  type FromPretrainedOptions,
  type InitOptions,
  type LoadReport,
  type ParameterShape,
} from "./pretrained_model.ts";
export { type Quantization } from "./quantization.ts";
export { quantize, type QuantizeOptions } from "./quantize.ts";
export { randomBits, type RandomStream, truncatedNormal, uniform } from "./random.ts";
export { type ModelPart, SharedWeights } from "./shared_weights.ts";
export type { FusedActivation, SavedTensor, StoredMatrix } from "./stored_matrix.ts";
