/**
 * BERT on TensorFlow.js, equal to Hugging Face's, in one readable file; loads and writes Hugging Face folders.
 *
 * @module
 */
export { randomBits, type RandomStream, truncatedNormal, uniform } from "./random.ts";
