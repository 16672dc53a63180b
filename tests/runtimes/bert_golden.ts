/**
 * A golden masked language model on the WASM backend under whatever runtime runs this: one JSON line, the largest
 * difference of its logits. `node --conditions=@kcbert/source tests/runtimes/bert_golden.ts`, or `deno run -A`, or `bun`,
 * with the same flag.
 */
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs-core";
import { goldenBert } from "../golden/bert.ts";
import { largestDifference } from "./bert_logits.ts";

await createWasmBackend();
await tf.setBackend("wasm");
const difference = await largestDifference(async (path) => goldenBert(path));
console.log(JSON.stringify({ backend: tf.getBackend(), tensors: tf.memory().numTensors, difference }));
