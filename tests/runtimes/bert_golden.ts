/**
 * Golden models on the WASM backend under whatever runtime runs this: one JSON line, the report of `bert_logits.ts`. `node --conditions=@kcbert/source tests/runtimes/bert_golden.ts`, or `deno run -A`, or `bun`,
 * with the same flag.
 */
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs-core";
import { goldenBert } from "../golden/bert.ts";
import { report } from "./bert_logits.ts";

await createWasmBackend();
await tf.setBackend("wasm");
console.log(JSON.stringify(await report(async (path) => goldenBert(path))));
