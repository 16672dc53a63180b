import * as tf from "@tensorflow/tfjs";
import { createWasmBackend } from "@kcbert/kernels";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { uniform } from "../random.ts";
import { activation, ACTIVATIONS, gelu } from "./activations.ts";
import { attention, attentionBias } from "./attention.ts";
import { dropout } from "./dropout.ts";
import { embedding } from "./embedding.ts";
import { layerNorm } from "./layer_norm.ts";
import { linear } from "./linear.ts";
import { softmaxCrossEntropy } from "./softmax_cross_entropy.ts";

beforeAll(() => createWasmBackend());
afterAll(() => tf.removeBackend("wasm"));

/** Repeatable values in [-2, 2). */
function values(name: string, shape: number[]): tf.Tensor {
  const numbers = uniform(1, 0, name, tf.util.sizeFromShape(shape));
  return tf.tensor(
    numbers.map((x) => 4 * x - 2),
    shape,
  );
}

/** A scalar in which every element of the result has a weight of its own. */
function weigh(y: tf.Tensor): tf.Scalar {
  return tf.sum(tf.mul(y, values("weights", y.shape)));
}

/** The gradients of an op against central differences, element by element, and no tensor left behind. */
function checkGradients(op: (...inputs: tf.Tensor[]) => tf.Tensor, ...shapes: number[][]): void {
  const inputs = shapes.map((shape, i) => values(`input ${i}`, shape));
  const before = tf.memory().numTensors;
  const gradients = tf.grads((...inputs) => weigh(op(...inputs)))(inputs);
  const step = 2 ** -6;
  for (const [i, input] of inputs.entries()) {
    const analytic = gradients[i]!.dataSync();
    const at = input.dataSync();
    const moved = (j: number, by: number) =>
      tf.tidy(() => {
        const other = tf.tensor(
          at.map((x, k) => (k === j ? x + by : x)),
          input.shape,
        );
        return weigh(op(...inputs.map((x, k) => (k === i ? other : x)))).dataSync()[0]!;
      });
    for (let j = 0; j < at.length; j++) {
      const numeric = (moved(j, step) - moved(j, -step)) / (2 * step);
      expect(
        Math.abs(analytic[j]! - numeric),
        `input ${i}, element ${j}: ${analytic[j]} and ${numeric}`,
      ).toBeLessThan(2e-3 * (1 + Math.abs(numeric)));
    }
  }
  tf.dispose(gradients);
  expect(tf.memory().numTensors).toBe(before);
  tf.dispose(inputs);
}

// On wasm the kernels of `@kcbert/kernels`.
describe.each(["cpu", "wasm"])("on %s", (backend) => {
  beforeAll(() => tf.setBackend(backend));

  describe("gradients agree with finite differences", () => {
    test("linear()", () => {
      checkGradients((x, w, b) => linear(x as tf.Tensor2D, w, b), [3, 4], [5, 4], [5]);
    });

    test("layerNorm()", () => {
      checkGradients((x, gain, bias) => layerNorm(x as tf.Tensor2D, gain, bias, 1e-12), [3, 5], [5], [5]);
      checkGradients((x, gain, bias) => layerNorm(x as tf.Tensor2D, gain, bias, 0.1), [3, 5], [5], [5]);
    });

    test("layerNorm() with a residual", () => {
      checkGradients(
        (x, gain, bias, r) => layerNorm(x as tf.Tensor2D, gain, bias, 1e-12, r as tf.Tensor2D),
        [3, 5],
        [5],
        [5],
        [3, 5],
      );
      // The residual's gradient survives when the residual is used elsewhere too.
      checkGradients(
        (r, gain, bias) => layerNorm(gelu(r as tf.Tensor2D), gain, bias, 1e-12, r as tf.Tensor2D),
        [3, 5],
        [5],
        [5],
      );
    });

    test.each([...ACTIVATIONS.keys()].filter((name) => name !== "relu"))("%s", (name) => {
      checkGradients(activation(name), [4, 6]);
    });

    test("attention()", () => {
      const mask = tf.tensor2d(
        [
          [1, 1, 0],
          [1, 1, 1],
        ],
        [2, 3],
        "int32",
      );
      const op = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) =>
        attention(q as tf.Tensor2D, k as tf.Tensor2D, v as tf.Tensor2D, {
          batch: 2,
          heads: 2,
          bias: attentionBias(mask),
        }).context;
      checkGradients(op, [6, 8], [6, 8], [6, 8]);
      mask.dispose();
    });

    test("attention() with dropout", () => {
      const op = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) =>
        attention(q as tf.Tensor2D, k as tf.Tensor2D, v as tf.Tensor2D, {
          batch: 1,
          heads: 2,
          drop: (x) => dropout(x, 0.3, { seed: 1, step: 2, stream: "x" }),
        }).context;
      checkGradients(op, [5, 6], [5, 6], [5, 6]);
    });

    test("dropout()", () => {
      checkGradients((x) => dropout(x, 0.4, { seed: 1, step: 2, stream: "x" }), [5, 5]);
    });

    test("embedding(), with ids that repeat", () => {
      const ids = tf.tensor1d([3, 0, 3, 1], "int32");
      checkGradients((table) => embedding(ids, table), [4, 2]);
      ids.dispose();
    });

    test("softmaxCrossEntropy(), with an ignored row", () => {
      const labels = tf.tensor1d([2, -100, 0], "int32");
      checkGradients((logits) => softmaxCrossEntropy(logits as tf.Tensor2D, labels), [3, 4]);
      labels.dispose();
    });
  });

  test("gelu() has the values of PyTorch's", () => {
    // torch.nn.functional.gelu in float64
    const y = tf.tidy(() => gelu(tf.tensor1d([-6, -3, -1, -0.1, 0, 0.1, 1, 3, 6])).dataSync());
    const expected = [
      -5.919e-9, -4.0496941e-3, -0.15865525, -0.046017216, 0, 0.053982784, 0.84134475, 2.9959503, 6,
    ];
    for (const [i, value] of expected.entries()) expect(Math.abs(y[i]! - value)).toBeLessThan(1e-6);
  });

  test("activation() names the activations it knows", () => {
    expect(() => activation("mish")).toThrow(
      new RangeError(
        'Cannot find the activation "mish": known are gelu, gelu_new, gelu_pytorch_tanh, relu, silu, swish, tanh',
      ),
    );
  });

  test("layerNorm() is stable far from zero and on a constant row", () => {
    const y = tf.tidy(() =>
      layerNorm(
        tf.tensor2d([
          [1e4, 1e4 + 1, 1e4 + 2],
          [7, 7, 7],
        ]),
        tf.ones([3]),
        tf.tensor1d([0, 0, 5]),
        1e-12,
      ).dataSync(),
    );
    for (const [i, value] of [-1.2247449, 0, 6.2247449, 0, 0, 5].entries()) {
      expect(Math.abs(y[i]! - value)).toBeLessThan(1e-3);
    }
  });

  test("attention() sees nothing of what a block mask hides", () => {
    const blocks = tf.tensor3d(
      [
        [
          [1, 1, 0],
          [1, 1, 0],
          [0, 0, 1],
        ],
      ],
      [1, 3, 3],
      "int32",
    );
    const outputs = [0, 100].map((hidden) =>
      tf.tidy(() => {
        const q = values("q", [3, 2]) as tf.Tensor2D;
        const v = tf.tensor2d([1, 2, 3, 4, hidden, hidden], [3, 2]);
        const options = { batch: 1, heads: 1, bias: attentionBias(blocks) };
        return [...attention(q, q, v, options).context.dataSync()];
      }),
    );
    expect(outputs[0]!.slice(0, 4)).toEqual(outputs[1]!.slice(0, 4));
    expect(outputs[1]!.slice(4)).toEqual([100, 100]);
    blocks.dispose();
  });

  test("attention() of a token that may look nowhere is the mean of all", () => {
    const row = tf.tidy(() => {
      const q = values("q", [2, 2]) as tf.Tensor2D;
      const options = {
        batch: 1,
        heads: 1,
        bias: attentionBias(tf.zeros([1, 2])),
        outputProbabilities: true,
      };
      return attention(q, q, q, options).probabilities!.dataSync();
    });
    expect([...row]).toEqual([0.5, 0.5, 0.5, 0.5]);
  });

  test("dropout() drops the part it should, keeps the mean, and repeats itself", () => {
    const drop = (seed: number) =>
      tf.tidy(() => dropout(tf.ones([100, 100]), 0.1, { seed, step: 0, stream: "x" }).dataSync());
    const y = drop(1);
    const dropped = y.filter((value) => value === 0).length;
    expect(Math.abs(dropped - 1000)).toBeLessThan(150); // 5 standard deviations
    expect(new Set(y)).toEqual(new Set([0, Math.fround(1 / 0.9)]));
    expect(drop(1)).toEqual(y);
    expect(drop(2)).not.toEqual(y);
  });

  test("dropout() takes its step as an int32 scalar too", () => {
    const drop = (step: number | tf.Scalar) =>
      tf.tidy(() => dropout(tf.ones([100]), 0.5, { seed: 1, step, stream: "x" }).dataSync());
    for (const step of [0, 7, 2 ** 32 - 1]) {
      expect(tf.tidy(() => drop(tf.scalar(step | 0, "int32")))).toEqual(drop(step));
    }
  });

  test("dropout() with rate 0 changes nothing, and refuses what is no rate", () => {
    const x = tf.ones([2]);
    const key = { seed: 1, step: 0, stream: 0 };
    expect([...tf.tidy(() => dropout(x, 0, key).dataSync())]).toEqual([1, 1]);
    for (const rate of [1, -0.1, Number.NaN]) {
      expect(() => dropout(x, rate, key)).toThrow(
        new RangeError(`Cannot drop elements as the rate must be in [0, 1): it is ${rate}`),
      );
    }
    x.dispose();
  });

  test("embedding() gives the padding row no gradient", () => {
    const ids = tf.tensor1d([0, 2, 0], "int32");
    const table = values("table", [3, 2]);
    const gradient = tf.grad((table: tf.Tensor) => tf.sum(embedding(ids, table, 0)))(table);
    expect([...gradient.dataSync()]).toEqual([0, 0, 0, 0, 1, 1]);
    tf.dispose([ids, table, gradient]);
  });

  test("softmaxCrossEntropy() is stable, and NaN with a zero gradient when all is ignored", () => {
    const logits = tf.tensor2d([
      [1000, 0],
      [-1000, 1000],
    ]);
    const loss = (labels: number[]) => (x: tf.Tensor) =>
      softmaxCrossEntropy(x as tf.Tensor2D, tf.tensor1d(labels, "int32"));
    const at = (labels: number[]) => tf.tidy(() => loss(labels)(logits).dataSync()[0]!);
    expect(at([0, 1])).toBe(0);
    expect(at([1, -100])).toBe(1000);
    expect(at([-100, -100])).toBeNaN();
    const gradient = tf.tidy(() => [
      ...tf
        .grad(loss([-100, -100]))(logits)
        .dataSync(),
    ]);
    expect(gradient.every((x) => x === 0)).toBe(true);
    logits.dispose();
  });
});
