/**
 * The kernels of `@kcbert/kernels` against the compositions of TensorFlow.js's own operations on the cpu backend: values and
 * gradients over random shapes, in both builds.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kcbertBase } from "../config.ts";
import { BertModel } from "../modeling_bert.ts";
import { quantize } from "../quantize.ts";
import { QuantizedMatrix } from "../quantized_matrix.ts";
import { uniform } from "../random.ts";
import { gelu } from "./activations.ts";
import { attention, attentionBias } from "./attention.ts";
import { dropout } from "./dropout.ts";
import { embedding } from "./embedding.ts";
import { layerNorm } from "./layer_norm.ts";
import { linear } from "./linear.ts";
import { softmaxCrossEntropy } from "./softmax_cross_entropy.ts";

const BUILDS = ["kernels-relaxed", "kernels-simd"] as const;
const { resolve } = createRequire(import.meta.url);
const binary = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(resolve(`@kcbert/kernels/${name}.wasm`)));

const size = (max: number) => fc.integer({ min: 1, max });
const runs = { numRuns: 25, seed: 1 };

describe.each(BUILDS)("%s", (build) => {
  beforeAll(() => createWasmBackend({ kernels: binary(build) }));
  afterAll(() => tf.removeBackend("wasm"));

  test("linear(), with gelu too", async () => {
    await fc.assert(
      fc.asyncProperty(size(70), size(400), size(30), fc.boolean(), async (m, i, o, isGelu) => {
        const op = (x: tf.Tensor, w: tf.Tensor, b: tf.Tensor) =>
          linear(x as tf.Tensor2D, w, b, isGelu ? "gelu" : undefined);
        await compare(op, [m, i], [o, i], [o]);
      }),
      runs,
    );
  });

  test("linear() is within 1e-5·Σ|x||w| of the exact product", async () => {
    for (const [m, i, o] of [
      [1, 768, 5],
      [5, 3072, 9],
      [300, 769, 33],
    ] as const) {
      const [x, w] = [numbers("x", [m, i]), numbers("w", [o, i])];
      const y = await on("wasm", () => [
        linear(tf.tensor2d(x, [m, i]), tf.tensor2d(w, [o, i]), tf.zeros([o])),
      ]);
      for (let row = 0; row < m; row++) {
        for (let column = 0; column < o; column++) {
          let [exact, bound] = [0, 0];
          for (let k = 0; k < i; k++) {
            const term = x[row * i + k]! * w[column * i + k]!;
            exact += term;
            bound += Math.abs(term);
          }
          expect(Math.abs(y[0]!.values[row * o + column]! - exact)).toBeLessThanOrEqual(1e-5 * bound);
        }
      }
    }
  });

  test("layerNorm(), with a residual too", async () => {
    await fc.assert(
      fc.asyncProperty(size(20), size(70), fc.boolean(), async (m, h, isAdded) => {
        const op = (x: tf.Tensor, gain: tf.Tensor, bias: tf.Tensor, residual?: tf.Tensor) =>
          layerNorm(x as tf.Tensor2D, gain, bias, 1e-3, residual as tf.Tensor2D | undefined);
        await compare(op, [m, h], [h], [h], ...(isAdded ? [[m, h]] : []));
      }),
      runs,
    );
  });

  test("gelu(), and within 1e-6 of the exact one", async () => {
    await fc.assert(
      fc.asyncProperty(size(30), (n) => compare((x) => gelu(x), [n])),
      runs,
    );
    const x = Float32Array.from({ length: 4001 }, (_, i) => (i - 2000) / 200);
    const exact = await on("cpu", () => [gelu(tf.tensor1d(x))]);
    const ours = await on("wasm", () => [gelu(tf.tensor1d(x))]);
    for (const [i, value] of ours[0]!.values.entries()) {
      // Beyond 1 one float32 from the next is that much farther.
      expect(Math.abs(value - exact[0]!.values[i]!)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(x[i]!)));
    }
  });

  test("attention(), masked or not, with dropout too", async () => {
    await fc.assert(
      fc.asyncProperty(
        size(3),
        size(21),
        size(4),
        size(18),
        fc.constantFrom("none", "row", "block"),
        fc.boolean(),
        async (batch, tokens, heads, width, kind, isDropped) => {
          const shape = kind === "row" ? [batch, tokens] : [batch, tokens, tokens];
          const mask = Int32Array.from(numbers("mask", shape), (x) => (x > -1 ? 1 : 0));
          const op = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) =>
            attention(q as tf.Tensor2D, k as tf.Tensor2D, v as tf.Tensor2D, {
              batch,
              heads,
              bias: kind === "none" ? undefined : attentionBias(tf.tensor(mask, shape, "int32")),
              drop: isDropped ? (x) => dropout(x, 0.2, { seed: 1, step: 3, stream: "p" }) : undefined,
            }).context;
          const rows = [batch * tokens, heads * width];
          await compare(op, rows, rows, rows);
        },
      ),
      runs,
    );
  });

  test("attention() over 300 tokens", async () => {
    const op = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) =>
      attention(q as tf.Tensor2D, k as tf.Tensor2D, v as tf.Tensor2D, { batch: 1, heads: 2 }).context;
    await compare(op, [300, 32], [300, 32], [300, 32]);
  });

  test("softmaxCrossEntropy(), with rows that do not count", async () => {
    await fc.assert(
      fc.asyncProperty(size(9), fc.integer({ min: 2, max: 50 }), async (rows, classes) => {
        const labels = Int32Array.from({ length: rows }, (_, i) => (i % 3 === 1 ? -100 : (7 * i) % classes));
        const op = (x: tf.Tensor) =>
          softmaxCrossEntropy(x as tf.Tensor2D, tf.tensor1d(labels, "int32")) as tf.Tensor;
        await compare(op, [rows, classes]);
      }),
      runs,
    );
    const nothing = () => {
      const op = (x: tf.Tensor) =>
        softmaxCrossEntropy(x as tf.Tensor2D, tf.tensor1d([-100, -100], "int32")) as tf.Tensor;
      const x = tf.ones([2, 3]);
      return [op(x), tf.grad(op)(x)];
    };
    expect(await on("wasm", nothing)).toEqual(await on("cpu", nothing));
  });

  test("dropout() drops the same elements", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 40 }),
        fc.maxSafeNat(),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        async (n, seed, step, rate) => {
          const run = () => [dropout(tf.ones([n]), rate, { seed, step, stream: "place" })];
          expect(await on("wasm", run)).toEqual(await on("cpu", run));
        },
      ),
      runs,
    );
  });

  test("embedding() has the gradient of a sum over its places", async () => {
    await compare((table) => embedding(tf.tensor1d([3, 0, 3, 1, 2], "int32"), table, 2) as tf.Tensor, [4, 7]);
  });

  test("NaN and infinity go where they go on the cpu backend", async () => {
    const odd = [1, Number.NaN, -2, Number.POSITIVE_INFINITY, 3, 0, 0, 0];
    const ops: [string, () => tf.Tensor[]][] = [
      ["linear", () => [linear(tf.tensor2d(odd, [4, 2]), tf.ones([9, 2]), tf.zeros([9]))]],
      ["matMul", () => [tf.matMul(tf.tensor2d(odd, [2, 4]), tf.ones([4, 9]))]],
      ["layerNorm", () => [layerNorm(tf.tensor2d(odd, [4, 2]), tf.ones([2]), tf.zeros([2]), 1e-12)]],
      ["gelu", () => [gelu(tf.tensor1d(odd))]],
      [
        "attention",
        () => [
          attention(tf.tensor2d(odd, [4, 2]), tf.ones([4, 2]), tf.ones([4, 2]), { batch: 2, heads: 1 })
            .context,
        ],
      ],
      ["crossEntropy", () => [softmaxCrossEntropy(tf.tensor2d(odd, [2, 4]), tf.tensor1d([0, 1], "int32"))]],
    ];
    for (const [name, op] of ops) {
      const [ours, theirs] = [await on("wasm", op), await on("cpu", op)];
      const kinds = (x: ArrayLike<number>) =>
        Array.from(x, (value) => (Number.isNaN(value) ? "NaN" : "number"));
      expect(kinds(ours[0]!.values), name).toEqual(kinds(theirs[0]!.values));
    }
  });

  test("an empty batch gives an empty result", async () => {
    const ops: (() => tf.Tensor[])[] = [
      () => [linear(tf.zeros([0, 4]), tf.ones([3, 4]), tf.zeros([3]))],
      () => [layerNorm(tf.zeros([0, 4]), tf.ones([4]), tf.zeros([4]), 1e-12)],
      () => [gelu(tf.zeros([0, 4]))],
      () => [tf.matMul(tf.zeros([0, 2, 3]), tf.zeros([0, 3, 2]))],
    ];
    for (const op of ops) expect(await on("wasm", op)).toEqual(await on("cpu", op));
  });

  test("a disposed tensor, and one of another dtype, are refused by name", async () => {
    await tf.setBackend("wasm");
    const [gone, whole] = [tf.ones([2]), tf.ones([2], "int32")];
    gone.dispose();
    const run = (x: tf.Tensor) => tf.engine().runKernel("Gelu", { x });
    expect(() => run(gone)).toThrow(new TypeError("Cannot run Gelu as its input x is disposed"));
    expect(() => run(whole)).toThrow(new TypeError("Cannot run Gelu as x must be float32: it is int32"));
    expect(() => tf.engine().runKernel("Gelu", {})).toThrow(
      new TypeError("Cannot run Gelu as its input x is missing"),
    );
    whole.dispose();
  });

  test("tensors of another backend are taken over", async () => {
    await tf.setBackend("cpu");
    const made = [tf.tensor2d([[1, 2]]), tf.tensor2d([[3, 4]]), tf.tensor1d([1])] as const;
    await tf.setBackend("wasm");
    const y = linear(made[0], made[1], made[2]);
    expect([...y.dataSync()]).toEqual([12]);
    tf.dispose([y, ...made]);
  });

  test.each([
    [8, undefined],
    [4, 32],
    [4, 64],
  ] as const)(
    "a matrix of %i bits, in groups of %s, multiplies what the definition says",
    async (bits, groupSize) => {
      await fc.assert(
        fc.asyncProperty(size(9), size(150), size(20), async (m, columns, rows) => {
          const weights = Float32Array.from(numbers("w", [rows, columns]));
          const matrix = (): QuantizedMatrix =>
            QuantizedMatrix.quantize(weights, [rows, columns], { bits, groupSize });
          const x = Float32Array.from(numbers("x", [m, columns]));
          await tf.setBackend("cpu");
          const plain = matrix();
          const floats = plain.readRows(0, rows);
          await tf.setBackend("wasm");
          const packed = matrix();
          expect(packed.readRows(0, rows)).toEqual(floats);
          const y = tf.tidy(() => packed.linear(tf.tensor2d(x, [m, columns]), tf.ones([rows])).dataSync());
          const bytes = new Int8Array(plain.saved().get("")!.bytes()); // of 8-bit weights the integers
          const shape = [m, rows, columns] as const;
          const { values } = roundedRows(bits, x, (row, column) => bytes[row * columns + column]!, shape);
          const expected = exactLinear(values, floats, shape);
          for (const [i, value] of y.entries()) {
            expect(Math.abs(value - expected[i]!)).toBeLessThan(2e-6 * columns);
          }
          for (const one of [plain, packed]) one.dispose();
        }),
        runs,
      );
    },
  );

  // All of one sign, all as large as can be, over many groups: sums are as long as they get, in 16 bits and in 32.
  test.each([
    [8, undefined],
    [4, 32],
    [4, 64],
  ] as const)("%i bits in groups of %s: no sum overflows", async (bits, groupSize) => {
    const kinds: ((i: number) => number)[] = [
      () => 1,
      () => -1,
      (i) => (i % 2 === 0 ? 1 : -1),
      (i) => ((i >> 1) % 2 === 0 ? 1 : 0),
      (i) => (i % 32 === 5 ? 1 : 1e-3),
      (i) => (i % 97 === 0 ? 1000 : 1),
    ];
    const [m, columns] = [kinds.length, 3072];
    const all = Float32Array.from(
      kinds.flatMap((kind) => Array.from({ length: columns }, (_, i) => kind(i))),
    );
    await tf.setBackend("wasm");
    const matrix = QuantizedMatrix.quantize(all, [m, columns], { bits, groupSize });
    const floats = matrix.readRows(0, m);
    const y = tf.tidy(() => matrix.linear(tf.tensor2d(all, [m, columns]), tf.ones([m])).dataSync());
    const expected = exactLinear(all, floats, [m, m, columns]);
    for (const [i, value] of y.entries()) {
      const [x, w] = [Math.floor(i / m) * columns, (i % m) * columns];
      let bound = 1e-5; // half a step of an activation, times the weight
      for (let k = 0; k < columns; k++) {
        const begin = x + (k & ~31);
        const largest = all
          .subarray(begin, begin + 32)
          .reduce((most, one) => Math.max(most, Math.abs(one)), 0);
        bound += Math.abs(floats[w + k]!) * (0.5 * (largest / 30) + 1e-5 * Math.abs(all[x + k]!));
      }
      expect(Math.abs(value - expected[i]!)).toBeLessThan(bound);
    }
    matrix.dispose();
  });

  test("a row that holds a NaN or an infinity gives NaN, the others what they give without it", async () => {
    await tf.setBackend("wasm");
    const [m, columns, rows] = [5, 70, 11];
    const matrix = QuantizedMatrix.quantize(
      Float32Array.from(numbers("w", [rows, columns])),
      [rows, columns],
      {
        bits: 8,
      },
    );
    const x = Float32Array.from(numbers("x", [m, columns]));
    const run = (values: Float32Array): number[] =>
      tf.tidy(() => [...matrix.linear(tf.tensor2d(values, [m, columns]), tf.zeros([rows])).dataSync()]);
    const plain = run(x);
    for (const odd of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const y = run(x.map((value, i) => (i === columns + 66 ? odd : value)));
      for (const [i, value] of y.entries())
        expect(value).toBe(Math.floor(i / rows) === 1 ? Number.NaN : plain[i]);
    }
    // Nothing at all, and numbers whose squares leave the range of float32.
    expect(run(new Float32Array(m * columns)).every((value) => value === 0)).toBe(true);
    const huge = run(x.map((value) => value * 1e25));
    const halfSteps = columns * 2 * (2 / 32 / 2); // weights and activations are below 2, and a step a 32nd of the largest
    for (const [i, value] of huge.entries()) {
      expect(Math.abs(value / 1e25 - plain[i]!)).toBeLessThan(halfSteps);
    }
    matrix.dispose();
  });
});

test("a layer by one kernel says what its parts say, bit for bit", async () => {
  await createWasmBackend();
  await tf.setBackend("wasm");
  const config = {
    ...kcbertBase,
    vocabSize: 50,
    hiddenSize: 40,
    numHiddenLayers: 2,
    numAttentionHeads: 2,
    intermediateSize: 90,
    initializerRange: 0.2,
  };
  const floats = BertModel.init(config, { seed: 1 });
  const models = [floats, await quantize(floats, "int8"), await quantize(floats, "int4")];
  const predict = () =>
    models.map((model) =>
      tf.tidy(() => {
        const inputIds = tf.tensor2d(
          Int32Array.from({ length: 22 }, (_, i) => i),
          [2, 11],
          "int32",
        );
        const attentionMask = tf.tensor2d(
          Int32Array.from({ length: 22 }, (_, i) => (i < 17 ? 1 : 0)),
          [2, 11],
        );
        return model.forward({ inputIds, attentionMask }).lastHiddenState.dataSync() as Float32Array;
      }),
    );
  const fused = predict();
  const kernel = tf.getKernel("EncoderLayer", "wasm");
  tf.unregisterKernel("EncoderLayer", "wasm");
  try {
    expect(predict()).toEqual(fused);
  } finally {
    tf.registerKernel(kernel);
  }
  for (const model of models) model.dispose();
  tf.removeBackend("wasm");
});

test("the heap is as large after many models as after one", async () => {
  await createWasmBackend();
  await tf.setBackend("wasm");
  const { wasm } = tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } };
  const heap: number[] = [];
  for (let round = 0; round < 4; round++) {
    const sizes = { hiddenSize: 192, numAttentionHeads: 3, intermediateSize: 768 };
    const config = { ...kcbertBase, ...sizes, vocabSize: 50, numHiddenLayers: 1 };
    const floats = BertModel.init(config, { seed: 1, pooler: false });
    const models = [floats, await quantize(floats, "int8"), await quantize(floats, "int4")];
    for (const model of models) {
      const inputIds = tf.zeros([1, 30], "int32") as tf.Tensor2D;
      tf.dispose([inputIds, model.forward({ inputIds }).lastHiddenState]);
    }
    for (const model of models) model.dispose();
    heap.push(wasm.HEAPU8.byteLength);
  }
  expect(new Set(heap).size).toBe(1);
  tf.removeBackend("wasm");
});

test.each([
  ["int8", 1.15],
  ["int4", 0.65],
] as const)(
  "an encoder in %s takes %f bytes a parameter of the heap, and gives them back",
  async (kind, most) => {
    await createWasmBackend();
    await tf.setBackend("wasm");
    const config = { ...kcbertBase, vocabSize: 50, numHiddenLayers: 2 };
    const floats = BertModel.init(config, { seed: 1, pooler: false });
    const before = tf.memory().numBytes;
    const small = await quantize(floats, kind);
    const parameters = [...small.parameters, ...small.matrices]
      .filter(([key]) => key.startsWith("encoder"))
      .reduce((sum, [, { shape }]) => sum + tf.util.sizeFromShape([...shape]), 0);
    expect(parameters).toBe(2 * 7_087_872);
    expect((tf.memory().numBytes - before) / parameters).toBeLessThanOrEqual(most);
    small.dispose();
    expect(tf.memory().numBytes).toBe(before);
    floats.dispose();
    tf.removeBackend("wasm");
  },
);

test("both builds quantise alike, bit for bit", async () => {
  const found: Float32Array[][] = [];
  for (const build of BUILDS) {
    await createWasmBackend({ kernels: binary(build) });
    await tf.setBackend("wasm");
    found.push(
      ([8, 4] as const).map((bits) => {
        const weights = Float32Array.from(numbers("w", [37, 768]));
        const quantization = bits === 8 ? { bits } : { bits, groupSize: 32 as const };
        const matrix = QuantizedMatrix.quantize(weights, [37, 768], quantization);
        const run = () =>
          tf.tidy(() => {
            const x = tf.tensor2d(Float32Array.from(numbers("x", [11, 768])), [11, 768]);
            return matrix.linear(x, tf.zeros([37])).dataSync() as Float32Array;
          });
        const said = run();
        expect(run()).toEqual(said); // and from run to run
        matrix.dispose();
        return said;
      }),
    );
    tf.removeBackend("wasm");
  }
  expect(found[0]![0]).toEqual(found[1]![0]); // 8 bits: integers all the way
  for (const [i, value] of found[0]![1]!.entries()) {
    expect(Math.abs(value - found[1]![1]![i]!)).toBeLessThan(1e-4); // 4 bits: groups are added as float32
  }
});

// --- internal ---

/** Repeatable values in [-2, 2). */
function numbers(name: string, shape: readonly number[]): number[] {
  return Array.from(uniform(1, 0, name, tf.util.sizeFromShape([...shape])), (x) => 4 * x - 2);
}

interface Found {
  shape: number[];
  values: number[];
}

/** What `f` computes on a backend; no tensor and no memory is left behind. */
async function on(backend: string, f: () => tf.Tensor[]): Promise<Found[]> {
  await tf.setBackend(backend);
  const { numTensors, numBytes } = tf.memory();
  const found = tf.engine().tidy(() => {
    const outputs = f();
    return outputs.map((output) => ({ shape: output.shape, values: [...output.dataSync()] })) as never;
  }) as Found[];
  expect(tf.memory()).toMatchObject({ numTensors, numBytes });
  return found;
}

/** An op's value and its gradients on wasm against those on cpu. */
async function compare(
  op: (...inputs: tf.Tensor[]) => tf.Tensor,
  ...shapes: readonly (readonly number[])[]
): Promise<void> {
  const run = () => {
    const inputs = shapes.map((shape, i) => tf.tensor(numbers(`input ${i}`, shape), [...shape]));
    const y = op(...inputs);
    const weights = tf.tensor(numbers("weights", y.shape), y.shape);
    const weighed = (...inputs: tf.Tensor[]) => tf.sum(tf.mul(op(...inputs), weights));
    return [y, ...tf.grads(weighed)(inputs)];
  };
  const [ours, theirs] = [await on("wasm", run), await on("cpu", run)];
  for (const [i, { shape, values }] of ours.entries()) {
    expect(shape).toEqual(theirs[i]!.shape);
    const most = theirs[i]!.values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    for (const [j, value] of values.entries()) {
      const difference = Math.abs(value - theirs[i]!.values[j]!);
      if (!(difference <= 2e-5 * most)) {
        expect.fail(`output ${i}, element ${j}: ${value} and ${theirs[i]!.values[j]} (${shapes.join("; ")})`);
      }
    }
  }
}

/** How activations are rounded: each row of x, 32 columns at a time, to multiples of a scale. */
interface Rounded {
  values: Float64Array;
  /** Of each value. */
  scales: Float64Array;
}

/**
 * As `assembly/quantize.ts` has it, in the same float32 steps. With 8-bit weights, 16 activations that are summed together
 * are no longer than 32,760 divided by the length of the longest 16 weights that are, less 2.1.
 */
function roundedRows(
  bits: 8 | 4,
  x: Float32Array,
  integers: (row: number, column: number) => number,
  [m, rows, columns]: readonly [number, number, number],
): Rounded {
  const f = Math.fround;
  const groups = Math.ceil(columns / 32);
  const shares = (group: number, share: number): number[] =>
    Array.from({ length: 32 }, (_, k) => 32 * group + k).filter((k) => k < columns && (k >> 1) % 2 === share);
  let longest = 1;
  for (let row = 0; row < rows; row++) {
    for (let share = 0; share < 2 * groups; share++) {
      const square = shares(share >> 1, share % 2).reduce((sum, k) => sum + integers(row, k) ** 2, 0);
      longest = Math.max(longest, square);
    }
  }
  const most = bits === 8 ? f(f(32760 / f(Math.sqrt(longest))) - f(2.1)) : Number.POSITIVE_INFINITY;
  const rounded = { values: new Float64Array(m * columns), scales: new Float64Array(m * columns) };
  const steps = Math.floor(32767 / groups);
  for (let i = 0; i < m; i++) {
    const at = (k: number): number => (k < columns ? x[i * columns + k]! : 0);
    const scales = Array.from({ length: groups }, (_, group) => {
      const squares = [0, 0, 0, 0];
      let largest = 0;
      for (let k = 0; k < 32; k++) {
        const value = at(32 * group + k);
        squares[k % 4] = f(squares[k % 4]! + f(value * value));
        largest = Math.max(largest, Math.abs(value));
      }
      const square = Math.max(f(squares[0]! + squares[1]!), f(squares[2]! + squares[3]!));
      const length = Math.min(f(Math.sqrt(square)), f(4 * largest));
      return Math.max(f(largest / 127), f(length / most));
    });
    const unit = f(Math.max(...scales) / steps);
    for (let k = 0; k < columns; k++) {
      const scale = scales[k >> 5]!;
      const multiple = Math.min(Math.max(Math.ceil(f(scale / unit)), 1), steps);
      const by = unit === 0 ? 0 : f(1 / f(multiple * unit));
      rounded.scales[i * columns + k] = multiple * unit;
      rounded.values[i * columns + k] = roundToEven(f(at(k) * by)) * multiple * unit;
    }
  }
  return rounded;
}

/** `x·Wᵀ + 1` in float64. */
function exactLinear(
  x: ArrayLike<number>,
  w: Float32Array,
  [m, rows, columns]: readonly [number, number, number],
): number[] {
  const y: number[] = [];
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < rows; j++) {
      let sum = 1;
      for (let k = 0; k < columns; k++) sum += x[i * columns + k]! * w[j * columns + k]!;
      y.push(sum);
    }
  }
  return y;
}

function roundToEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}
