import {
  type BertConfig,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertModel,
  kcbertBase,
} from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Jit } from "../jit.ts";
import type { EncodedTexts, Examples, TextExamples } from "./examples.ts";
import { finetune, type FinetuneData, type FinetuneOptions } from "./finetune.ts";
import type { FinetuneEndEvent, FinetuneEvent } from "./finetune_events.ts";
import { copyWeights, finetuneProgram } from "./finetune_program.ts";
import type { FinetuneModel } from "./_heads.ts";
import { predict } from "./predict_examples.ts";
import { evaluate } from "./score_examples.ts";

const CONFIG: BertConfig = {
  ...kcbertBase,
  vocabSize: 40,
  hiddenSize: 16,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 32,
  maxPositionEmbeddings: 32,
  hiddenDropoutProb: 0.1,
  attentionProbsDropoutProb: 0.1,
  initializerRange: 0.1,
};

/** Rows of numbers that look random, of 3 to 14 tokens; `rule` may change a row before it is laid down. */
function rowsOf(count: number, rule: (row: number[], i: number) => number[] = (row) => row): EncodedTexts {
  const rows = Array.from({ length: count }, (_, i) => {
    const middle = Array.from(
      { length: 1 + ((i * 7) % 12) },
      (_, j) => 20 + ((i * 31 + j * 17 + i * j) % 20),
    );
    return rule([2, ...middle, 3], i);
  });
  const rowStarts = new Int32Array(count + 1);
  rows.forEach((row, i) => {
    rowStarts[i + 1] = rowStarts[i]! + row.length;
  });
  return { ids: Int32Array.from(rows.flat()), rowStarts };
}

/** Texts of class 1 hold token 7, those of class 2 token 8, those of class 0 neither. */
function textsOf(count: number, classes: number): TextExamples {
  const labels = Int32Array.from({ length: count }, (_, i) => i % classes);
  const texts = rowsOf(count, (row, i) => (labels[i] === 0 ? row : row.with(1, 6 + labels[i]!)));
  return { kind: "texts", texts, labels };
}

async function run(
  model: FinetuneModel,
  data: FinetuneData,
  options: FinetuneOptions,
): Promise<{ events: FinetuneEvent[]; end: FinetuneEndEvent }> {
  const events: FinetuneEvent[] = [];
  for await (const event of finetune(model, data, options)) events.push(event);
  return { events, end: events.at(-1) as FinetuneEndEvent };
}

const FAST = { learningRate: 1e-2, batchSize: 16 };

beforeAll(async () => {
  await createWasmBackend();
  await tf.setBackend("wasm");
});

let tensors = 0;
beforeEach(() => {
  tensors = tf.memory().numTensors;
});

describe("each kind of model learns what it can learn, and leaves no tensor behind", () => {
  async function learns(
    model: FinetuneModel,
    train: Examples,
    options: FinetuneOptions,
  ): Promise<Readonly<Record<string, number>>> {
    const before = await evaluate(model, train);
    const { end } = await run(model, { train, test: train }, { ...FAST, ...options });
    const after = end.selection!.last.test!;
    expect(after[end.metric]!).toBeGreaterThan(before[end.metric]!);
    model.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
    return after;
  }

  test("one of three classes", async () => {
    const model = BertForSequenceClassification.init({ ...CONFIG, numLabels: 3 }, { seed: 1 });
    const scores = await learns(model, textsOf(90, 3), { epochs: 12 });
    expect(scores["accuracy"]!).toBeGreaterThan(0.95);
    expect(Object.keys(scores)).toEqual(["accuracy", "macroF1"]);
  });

  test("two classes also have F1 and an area under the curve", async () => {
    const model = BertForSequenceClassification.init({ ...CONFIG, numLabels: 2 }, { seed: 1 });
    const scores = await learns(model, textsOf(64, 2), { epochs: 12 });
    expect(scores["rocAuc"]!).toBeGreaterThan(0.95);
    expect(scores["f1"]!).toBeGreaterThan(0.9);
  });

  test("a number", async () => {
    const config = { ...CONFIG, numLabels: 1, problemType: "regression" as const };
    const { texts, labels } = textsOf(66, 3);
    const train: Examples = { kind: "texts", texts, labels: Float32Array.from(labels) };
    const scores = await learns(BertForSequenceClassification.init(config, { seed: 1 }), train, {
      epochs: 15,
    });
    expect(scores["spearman"]!).toBeGreaterThan(0.8);
    expect(scores["pearson"]!).toBeGreaterThan(0.8);
  });

  test("any of several labels", async () => {
    const config = { ...CONFIG, numLabels: 3, problemType: "multi_label_classification" as const };
    const { texts, labels } = textsOf(90, 3);
    const both = Float32Array.from({ length: 270 }, (_, i) => Number(i % 3 === labels[Math.floor(i / 3)]));
    const train: Examples = { kind: "texts", texts, labels: both };
    const scores = await learns(BertForSequenceClassification.init(config, { seed: 1 }), train, {
      epochs: 15,
    });
    expect(scores["lrap"]!).toBeGreaterThan(0.95);
    expect(scores["microF1"]!).toBeGreaterThan(0.9);
  });

  test("a class for each token", async () => {
    const id2label = ["O", "PER-B", "PER-I"];
    const model = BertForTokenClassification.init({ ...CONFIG, numLabels: 3, id2label }, { seed: 1 });
    const texts = rowsOf(60);
    const labels = Int32Array.from(texts.ids, (id) =>
      id < 4 ? -100 : id % 5 === 0 ? 1 : id % 5 === 1 ? 2 : 0,
    );
    const scores = await learns(model, { kind: "tokens", texts, labels }, { epochs: 15, suffix: true });
    expect(scores["f1"]!).toBeGreaterThan(0.9);
  });

  test("where the answer is", async () => {
    const model = BertForQuestionAnswering.init(CONFIG, { seed: 1 });
    const texts = rowsOf(60, (row, i) => row.with(1 + (i % (row.length - 2)), 9));
    const starts = Int32Array.from({ length: 60 }, (_, i) => {
      return texts.ids.subarray(texts.rowStarts[i], texts.rowStarts[i + 1]).indexOf(9);
    });
    const scores = await learns(model, { kind: "spans", texts, starts, ends: starts }, { epochs: 25 });
    expect(scores["exactMatch"]!).toBeGreaterThan(0.9);
  });

  test("how alike two embeddings are", async () => {
    const model = BertModel.init(CONFIG, { seed: 1, pooler: false });
    const kind = (i: number) => Math.floor(i / 2) % 2; // decides whether tokens of the second sentence are odd
    const [texts, others] = [0, 1].map((side) =>
      rowsOf(60, (row, i) => row.map((id) => (id > 3 && side === 1 ? 6 + 2 * (id % 6) + kind(i) : id))),
    );
    const labels = Float32Array.from({ length: 60 }, (_, i) => kind(i));
    const train: Examples = { kind: "embeddings", texts: texts!, others: others!, labels };
    const scores = await learns(model, train, { epochs: 12 });
    expect(scores["spearman"]!).toBeGreaterThan(0.8);
  });
});

describe("choosing a model", () => {
  test("last, dev-selected and best on test are told apart, and the dev-selected one is kept", async () => {
    const model = BertForSequenceClassification.init({ ...CONFIG, numLabels: 2 }, { seed: 3 });
    const [train, dev, test] = [textsOf(64, 2), textsOf(22, 2), textsOf(30, 2)];
    const devScores = [0.2, 0.9, 0.4];
    const testScores = [0.3, 0.1, 0.2];
    const said: string[] = [];
    const { events, end } = await run(
      model,
      {
        train,
        dev: async () => ({ accuracy: devScores[said.push("dev") - 1]! }),
        test: async () => ({ accuracy: testScores[events0(said)]! }),
      },
      { ...FAST, epochs: 3 },
    );
    const { last, devSelected, bestOnTest } = end.selection!;
    expect([last.step, devSelected!.step, bestOnTest!.step]).toEqual([12, 8, 4]);
    expect([last, devSelected!, bestOnTest!].map((chosen) => chosen.test!["accuracy"])).toEqual([
      0.2, 0.1, 0.3,
    ]);
    expect(end).toMatchObject({ kept: "devSelected", metric: "accuracy", reason: "done", step: 12 });
    expect(events.filter(({ event }) => event === "eval")).toHaveLength(3);

    const shorter = BertForSequenceClassification.init({ ...CONFIG, numLabels: 2 }, { seed: 3 });
    await run(shorter, { train }, { ...FAST, maxSteps: 8, epochs: 3, schedule: (p) => 1 - (p * 8) / 12 });
    const [kept, wanted] = [await predict(model, test), await predict(shorter, dev)];
    expect(kept.rowStarts).toHaveLength(31);
    expect(await copyWeights(model)).toEqual(await copyWeights(shorter));
    expect(wanted.values).toHaveLength(44);
    model.dispose();
    shorter.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
  });

  /** The test set is scored right after the development set. */
  function events0(said: readonly string[]): number {
    return said.length - 1;
  }

  test("without a development set the last model is kept, and nothing is called dev-selected", async () => {
    const model = BertForSequenceClassification.init({ ...CONFIG, numLabels: 2 }, { seed: 3 });
    const train = textsOf(32, 2);
    const { end } = await run(model, { train, test: train }, { ...FAST, epochs: 2 });
    expect(end.kept).toBe("last");
    expect(Object.keys(end.selection!)).toEqual(["last", "bestOnTest"]);
    model.dispose();
  });

  test("a run ends early where the development set's score rises no more", async () => {
    const model = BertForSequenceClassification.init({ ...CONFIG, numLabels: 2 }, { seed: 3 });
    const dev = async () => ({ accuracy: 0.5 });
    const data = { train: textsOf(32, 2), dev };
    const { end } = await run(model, data, { ...FAST, epochs: 20, evaluateEvery: 1, patience: 3 });
    expect(end).toMatchObject({ reason: "patience", step: 4 });
    model.dispose();
  });

  test("an aborted run ends after its step", async () => {
    const model = BertForSequenceClassification.init({ ...CONFIG, numLabels: 2 }, { seed: 3 });
    const controller = new AbortController();
    const reasons: string[] = [];
    for await (const event of finetune(
      model,
      { train: textsOf(32, 2) },
      { ...FAST, signal: controller.signal },
    )) {
      if (event.event === "step") controller.abort();
      if (event.event === "end") reasons.push(event.reason);
    }
    expect(reasons).toEqual(["interrupted"]);
    model.dispose();
  });

  test("a score that is not there is named", async () => {
    const model = BertForSequenceClassification.init({ ...CONFIG, numLabels: 2 }, { seed: 3 });
    const train = textsOf(32, 2);
    const trained = run(model, { train, test: train }, { ...FAST, epochs: 1, metric: "spearman" });
    await expect(trained).rejects.toThrow("the scores are accuracy, macroF1, f1, rocAuc");
    model.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

describe("the same seed gives the same weights", () => {
  async function weightsAfter(options: FinetuneOptions): Promise<Map<string, Float32Array>> {
    const model = BertForSequenceClassification.init({ ...CONFIG, numLabels: 2 }, { seed: 3 });
    await run(model, { train: textsOf(40, 2) }, { ...FAST, epochs: 2, ...options });
    const weights = await copyWeights(model);
    model.dispose();
    return weights;
  }

  test("bit for bit, with steps in flight and without, in a program of one's own and in one used before", async () => {
    const plain = await weightsAfter({ seed: 5 });
    expect(await weightsAfter({ seed: 5, stepsInFlight: 3 })).toEqual(plain);
    expect(await weightsAfter({ seed: 6 })).not.toEqual(plain);

    const model = BertForSequenceClassification.init({ ...CONFIG, numLabels: 2 }, { seed: 3 });
    const program = finetuneProgram(model);
    const begin = await copyWeights(model);
    for (const seed of [9, 5]) {
      program.restart(begin);
      await run(model, { train: textsOf(40, 2) }, { ...FAST, epochs: 2, seed, program });
    }
    expect(await copyWeights(model)).toEqual(plain);
    program.dispose();
    model.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
  });

  test("widths are those that were asked for, as far as they are needed, and one for longer rows", async () => {
    const model = BertForSequenceClassification.init({ ...CONFIG, numLabels: 2 }, { seed: 3 });
    const widths = async (given?: readonly number[]): Promise<unknown> => {
      const options = given === undefined ? { maxSteps: 1 } : { maxSteps: 1, widths: given };
      const { events } = await run(model, { train: textsOf(40, 2) }, options);
      const [start] = events;
      return start?.event === "start" && start.widths;
    };
    expect(await widths()).toEqual([8, 16]);
    expect(await widths([8])).toEqual([8, 16]);
    expect(await widths([4, 20, 30])).toEqual([4, 20]);
    model.dispose();
  });

  test("a compiling backend is given the step and the forward pass once, and inputs of few shapes", async () => {
    const shapes: string[][] = [];
    const jit: Jit = (fn) => {
      const mine: string[] = [];
      shapes.push(mine);
      return (...inputs) => {
        const shape = inputs.map(({ shape, dtype }) => `${dtype}[${shape.join()}]`).join(" ");
        if (!mine.includes(shape)) mine.push(shape);
        return fn(...inputs);
      };
    };
    const model = BertForSequenceClassification.init({ ...CONFIG, numLabels: 2 }, { seed: 3 });
    const train = textsOf(40, 2);
    await run(model, { train, dev: train, test: textsOf(30, 2) }, { ...FAST, epochs: 2, jit });
    expect(shapes).toEqual([
      ["float32[3] int32[16,16] int32[16,16] int32[16] int32[] int32[16]"],
      ["int32[512,16] int32[512,16] int32[512]"],
    ]);
    model.dispose();
  });
});

describe("options", () => {
  test("lower layers may learn slower, and a factor of 0.5 a layer halves them one by one", async () => {
    const changes = async (layerDecay: number): Promise<number[]> => {
      const config = { ...CONFIG, numHiddenLayers: 2, hiddenDropoutProb: 0, attentionProbsDropoutProb: 0 };
      const model = BertForSequenceClassification.init({ ...config, numLabels: 2 }, { seed: 3 });
      const before = await copyWeights(model);
      await run(model, { train: textsOf(16, 2) }, { ...FAST, maxSteps: 1, layerDecay });
      const after = await copyWeights(model);
      model.dispose();
      return LAYERS.map((key) => {
        const [from, to] = [before.get(key)!, after.get(key)!];
        return Math.max(...from.map((value, i) => Math.abs(to[i]! - value)));
      });
    };
    const [alike, halved] = [await changes(1), await changes(0.5)];
    halved.forEach((change, i) => expect(change / alike[i]!).toBeCloseTo(0.5 ** i, 2));
  });

  const LAYERS = [
    "classifier.weight",
    "bert.encoder.layer.1.output.dense.weight",
    "bert.encoder.layer.0.output.dense.weight",
    "bert.embeddings.position_embeddings.weight",
  ];

  describe.each(["cpu", "wasm"])("on %s, layers below those that learn", (backend) => {
    const SMALL = { ...FAST, epochs: 1, seed: 5 };
    beforeAll(() => tf.setBackend(backend));
    afterAll(() => tf.setBackend("wasm"));

    async function trained(options: FinetuneOptions): Promise<{
      before: Map<string, Float32Array>;
      after: Map<string, Float32Array>;
      learnt: number;
    }> {
      const model = BertForSequenceClassification.init({ ...CONFIG, numHiddenLayers: 2 }, { seed: 3 });
      const before = await copyWeights(model);
      const { events } = await run(model, { train: textsOf(40, 2) }, { ...SMALL, ...options });
      const after = await copyWeights(model);
      model.dispose();
      const [start] = events;
      return { before, after, learnt: start?.event === "start" ? start.parameters : NaN };
    }

    test.each([
      [0, /^(?:classifier|bert\.pooler)\./],
      [1, /^(?:classifier|bert\.pooler|bert\.encoder\.layer\.1)\./],
      [2, /^(?:classifier|bert\.pooler|bert\.encoder)\./],
    ])("stay as they are, bit for bit: %i learn", async (trainLayers, learns) => {
      const { before, after, learnt } = await trained({ trainLayers });
      let size = 0;
      for (const [key, values] of before) {
        if (learns.test(key)) expect(after.get(key), key).not.toEqual(values);
        else expect(after.get(key), key).toEqual(values);
        if (learns.test(key)) size += values.length;
      }
      expect(learnt).toBe(size);
    });

    test("are none where all layers and the embeddings learn", async () => {
      expect((await trained({ trainLayers: 3 })).after).toEqual((await trained({})).after);
    });
  });

  test("what does not learn has no moments", () => {
    const model = BertForSequenceClassification.init({ ...CONFIG, numHiddenLayers: 2 }, { seed: 3 });
    const program = finetuneProgram(model, { trainLayers: 1 });
    const keys = [...model.parameters.keys()].filter((key) => /classifier|pooler|layer\.1\./.test(key));
    expect([...program.optimizer.state.keys()]).toEqual(keys.flatMap((key) => [`m.${key}`, `v.${key}`]));
    program.dispose();
    model.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
  });

  test("a class that weighs nothing is not learnt", async () => {
    const model = BertForSequenceClassification.init({ ...CONFIG, numLabels: 2 }, { seed: 3 });
    const train = textsOf(40, 2);
    await run(model, { train }, { ...FAST, epochs: 6, classWeights: [1, 0] });
    const { values } = await predict(model, train);
    for (let i = 0; i < 40; i++) expect(values[2 * i]!).toBeGreaterThan(values[2 * i + 1]!);
    model.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
  });

  test("weights that are alike change nothing", async () => {
    const losses = async (classWeights?: readonly number[]): Promise<number[]> => {
      const model = BertForSequenceClassification.init({ ...CONFIG, numLabels: 3 }, { seed: 3 });
      const options = classWeights === undefined ? FAST : { ...FAST, classWeights };
      const { events } = await run(model, { train: textsOf(40, 3) }, { ...options, epochs: 1 });
      model.dispose();
      return events.flatMap((event) => (event.event === "step" ? [event.loss] : []));
    };
    const [plain, weighed] = [await losses(), await losses([2, 2, 2])];
    expect(plain).toHaveLength(3);
    plain.forEach((loss, i) => expect(weighed[i]).toBeCloseTo(loss, 4));
  });
});

describe("what makes no sense is refused", () => {
  const init = (config: Partial<BertConfig> = {}) =>
    BertForSequenceClassification.init({ ...CONFIG, ...config }, { seed: 3 });

  test.each<[string, (model: FinetuneModel) => Promise<unknown>]>([
    ["epochs must be above 0: current value is 0", (m) => run(m, { train: textsOf(4, 2) }, { epochs: 0 })],
    ["batchSize must be a whole number above 0", (m) => run(m, { train: textsOf(4, 2) }, { batchSize: 1.5 })],
    ["layerDecay must be in (0, 1]", (m) => run(m, { train: textsOf(4, 2) }, { layerDecay: 0 })],
    [
      "trainLayers must be a whole number from 0 to 2, the layers and the embeddings: current value is 3",
      (m) => run(m, { train: textsOf(4, 2) }, { trainLayers: 3 }),
    ],
    ["the model has 2 labels", (m) => run(m, { train: textsOf(4, 2) }, { classWeights: [1, 2, 3] })],
    [
      "on examples of kind tokens (dev): it takes texts",
      (m) => {
        const dev: Examples = { kind: "tokens", texts: rowsOf(2), labels: new Int32Array(13) };
        return run(m, { train: textsOf(4, 2), dev }, {});
      },
    ],
    ["train holds no example", (m) => run(m, { train: textsOf(0, 2) }, {})],
    [
      "a row has 40 tokens: the widest batch is 32 tokens wide",
      (m) => {
        const texts = { ids: new Int32Array(40).fill(7), rowStarts: Int32Array.of(0, 40) };
        return run(m, { train: { kind: "texts", texts, labels: Int32Array.of(0) } }, {});
      },
    ],
    ["the loss is NaN in step", (m) => run(m, { train: textsOf(40, 2) }, { learningRate: 1e30 })],
  ])("%s", async (message, attempt) => {
    const model = init();
    await expect(attempt(model)).rejects.toThrow(message);
    model.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
  });
});
