import { BertModel, kcbertBase } from "@kcbert/bert";
import { BertTokenizer } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bucketOf, type Row, type RowInputs, runRows } from "./_run_rows.ts";

const tokenizer = BertTokenizer.fromVocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]);
let model: BertModel;

beforeAll(async () => {
  await tf.setBackend("cpu");
  const sizes = {
    vocabSize: 5,
    hiddenSize: 2,
    numHiddenLayers: 1,
    numAttentionHeads: 1,
    intermediateSize: 2,
  };
  model = BertModel.init({ ...kcbertBase, ...sizes }, { seed: 1 });
});

afterAll(() => model.dispose());

const rowOf = (length: number, mark: number): Row => ({
  ids: Int32Array.from({ length }, (_, i) => (i === 0 ? mark : 1)),
  typeIds: new Int32Array(length).fill(1),
});

test("bucketOf() gives the step above, and no more than the model has", () => {
  expect([1, 16, 17, 64, 129, 300].map((length) => bucketOf(length, 300))).toEqual([
    16, 16, 32, 64, 300, 300,
  ]);
  expect([1, 20, 24].map((length) => bucketOf(length, 24))).toEqual([16, 24, 24]);
  expect([301, 512, 600].map((length) => bucketOf(length, 1024))).toEqual([512, 512, 1024]);
});

test("every row is run once, with its like, and its own part comes back under its index", async () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(lengths, fc.integer({ min: 1, max: 5 }), async (lengths, batchSize) => {
      const rows = lengths.map((length, i) => rowOf(length, i));
      const seen = new Map<number, number>();
      const before = tf.memory().numTensors;
      const forward = (inputs: RowInputs): tf.Tensor[] => {
        const { shape } = inputs.inputIds;
        const mask = inputs.attentionMask!;
        const real = tf.sum(mask, 1).dataSync();
        expect(shape[0]).toBeLessThanOrEqual(batchSize);
        expect(new Set(Array.from(real, (length) => bucketOf(length, 300))).size).toBe(1);
        expect(shape[1]).toBeGreaterThanOrEqual(Math.max(...real));
        expect(shape[1]).toBeLessThan(Math.max(...real) + 8);
        expect(tf.sum(inputs.tokenTypeIds!, 1).dataSync()).toEqual(real);
        return [tf.clone(inputs.inputIds), tf.sum(mask, 1)];
      };
      for await (const { index, values } of runRows(rows, { model, tokenizer }, { batchSize }, forward)) {
        expect(values[0]![0]).toBe(index);
        expect(values[1]!.length).toBe(1);
        seen.set(index, values[1]![0]!);
      }
      expect([...seen.keys()].toSorted((a, b) => a - b)).toEqual([...lengths.keys()]);
      for (const [index, length] of seen) expect(length).toBe(lengths[index]);
      expect(tf.memory().numTensors).toBe(before);
    }),
    { numRuns: 30 },
  );
});

test("where shapes are compiled, rows are as wide as their bucket", async () => {
  const registered = tf.findBackendFactory("cpu");
  tf.registerBackend("compiling", registered, 0);
  tf.copyRegisteredKernels("cpu", "compiling");
  await tf.setBackend("compiling");
  const widths: number[] = [];
  const rows = [20, 3, 70].map((length) => rowOf(length, 1));
  const forward = ({ inputIds }: RowInputs): tf.Tensor[] => {
    widths.push(inputIds.shape[1]);
    return [tf.clone(inputIds)];
  };
  for await (const { values } of runRows(rows, { model, tokenizer }, {}, forward))
    expect(values).toHaveLength(1);
  await tf.setBackend("cpu");
  tf.removeBackend("compiling");
  expect(widths).toEqual([16, 32, 128]);
});

test("where rows are packed, they lie one after another, and each gets its own part back", async () => {
  tf.registerBackend("packing", tf.findBackendFactory("cpu"), 0);
  tf.copyRegisteredKernels("cpu", "packing");
  tf.registerKernel({ kernelName: "EncoderLayer", backendName: "packing", kernelFunc: () => [] });
  await tf.setBackend("packing");
  const lengths = [20, 3, 70, 1];
  const rows = lengths.map((length, i) => rowOf(length, i));
  const seen: [lengths: readonly number[] | undefined, ids: tf.Tensor][] = [];
  const forward = ({ inputIds, lengths, attentionMask }: RowInputs): tf.Tensor[] => {
    expect(attentionMask).toBeUndefined();
    seen.push([lengths, tf.keep(inputIds)]);
    return [tf.clone(inputIds), tf.tensor2d(lengths!.map((length) => [length, -length]))];
  };
  for await (const { index, values } of runRows(rows, { model, tokenizer }, { batchSize: 3 }, forward)) {
    expect(values[0]).toEqual(rows[index]!.ids);
    expect([...values[1]!]).toEqual([lengths[index], -lengths[index]!]);
  }
  expect(seen.map(([lengths]) => lengths)).toEqual([[20, 3, 70], [1]]);
  tf.dispose(seen.map(([, ids]) => ids));
  tf.unregisterKernel("EncoderLayer", "packing");
  await tf.setBackend("cpu");
  tf.removeBackend("packing");
});

test("who stops listening leaves nothing behind", async () => {
  const before = tf.memory().numTensors;
  const rows = [3, 5].map((length) => rowOf(length, 1));
  const forward = ({ inputIds }: RowInputs): tf.Tensor[] => [tf.clone(inputIds)];
  for await (const output of runRows(rows, { model, tokenizer }, {}, forward)) {
    expect(output.values).toHaveLength(1);
    break;
  }
  expect(tf.memory().numTensors).toBe(before);
});
