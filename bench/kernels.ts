/**
 * The kernels of @kcbert/kernels against the ones that TensorFlow.js's WASM backend comes with, in one process and by
 * turns: the matrix products of BERT, its sums, and a forward pass. With the stock kernels the model composes its operations.
 *
 * One thread; milliseconds of processor time, which a busy machine changes less than those of a clock on the wall.
 */
import assert from "node:assert/strict";
import { cpus } from "node:os";
import process from "node:process";
import { BertModel, kcbertBase } from "@kcbert/bert";
import * as tf from "@tensorflow/tfjs";
import { kernelSets } from "./_kernel_sets.ts";

const rounds = 5; // timed, after one of warming up
const use = await kernelSets();

/** A tensor of repeatable values in [-1, 1). */
function values(...shape: number[]): tf.Tensor {
  let state = 1;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) | 0) / 2 ** 31;
  return tf.tensor(Float32Array.from({ length: tf.util.sizeFromShape(shape) }, next), shape);
}

interface Subject {
  name: string;
  /** Floating-point operations, where that says something. */
  operations?: number;
  run: () => tf.Tensor;
}

function product(
  name: string,
  a: tf.Tensor,
  b: tf.Tensor,
  transposeA: boolean,
  transposeB: boolean,
): Subject {
  const [inner] = a.shape.slice(transposeA ? -2 : -1);
  const run = (): tf.Tensor => tf.matMul(a, b, transposeA, transposeB);
  const operations = 2 * tf.tidy(() => run().size) * inner!;
  return { name, operations, run };
}

const tokens = values(2048, 256); // [M, I], M = 32 texts of 64 tokens
const grown = values(2048, 1024); // [M, O]
const heads = values(128, 64, 64); // [32 texts × 4 heads, 64, 64]
const subjects: Subject[] = [
  product("`x·Wᵀ`, [2048, 256]·[1024, 256]ᵀ", tokens, values(1024, 256), false, true),
  product("`dy·W`, [2048, 1024]·[1024, 256]", grown, values(1024, 256), false, false),
  product("`dyᵀ·x`, [2048, 1024]ᵀ·[2048, 256]", grown, tokens, true, false),
  product("`q·kᵀ`, [128, 64, 64] each", heads, heads, false, true),
  product("`p·v`, [128, 64, 64] each", heads, heads, false, false),
  product("`x·Wᵀ`, [32, 768]·[3072, 768]ᵀ", values(32, 768), values(3072, 768), false, true),
  { name: "`sum(dy, 0)`, [2048, 1024]", run: () => tf.sum(grown, 0) },
  baseForward(),
];

console.log(
  `Median of ${rounds}, 1 thread, by turns; Node ${process.versions.node}, ${cpus()[0]?.model ?? "unknown processor"}\n`,
);
console.log("| subject | stock ms | ours ms | ours GFLOP/s | times as fast |");
console.log("| --- | ---: | ---: | ---: | ---: |");
for (const { name, operations, run } of subjects) {
  const ms = { stock: [] as number[], ours: [] as number[] };
  const results: Record<string, Float32Array> = {};
  for (let round = -1; round < rounds; round++) {
    for (const peer of ["stock", "ours"] as const) {
      use(peer);
      const start = clock();
      const result = run();
      results[peer] = result.dataSync() as Float32Array;
      if (round >= 0) ms[peer].push(clock() - start);
      result.dispose();
    }
  }
  assertClose(name, results["stock"]!, results["ours"]!);
  const [before, after] = [median(ms.stock), median(ms.ours)];
  const speed = operations === undefined ? "" : (operations / after / 1e6).toFixed(1);
  console.log(
    `| ${name} | ${before.toFixed(1)} | ${after.toFixed(1)} | ${speed} | ${(before / after).toFixed(1)} |`,
  );
}

// --- internal ---

/** base-128: BERT-base without a head, one text of 128 tokens. */
function baseForward(): Subject {
  const model = BertModel.init({ ...kcbertBase, vocabSize: 1000 }, { seed: 1 });
  const inputIds = tf.tensor2d(
    Int32Array.from({ length: 128 }, (_, i) => i),
    [1, 128],
    "int32",
  );
  return {
    name: "base-128, forward",
    run: () => {
      const { lastHiddenState, poolerOutput } = model.forward({ inputIds });
      poolerOutput!.dispose();
      return lastHiddenState;
    },
  };
}

/** Milliseconds of processor time. */
function clock(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function assertClose(name: string, a: Float32Array, b: Float32Array): void {
  assert.equal(a.length, b.length);
  for (const [i, value] of a.entries()) {
    assert.ok(
      Math.abs(value - b[i]!) < 1e-3 * (1 + Math.abs(value)),
      `${name}: ${value} and ${b[i]} at ${i}`,
    );
  }
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
}
