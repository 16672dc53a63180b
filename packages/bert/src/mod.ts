/**
 * BERT on TensorFlow.js, equal to Hugging Face's, in one readable file; loads and writes Hugging Face folders.
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
export { randomBits, type RandomStream, truncatedNormal, uniform } from "./random.ts";
