import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { adamW, type Optimizer, type Parameters } from "./optimization.ts";
import { trainStep, type TrainStepOptions } from "./train_step.ts";

/** Two weights, and one that no loss depends on. */
function newParameters(): Map<string, tf.Variable> {
  const values: [string, number[], number[]][] = [
    ["a.weight", [1, 2, -3, 0.5], [2, 2]],
    ["a.bias", [0.25, -0.25], [2]],
    ["unused.weight", [7], [1]],
  ];
  return new Map(
    values.map(([key, numbers, shape]) => [key, tf.tidy(() => tf.variable(tf.tensor(numbers, shape)))]),
  );
}

/** Mean of (x·W + b)² over the rows of x. */
function lossOf(parameters: Parameters): (...inputs: tf.Tensor[]) => tf.Scalar {
  return (x) => {
    const y = tf.add(tf.matMul(x as tf.Tensor2D, parameters.get("a.weight")!), parameters.get("a.bias")!);
    return tf.mean(tf.square(y)) as tf.Scalar;
  };
}

const ROWS = [
  [1, 2],
  [-1, 0.5],
  [3, -2],
  [0, 1],
];

/** Three steps over the rows, cut into so many batches a step. */
function walk(options: TrainStepOptions): { weights: number[][]; losses: number[]; norms: number[] } {
  const parameters = newParameters();
  const optimizer: Optimizer = adamW(parameters, { maxGradNorm: 2 });
  const step = trainStep(parameters, optimizer, lossOf(parameters), options);
  const [losses, norms]: [number[], number[]] = [[], []];
  const size = ROWS.length / (options.accumulate ?? 1);
  for (let i = 0; i < 3; i++) {
    tf.tidy(() => {
      const batches = [];
      for (let row = 0; row < ROWS.length; row += size)
        batches.push([tf.tensor2d(ROWS.slice(row, row + size))]);
      const { loss, gradNorm } = step(batches, tf.tensor1d(optimizer.scalars(0.1, i)));
      losses.push(loss.dataSync()[0]!);
      norms.push(gradNorm.dataSync()[0]!);
    });
  }
  const weights = Array.from(parameters.values(), (value) => [...value.dataSync()]);
  optimizer.dispose();
  tf.dispose([...parameters.values()]);
  return { weights, losses, norms };
}

describe.each(["cpu", "wasm"])("on %s", (backend) => {
  beforeAll(async () => {
    if (backend === "wasm") await createWasmBackend();
    await tf.setBackend(backend);
  });

  test("a step over several batches is the step over all their rows at once", () => {
    const whole = walk({});
    expect(whole.losses[2]).toBeLessThan(whole.losses[0]!);
    for (const accumulate of [2, 4]) {
      const parts = walk({ accumulate });
      for (const [i, values] of parts.weights.entries()) {
        for (const [j, value] of values.entries()) expect(value).toBeCloseTo(whole.weights[i]![j]!, 5);
      }
      for (const name of ["losses", "norms"] as const) {
        for (const [i, value] of parts[name].entries()) expect(value).toBeCloseTo(whole[name][i]!, 4);
      }
    }
  });

  test("what the loss does not depend on stays as it is, and nothing is left behind", () => {
    const tensors = tf.memory().numTensors;
    expect(walk({ accumulate: 2 }).weights[2]).toEqual([7]);
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

test("the whole step is one function of tensors, made once and called with the same shapes", () => {
  const functions: string[][] = [];
  const jitted = walk({
    accumulate: 2,
    jit: (fn) => {
      const calls: string[] = [];
      functions.push(calls);
      return (...inputs) => {
        calls.push(inputs.map(({ dtype, shape }) => `${dtype} [${shape.join(", ")}]`).join(", "));
        return fn(...inputs);
      };
    },
  });
  const call = "float32 [3], float32 [2, 2], float32 [2, 2]";
  expect(functions).toEqual([[call, call, call]]);
  expect(jitted).toEqual(walk({ accumulate: 2 }));
});

test("more or fewer batches than are accumulated are refused", () => {
  const parameters = newParameters();
  const step = trainStep(parameters, adamW(parameters), lossOf(parameters), { accumulate: 2 });
  const x = tf.tensor2d(ROWS);
  expect(() => step([[x]], tf.tensor1d([0, 1, 1]))).toThrow(
    new RangeError("Cannot take a step as it needs 2 batches of the same inputs: given are 1, of 1 inputs"),
  );
});
