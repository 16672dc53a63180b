import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kcbertBase } from "./config.ts";
import { BertForMaskedLM, BertForQuestionAnswering, BertForSequenceClassification } from "./heads.ts";
import { BertModel } from "./modeling_bert.ts";
import { quantize } from "./quantize.ts";

const sizes = {
  hiddenSize: 32,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  intermediateSize: 72,
  vocabSize: 64,
};
const config = {
  ...kcbertBase,
  ...sizes,
  maxPositionEmbeddings: 20,
  numLabels: 3,
  hiddenAct: "gelu" as const,
};
const lengths = [3, 1, 20, 7];
const examples = lengths.map((length, i) => Array.from({ length }, (_, t) => (7 * i + 3 * t + 2) % 64));
const types = lengths.map((length) => Array.from({ length }, (_, t) => t % 2));

/** The examples one after another, and one alone. */
const packed = () => ({
  inputIds: tf.tensor2d([examples.flat()], undefined, "int32"),
  tokenTypeIds: tf.tensor2d([types.flat()], undefined, "int32"),
  lengths,
});
const alone = (i: number) => ({
  inputIds: tf.tensor2d([examples[i]!], undefined, "int32"),
  tokenTypeIds: tf.tensor2d([types[i]!], undefined, "int32"),
});

beforeAll(() => createWasmBackend());
afterAll(() => tf.removeBackend("wasm"));

describe.each([
  ["cpu", undefined, "gelu"],
  ["wasm", undefined, "gelu"],
  ["wasm", undefined, "relu"],
  ["cpu", "int8", "gelu"],
  ["wasm", "int8", "gelu"],
  ["wasm", "int4", "gelu"],
] as const)("examples in one row on %s, %s, %s", (backend, bits, hiddenAct) => {
  beforeAll(() => tf.setBackend(backend));

  function close(actual: tf.Tensor, expected: tf.Tensor): void {
    expect(actual.shape).toEqual(expected.shape);
    const [a, b] = [actual.dataSync(), expected.dataSync()];
    for (const [i, value] of b.entries()) expect(Math.abs(a[i]! - value)).toBeLessThan(1e-5);
  }
  const starts = lengths.map((_, i) => lengths.slice(0, i).reduce((a, b) => a + b, 0));

  test("a bare model says of each what it says of it alone", async () => {
    const made = BertModel.init({ ...config, hiddenAct }, { seed: 1 });
    const model = bits === undefined ? made : await quantize(made, bits);
    expect(model.packsRows).toBe(backend === "wasm");
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const { lastHiddenState, poolerOutput } = model.forward(packed());
      for (const [i, length] of lengths.entries()) {
        const one = model.forward(alone(i));
        close(tf.slice(lastHiddenState, [0, starts[i]!, 0], [1, length, -1]), one.lastHiddenState);
        close(tf.slice(poolerOutput!, [i, 0], [1, -1]), one.poolerOutput!);
      }
    });
    expect(tf.memory().numTensors).toBe(before);
    for (const each of new Set([made, model])) each.dispose();
  });

  test("so do the heads", async () => {
    const classifier = BertForSequenceClassification.init({ ...config, hiddenAct }, { seed: 1 });
    const reader = BertForQuestionAnswering.init({ ...config, hiddenAct }, { seed: 1 });
    const filler = BertForMaskedLM.init({ ...config, hiddenAct }, { seed: 1 });
    tf.tidy(() => {
      const { logits } = classifier.forward(packed());
      expect(logits.shape).toEqual([4, 3]);
      const { startLogits } = reader.forward(packed());
      const maskedPositions = tf.tensor1d([starts[2]! + 19, starts[3]! + 1], "int32");
      const filled = filler.forward(packed(), { maskedPositions }).logits;
      for (const [i, length] of lengths.entries()) {
        close(tf.slice(logits, [i, 0], [1, -1]), classifier.forward(alone(i)).logits);
        close(tf.slice(startLogits, [0, starts[i]!], [1, length]), reader.forward(alone(i)).startLogits);
      }
      for (const [row, i, place] of [
        [0, 2, 19],
        [1, 3, 1],
      ] as const) {
        const own = filler.forward(alone(i), { maskedPositions: tf.tensor1d([place], "int32") }).logits;
        close(tf.slice(filled, [row, 0], [1, -1]), own);
      }
    });
    for (const model of [classifier, reader, filler]) model.dispose();
  });
});

test("lengths that are none are refused", async () => {
  await tf.setBackend("cpu");
  const model = BertModel.init(config, { seed: 1 });
  const inputIds = tf.tensor2d([[1, 2, 3, 4]], undefined, "int32");
  const run = (lengths: number[], more: object = {}) => model.forward({ inputIds, lengths, ...more });
  expect(() => run([2, 3])).toThrow(
    new TypeError(
      "Cannot run the model as lengths must add up to the one row of inputIds: they add up to 5, inputIds is [1, 4]",
    ),
  );
  expect(() => run([])).toThrow(TypeError);
  expect(() => run([5, -1])).toThrow(
    /each of lengths must be a whole number from 1 to 20, its positions: one is -1/,
  );
  expect(() => run([1.5, 2.5])).toThrow(RangeError);
  expect(() => run([4], { positionIds: inputIds })).toThrow(/in place of attentionMask and positionIds/);
  expect(() => run([4], { attentionMask: inputIds })).toThrow(TypeError);
  const long = tf.ones([1, 21], "int32") as tf.Tensor2D;
  expect(() => model.forward({ inputIds: long, lengths: [21] })).toThrow(RangeError);
  const { lastHiddenState, poolerOutput } = model.forward({ inputIds: long, lengths: [20, 1] });
  tf.dispose([lastHiddenState, poolerOutput!]);
  tf.dispose([inputIds, long]);
  model.dispose();
});
