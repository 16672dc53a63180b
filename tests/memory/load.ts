/**
 * Loads a model folder from disk as a stream, in a process of its own, and prints how much memory that took, in bytes:
 * `node --conditions=@kcbert/source tests/memory/load.ts FOLDER BACKEND`.
 */
import { createReadStream, existsSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { BertForMaskedLM, type PretrainedSource } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";

const [folder, backend] = process.argv.slice(2);
if (folder === undefined || backend === undefined) throw new TypeError("Usage: load.ts FOLDER cpu|wasm");
if (backend === "wasm") await createWasmBackend();
await tf.setBackend(backend);
await tf.ready();

const source: PretrainedSource = async (name) => {
  const path = join(folder, name);
  return existsSync(path)
    ? (Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>)
    : undefined;
};

const before = process.memoryUsage.rss();
const model = await BertForMaskedLM.fromPretrained(source);
const peak = process.resourceUsage().maxRSS * 1024;
process.stdout.write(JSON.stringify({ parameters: model.parameters.size, memory: peak - before }));
