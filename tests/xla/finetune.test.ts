/** Fine-tuning as one compiled program a shape: on XLA's CPU the same losses as on WASM, dropout and all. */
import {
  type BertConfig,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertModel,
  kcbertBase,
} from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import {
  copyWeights,
  type Examples,
  finetune,
  type FinetuneModel,
  finetuneProgram,
  type Jit,
  type Scores,
} from "@kcbert/trainer";
import { jit, PjrtClient, PjrtPlugin, registerXlaBackendOn } from "@kcbert/xla";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cpuPluginPath } from "./cpu_plugin.ts";

const path = cpuPluginPath();

const CONFIG: BertConfig = {
  ...kcbertBase,
  vocabSize: 40,
  hiddenSize: 16,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 32,
  maxPositionEmbeddings: 16,
  hiddenDropoutProb: 0.1,
  attentionProbsDropoutProb: 0.1,
  initializerRange: 0.1,
};

const ROWS = 36;
const rows = Array.from({ length: ROWS }, (_, i) => [
  2,
  ...Array.from({ length: 1 + (i % 9) }, (_, j) => 8 + ((7 * i + 3 * j) % 30)),
  3,
]);
const texts = {
  ids: Int32Array.from(rows.flat()),
  rowStarts: Int32Array.from({ length: ROWS + 1 }, (_, i) => rows.slice(0, i).flat().length),
};
const classes = (count: number) => Int32Array.from({ length: ROWS }, (_, i) => i % count);

const CASES: readonly [string, () => FinetuneModel, Examples][] = [
  [
    "classes",
    () => BertForSequenceClassification.init({ ...CONFIG, numLabels: 3 }, { seed: 1 }),
    { kind: "texts", texts, labels: classes(3) },
  ],
  [
    "several labels",
    () =>
      BertForSequenceClassification.init(
        { ...CONFIG, numLabels: 2, problemType: "multi_label_classification" },
        { seed: 1 },
      ),
    { kind: "texts", texts, labels: Float32Array.from({ length: 2 * ROWS }, (_, i) => Number(i % 3 === 0)) },
  ],
  [
    "numbers",
    () =>
      BertForSequenceClassification.init({ ...CONFIG, numLabels: 1, problemType: "regression" }, { seed: 1 }),
    { kind: "texts", texts, labels: Float32Array.from({ length: ROWS }, (_, i) => (i % 5) / 2) },
  ],
  [
    "spans",
    () => BertForQuestionAnswering.init(CONFIG, { seed: 1 }),
    {
      kind: "spans",
      texts,
      starts: Int32Array.from(rows, (row, i) => 1 + (i % (row.length - 2))),
      ends: Int32Array.from(rows, (row) => row.length - 2),
    },
  ],
  [
    "tokens",
    () =>
      BertForTokenClassification.init(
        { ...CONFIG, numLabels: 3, id2label: ["O", "B-X", "I-X"] },
        { seed: 1 },
      ),
    { kind: "tokens", texts, labels: Int32Array.from(texts.ids, (id) => (id < 4 ? -100 : id % 3)) },
  ],
  [
    "embeddings",
    () => BertModel.init(CONFIG, { seed: 1, pooler: false }),
    { kind: "embeddings", texts, others: texts, labels: Float32Array.from(classes(2)) },
  ],
];

/** What adds the same to all tokens: the place of an answer does not depend on it, and its gradients are rounding errors. */
const MOVE_ALL_ALIKE = new Set(["bert.encoder.layer.0.output.LayerNorm.bias", "qa_outputs.bias"]);

interface Told {
  readonly losses: readonly number[];
  readonly scores: Scores;
}

async function train(model: FinetuneModel, examples: Examples, compile?: Jit): Promise<Told> {
  const losses: number[] = [];
  let scores: Scores = {};
  const options = { epochs: 2, batchSize: 8, learningRate: 1e-3, widths: [16], evaluationBatchSize: 64 };
  const jit = compile === undefined ? {} : { jit: compile };
  const data = { train: examples, test: examples };
  for await (const event of finetune(model, data, { ...options, ...jit, seed: 3 })) {
    if (event.event === "step") losses.push(event.loss);
    if (event.event === "end") scores = event.selection!.last.test!;
  }
  return { losses, scores };
}

describe.skipIf(path === undefined)("fine-tuning on xla (skipped without a CPU plugin)", () => {
  let client: PjrtClient;

  beforeAll(async () => {
    await createWasmBackend();
    client = PjrtClient.create(await PjrtPlugin.load(path!));
    registerXlaBackendOn(client);
  });

  afterAll(() => {
    tf.removeBackend("xla");
    client.dispose();
  });

  test.each(CASES)("%s: the losses are those of the wasm backend", async (_, init, examples) => {
    await tf.setBackend("wasm");
    const local = init();
    const wanted = await train(local, examples);
    const wantedWeights = await copyWeights(local);
    local.dispose();

    await tf.setBackend("xla");
    const model = init();
    const { losses, scores } = await train(model, examples, jit);
    expect(losses).toHaveLength(10);
    losses.forEach((loss, i) => expect(Math.abs(loss - wanted.losses[i]!), `step ${i}`).toBeLessThan(1e-4));
    expect(Object.keys(scores)).toEqual(Object.keys(wanted.scores));
    for (const [key, values] of await copyWeights(model)) {
      if (examples.kind === "spans" && MOVE_ALL_ALIKE.has(key)) continue;
      const other = wantedWeights.get(key)!;
      const apart = Math.max(...values.map((value, i) => Math.abs(value - other[i]!)));
      expect(apart, key).toBeLessThan(1e-4);
    }
    model.dispose();
  });

  test("several seeds share one compilation, and give what they give alone", async () => {
    await tf.setBackend("xla");
    let compiled = 0;
    const counting: Jit = (fn) => jit(fn, { onCompile: () => compiled++ });
    const [, init, examples] = CASES[0]!;
    const model = init();
    const begin = await copyWeights(model);
    const program = finetuneProgram(model, { jit: counting });
    const options = { epochs: 1, batchSize: 8, widths: [16], evaluationBatchSize: 64, program };
    const after: Map<string, Float32Array>[] = [];
    for (const seed of [1, 2, 1]) {
      program.restart(begin);
      for await (const { event } of finetune(
        model,
        { train: examples, test: examples },
        { ...options, seed },
      ))
        expect(event).toBeTruthy();
      after.push(await copyWeights(model));
    }
    expect(compiled).toBe(2); // the step and the forward pass
    expect(after[2]).toEqual(after[0]);
    expect(after[1]).not.toEqual(after[0]);
    program.dispose();
    model.dispose();
  });
});
