import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kcbertBase } from "./config.ts";
import { BertForMaskedLM, BertForSequenceClassification } from "./heads.ts";
import { BertModel } from "./modeling_bert.ts";
import type { PretrainedSource } from "./pretrained.ts";
import type { LoadReport } from "./pretrained_model.ts";
import { quantize } from "./quantize.ts";
import { SharedWeights } from "./shared_weights.ts";

const sizes = {
  hiddenSize: 32,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  intermediateSize: 64,
  vocabSize: 64,
};
const config = { ...kcbertBase, ...sizes, numLabels: 3 };

/** A folder of one set of weights with two heads: those of a classifier, and a masked LM of the same encoder. */
async function twoHeads(bits: "int8" | undefined): Promise<PretrainedSource> {
  const files = new Map<string, Uint8Array>();
  const sink = async (name: string, bytes: Uint8Array): Promise<void> => void files.set(name, bytes);
  const classifier = BertForSequenceClassification.init(config, { seed: 1 });
  const filler = BertForMaskedLM.init(config, { seed: 1 });
  const parameters = new Map([...classifier.parameters, ...filler.parameters]);
  const both = new BertForMaskedLM(config, parameters);
  const saved = bits === undefined ? both : await quantize(both, bits);
  await saved.save(sink);
  for (const model of new Set([classifier, filler, saved])) model.dispose();
  return async (name) => files.get(name);
}

const answer = (model: BertForMaskedLM | BertForSequenceClassification): ArrayLike<number> =>
  tf.tidy(() => model.forward({ inputIds: tf.tensor2d([[2, 9, 4, 3]], [1, 4], "int32") }).logits.dataSync());

beforeAll(() => createWasmBackend());
afterAll(() => tf.removeBackend("wasm"));

describe.each([
  ["cpu", undefined],
  ["wasm", undefined],
  ["cpu", "int8"],
  ["wasm", "int8"],
] as const)("on %s, %s", (backend, bits) => {
  beforeAll(() => tf.setBackend(backend));

  test("two heads have one encoder, answer as if each had its own, and the last one frees it", async () => {
    const before = tf.memory().numTensors;
    const source = await twoHeads(bits);
    const options = { frozen: true };
    const alone = [
      await BertForMaskedLM.fromPretrained(source, options),
      await BertForSequenceClassification.fromPretrained(source, options),
    ] as const;
    const answers = alone.map(answer);
    for (const model of alone) model.dispose();
    expect(tf.memory().numTensors).toBe(before);

    const shared = new SharedWeights();
    const reports: LoadReport[] = [];
    const with_ = { ...options, shared, onReport: (report: LoadReport) => void reports.push(report) };
    const filler = await BertForMaskedLM.fromPretrained(source, with_);
    const one = tf.memory().numTensors - before;
    const classifier = await BertForSequenceClassification.fromPretrained(source, with_);
    const both = tf.memory().numTensors - before;
    expect(both - one).toBeLessThan(8); // a pooler, a classifier
    expect(reports.flatMap(({ missing }) => missing)).toEqual([]);
    expect(reports[1]!.unexpected.every((name) => name.startsWith("cls."))).toBe(true);
    expect([filler, classifier].map(answer)).toEqual(answers);

    filler.dispose();
    expect(answer(classifier)).toEqual(answers[1]);
    const again = await BertForMaskedLM.fromPretrained(source, with_);
    classifier.dispose();
    expect(answer(again)).toEqual(answers[0]);
    again.dispose();
    expect(shared.size).toBe(0);
    expect(tf.memory().numTensors).toBe(before);
  });

  test("two that load at once end with one encoder", async () => {
    const before = tf.memory().numTensors;
    const source = await twoHeads(bits);
    const shared = new SharedWeights();
    const [encoder, filler] = await Promise.all([
      BertModel.fromPretrained(source, { shared, pooler: false }),
      BertForMaskedLM.fromPretrained(source, { shared }),
    ]);
    const key = "encoder.layer.1.output.dense.weight";
    const part = encoder.parameters.get(key) ?? encoder.matrices.get(key);
    expect(filler.parameters.get(`bert.${key}`) ?? filler.matrices.get(`bert.${key}`)).toBe(part);
    encoder.dispose();
    filler.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test("a model that cannot be loaded gives back what it took", async () => {
    const source = await twoHeads(bits);
    const shared = new SharedWeights();
    const filler = await BertForMaskedLM.fromPretrained(source, { shared });
    const expected = answer(filler);
    const [tensors, held] = [tf.memory().numTensors, shared.size];
    const broken: PretrainedSource = async (name) =>
      name === "config.json" ? source(name) : new Uint8Array(3);
    await expect(BertForSequenceClassification.fromPretrained(broken, { shared })).rejects.toThrow();
    const wider = BertForSequenceClassification.fromPretrained(source, {
      shared,
      config: { intermediateSize: 128 },
    });
    await expect(wider).rejects.toThrow(
      /^Cannot share the weight bert\.encoder\.layer\.0\.intermediate\.dense\.weight as shapes must agree: it is \[64, 32\] in another model, \[128, 32\]/,
    );
    expect([tf.memory().numTensors, shared.size]).toEqual([tensors, held]);
    expect(answer(filler)).toEqual(expected);
    filler.dispose();
    expect(shared.size).toBe(0);
  });
});
