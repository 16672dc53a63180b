/**
 * The mini-step: one AdamW step of a BERT of 4 layers of 256, 4 heads, 8,000 words, 32 rows of 64 tokens, 10 masked places a
 * row, no dropout; gradients clipped. Our WASM kernels against TensorFlow.js's own, in one process and by turns, and against
 * PyTorch on one thread, in a process of its own each round, where `KCBERT_PYTHON` names a python that has it.
 *
 *     KCBERT_PYTHON=python3 npm run bench -- training
 *
 * Times of ours and of TensorFlow.js's are the processor's; PyTorch says its own. TensorFlow.js has no UnsortedSegmentSum for
 * WASM, without which nothing trains, and borrows ours.
 */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { join } from "node:path";
import process from "node:process";
import * as tf from "@tensorflow/tfjs";
import { kernelSets } from "./_kernel_sets.ts";
import { flopsPerStep, hostBatch, median, type Sizes, training } from "./_masked_lm.ts";

const MINI: Sizes = {
  layers: 4,
  hidden: 256,
  heads: 4,
  vocab: 8000,
  positions: 64,
  length: 64,
  batch: 32,
  masked: 320,
};
/** Timed, after one of warming up. Stock steps take long, so there are fewer. */
const rounds = { ours: 7, stock: 2 };

const use = await kernelSets(["UnsortedSegmentSum"]);
const tokens = MINI.batch * MINI.length;
const ms: Record<string, number[]> = { "@kcbert/kernels": [], "tfjs-wasm": [], "PyTorch, fp32": [] };
const losses: Record<"ours" | "stock", number[]> = { ours: [], stock: [] };
const trained = { ours: start("ours"), stock: start("stock") };
for (let round = -1; round < rounds.ours; round++) {
  ms["@kcbert/kernels"]!.push(step("ours", round + 1));
  if (round < rounds.stock) ms["tfjs-wasm"]!.push(step("stock", round + 1));
  if (round >= 0 && process.env["KCBERT_PYTHON"] !== undefined) {
    ms["PyTorch, fp32"]!.push(pytorch(process.env["KCBERT_PYTHON"]));
  }
}
for (const [i, loss] of losses.stock.entries()) {
  if (Math.abs(loss - losses.ours[i]!) > 1e-3) throw new Error(`Losses differ: ${loss}, ${losses.ours[i]}`);
}

console.log(`${cpus()[0]!.model.trim()}, Node ${process.version}, one thread, medians, by turns\n`);
console.log("| mini-step | ms | tokens/s | GFLOP/s | tokens/s against tfjs-wasm |");
console.log("| --- | ---: | ---: | ---: | ---: |");
const time = (name: string): number => median(ms[name]!.slice(name.startsWith("PyTorch") ? 0 : 1));
for (const [name, times] of Object.entries(ms)) {
  if (times.length === 0) continue;
  const rate = (tokens * 1000) / time(name);
  const speed = flopsPerStep(MINI) / time(name) / 1e6;
  console.log(
    `| ${name} | ${time(name).toFixed(0)} | ${rate.toFixed(0)} | ${speed.toFixed(1)} | ${(time("tfjs-wasm") / time(name)).toFixed(1)} × |`,
  );
}

// --- internal ---

function start(peer: "ours" | "stock"): ReturnType<typeof training> {
  use(peer);
  return training(MINI, (fn) => fn);
}

/** A step; its milliseconds of processor time. */
function step(peer: "ours" | "stock", index: number): number {
  use(peer);
  const batch = hostBatch(MINI, index);
  const begin = process.cpuUsage();
  const { loss, gradNorm } = trained[peer].take(batch, index);
  losses[peer].push(loss.dataSync()[0]!);
  const { user, system } = process.cpuUsage(begin);
  tf.dispose([loss, gradNorm]);
  return (user + system) / 1000;
}

/** Milliseconds of a step of PyTorch's, the median of its own. */
function pytorch(python: string): number {
  const args = Object.entries(MINI).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const output = execFileSync(
    python,
    [
      join(import.meta.dirname, "peers/torch_bert.py"),
      ...args,
      "--steps",
      "5",
      "--precision",
      "fp32",
      "--eager",
    ],
    { encoding: "utf8", env: { ...process.env, OMP_NUM_THREADS: "1", MKL_NUM_THREADS: "1" } },
  );
  const last = JSON.parse(output.trim().split("\n").at(-1)!) as Record<string, number>;
  return last["msPerStep"]!;
}
