/**
 * TensorFlow.js's WASM backend from bytes, a URL or a compiled module, with the kernels that BERT needs.
 *
 * @module
 */
export {};
