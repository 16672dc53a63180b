/**
 * Twenty steps of each optimiser, as PyTorch takes them: losses, learning rates, gradient norms and final weights.
 */
import { BertForMaskedLM } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import { readSafetensors, toFloat32, toInt32 } from "@kcbert/safetensors";
import * as tf from "@tensorflow/tfjs-core";
import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { beforeAll, describe, expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBert, goldenBertFolder, goldenBertText } from "../../../tests/golden/bert.ts";
import "./_gradients.ts";
import { adamW, bertAdam, lamb, type Optimizer, type Parameters } from "./optimization.ts";
import { bertDecay, linearDecay, type Schedule } from "./schedules.ts";

const STEPS = 20;
const WARMUP = 4 / STEPS;
const CASES: [
  folder: string,
  peak: number,
  schedule: Schedule,
  make: (parameters: Parameters) => Optimizer,
][] = [
  ["adamw", 2e-3, linearDecay({ warmup: WARMUP }), adamW],
  [
    "adamw-some-clipped",
    2e-3,
    linearDecay({ warmup: WARMUP }),
    (parameters) => adamW(parameters, { maxGradNorm: 5.18 }),
  ],
  ["bert-adam", 1e-3, bertDecay({ warmup: WARMUP }), bertAdam],
  ["lamb", 2e-2, bertDecay({ warmup: WARMUP }), lamb],
  [
    "lamb-bias-corrected",
    2e-2,
    bertDecay({ warmup: WARMUP }),
    (parameters) => lamb(parameters, { biasCorrection: true }),
  ],
];

describe.each(["cpu", "wasm"])("on %s", (backend) => {
  beforeAll(async () => {
    if (backend === "wasm") await createWasmBackend();
    else hastenSegmentSum();
    await tf.setBackend(backend);
  });

  test.each(CASES)("%s walks where PyTorch walks", async (folder, peak, schedule, make) => {
    const tensors = tf.memory().numTensors;
    const { model, optimizer } = await start(make);
    for (let step = 0; step < STEPS; step++) {
      const rate = peak * schedule(step / STEPS);
      expectStep(folder, step, { ...take(model, optimizer, step, rate), rate });
    }
    expectWeights(model.parameters, golden(`optimizers/${folder}/final.safetensors`));
    optimizer.dispose();
    model.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
  });

  test.each(CASES.filter(([folder]) => folder === "adamw" || folder === "bert-adam"))(
    "%s goes on from the middle with the moments of PyTorch",
    async (folder, peak, schedule, make) => {
      const { model, optimizer } = await start(make);
      const middle = golden(`optimizers/${folder}/state10.safetensors`);
      for (const [key, parameter] of model.parameters) {
        assign(parameter, middle.get(`param.${key}`)!);
        for (const moment of ["m", "v"])
          assign(optimizer.state.get(`${moment}.${key}`)!, middle.get(`${moment}.${key}`)!);
      }
      for (let step = 10; step < STEPS; step++) {
        const rate = peak * schedule(step / STEPS);
        expectStep(folder, step, { ...take(model, optimizer, step, rate), rate });
      }
      expectWeights(model.parameters, golden(`optimizers/${folder}/final.safetensors`));
      optimizer.dispose();
      model.dispose();
    },
  );
});

// --- internal ---

/**
 * The stock cpu kernel goes through all rows for every segment and would take four fifths of these tests' time; what it
 * computes is tested with the embeddings.
 */
function hastenSegmentSum(): void {
  tf.unregisterKernel("UnsortedSegmentSum", "cpu");
  tf.registerKernel({
    kernelName: "UnsortedSegmentSum",
    backendName: "cpu",
    kernelFunc: ({ inputs, backend, attrs }) => {
      const cpu = backend as MathBackendCPU;
      const { x, segmentIds } = inputs as { x: tf.TensorInfo; segmentIds: tf.TensorInfo };
      const [rows, ids] = [x, segmentIds].map(({ dataId }) => cpu.readSync(dataId) as Float32Array);
      const { numSegments } = attrs as unknown as { numSegments: number };
      const width = x.shape[1]!;
      const sums = new Float32Array(numSegments * width);
      for (const [i, id] of ids!.entries()) {
        if (id < 0) continue;
        for (let j = 0; j < width; j++) sums[id * width + j]! += rows![i * width + j]!;
      }
      return cpu.makeTensorInfo([numSegments, width], "float32", sums);
    },
  });
}

type Floats = ReadonlyMap<string, Float32Array>;

async function start(
  make: (parameters: Parameters) => Optimizer,
): Promise<{ model: BertForMaskedLM; optimizer: Optimizer }> {
  const model = await BertForMaskedLM.fromPretrained(goldenBertFolder("mlm/model"));
  return { model, optimizer: make(model.parameters) };
}

/** One step; gives loss and global norm before it. */
function take(
  model: BertForMaskedLM,
  optimizer: Optimizer,
  step: number,
  rate: number,
): { loss: number; norm: number } {
  return tf.tidy(() => {
    const [inputIds, attentionMask, tokenTypeIds] = ["input_ids", "attention_mask", "token_type_ids"].map(
      (name) => tf.tensor2d(batch(name, step), SHAPE, "int32"),
    ) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
    const all = batch("labels", step);
    const positions = all.map((_, i) => i).filter((i) => all[i] !== -100);
    const labels = tf.tensor1d(
      positions.map((i) => all[i]!),
      "int32",
    ); // [P]
    const maskedPositions = tf.tensor1d(positions, "int32"); // [P]
    const { value, grads } = tf.variableGrads(
      () => model.loss({ inputIds, attentionMask, tokenTypeIds }, labels, { maskedPositions }),
      [...model.parameters.values()],
    );
    const gradients = new Map(Array.from(model.parameters, ([key, { name }]) => [key, grads[name]!]));
    const norm = optimizer.update(gradients, tf.tensor1d(optimizer.scalars(rate, step)));
    return { loss: value.dataSync()[0]!, norm: norm.dataSync()[0]! };
  });
}

const batches = readSafetensors(goldenBert("optimizers/batches.safetensors")).tensors;

const SHAPE: [number, number] = [8, 32];

/** `[8 · 32]`: row `step` of a tensor of `batches.safetensors`. */
function batch(name: string, step: number): Int32Array {
  const size = SHAPE[0] * SHAPE[1];
  return toInt32(batches.get(name)!).slice(step * size, (step + 1) * size);
}

function golden(path: string): Floats {
  const { tensors } = readSafetensors(goldenBert(path));
  return new Map(Array.from(tensors, ([name, tensor]) => [name, toFloat32(tensor)]));
}

function assign(variable: tf.Variable, values: Float32Array): void {
  tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
}

function expectStep(folder: string, step: number, found: { loss: number; norm: number; rate: number }): void {
  const { float32 } = JSON.parse(goldenBertText(`optimizers/${folder}/trajectory.json`)) as {
    float32: Record<"loss" | "lr" | "grad_norm", number[]>;
  };
  expect(Math.abs(found.loss - float32.loss[step]!), `loss of step ${step}`).toBeLessThan(2e-5);
  expect(found.rate, `learning rate of step ${step}`).toBeCloseTo(float32.lr[step]!, 12);
  expect(Math.abs(found.norm / float32.grad_norm[step]! - 1), `gradient norm of step ${step}`).toBeLessThan(
    1e-5,
  );
}

/** Every weight within 2e-5; `key.bias` has gradient zero, of which Adam makes steps out of rounding errors. */
function expectWeights(parameters: Parameters, expected: Floats): void {
  for (const [key, parameter] of parameters) {
    if (key.endsWith("key.bias")) continue;
    const found = parameter.dataSync();
    const error = expected
      .get(key)!
      .reduce((worst, value, i) => Math.max(worst, Math.abs(value - found[i]!)), 0);
    expect(error, key).toBeLessThan(2e-5);
  }
}
