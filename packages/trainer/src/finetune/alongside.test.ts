import {
  type BertConfig,
  BertForMaskedLM,
  BertForSequenceClassification,
  kcbertBase,
  quantize,
} from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, test } from "vitest";
import type { LineShards } from "../line_shards.ts";
import { BatchLoader } from "../loader.ts";
import { maskedLmAlongside, shareParameters } from "./alongside.ts";
import type { TextExamples } from "./examples.ts";
import { finetune } from "./finetune.ts";
import type { FinetuneEndEvent } from "./finetune_events.ts";

const CONFIG: BertConfig = {
  ...kcbertBase,
  vocabSize: 20,
  hiddenSize: 16,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 32,
  maxPositionEmbeddings: 16,
  hiddenDropoutProb: 0.1,
  attentionProbsDropoutProb: 0.1,
  initializerRange: 0.1,
};

/** Lines in which the tokens alternate, 7 8 7 8 … or 9 10 9 10 …: each can be guessed from its neighbours. */
function alternating(count: number): TextExamples {
  const rows = Array.from({ length: count }, (_, i) => {
    const first = i % 2 === 0 ? 7 : 9;
    return [2, ...Array.from({ length: 6 }, (_, j) => first + (j % 2)), 3];
  });
  return {
    kind: "texts",
    texts: {
      ids: Int32Array.from(rows.flat()),
      rowStarts: Int32Array.from({ length: count + 1 }, (_, i) => i * 8),
    },
    labels: Int32Array.from({ length: count }, (_, i) => i % 2),
  };
}

function loaderOf({ texts }: TextExamples): BatchLoader {
  const { ids, rowStarts } = texts;
  const corpus: LineShards = {
    shards: [{ sequences: rowStarts.length - 1, tokens: ids.length }],
    checksum: "",
    read: async () => texts,
  };
  const masking = { maskId: 4, specialIds: [0, 1, 2, 3, 4], vocabSize: 20 };
  return new BatchLoader(corpus, { batchSize: 4, rowLength: 16, seed: 1, padId: 0, masking });
}

beforeAll(async () => {
  await createWasmBackend();
  await tf.setBackend("wasm");
});

/** Fine-tune from the same weights, with the masked language model alongside or without. */
async function run(weight: number | undefined): Promise<{ accuracy: number; maskedLoss: number }> {
  const masked = BertForMaskedLM.init(CONFIG, { seed: 1 });
  const model = shareParameters(BertForSequenceClassification.init(CONFIG, { seed: 2 }), masked);
  const train = alternating(64);
  const options = { epochs: 6, learningRate: 1e-2, batchSize: 16 };
  const alongside =
    weight === undefined ? {} : { alongside: maskedLmAlongside(masked, loaderOf(train), { weight }) };
  let end: FinetuneEndEvent | undefined;
  for await (const event of finetune(model, { train, test: train }, { ...options, ...alongside })) {
    if (event.event === "end") end = event;
  }
  const judge = maskedLmAlongside(masked, loaderOf(train));
  const inputs = await judge.next(1000);
  const maskedLoss = tf.tidy(() => judge.loss(inputs, {}).dataSync()[0]!);
  tf.dispose(inputs);
  model.dispose();
  masked.dispose();
  return { accuracy: end!.selection!.last.test!["accuracy"]!, maskedLoss };
}

test("a masked language model learns alongside, and without it does not", async () => {
  const before = tf.memory().numTensors;
  const both = await run(1);
  const alone = await run(undefined);
  expect(both.accuracy).toBe(1);
  expect(alone.accuracy).toBe(1);
  expect(both.maskedLoss).toBeLessThan(2);
  expect(alone.maskedLoss).toBeGreaterThan(both.maskedLoss + 0.5);
  expect(tf.memory().numTensors).toBe(before);
});

test("models that share parameters are one where they do", () => {
  const masked = BertForMaskedLM.init(CONFIG, { seed: 1 });
  const before = tf.memory().numTensors;
  const model = shareParameters(BertForSequenceClassification.init(CONFIG, { seed: 2 }), masked);
  const key = "bert.encoder.layer.0.output.dense.weight";
  expect(model.parameters.get(key)).toBe(masked.parameters.get(key));
  expect(tf.memory().numTensors).toBe(before + 4); // the pooler and the classifier
  model.dispose();
  masked.dispose();
});

test("what cannot be shared is refused", async () => {
  const masked = BertForMaskedLM.init(CONFIG, { seed: 1 });
  const wide = BertForSequenceClassification.init({ ...CONFIG, hiddenSize: 32 }, { seed: 1 });
  expect(() => shareParameters(wide, masked)).toThrow(
    new TypeError(
      "Cannot share bert.embeddings.word_embeddings.weight as its shapes differ: [20, 32] and [20, 16]",
    ),
  );
  const small = await quantize(masked, "int8");
  const model = BertForSequenceClassification.init(CONFIG, { seed: 1 });
  expect(() => shareParameters(model, small)).toThrow(/that is frozen or quantised: bert\.embeddings/);
  expect(() => maskedLmAlongside(masked, loaderOf(alternating(2)), { weight: 0 })).toThrow(
    new RangeError(
      "Cannot learn the masked language model alongside as weight must be above 0: current value is 0",
    ),
  );
  for (const each of [masked, wide, small, model]) each.dispose();
});
