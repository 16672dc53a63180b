/**
 * KcBERT Base and Large on WASM, one thread, random weights: time of a forward pass over 128 tokens that scores one masked
 * token, and memory, loading included. A process writes a folder in each form, and a process for each loads it, as a stream,
 * so that a peak is its own. Folders are temporary; Large needs 2 GB of disk.
 *
 * `node --conditions=@kcbert/source bench/shapes.ts base fp32 int8` measures some of them only.
 */
import { spawnSync } from "node:child_process";
import { createReadStream, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import {
  type BertConfig,
  BertForMaskedLM,
  kcbertBase,
  kcbertLarge,
  type PretrainedSource,
  quantize,
} from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs";

const shapes: Record<string, BertConfig> = { base: kcbertBase, large: kcbertLarge };
const forms = ["fp32", "frozen", "int8", "int4"] as const;
type Form = (typeof forms)[number];
const tokens = 128;
const rounds = 5; // timed, after one of warming up

const megabytes = (bytes: number): number => Math.round(bytes / 1e6);

async function make(shape: string, folder: string): Promise<void> {
  await createWasmBackend();
  await tf.setBackend("wasm");
  const model = BertForMaskedLM.init(shapes[shape]!, { seed: 1 });
  for (const form of ["fp32", "int8", "int4"] as const) {
    const path = join(folder, form);
    mkdirSync(path);
    const one = form === "fp32" ? model : await quantize(model, form);
    const sink = async (name: string, bytes: Uint8Array): Promise<void> =>
      writeFileSync(join(path, name), bytes);
    await one.save(sink, { maxShardBytes: 200e6 });
    if (one !== model) one.dispose();
  }
}

async function measure(shape: string, form: Form, folder: string): Promise<object> {
  await createWasmBackend();
  await tf.setBackend("wasm");
  const source: PretrainedSource = async (name) => {
    const path = join(folder, form === "frozen" ? "fp32" : form, name);
    if (!existsSync(path)) return undefined;
    return Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>;
  };
  const before = process.resourceUsage().maxRSS;
  const model = await BertForMaskedLM.fromPretrained(source, { frozen: form === "frozen" });

  const inputIds = tf.tensor2d(
    Int32Array.from({ length: tokens }, (_, i) => 5 + 37 * i),
    [1, tokens],
    "int32",
  );
  const maskedPositions = tf.tensor1d([5], "int32");
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const start = performance.now();
    const { logits } = model.forward({ inputIds }, { maskedPositions });
    const values = logits.dataSync();
    if (round > 0) times.push(performance.now() - start);
    if (!values.every((value) => Number.isFinite(value))) throw new Error("Logits are not finite");
    logits.dispose();
  }
  const { wasm } = tf.backend() as BackendWasm;
  return {
    shape,
    form,
    "tensors, MB": megabytes(tf.memory().numBytes),
    "wasm heap, MB": megabytes(wasm.HEAPU8.byteLength),
    "peak before, MB": megabytes(before * 1024),
    "peak, MB": megabytes(process.resourceUsage().maxRSS * 1024),
    "forward, ms": Math.round(times.sort((a, b) => a - b)[rounds >> 1]!),
  };
}

/** Runs this file in a process of its own; gives the last line that it prints. */
function inProcess(...args: string[]): object {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...process.execArgv, fileURLToPath(import.meta.url), ...args],
    { encoding: "utf8" },
  );
  if (status !== 0) return { failed: stderr.match(/^\w*Error: .*$/m)?.[0] ?? `exit ${status}` };
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}") as object;
}

const [task, shape, form, folder] = process.argv.slice(2);
if (task === "make") {
  await make(shape!, form!);
  console.log("{}");
} else if (task === "measure") {
  console.log(JSON.stringify(await measure(shape!, form as Form, folder!)));
} else {
  const asked = new Set(process.argv.slice(2));
  const chosen = <Name extends string>(names: readonly Name[]): readonly Name[] => {
    const some = names.filter((name) => asked.has(name));
    return some.length > 0 ? some : names;
  };
  console.log(`${cpus()[0]!.model.trim()}, ${megabytes(totalmem())} MB, Node ${process.version}, one thread`);
  const rows: object[] = [];
  for (const shape of chosen(Object.keys(shapes))) {
    const folder = mkdtempSync(join(tmpdir(), "kcbert-shapes-"));
    try {
      const made = inProcess("make", shape, folder);
      for (const form of chosen(forms)) {
        rows.push({ shape, form, ...("failed" in made ? made : inProcess("measure", shape, form, folder)) });
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  console.table(rows);
}
