/**
 * TensorFlow.js's WASM backend from bytes, a URL or a compiled module, with the kernels that BERT needs.
 *
 * Importing this module registers nothing by itself beyond what `@tensorflow/tfjs-backend-wasm` does;
 * {@link createWasmBackend} boots the backend and hands it to TensorFlow.js under the name `wasm`.
 *
 * @example
 * ```ts
 * import { createWasmBackend } from "@kcbert/kernels";
 * import * as tf from "@tensorflow/tfjs-core";
 * import assert from "node:assert/strict";
 *
 * await createWasmBackend();
 * await tf.setBackend("wasm");
 * const product = tf.matMul([[1, 2]], [[3, 4]], false, true);
 * assert.deepEqual([...product.dataSync()], [11]);
 * ```
 *
 * @module
 */
export { createWasmBackend, type WasmBackendOptions } from "./create_wasm_backend.ts";
