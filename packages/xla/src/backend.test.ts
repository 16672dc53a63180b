import {
  BertForMaskedLM,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  kcbertBase,
  randomBits,
} from "@kcbert/bert";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
// @boundaries-ignore tests may share fixtures
import { cpuPluginPath } from "../../../tests/xla/cpu_plugin.ts";
import { jit } from "./jit/jit.ts";
import { LOWERINGS } from "./kernels/all.ts";
import { PjrtClient } from "./pjrt/client.ts";
import { PjrtPlugin } from "./pjrt/plugin.ts";
import { registerXlaBackendOn } from "./register.ts";

const path = cpuPluginPath();

/** Repeatable numbers in [-2, 2). */
function numbers(shape: number[], seed = 1): tf.Tensor {
  const words = randomBits(seed, 0, "values", tf.util.sizeFromShape(shape));
  return tf.tensor(
    Float32Array.from(words, (word) => word / 2 ** 30 - 2),
    shape,
  );
}

const whole = (shape: number[], limit: number, seed = 1): tf.Tensor =>
  tf.tensor(
    Int32Array.from(randomBits(seed, 1, "whole", tf.util.sizeFromShape(shape)), (word) => word % limit),
    shape,
    "int32",
  );

const fromMinus = (lowest: number, x: tf.Tensor): tf.Tensor => tf.sub(x, tf.scalar(lowest, "int32"));

const positive = (shape: number[]): tf.Tensor => tf.add(tf.abs(numbers(shape)), 0.5);

/** An op of each kernel, with inputs made on the backend that runs it. */
const OPS: Readonly<Record<string, () => tf.Tensor | tf.Tensor[]>> = {
  Add: () => tf.add(numbers([2, 3]), numbers([3], 2)),
  "Add of int32": () => tf.add(whole([4], 9), whole([4], 9, 2)),
  Sub: () => tf.sub(numbers([2, 1, 3]), numbers([4, 1], 2)),
  Multiply: () => tf.mul(numbers([2, 3]), 3),
  RealDiv: () => tf.div(numbers([2, 3]), positive([2, 3])),
  FloorDiv: () => tf.floorDiv(fromMinus(20, whole([20], 40)), tf.scalar(7, "int32")),
  "FloorDiv of float32": () => tf.floorDiv(numbers([20]), 0.3),
  Mod: () => tf.mod(numbers([20]), 0.7),
  "Mod of int32": () => tf.mod(fromMinus(20, whole([20], 40)), tf.scalar(-7, "int32")),
  Pow: () => tf.pow(positive([2, 3]), 2.5),
  Maximum: () => tf.maximum(numbers([4]), numbers([4], 2)),
  Minimum: () => tf.minimum(whole([4], 9), whole([4], 9, 2)),
  SquaredDifference: () => tf.squaredDifference(numbers([4]), 1),
  Atan2: () => tf.atan2(numbers([4]), numbers([4], 2)),
  AddN: () => tf.addN([numbers([4]), numbers([4], 2), numbers([4], 3)]),
  Equal: () => tf.equal(whole([9], 3), whole([9], 3, 2)),
  NotEqual: () => tf.notEqual(whole([9], 3), 1),
  Less: () => tf.less(numbers([9]), 0.5),
  LessEqual: () => tf.lessEqual(whole([9], 3), 1),
  Greater: () => tf.greater(numbers([9]), numbers([9], 2)),
  GreaterEqual: () => tf.greaterEqual(whole([9], 3), 1),
  LogicalAnd: () => tf.logicalAnd(tf.less(numbers([9]), 0.5), tf.greater(numbers([9]), -0.5)),
  LogicalOr: () => tf.logicalOr(tf.less(numbers([9]), -0.5), tf.greater(numbers([9]), 0.5)),
  LogicalNot: () => tf.logicalNot(tf.less(numbers([9]), -0.5)),
  Select: () => tf.where(tf.less(numbers([3, 4]), 0), numbers([3, 4], 2), tf.zeros([3, 4])),
  Identity: () => tf.clone(numbers([3])),
  "Cast to int32": () => tf.cast(numbers([9]), "int32"),
  "Cast to bool": () => tf.cast(whole([9], 3), "bool"),
  "Cast to float32": () => tf.cast(tf.less(numbers([9]), 0), "float32"),
  Abs: () => tf.abs(numbers([9])),
  Neg: () => tf.neg(whole([9], 9)),
  Sign: () => tf.sign(numbers([9])),
  Square: () => tf.square(numbers([9])),
  Floor: () => tf.floor(numbers([9])),
  Ceil: () => tf.ceil(numbers([9])),
  Round: () => tf.round(tf.tensor1d([0.5, 1.5, 2.5, -0.5, 1.2])),
  Exp: () => tf.exp(numbers([9])),
  Expm1: () => tf.expm1(numbers([9])),
  Log: () => tf.log(positive([9])),
  Log1p: () => tf.log1p(positive([9])),
  Sqrt: () => tf.sqrt(positive([9])),
  Rsqrt: () => tf.rsqrt(positive([9])),
  Reciprocal: () => tf.reciprocal(positive([9])),
  Sin: () => tf.sin(numbers([9])),
  Cos: () => tf.cos(numbers([9])),
  Tan: () => tf.tan(tf.mul(numbers([9]), 0.5)),
  Tanh: () => tf.tanh(numbers([9])),
  Erf: () => tf.erf(numbers([99])),
  Sigmoid: () => tf.sigmoid(numbers([9])),
  Softplus: () => tf.softplus(tf.mul(numbers([9]), 20)),
  Relu: () => tf.relu(numbers([9])),
  Relu6: () => tf.relu6(tf.mul(numbers([9]), 6)),
  LeakyRelu: () => tf.leakyRelu(numbers([9]), 0.3),
  Elu: () => tf.elu(numbers([9])),
  Step: () => tf.step(numbers([9]), 0.25),
  ClipByValue: () => tf.clipByValue(numbers([9]), -0.5, 1),
  IsNan: () => tf.isNaN(tf.tensor1d([1, NaN, Infinity])),
  IsInf: () => tf.isInf(tf.tensor1d([1, NaN, -Infinity])),
  IsFinite: () => tf.isFinite(tf.tensor1d([1, NaN, Infinity])),
  ZerosLike: () => tf.zerosLike(numbers([2, 2])),
  OnesLike: () => tf.onesLike(whole([2, 2], 9)),
  Sum: () => tf.sum(numbers([2, 3, 4]), [0, -1]),
  "Sum of all": () => tf.sum(numbers([2, 3, 4])),
  "Sum of bool": () => tf.sum(tf.less(numbers([9]), 0)),
  Prod: () => tf.prod(numbers([2, 3]), 1, true),
  Max: () => tf.max(numbers([2, 3]), -1, true),
  Min: () => tf.min(whole([2, 9], 99), 1),
  All: () => tf.all(tf.less(numbers([3, 3]), 1), 1),
  Any: () => tf.any(tf.less(numbers([3, 3]), -1), 1),
  Mean: () => tf.mean(numbers([2, 3, 4]), [1], true),
  ArgMax: () => tf.argMax(whole([5, 9], 4), 1),
  ArgMin: () => tf.argMin(whole([5, 9], 4), 0),
  Cumsum: () => tf.cumsum(numbers([3, 4]), 1),
  "Cumsum, exclusive and reversed": () => tf.cumsum(numbers([3, 4]), 0, true, true),
  Softmax: () => tf.softmax(tf.mul(numbers([3, 4, 5]), 30)),
  LogSoftmax: () => tf.logSoftmax(tf.mul(numbers([3, 4, 5]), 30)),
  Fill: () => {
    const shape = [2, 3];
    return tf.engine().runKernel("Fill", {}, { shape, value: 7, dtype: "int32" });
  },
  Range: () => tf.range(3, 17, 4, "int32"),
  "Range of float32": () => tf.range(1, 0, -0.25),
  OneHot: () => tf.oneHot(whole([3, 2], 5) as tf.Tensor2D, 5, 2, -1),
  Reshape: () => tf.reshape(numbers([2, 6]), [3, -1]),
  ExpandDims: () => tf.expandDims(numbers([2, 6]), -1),
  "a reshaped tensor computes in its own shape": () =>
    tf.add(tf.reshape(numbers([2, 6]), [6, 2]), numbers([6, 2], 2)),
  Transpose: () => tf.transpose(numbers([2, 3, 4, 5]), [0, 2, 1, 3]),
  Reverse: () => tf.reverse(numbers([2, 3]), 1),
  Slice: () => tf.slice(numbers([4, 5]), [1, 2], [2, -1]),
  StridedSlice: () => tf.stridedSlice(numbers([6, 5]), [5, 0], [0, 5], [-2, 2]),
  Concat: () => tf.concat([numbers([2, 3]), numbers([2, 1], 2)], -1),
  Pack: () => tf.stack([numbers([2, 3]), numbers([2, 3], 2)], 1),
  Unpack: () => tf.unstack(numbers([2, 3]), 1),
  SplitV: () => tf.split(numbers([6, 2]), [1, 3, 2]),
  PadV2: () =>
    tf.pad(
      numbers([2, 3]),
      [
        [1, 0],
        [0, 2],
      ],
      9,
    ),
  Tile: () => tf.tile(numbers([2, 3]), [2, 3]),
  "Tile by broadcasting": () => tf.broadcastTo(numbers([1, 3]), [4, 3]),
  BatchMatMul: () => tf.matMul(numbers([3, 4, 5]), numbers([3, 5, 2], 2)),
  "BatchMatMul, transposed": () => tf.matMul(numbers([3, 5, 4]), numbers([3, 2, 5], 2), true, true),
  "BatchMatMul, broadcast": () => tf.matMul(numbers([2, 3, 4, 5]), numbers([1, 3, 6, 5], 2), false, true),
  _FusedMatMul: () =>
    tf.fused.matMul({
      a: numbers([3, 4]) as tf.Tensor2D,
      b: numbers([4, 2], 2) as tf.Tensor2D,
      bias: numbers([2], 3),
      activation: "relu",
    }),
  GatherV2: () => tf.gather(numbers([5, 3]), whole([2, 4], 5) as tf.Tensor2D),
  "GatherV2 along the last axis": () => tf.gather(numbers([5, 3]), whole([4], 3) as tf.Tensor1D, 1),
  UnsortedSegmentSum: () =>
    tf.unsortedSegmentSum(numbers([9, 2]), fromMinus(1, whole([9], 4)) as tf.Tensor1D, 3),
  "UnsortedSegmentSum into many rows": () =>
    tf.unsortedSegmentSum(numbers([9, 2]), fromMinus(1, whole([9], 1500)) as tf.Tensor1D, 1500),
};

type Four = [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];

describe.skipIf(path === undefined)("the backend xla", () => {
  let client: PjrtClient;

  beforeAll(async () => {
    client = PjrtClient.create(await PjrtPlugin.load(path!));
    registerXlaBackendOn(client);
  });

  afterAll(() => {
    tf.removeBackend("xla");
    client.dispose();
  });

  test.each(Object.entries(OPS))("%s", async (_, op) => {
    const run = async (backend: string) => {
      await tf.setBackend(backend);
      const before = tf.memory().numTensors;
      const results = tf.tidy(() => [op()].flat());
      const read = await Promise.all(
        results.map(async (x) => ({
          dtype: x.dtype,
          shape: x.shape,
          data: Array.from(await x.data(), Number),
        })),
      );
      const sync = results.map((x) => Array.from(x.dataSync(), Number));
      tf.dispose(results);
      expect(tf.memory().numTensors).toBe(before);
      return { read, sync };
    };
    const expected = await run("cpu");
    const actual = await run("xla");
    expect(actual.sync).toEqual(actual.read.map(({ data }) => data));
    expect(actual.read.map(({ dtype, shape }) => [dtype, shape])).toEqual(
      expected.read.map(({ dtype, shape }) => [dtype, shape]),
    );
    for (const [i, { data }] of expected.read.entries()) {
      for (const [j, value] of data.entries()) {
        const near = Math.abs(actual.read[i]!.data[j]! - value) <= 2e-5 * (1 + Math.abs(value));
        expect(
          near || Object.is(actual.read[i]!.data[j], value),
          `${j}: ${actual.read[i]!.data[j]} and ${value}`,
        ).toBe(true);
      }
    }
  });

  test("CounterDropout draws the bits of randomBits()", async () => {
    await tf.setBackend("xla");
    for (const [seed, step, size] of [
      [1, 0, 7],
      [2 ** 53 - 1, 2 ** 32 - 1, 1000],
      [5, 77, 1],
    ] as const) {
      const x = tf.ones([size]);
      const at = tf.scalar(step | 0, "int32");
      const dropped = tf
        .engine()
        .runKernel("CounterDropout", { x, step: at }, { rate: 0.3, seed, stream: 9 }) as tf.Tensor;
      const words = randomBits(seed, step, 9, size);
      const expected = Array.from(words, (word) =>
        (word >>> 8) * 2 ** -24 < 0.3 ? 0 : Math.fround(1 / 0.7),
      );
      expect([...dropped.dataSync()].map((y) => Math.round(y * 1e6))).toEqual(
        expected.map((y) => Math.round(y * 1e6)),
      );
    }
  });

  test("has every kernel that BERT's heads use in training", async () => {
    await tf.setBackend("cpu");
    const config = {
      ...kcbertBase,
      hiddenSize: 8,
      numHiddenLayers: 1,
      numAttentionHeads: 2,
      intermediateSize: 16,
      vocabSize: 20,
      numLabels: 3,
    };
    const ids = tf.tensor2d(
      [
        [2, 8, 3],
        [2, 9, 3],
      ],
      [2, 3],
      "int32",
    );
    const inputs = {
      inputIds: ids,
      attentionMask: tf.onesLike(ids),
      tokenTypeIds: tf.zerosLike(ids),
      positionIds: tf.zerosLike(ids),
    };
    const models = {
      words: BertForMaskedLM.init(config, { seed: 1 }),
      texts: BertForSequenceClassification.init(config, { seed: 1 }),
      scores: BertForSequenceClassification.init({ ...config, numLabels: 1 }, { seed: 1 }),
      tokens: BertForTokenClassification.init(config, { seed: 1 }),
      answers: BertForQuestionAnswering.init(config, { seed: 1 }),
    };
    const losses = [
      () =>
        models.words.loss(inputs, tf.tensor1d([5, -100], "int32"), {
          maskedPositions: tf.tensor1d([1, 4], "int32"),
        }),
      () => models.texts.loss(inputs, tf.tensor1d([1, 2], "int32")),
      () => models.texts.loss(inputs, tf.zeros([2, 3])),
      () => models.scores.loss(inputs, tf.zeros([2, 1])),
      () => models.tokens.loss(inputs, tf.zeros([2, 3], "int32")),
      () => models.answers.loss(inputs, tf.tensor1d([0, 1], "int32"), tf.tensor1d([1, 2], "int32")),
    ];
    for (const loss of losses) {
      const { kernelNames } = await tf.profile(() => tf.variableGrads(() => loss() as tf.Scalar).value);
      expect(kernelNames.filter((name) => name !== "unnamed scope" && !(name in LOWERINGS))).toEqual([]);
    }
    tf.disposeVariables();
  });

  test.each(["fp32", "bf16"] as const)(
    "losses and gradients in %s are those of the backend cpu",
    async (precision) => {
      const config = {
        ...kcbertBase,
        vocabSize: 20,
        hiddenSize: 16,
        numHiddenLayers: 2,
        numAttentionHeads: 2,
      };
      const run = async (backend: string) => {
        await tf.setBackend(backend);
        const drop = { hiddenDropoutProb: 0.2, attentionProbsDropoutProb: 0.2, initializerRange: 0.3 };
        const model = BertForMaskedLM.init({ ...config, ...drop, intermediateSize: 32 }, { seed: 1 });
        const variables = [...model.parameters.values()];
        const take = (ids: tf.Tensor, mask: tf.Tensor, labels: tf.Tensor, step: tf.Tensor) => {
          const inputs = { inputIds: ids as tf.Tensor2D, attentionMask: mask };
          const loss = () => model.loss(inputs, labels, { dropout: { seed: 1, step: step as tf.Scalar } });
          const { value, grads } = tf.variableGrads(loss, variables);
          return [value, ...variables.flatMap(({ name }) => (name in grads ? [grads[name]!] : []))];
        };
        const fn =
          backend === "xla" ? jit((...x) => take(...(x as Four)), { precision }) : (...x: Four) => take(...x);
        const ids = whole([2, 5], 20);
        const mask = tf.tensor2d([1, 1, 1, 0, 0, 1, 1, 1, 1, 1], [2, 5], "int32");
        const labels = tf.tensor2d([5, -100, 7, -100, -100, 1, 2, 3, -100, 19], [2, 5], "int32");
        const results = fn(ids, mask, labels, tf.scalar(3, "int32"));
        const read = await Promise.all(results.map(async (x) => [...(await x.data())]));
        model.dispose();
        return read;
      };
      const expected = await run("cpu");
      const actual = await run("xla");
      const near = precision === "fp32" ? 1e-4 : 0.08; // bfloat16 has eight bits
      for (const [i, numbers] of expected.entries()) {
        const size = Math.max(...numbers.map(Math.abs));
        for (const [j, x] of numbers.entries())
          expect(Math.abs(actual[i]![j]! - x)).toBeLessThan(near * (size + 0.1));
      }
    },
  );

  test("refuses what it cannot compute, and says so", async () => {
    await tf.setBackend("xla");
    const words = tf.tensor1d(["가", "나"]);
    expect(() => tf.stack([words, words])).toThrow("Cannot bring a tensor of string to a device");
    expect(words.dataSync()).toEqual(["가", "나"]);
  });
});
