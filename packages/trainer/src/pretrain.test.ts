import { BertForMaskedLM, kcbertBase, type PretrainedSource, quantize } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import { BertTokenizer } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import type { EvalEvent, PretrainEvent } from "./events.ts";
import type { Jit } from "./jit.ts";
import { pretrain, type PretrainingData, type PretrainOptions } from "./pretrain.ts";
import "./_gradients.ts";

/** Comments in which every word is told by its neighbours: 60 of them, all different. */
const WHAT = ["영화", "배우", "음악", "결말", "화면"];
const HOW = ["정말", "아주", "너무", "진짜"];
const SAID = ["재밌다", "별로다", "좋다"];
const COMMENTS = WHAT.flatMap((what, i) =>
  HOW.flatMap((how, j) =>
    SAID.map(
      (said, k) =>
        `${what} ${how} ${SAID[(i + k) % 3]} ${what} ${how} ${said} ${"!".repeat(1 + ((i + j + k) % 3))}`,
    ),
  ),
);

const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const tokenizer = BertTokenizer.fromVocab([...SPECIAL, ...WHAT, ...HOW, ...SAID, "!"]);
const data: PretrainingData = {
  train: tokenizer.encodeBatch(COMMENTS.filter((_, i) => i % 6 !== 0)),
  heldOut: tokenizer.encodeBatch(COMMENTS.filter((_, i) => i % 6 === 0)),
};

const SMALL: PretrainOptions = {
  tokenizer,
  maxSteps: 12,
  batchSize: 4,
  rowLength: 24,
  learningRate: 5e-3,
  seed: 7,
  evaluations: 3,
  checkpoints: 3,
};

describe.each(["cpu", "wasm"])("on %s", (backend) => {
  beforeAll(async () => {
    if (backend === "wasm") await createWasmBackend();
    await tf.setBackend(backend);
  });

  test.each([
    ["at its middle", { hiddenDropoutProb: 0.1, attentionProbsDropoutProb: 0.1 }, 1],
    ["with accumulated gradients", {}, 2],
  ])("a run stopped and resumed %s ends in the same weights, bit for bit", async (_, config, accumulate) => {
    const options = { ...SMALL, accumulate };
    const whole = newModel(config);
    const wholeEvents = await all(pretrain(whole, data, options));

    const first = newModel(config);
    const folder = new Map<string, Uint8Array>();
    const stop = new AbortController();
    const firstEvents: PretrainEvent[] = [];
    for await (const event of pretrain(first, data, {
      ...options,
      signal: stop.signal,
      checkpoint: async (_, write) => write(async (name, bytes) => void folder.set(name, bytes.slice())),
    })) {
      firstEvents.push(event);
      if (event.event === "step" && event.step === 5) stop.abort();
    }
    expect(firstEvents.at(-1)).toMatchObject({ event: "end", reason: "interrupted", step: 5 });
    first.dispose();

    const source: PretrainedSource = async (name) => folder.get(name);
    const second = await BertForMaskedLM.fromPretrained(source);
    const secondEvents = await all(pretrain(second, data, { ...options, resume: source }));
    expect(stepsOf(secondEvents).map(({ step }) => step)).toEqual([6, 7, 8, 9, 10, 11, 12]);
    expect([...stepsOf(firstEvents), ...stepsOf(secondEvents)]).toEqual(stepsOf(wholeEvents));
    for (const [key, parameter] of whole.parameters) {
      expect(second.parameters.get(key)!.dataSync(), key).toEqual(parameter.dataSync());
    }
    whole.dispose();
    second.dispose();
  });

  test("with a jit and steps in flight: the same events in the same order, the same weights", async () => {
    const config = { hiddenDropoutProb: 0.1 };
    const functions: Set<string>[] = [];
    const jit: Jit = (fn) => {
      const shapes = new Set<string>();
      functions.push(shapes);
      return (...inputs) => {
        shapes.add(JSON.stringify(inputs.map(({ dtype, shape }) => [dtype, shape])));
        return fn(...inputs);
      };
    };
    const [plain, compiled] = [newModel(config), newModel(config)];
    const options = {
      ...SMALL,
      samples: ["영화 [MASK]", "정말 [MASK] 배우"],
      accumulate: 2,
      evaluations: 12,
    };
    const plainEvents = await all(pretrain(plain, data, options));
    const events = await all(pretrain(compiled, data, { ...options, jit }));
    expect(events.map(({ event }) => event)).toEqual(plainEvents.map(({ event }) => event));
    expect(stepsOf(events)).toEqual(stepsOf(plainEvents));
    expect(functions.map(({ size }) => size)).toEqual([1, 1, 1]); // step, scores, samples: each compiled once
    for (const [key, parameter] of plain.parameters) {
      expect(compiled.parameters.get(key)!.dataSync(), key).toEqual(parameter.dataSync());
    }
    plain.dispose();
    compiled.dispose();
  });

  test("nothing is left behind, neither by a run nor by one that is left early", async () => {
    const model = newModel();
    const tensors = tf.memory().numTensors;
    await all(pretrain(model, data, { ...SMALL, samples: ["영화 [MASK]"] }));
    expect(tf.memory().numTensors).toBe(tensors);
    for (const stepsInFlight of [0, 3]) {
      for await (const { event } of pretrain(model, data, { ...SMALL, stepsInFlight })) {
        if (event === "step") break;
      }
      expect(tf.memory().numTensors).toBe(tensors);
    }
    model.dispose();
  });
});

describe("the course of a run", () => {
  test("a model learns fifty comments: far below what the words' frequencies tell", async () => {
    const model = newModel({ hiddenSize: 32 });
    const events = await all(
      pretrain(model, data, { ...SMALL, maxSteps: 150, samples: ["영화 [MASK] 재밌다"] }),
    );
    const start = events.find((event) => event.event === "start");
    const evaluations = events.filter((event): event is EvalEvent => event.event === "eval");
    expect(start!.unigramLoss).toBeGreaterThan(2);
    expect(evaluations[0]!.loss).toBeGreaterThan(start!.unigramLoss - 0.2);
    expect(evaluations.at(-1)!.loss).toBeLessThan(start!.unigramLoss - 0.8);
    expect(evaluations.at(-1)!.accuracy).toBeGreaterThan(0.5);
    const last = events.findLast((event) => event.event === "samples");
    expect(HOW).toContain(last!.samples[0]!.fills[0]!.token);
    model.dispose();
  });

  test("events come in order: start, scores, steps with scores between, scores, end", async () => {
    const names: string[] = [];
    const kept: number[] = [];
    const model = newModel();
    const checkpoint = async (step: number) => void kept.push(step);
    for await (const { event } of pretrain(model, data, { ...SMALL, checkpoint })) names.push(event);
    const four = ["step", "step", "step", "step"];
    expect(names).toEqual(["start", "eval", ...four, "eval", ...four, "eval", ...four, "eval", "end"]);
    expect(kept).toEqual([4, 8, 12]);
    model.dispose();
  });

  test("a run bounded by time follows the clock, its learning rate too", async () => {
    let time = 0;
    const model = newModel();
    const { maxSteps: _, ...timed } = SMALL;
    const events = await all(
      pretrain(model, data, {
        ...timed,
        maxSeconds: 10,
        learningRate: 1e-3,
        schedule: (progress) => 1 - progress,
        now: () => (time += 100),
      }),
    );
    const steps = events.filter((event) => event.event === "step");
    const rates = steps.map(({ learningRate }) => learningRate);
    expect(rates).toEqual(rates.toSorted((a, b) => b - a));
    expect(rates[0]).toBeGreaterThan(0.9e-3);
    expect(rates.at(-1)).toBeLessThan(0.1e-3);
    expect(steps.at(-1)!.elapsedMs).toBeGreaterThan(9_000);
    expect(events.at(-1)).toMatchObject({ event: "end", reason: "done", step: steps.length });
    model.dispose();
  });

  test("what a jit takes to compile belongs to no step: the schedule begins after it, the end stays", async () => {
    let time = 0;
    const model = newModel();
    const { maxSteps: _, ...timed } = SMALL;
    const jit: Jit = (fn) => {
      let compiled = false;
      return (...inputs) => {
        if (!compiled) time += 3000;
        compiled = true;
        return fn(...inputs);
      };
    };
    const schedule = (progress: number) => 1 - progress;
    const events = await all(
      pretrain(model, data, {
        ...timed,
        maxSeconds: 10,
        learningRate: 1,
        schedule,
        jit,
        now: () => (time += 10),
      }),
    );
    const rates = stepsOf(events).map(({ learningRate }) => learningRate);
    expect(rates.slice(0, 2).every((rate) => rate > 0.98)).toBe(true);
    expect(rates.at(-1)).toBeLessThan(0.1);
    expect(time).toBeGreaterThan(10_000);
    expect(time).toBeLessThan(10_500);
    model.dispose();
  });

  test("what was done is not done again: a resumed run that is over only ends", async () => {
    const folder = new Map<string, Uint8Array>();
    const checkpoint: PretrainOptions["checkpoint"] = (_, write) =>
      write(async (name, bytes) => void folder.set(name, bytes.slice()));
    const model = newModel();
    await all(pretrain(model, data, { ...SMALL, checkpoint }));
    const events = await all(pretrain(model, data, { ...SMALL, resume: async (name) => folder.get(name) }));
    expect(events.map(({ event }) => event)).toEqual(["start", "eval", "end"]);
    model.dispose();
  });
});

describe("what cannot be trained is refused", () => {
  const refusals: [string, Partial<PretrainOptions>, RegExp][] = [
    ["without an end", { maxSteps: Infinity }, /give maxSteps or maxSeconds/],
    ["with no steps", { maxSteps: 0 }, /maxSteps must be a whole number above 0: current value is 0/],
    ["with half a row", { batchSize: 1.5 }, /batchSize must be a whole number above 0: current value is 1.5/],
    ["with a negative rate", { learningRate: -1 }, /learningRate must be above 0: current value is -1/],
    ["on rows beyond its positions", { rowLength: 65 }, /rowLength is 65, maxPositionEmbeddings is 64/],
    ["with samples without a gap", { samples: ["영화"] }, /it has no \[MASK\]: 영화/],
  ];
  test.each(refusals)("%s", async (_, options, message) => {
    const model = newModel();
    await expect(all(pretrain(model, data, { ...SMALL, ...options }))).rejects.toThrow(message);
    model.dispose();
  });

  test("a quantised model", async () => {
    const model = newModel();
    const quantised = await quantize(model, "int8");
    await expect(all(pretrain(quantised, data, SMALL))).rejects.toThrow(/weights are frozen or quantised/);
    model.dispose();
    quantised.dispose();
  });

  test("lines of special tokens only", async () => {
    const model = newModel();
    const nothing = tokenizer.encodeBatch(["모르는 낱말", "들뿐"]);
    await expect(all(pretrain(model, { ...data, train: nothing }, SMALL))).rejects.toThrow(
      new RangeError(
        "Cannot pretrain as there is nothing to predict: the 2 lines of train hold special tokens only",
      ),
    );
    model.dispose();
  });

  test("a loss that is no number ends the run with a sentence", async () => {
    const model = newModel();
    model.parameters
      .get("cls.predictions.bias")!
      .assign(tf.tensor1d(new Float32Array(tokenizer.vocabSize).fill(NaN)));
    await expect(all(pretrain(model, data, SMALL))).rejects.toThrow(
      /^Cannot go on as the loss is NaN in step 0/,
    );
    model.dispose();
  });
});

// --- internal ---

function newModel(changes: Partial<BertForMaskedLM["config"]> = {}): BertForMaskedLM {
  const config = {
    ...kcbertBase,
    vocabSize: tokenizer.vocabSize,
    hiddenSize: 16,
    numHiddenLayers: 1,
    numAttentionHeads: 2,
    intermediateSize: 32,
    maxPositionEmbeddings: 64,
    hiddenDropoutProb: 0,
    attentionProbsDropoutProb: 0,
    initializerRange: 0.05,
    ...changes,
  };
  return BertForMaskedLM.init(config, { seed: 3 });
}

async function all(events: AsyncIterable<PretrainEvent>): Promise<PretrainEvent[]> {
  const list: PretrainEvent[] = [];
  for await (const event of events) list.push(event);
  return list;
}

/** What the steps were, apart from the time that they took. */
function stepsOf(events: readonly PretrainEvent[]) {
  return events
    .filter((event) => event.event === "step")
    .map(({ step, loss, learningRate, gradNorm, progress }) => ({
      step,
      loss,
      learningRate,
      gradNorm,
      progress,
    }));
}
