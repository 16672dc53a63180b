import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createWasmBackend } from "@kcbert/kernels";
import type { BertConfig } from "./config.ts";
import { BertForMaskedLM, BertForSequenceClassification } from "./heads.ts";
import { BertModel } from "./modeling_bert.ts";
import { kcbertBase } from "./config.ts";

/** A BERT small enough to run anywhere. */
const config: BertConfig = {
  ...kcbertBase,
  vocabSize: 50,
  hiddenSize: 16,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  intermediateSize: 32,
  maxPositionEmbeddings: 12,
  initializerRange: 0.5,
};

const ids = (values: number[][]) => tf.tensor2d(values, [values.length, values[0]!.length], "int32");

/** The largest difference of two results. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

beforeAll(() => createWasmBackend());
afterAll(() => tf.removeBackend("wasm"));

describe.each(["cpu", "wasm"])("on %s", (backend) => {
  let model: BertForMaskedLM;
  beforeAll(async () => {
    await tf.setBackend(backend);
    model = BertForMaskedLM.init(config, { seed: 7 });
  });
  beforeEach(() => tf.setBackend(backend));
  afterAll(() => model.dispose());

  /** What the model says, with nothing left behind. */
  function logits(...args: Parameters<BertForMaskedLM["forward"]>): Float32Array {
    const result = model.forward(...args).logits;
    const values = result.dataSync() as Float32Array;
    result.dispose();
    return values;
  }

  test("padding that the mask hides changes nothing", () => {
    tf.tidy(() => {
      const short = logits({ inputIds: ids([[2, 7, 8, 3]]), attentionMask: ids([[1, 1, 1, 1]]) });
      const padded = logits({
        inputIds: ids([[2, 7, 8, 3, 0, 9]]),
        attentionMask: ids([[1, 1, 1, 1, 0, 0]]),
      });
      expect(difference(short, padded.subarray(0, 4 * 50))).toBeLessThan(1e-5);
      const seen = logits({ inputIds: ids([[2, 7, 8, 3, 0, 9]]) });
      expect(difference(short, seen.subarray(0, 4 * 50))).toBeGreaterThan(1e-2);
    });
  });

  test("a block mask and positions that restart give what separate rows give", () => {
    tf.tidy(() => {
      const first = logits({ inputIds: ids([[2, 7, 3]]) });
      const second = logits({ inputIds: ids([[2, 9, 10, 3]]) });
      const line = [0, 0, 0, 1, 1, 1, 1];
      const packed = logits({
        inputIds: ids([[2, 7, 3, 2, 9, 10, 3]]),
        positionIds: ids([[0, 1, 2, 0, 1, 2, 3]]),
        attentionMask: tf.tensor3d(
          [line.map((from) => line.map((to) => (from === to ? 1 : 0)))],
          [1, 7, 7],
          "int32",
        ),
      });
      expect(difference(packed, [...first, ...second])).toBeLessThan(1e-5);
    });
  });

  test("explicit positions and types are the defaults when they say the same", () => {
    tf.tidy(() => {
      const inputIds = ids([
        [2, 7, 3],
        [2, 8, 3],
      ]);
      const same = {
        positionIds: ids([
          [0, 1, 2],
          [0, 1, 2],
        ]),
        tokenTypeIds: ids([
          [0, 0, 0],
          [0, 0, 0],
        ]),
      };
      expect(difference(logits({ inputIds }), logits({ inputIds, ...same }))).toBeLessThan(1e-6);
      const other = {
        tokenTypeIds: ids([
          [0, 0, 1],
          [0, 0, 0],
        ]),
      };
      expect(difference(logits({ inputIds }), logits({ inputIds, ...other }))).toBeGreaterThan(1e-2);
    });
  });

  test("maskedPositions picks rows of the full answer", () => {
    tf.tidy(() => {
      const inputIds = ids([
        [2, 7, 3],
        [2, 8, 3],
      ]);
      const all = logits({ inputIds });
      const picked = logits({ inputIds }, { maskedPositions: tf.tensor1d([4, 1, 4], "int32") });
      const expected = [4, 1, 4].flatMap((row) => [...all.subarray(row * 50, (row + 1) * 50)]);
      expect(difference(picked, expected)).toBeLessThan(1e-5);
    });
  });

  test("the loss at masked positions is the loss of labels elsewhere ignored, and so is its gradient", () => {
    tf.tidy(() => {
      const inputIds = ids([
        [2, 7, 3],
        [2, 8, 3],
      ]);
      const variables = [...model.parameters.values()];
      const whole = tf.variableGrads(
        () =>
          model.loss(
            { inputIds },
            ids([
              [-100, 9, -100],
              [-100, 10, -100],
            ]),
          ),
        variables,
      );
      const picked = tf.variableGrads(() => {
        // A batch of fixed size is filled up with labels that count for nothing.
        const maskedPositions = tf.tensor1d([1, 4, 0], "int32");
        return model.loss({ inputIds }, tf.tensor1d([9, 10, -100], "int32"), { maskedPositions });
      }, variables);
      expect(difference(whole.value.dataSync(), picked.value.dataSync())).toBeLessThan(1e-5);
      for (const { name } of variables) {
        expect(difference(whole.grads[name]!.dataSync(), picked.grads[name]!.dataSync())).toBeLessThan(1e-5);
      }
    });
  });

  test("dropout depends on seed and step alone, and is in the gradient", () => {
    tf.tidy(() => {
      const inputIds = ids([
        [2, 7, 3],
        [2, 8, 3],
      ]);
      const run = (seed: number, step: number) => logits({ inputIds }, { dropout: { seed, step } });
      expect(run(1, 2)).toEqual(run(1, 2));
      for (const other of [run(1, 3), run(2, 2), logits({ inputIds })]) {
        expect(difference(run(1, 2), other)).toBeGreaterThan(1e-2);
      }
      const query = model.parameters.get("bert.encoder.layer.0.attention.self.query.weight")!;
      const gradient = (step: number) =>
        tf
          .variableGrads(
            () =>
              model.loss(
                { inputIds },
                ids([
                  [9, 9, 9],
                  [8, 8, 8],
                ]),
                { dropout: { seed: 1, step } },
              ),
            [query],
          )
          .grads[query.name]!.dataSync();
      expect(gradient(1)).toEqual(gradient(1));
      expect(difference(gradient(1), gradient(2))).toBeGreaterThan(1e-4);
    });
  });

  test("no tensor is left behind", () => {
    const inputIds = ids([[2, 7, 3]]);
    const labels = ids([[-100, 9, -100]]);
    const before = tf.memory().numTensors;
    const outputs = model.forward(
      { inputIds, attentionMask: inputIds },
      { outputHiddenStates: true, outputAttentions: true },
    );
    expect(tf.memory().numTensors).toBe(before + 1 + 3 + 2); // logits, embeddings and two layers, two attentions
    tf.dispose(outputs as unknown as tf.TensorContainer);
    expect(tf.memory().numTensors).toBe(before);
    model.loss({ inputIds }, labels, { dropout: { seed: 1, step: 1 } }).dispose();
    expect(tf.memory().numTensors).toBe(before);
    const { value, grads } = tf.variableGrads(
      () => model.loss({ inputIds }, labels),
      [...model.parameters.values()],
    );
    tf.dispose([value, grads]);
    expect(tf.memory().numTensors).toBe(before);
    BertForSequenceClassification.init(config, { seed: 1 }).dispose();
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([inputIds, labels]);
  });

  test("inputs that do not fit are refused, with both sides named", () => {
    tf.tidy(() => {
      const run =
        (inputs: object, options = {}) =>
        () =>
          model.forward({ inputIds: ids([[2, 3]]), ...inputs }, options);
      expect(run({ inputIds: tf.tensor2d([[2.5]]) })).toThrow(
        new TypeError(
          "Cannot run the model as inputIds must be int32 [batch, tokens], both at least 1: it is float32 [1, 1]",
        ),
      );
      expect(run({ inputIds: tf.zeros([1, 13], "int32") })).toThrow(
        new RangeError("Cannot run the model as it has 12 positions: inputIds has 13 tokens in a row"),
      );
      expect(run({ inputIds: ids([[2, 50]]) })).toThrow(
        new RangeError("Cannot run the model as it has 50 tokens in the vocabulary: inputIds holds 50"),
      );
      expect(run({ tokenTypeIds: ids([[0, 2]]) })).toThrow(
        new RangeError("Cannot run the model as it has 2 token types: tokenTypeIds holds 2"),
      );
      expect(run({ positionIds: ids([[0, -1]]) })).toThrow(
        new RangeError("Cannot run the model as it has 12 positions: positionIds holds -1"),
      );
      expect(run({ tokenTypeIds: ids([[0]]) })).toThrow(
        new TypeError("Cannot run the model as tokenTypeIds must be int32 [1, 2]: it is int32 [1, 1]"),
      );
      expect(run({ attentionMask: tf.ones([1, 3]) })).toThrow(
        new TypeError(
          "Cannot run the model as attentionMask must be [1, 2] or [1, 2, 2] beside inputIds: it is [1, 3]",
        ),
      );
      expect(run({}, { maskedPositions: tf.tensor1d([2], "int32") })).toThrow(
        new RangeError("Cannot run the model as it has 2 positions in the batch: maskedPositions holds 2"),
      );
      expect(() => model.loss({ inputIds: ids([[2, 3]]) }, ids([[50, 1]]))).toThrow(
        new RangeError(
          "Cannot compute the loss as labels must be in [0, 50), or -100 to be ignored: it holds 50",
        ),
      );
      expect(() => model.loss({ inputIds: ids([[2, 3]]) }, ids([[1]]))).toThrow(
        new TypeError("Cannot compute the loss as labels must be int32 [1, 2]: it is int32 [1, 1]"),
      );
    });
  });
});

describe("init()", () => {
  beforeAll(() => tf.setBackend("cpu"));

  test("draws matrices from the cut normal, and leaves gains 1, biases and the padding row 0", () => {
    const model = BertModel.init(config, { seed: 3 });
    for (const [key, parameter] of model.parameters) {
      const values = parameter.dataSync();
      if (key.endsWith("LayerNorm.weight")) expect(new Set(values)).toEqual(new Set([1]));
      else if (key.endsWith(".bias")) expect(new Set(values)).toEqual(new Set([0]));
      else expect(values.every((x) => Math.abs(x) <= 1) && values.some((x) => Math.abs(x) > 0.5)).toBe(true);
    }
    const words = model.parameters.get("embeddings.word_embeddings.weight")!.dataSync();
    expect(words.subarray(0, 16).every((x) => x === 0)).toBe(true);
    expect(words.subarray(16, 32).every((x) => x !== 0)).toBe(true);
    model.dispose();
  });

  test("repeats itself, and gives every head the same encoder", () => {
    const models = [
      BertForMaskedLM.init(config, { seed: 3 }),
      BertForMaskedLM.init(config, { seed: 3 }),
      BertForSequenceClassification.init(config, { seed: 3 }),
    ];
    const other = BertForMaskedLM.init(config, { seed: 4 });
    const key = "bert.encoder.layer.1.output.dense.weight";
    const [first, ...rest] = models.map((model) => model.parameters.get(key)!.dataSync());
    for (const values of rest) expect(values).toEqual(first);
    expect(other.parameters.get(key)!.dataSync()).not.toEqual(first);
    for (const model of [...models, other]) model.dispose();
  });

  test("counts the parameters of KcBERT", () => {
    const count = [...BertForMaskedLM.parameterShapes(kcbertBase)].reduce(
      (sum, [, shape]) => sum + tf.util.sizeFromShape([...shape]),
      0,
    );
    // With the pooler's 768·769, the 109,540,656 of `beomi/kcbert-base`, whose file has four bytes for each.
    expect(count + 768 * 769).toBe(109_540_656);
  });
});
