/**
 * The kernels of @kcbert/kernels against the ones that TensorFlow.js's WASM backend comes with, in one process and by
 * turns: the matrix products of BERT, its sums, and a whole pretraining step (forward and backward).
 *
 * One thread. The stock backend has no UnsortedSegmentSum, without which nothing trains; it borrows ours.
 */
import assert from "node:assert/strict";
import { cpus } from "node:os";
import process from "node:process";
import "@tensorflow/tfjs-backend-wasm";
import { type BertConfig, BertForMaskedLM, BertModel, kcbertBase } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs";

const rounds = 5; // timed, after one of warming up
const replaced = ["BatchMatMul", "Identity", "Sum"] as const;

const stock = replaced.map((name) => tf.getKernel(name, "wasm"));
await createWasmBackend();
await tf.setBackend("wasm");
const ours = replaced.map((name) => tf.getKernel(name, "wasm"));
const sets = { stock, ours };

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
  miniStep(),
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
      const start = performance.now();
      const result = run();
      results[peer] = result.dataSync() as Float32Array;
      if (round >= 0) ms[peer].push(performance.now() - start);
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

/** Register one set of kernels, and let them look up their functions in the module. */
function use(peer: keyof typeof sets): void {
  for (const kernel of sets[peer]) {
    tf.unregisterKernel(kernel.kernelName, "wasm");
    tf.registerKernel(kernel);
    kernel.setupFunc?.(tf.backend());
  }
}

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

/** mini-step without its optimiser: 4×256, 4 heads, vocabulary 8,000, 32 texts of 64 tokens, 10 masked in each. */
function miniStep(): Subject {
  const config: BertConfig = {
    ...kcbertBase,
    vocabSize: 8000,
    hiddenSize: 256,
    numHiddenLayers: 4,
    numAttentionHeads: 4,
    intermediateSize: 1024,
  };
  const model = BertForMaskedLM.init(config, { seed: 1 });
  const variables = [...model.parameters.values()];
  const ids = (length: number, stride: number): Int32Array =>
    Int32Array.from({ length }, (_, i) => (i * stride) % 8000);
  const inputIds = tf.tensor2d(ids(2048, 7919), [32, 64], "int32");
  const attentionMask = tf.onesLike(inputIds);
  const maskedPositions = tf.tensor1d(
    ids(320, 32).map((position) => position % 2048),
    "int32",
  );
  const labels = tf.tensor1d(ids(320, 31), "int32");
  return {
    name: "mini-step, forward and backward",
    run: () => {
      const loss = (): tf.Scalar => model.loss({ inputIds, attentionMask }, labels, { maskedPositions });
      const { value, grads } = tf.variableGrads(loss, variables);
      tf.dispose(grads);
      return value;
    },
  };
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
