/**
 * KcBERT Base and Large on WASM, one thread, random weights: time of a forward pass over 128 tokens that scores one masked
 * token, and memory. A process for each shape and form, so that a peak is its own.
 *
 * `node --conditions=@kcbert/source bench/shapes.ts base fp32 int8` measures some of them only.
 */
import { spawnSync } from "node:child_process";
import { cpus, totalmem } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { type BertConfig, BertForMaskedLM, kcbertBase, kcbertLarge, quantize } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs";

const shapes: Record<string, BertConfig> = { base: kcbertBase, large: kcbertLarge };
const forms = ["fp32", "int8", "int4"] as const;
const tokens = 128;
const rounds = 5; // timed, after one of warming up

const megabytes = (bytes: number): number => Math.round(bytes / 1e6);

async function measure(shape: string, form: (typeof forms)[number]): Promise<object> {
  await createWasmBackend();
  await tf.setBackend("wasm");
  const made = BertForMaskedLM.init(shapes[shape]!, { seed: 1 });
  const model = form === "fp32" ? made : await quantize(made, form);
  const weights = [...made.parameters.values()].reduce((sum, { size }) => sum + size, 0);
  if (model !== made) made.dispose();

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
    "parameters, million": (weights / 1e6).toFixed(1),
    "tensors, MB": megabytes(tf.memory().numBytes),
    "wasm heap, MB": megabytes(wasm.HEAPU8.byteLength),
    "peak of the process, MB": megabytes(process.resourceUsage().maxRSS * 1024),
    "forward, ms": Math.round(times.sort((a, b) => a - b)[rounds >> 1]!),
  };
}

if (process.argv[2] === "measure") {
  const [shape, form] = process.argv.slice(3) as [string, (typeof forms)[number]];
  console.log(JSON.stringify(await measure(shape, form)));
} else {
  const asked = new Set(process.argv.slice(2));
  const chosen = <Name extends string>(names: readonly Name[]): readonly Name[] => {
    const some = names.filter((name) => asked.has(name));
    return some.length > 0 ? some : names;
  };
  console.log(
    `${cpus()[0]!.model.trim()}, ${megabytes(totalmem())} MB, Node ${process.version}; the peak includes making the weights`,
  );
  const rows: object[] = [];
  for (const shape of chosen(Object.keys(shapes))) {
    for (const form of chosen(forms)) {
      const args = [...process.execArgv, fileURLToPath(import.meta.url), "measure", shape, form];
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
      const reason = stderr.match(/^\w*Error: .*$/m)?.[0] ?? `exit ${status}`;
      rows.push(
        status === 0
          ? (JSON.parse(stdout.trim().split("\n").at(-1)!) as object)
          : { shape, form, failed: reason },
      );
    }
  }
  console.table(rows);
}
