/**
 * Loads KcBERT-Base in int4 and prints the most that JavaScript's heap, its buffers and WebAssembly's memory held together,
 * without garbage: it is collected before each look, one in half a megabyte of the file. What the heap held before, the program
 * and Node's own, is not counted. Needs `--expose-gc`.
 */
import process from "node:process";
import { BertForSequenceClassification, kcbertBase, type PretrainedSource } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs-core";
import { int4Folder } from "./int4_folder.ts";

const collect = (globalThis as unknown as { gc: () => void }).gc;
collect();
const { heapUsed: atRest } = process.memoryUsage();
await createWasmBackend();
await tf.setBackend("wasm");
const { wasm } = tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } };

let [looks, peak] = [0, 0];
function look(): void {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  peak = Math.max(peak, heapUsed - atRest + arrayBuffers + wasm.HEAPU8.byteLength);
  looks++;
}

const folder = int4Folder(BertForSequenceClassification, { ...kcbertBase, numLabels: 2 });
const source: PretrainedSource = async (name) => {
  const content = await folder(name);
  if (!(content instanceof ReadableStream)) return content;
  let chunks = 0;
  return content.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        if (++chunks % 8 === 0) look();
        controller.enqueue(chunk);
      },
    }),
  );
};
const model = await BertForSequenceClassification.fromPretrained(source);
const inputIds = tf.tensor2d(
  Int32Array.from({ length: 128 }, (_, i) => i),
  [1, 128],
  "int32",
);
model.forward({ inputIds }).logits.dataSync();
look();
process.stdout.write(JSON.stringify({ looks, peak }));
