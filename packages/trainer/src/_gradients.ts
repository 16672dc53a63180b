/**
 * Register the gradients of TensorFlow.js's operations.
 *
 * `@tensorflow/tfjs-core` alone registers none in Node, Deno and Bun, and its file of all gradients does not load there;
 * the union package does it. Imported for this side effect only: the backend is still the caller's choice.
 */
import "@tensorflow/tfjs";
