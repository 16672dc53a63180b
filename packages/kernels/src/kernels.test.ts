import * as tf from "@tensorflow/tfjs";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createWasmBackend } from "./create_wasm_backend.ts";

/** The stand-ins against the same op on the cpu backend. */
beforeAll(() => createWasmBackend());
afterAll(() => tf.removeBackend("wasm"));

async function on<T>(backend: string, f: () => T): Promise<T> {
  await tf.setBackend(backend);
  const before = tf.memory().numTensors;
  const buffers = tf.memory().numDataBuffers;
  tf.engine().startScope();
  const result = f();
  tf.engine().endScope();
  expect(tf.memory().numTensors).toBe(before);
  expect(tf.memory().numDataBuffers).toBe(buffers);
  return result;
}

/** The largest difference between the backends' results, and the shape they agree on. */
async function compare(f: () => tf.Tensor): Promise<number> {
  const run = () => {
    const out = f();
    return { shape: out.shape, values: out.dataSync() };
  };
  const wasm = await on("wasm", run);
  const cpu = await on("cpu", run);
  expect(wasm.shape).toEqual(cpu.shape);
  let most = 0;
  for (const [i, value] of wasm.values.entries()) most = Math.max(most, Math.abs(value - cpu.values[i]!));
  return most;
}

/** Repeatable values in [-1, 1). */
function values(shape: number[], seed: number): tf.Tensor {
  let state = seed;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) | 0) / 2 ** 31;
  return tf.tensor(Float32Array.from({ length: tf.util.sizeFromShape(shape) }, next), shape);
}

const size = fc.integer({ min: 1, max: 9 });

test("BatchMatMul equals the cpu backend's for any size, batch and transposition", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(
        [[], []],
        [[3], [3]],
        [[1], [4]],
        [[4], [1]],
        [
          [2, 3],
          [2, 3],
        ],
        [
          [2, 3],
          [1, 1],
        ],
      ),
      fc.tuple(size, size, size),
      fc.boolean(),
      fc.boolean(),
      async ([left = [], right = []], [m, k, n], transposeA, transposeB) => {
        const difference = await compare(() => {
          const a = values([...left, ...(transposeA ? [k, m] : [m, k])], 1);
          const b = values([...right, ...(transposeB ? [n, k] : [k, n])], 2);
          return tf.matMul(a, b, transposeA, transposeB);
        });
        expect(difference).toBeLessThan(1e-5);
      },
    ),
    { numRuns: 150 },
  );
});

test.each([
  ["a short text times weights", [16, 768], [512, 768]], // swapped: the weights stay in place
  ["a long text times weights", [600, 96], [80, 96]], // direct: the weights are transposed
])("BatchMatMul multiplies %s stored [out, in]", async (_, shape, weights) => {
  const difference = await compare(() => tf.matMul(values(shape, 3), values(weights, 4), false, true));
  expect(difference).toBeLessThan(1e-4);
});

test("BatchMatMul has the gradients of the cpu backend", async () => {
  for (const argument of [0, 1]) {
    const difference = await compare(() => {
      const loss = (a: tf.Tensor, b: tf.Tensor) => tf.sum(tf.square(tf.matMul(a, b, false, true)));
      return tf.grads(loss)([values([2, 5, 3], 5), values([2, 4, 3], 6)])[argument]!;
    });
    expect(difference).toBeLessThan(1e-4);
  }
});

test("BatchMatMul of nothing is empty, over nothing zero", async () => {
  expect(await compare(() => tf.matMul(tf.zeros([0, 3]), tf.zeros([3, 4])))).toBe(0);
  expect(await compare(() => tf.matMul(tf.zeros([2, 0]), tf.zeros([0, 4])))).toBe(0);
});

test("BatchMatMul survives growth of the memory", async () => {
  const difference = await compare(() => {
    const ballast = Array.from({ length: 40 }, (_, i) => values([64, 64 * (i + 1)], i));
    const out = tf.matMul(values([700, 300], 7), values([900, 300], 8), false, true);
    tf.dispose(ballast);
    return out;
  });
  expect(difference).toBeLessThan(1e-4);
});

test("BatchMatMul refuses int32", async () => {
  await tf.setBackend("wasm");
  const a = tf.tensor2d([[1]], [1, 1], "int32");
  const info = { a, b: a };
  const attrs = { transposeA: false, transposeB: false };
  expect(() => tf.engine().runKernel("BatchMatMul", info, attrs)).toThrow(
    new TypeError("Cannot run BatchMatMul as a must be float32: it is int32"),
  );
  a.dispose();
});

test("UnsortedSegmentSum equals the cpu backend's, ids out of range included", async () => {
  for (const dtype of ["float32", "int32"] as const) {
    const difference = await compare(() => {
      const x = tf.cast(tf.mul(values([6, 2, 3], 9), 100), dtype);
      return tf.unsortedSegmentSum(x, tf.tensor1d([2, 0, 2, -1, 5, 4], "int32"), 5);
    });
    expect(difference).toBe(0);
  }
});

test("UnsortedSegmentSum makes tf.gather differentiable", async () => {
  const difference = await compare(() => {
    const ids = tf.tensor2d(
      [
        [1, 0],
        [1, 3],
      ],
      [2, 2],
      "int32",
    );
    return tf.grad((table: tf.Tensor) => tf.sum(tf.square(tf.gather(table, ids))))(values([5, 4], 10));
  });
  expect(difference).toBeLessThan(1e-6);
});

test("Sum equals the cpu backend's over any axes", async () => {
  const axes = [[0], [1], [2], [0, 1], [1, 2], [0, 2], [1, 0], [0, 1, 2], [-3], []];
  for (const shape of [
    [7, 3, 5],
    [1, 4, 2],
    [4, 1, 1],
  ]) {
    for (const axis of axes) {
      for (const keepDims of [false, true]) {
        expect(await compare(() => tf.sum(values(shape, 11), axis, keepDims))).toBeLessThan(1e-5);
      }
    }
  }
  expect(await compare(() => tf.sum(tf.cast(values([6, 2], 12), "int32"), 0))).toBe(0);
  expect(await compare(() => tf.sum(tf.zeros([0, 2]), 0))).toBe(0);
});

test("Identity shares the data until the last tensor goes", async () => {
  await tf.setBackend("wasm");
  const before = tf.memory();
  const x = values([3], 13);
  const y = tf.clone(x);
  expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers + 1);
  const expected = [...y.dataSync()];
  x.dispose();
  expect([...y.dataSync()]).toEqual(expected);
  y.dispose();
  expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers);
});
