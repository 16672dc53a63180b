/**
 * Comment in, answer out: Hugging Face's pipelines for BERT on TensorFlow.js.
 *
 * @module
 */
export {};
