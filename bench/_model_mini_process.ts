/** {@link answer} in a process of Node, Deno or Bun, as JSON. */
import { createWasmBackend } from "@kcbert/kernels";
import { modelMini } from "@kcbert/model-mini";
import * as tf from "@tensorflow/tfjs-core";
import process from "node:process";
import { answer } from "./_model_mini.ts";

await createWasmBackend();
await tf.setBackend("wasm");
console.log(JSON.stringify(await answer(modelMini(), Number(process.argv[2]))));
