import {
  type BertConfig,
  BertForMaskedLM,
  BertForSequenceClassification,
  kcbertBase,
  type PretrainedSource,
} from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { LineShards } from "../line_shards.ts";
import { BatchLoader } from "../loader.ts";
import { maskedLmAlongside, shareParameters } from "./alongside.ts";
import type { TextExamples } from "./examples.ts";
import { finetune, type FinetuneData, type FinetuneOptions } from "./finetune.ts";
import type { FinetuneEndEvent, FinetuneEvent } from "./finetune_events.ts";
import { copyWeights } from "./finetune_program.ts";

const CONFIG: BertConfig = {
  ...kcbertBase,
  vocabSize: 20,
  hiddenSize: 8,
  numHiddenLayers: 1,
  numAttentionHeads: 2,
  intermediateSize: 16,
  maxPositionEmbeddings: 16,
  hiddenDropoutProb: 0.1,
  attentionProbsDropoutProb: 0.1,
  initializerRange: 0.1,
};

/** Texts of 3 to 14 tokens; those of class 1 hold token 7. */
function textsOf(count: number): TextExamples {
  const rows = Array.from({ length: count }, (_, i) => [
    2,
    i % 2 === 1 ? 7 : 8,
    ...Array.from({ length: (i * 7) % 12 }, (_, j) => 9 + ((i * 5 + j * 3) % 11)),
    3,
  ]);
  const rowStarts = new Int32Array(count + 1);
  rows.forEach((row, i) => {
    rowStarts[i + 1] = rowStarts[i]! + row.length;
  });
  const labels = Int32Array.from({ length: count }, (_, i) => i % 2);
  return { kind: "texts", texts: { ids: Int32Array.from(rows.flat()), rowStarts }, labels };
}

const TRAIN = textsOf(44);
/** Two epochs of six steps, scored after every fifth and at the end. */
const OPTIONS: FinetuneOptions = { epochs: 2, batchSize: 8, learningRate: 1e-2, evaluateEvery: 5, seed: 3 };

type Files = ReadonlyMap<string, Uint8Array>;
const sourceOf =
  (files: Files): PretrainedSource =>
  async (name) =>
    files.get(name);

/** What is left of a run: the numbers of both models, the scores, and the last checkpoint. */
interface Left {
  readonly weights: Map<string, Float32Array>;
  readonly end: FinetuneEndEvent | undefined;
  readonly steps: number[];
  readonly checkpoint: Files | undefined;
}

interface How extends FinetuneOptions {
  readonly data?: FinetuneData;
  /** Also learn to fill masks. */
  readonly withMaskedLm?: boolean;
  /** Look at an event; `stop` aborts, `kill` leaves the loop at once. */
  readonly on?: (event: FinetuneEvent, stop: () => void) => "kill" | void;
}

async function run({ data = { train: TRAIN }, withMaskedLm = false, on, ...options }: How): Promise<Left> {
  const masked = withMaskedLm ? BertForMaskedLM.init(CONFIG, { seed: 1 }) : undefined;
  const own = BertForSequenceClassification.init({ ...CONFIG, numLabels: 2 }, { seed: 2, pooler: false });
  const model = masked === undefined ? own : shareParameters(own, masked);
  const controller = new AbortController();
  const steps: number[] = [];
  let checkpoint: Files | undefined;
  let end: FinetuneEndEvent | undefined;
  const alongside = masked === undefined ? {} : { alongside: maskedLmAlongside(masked, loader()) };
  for await (const event of finetune(model, data, {
    ...OPTIONS,
    ...options,
    ...alongside,
    signal: controller.signal,
    async checkpoint(_, write) {
      const files = new Map<string, Uint8Array>();
      await write(async (name, bytes) => void files.set(name, bytes.slice()));
      checkpoint = files;
    },
  })) {
    if (event.event === "step") steps.push(event.step);
    if (event.event === "end") end = event;
    if (on?.(event, () => controller.abort()) === "kill") break;
  }
  const weights = await copyWeights(model);
  for (const [key, parameter] of masked?.parameters ?? [])
    weights.set(key, parameter.dataSync().slice() as Float32Array);
  model.dispose();
  masked?.dispose();
  return { weights, end, steps, checkpoint };
}

function loader(): BatchLoader {
  const corpus: LineShards = {
    shards: [{ sequences: 44, tokens: TRAIN.texts.ids.length }],
    checksum: "",
    read: async () => TRAIN.texts,
  };
  const masking = { maskId: 4, specialIds: [0, 1, 2, 3, 4], vocabSize: 20 };
  return new BatchLoader(corpus, { batchSize: 4, rowLength: 16, seed: 1, padId: 0, masking });
}

/** Scores that rise, fall, and once are no number, each by the model as it is: nothing but the number of the call counts. */
function fakeScores(values: readonly number[]): () => Promise<{ accuracy: number }> {
  let call = 0;
  return async () => ({ accuracy: values[call++]! });
}

function withoutTime(end: FinetuneEndEvent | undefined): object {
  const { elapsedMs: _, ...rest } = end!;
  return rest;
}

const wasm = createWasmBackend();
let tensors = 0;

describe.each(["wasm", "cpu"])("on %s", (backend) => {
  beforeAll(async () => {
    await wasm;
    await tf.setBackend(backend);
  });
  beforeEach(() => {
    tensors = tf.memory().numTensors;
  });

  test("a run that is stopped after any step and resumed ends as one that is not, bit for bit", async () => {
    const data = { train: TRAIN, dev: textsOf(14), test: textsOf(10) };
    const whole = await run({ data });
    expect(whole.steps).toHaveLength(12);
    expect(whole.end!.evaluations.map(({ step }) => step)).toEqual([5, 10, 12]);
    expect(whole.checkpoint).toBeUndefined();
    for (const last of backend === "wasm" ? whole.steps : [5, 8]) {
      const cut = await run({
        data,
        on: (event, stop) => void (event.event === "step" && event.step === last && stop()),
      });
      if (last < 12) expect(cut.end).toMatchObject({ reason: "interrupted", step: last });
      const rest = await run({ data, seed: 3, resume: sourceOf(cut.checkpoint!) });
      expect([...cut.steps, ...rest.steps]).toEqual(whole.steps);
      expect(rest.weights).toEqual(whole.weights);
      expect(withoutTime(rest.end)).toEqual(withoutTime(whole.end));
    }
    expect(tf.memory().numTensors).toBe(tensors);
  });

  test("so does one that teaches the upper layers only", async () => {
    const how = { epochs: 1, trainLayers: 0 };
    const whole = await run(how);
    const cut = await run({
      ...how,
      on: (event, stop) => void (event.event === "step" && event.step === 2 && stop()),
    });
    const rest = await run({ ...how, resume: sourceOf(cut.checkpoint!) });
    expect(rest.steps).toEqual([3, 4, 5, 6]);
    expect(rest.weights).toEqual(whole.weights);
    expect(tf.memory().numTensors).toBe(tensors);
  });

  test("the masked language model alongside goes on too", async () => {
    const how = { withMaskedLm: true, epochs: 1 };
    const whole = await run(how);
    const cut = await run({
      ...how,
      on: (event, stop) => void (event.event === "step" && event.step === 3 && stop()),
    });
    const rest = await run({ ...how, resume: sourceOf(cut.checkpoint!) });
    expect(rest.steps).toEqual([4, 5, 6]);
    expect(rest.weights.has("cls.predictions.bias")).toBe(true);
    expect(rest.weights).toEqual(whole.weights);
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

describe("on wasm", () => {
  beforeAll(async () => void (await tf.setBackend("wasm")));

  test("a run that is killed goes on at its last checkpoint, with steps in flight as well", async () => {
    const whole = await run({});
    const killed = await run({
      stepsInFlight: 2,
      checkpointSeconds: 1e-6,
      on: (event) => (event.event === "step" && event.step === 7 ? "kill" : undefined),
    });
    expect(killed.end).toBeUndefined();
    const rest = await run({ stepsInFlight: 2, resume: sourceOf(killed.checkpoint!) });
    expect(rest.steps[0]).toBeLessThanOrEqual(8);
    expect(rest.steps.at(-1)).toBe(12);
    expect(rest.weights).toEqual(whole.weights);
  });

  test("checkpoints are kept as often as asked for, and not at all in a run that is shorter", async () => {
    let clock = 0;
    const kept: number[] = [];
    const model = BertForSequenceClassification.init({ ...CONFIG, numLabels: 2 }, { seed: 2 });
    const options = { ...OPTIONS, checkpointSeconds: 4, now: () => clock };
    for await (const { event } of finetune(
      model,
      { train: TRAIN },
      {
        ...options,
        checkpoint: async (step) => void kept.push(step),
      },
    )) {
      if (event === "step") clock += 1000;
    }
    model.dispose();
    expect(kept).toEqual([4, 8]);
  });

  test("what was best on the development set before the stop is what is left after it", async () => {
    const scores = [0.2, 0.9, NaN, 0.4, 0.3];
    const how = { evaluateEvery: 2, maxSteps: 10 };
    const whole = await run({ ...how, data: { train: TRAIN, dev: fakeScores(scores) } });
    expect(whole.end).toMatchObject({ kept: "devSelected", selection: { devSelected: { step: 4 } } });
    const cut = await run({
      ...how,
      data: { train: TRAIN, dev: fakeScores(scores) },
      on: (event, stop) => void (event.event === "step" && event.step === 7 && stop()),
    });
    const dev = fakeScores(scores.slice(3));
    const rest = await run({ ...how, data: { train: TRAIN, dev }, resume: sourceOf(cut.checkpoint!) });
    expect(rest.weights).toEqual(whole.weights);
    expect(withoutTime(rest.end)).toEqual(withoutTime(whole.end));
    expect(rest.end!.evaluations[2]!.dev!["accuracy"]).toBeNaN();
  });

  test("patience counts the scorings before the stop", async () => {
    const how = { evaluateEvery: 1, patience: 4 };
    const cut = await run({
      ...how,
      data: { train: TRAIN, dev: fakeScores([0.5, 0.5, 0.5]) },
      on: (event, stop) => void (event.event === "eval" && event.step === 3 && stop()),
    });
    const data = { train: TRAIN, dev: fakeScores([0.5, 0.5, 0.5]) };
    const rest = await run({ ...how, data, resume: sourceOf(cut.checkpoint!) });
    expect(rest.end).toMatchObject({ reason: "patience", step: 5 });
  });

  test("a scoring that is stopped, even the last one, is done again when the run goes on", async () => {
    const whole = await run({ data: { train: TRAIN, test: textsOf(10) } });
    for (const scoring of [1, 3]) {
      let calls = 0;
      let abort = (): void => {};
      const broken = async (): Promise<{ accuracy: number }> => {
        if (++calls < scoring) return { accuracy: 0.5 };
        abort();
        throw new Error("stopped amid it");
      };
      const cut = await run({
        data: { train: TRAIN, test: broken },
        on: (_, stop) => void (abort = stop),
      });
      expect(cut.end).toMatchObject({ reason: "interrupted", step: scoring === 1 ? 5 : 12 });
      const data = { train: TRAIN, test: fakeScores([0.1, 0.2, 0.3].slice(scoring - 1)) };
      const rest = await run({ data, resume: sourceOf(cut.checkpoint!) });
      expect(rest.end!.evaluations.map(({ step }) => step)).toEqual([5, 10, 12]);
      expect(rest.end!.reason).toBe("done");
      expect(rest.weights).toEqual(whole.weights);
    }
  });

  test("a checkpoint of another run, or of another kind, is refused", async () => {
    const { checkpoint } = await run({
      recipe: { model: "a" },
      on: (event, stop) => void (event.event === "step" && event.step === 2 && stop()),
    });
    const resume = sourceOf(checkpoint!);
    const other = { ...TRAIN, labels: TRAIN.labels.map((label) => 1 - label) };
    const refused: [How, RegExp][] = [
      [{ seed: 4 }, /another seed: it was 3, now it is 4/],
      [{ epochs: 3 }, /another maxSteps: it was 12, now it is 18/],
      [{ learningRate: 1e-3 }, /another learningRate/],
      [{ recipe: { model: "b" } }, /another model: it was a, now it is b/],
      [{ recipe: {} }, /another model: it was a, now it is undefined/],
      [{ data: { train: other } }, /another data/],
    ];
    for (const [change, message] of refused) {
      await expect(run({ recipe: { model: "a" }, ...change, resume })).rejects.toThrow(message);
    }
    const recipe = { model: "a" };
    for (const [name, message] of [
      ["model.safetensors", /holds no model\.safetensors/],
      ["optimizer.safetensors", /holds no optimizer\.safetensors/],
      ["trainer_state.json", /holds no trainer_state\.json/],
    ] as const) {
      const files = new Map(checkpoint);
      files.delete(name);
      await expect(run({ recipe, resume: sourceOf(files) })).rejects.toThrow(message);
    }
    const state = new TextDecoder().decode(checkpoint!.get("trainer_state.json"));
    const foreign = new Map(checkpoint).set(
      "trainer_state.json",
      new TextEncoder().encode(state.replace('"evaluations"', '"else"')),
    );
    await expect(run({ recipe, resume: sourceOf(foreign) })).rejects.toThrow(/not one of fine-tuning/);
  });
});
