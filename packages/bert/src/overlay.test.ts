import { CheckpointError, readSafetensors, writeSafetensors } from "@kcbert/safetensors";
import { createWasmBackend } from "@kcbert/kernels";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type BertConfig, kcbertBase, parseBertConfig } from "./config.ts";
import { BertForMaskedLM, BertForSequenceClassification } from "./heads.ts";
import { BertModel } from "./modeling_bert.ts";
import { saveOverlay } from "./overlay.ts";
import type { PretrainedSource } from "./pretrained.ts";
import { type BertClass, type BertPreTrainedModel, valuesOf, variable } from "./pretrained_model.ts";
import { withQuantization } from "./quantization.ts";
import { quantize } from "./quantize.ts";
import { SharedWeights } from "./shared_weights.ts";

const CONFIG: BertConfig = {
  ...kcbertBase,
  vocabSize: 60,
  hiddenSize: 32,
  numHiddenLayers: 3,
  numAttentionHeads: 2,
  intermediateSize: 64,
  maxPositionEmbeddings: 16,
  initializerRange: 0.3,
  clean: "2021",
  id2label: ["negative", "positive"],
};

type Files = Map<string, Uint8Array>;

const sourceOf =
  (...folders: Files[]): PretrainedSource =>
  async (name) =>
    folders.find((files) => files.has(name))?.get(name);

/** A quantised base with two heads in one file, as `kcbert-cli` makes it. */
async function makeBase(weights: "int8" | "int4", seed = 1): Promise<Files> {
  const files: Files = new Map();
  const tensors = new Map<
    string,
    Parameters<typeof writeSafetensors>[0] extends Iterable<infer T> ? T : never
  >();
  for (const Model of [BertForMaskedLM, BertForSequenceClassification] as BertClass<BertPreTrainedModel>[]) {
    const model = await initialized(Model, CONFIG, seed);
    const small = await quantize(model, weights);
    await small.save(async (name, bytes) => {
      files.set(name, bytes);
      if (name === "config.json") return;
      for (const entry of readSafetensors(bytes).tensors) tensors.set(entry[0], entry);
    });
    model.dispose();
    small.dispose();
  }
  files.set(`model.${weights}.safetensors`, writeSafetensors(tensors.values(), { format: "pt" }));
  return files;
}

async function initialized(
  Model: BertClass<BertPreTrainedModel>,
  config: BertConfig,
  seed: number,
): Promise<BertPreTrainedModel> {
  const { BertPreTrainedModel: Base } = await import("./pretrained_model.ts");
  return Base.init.call(Model, config, { seed }) as BertPreTrainedModel;
}

/** The base's numbers in floats with another head on them, all that `learns` names moved a little, as fine-tuning would. */
async function tuned<Model extends BertPreTrainedModel>(
  Model: BertClass<Model>,
  base: Files,
  learns: RegExp,
  changes: Partial<BertConfig> = {},
): Promise<Model> {
  const small = await loaded(Model, sourceOf(base), { config: changes, ignoreMismatchedSizes: true });
  const parameters = new Map<string, tf.Variable>();
  for (const [key, shape] of Model.parameterShapes(small.config, { pooler: false })) {
    const values = (await valuesOf(small, key)).slice();
    if (learns.test(key)) for (let i = 0; i < values.length; i++) values[i]! += 0.01 * Math.sin(i);
    parameters.set(key, variable(values, shape));
  }
  const config = withQuantization(small.config, undefined);
  small.dispose();
  return new Model(config, parameters);
}

async function loaded<Model extends BertPreTrainedModel>(
  Model: BertClass<Model>,
  source: PretrainedSource,
  options: Parameters<typeof BertModel.fromPretrained>[1] = {},
): Promise<Model> {
  const { BertPreTrainedModel: Base } = await import("./pretrained_model.ts");
  return (await Base.fromPretrained.call(Model, source, { pooler: false, ...options })) as Model;
}

async function overlayOf(model: BertPreTrainedModel, base: Files): Promise<{ files: Files; keys: string[] }> {
  const files: Files = new Map();
  const sink = async (name: string, bytes: Uint8Array): Promise<void> => void files.set(name, bytes);
  return { keys: await saveOverlay(model, sourceOf(base), sink, { name: "the base" }), files };
}

const TOP = /(?:pooler|classifier|encoder\.layer\.2)\./;
const INPUT = [[2, 8, 14, 59, 3]];

let tensors = 0;
beforeAll(async () => {
  await createWasmBackend();
  await tf.setBackend("wasm");
});
beforeEach(() => {
  tensors = tf.memory().numTensors;
});

describe.each(["int8", "int4"] as const)("over a base in %s", (weights) => {
  const [whole, overlaid] = [`model.${weights}.safetensors`, `overlay.${weights}.safetensors`];

  test("a head with the layer that learnt is all that is written, and answers as the whole model in small", async () => {
    const base = await makeBase(weights);
    const model = await tuned(BertForSequenceClassification, base, TOP, {
      numLabels: 3,
      id2label: ["none", "offensive", "hate"],
      unsureBelow: 0.7,
    });
    const { files, keys } = await overlayOf(model, base);
    expect(new Set(keys)).toEqual(new Set([...model.parameters.keys()].filter((key) => TOP.test(key))));
    expect([...files.keys()]).toEqual([overlaid, "config.json"]);
    expect(files.get(overlaid)!.length).toBeLessThan(base.get(whole)!.length / 2);
    const json = JSON.parse(new TextDecoder().decode(files.get("config.json"))) as { kcbert: object };
    expect(json.kcbert).toMatchObject({ clean: "2021", unsure_below: 0.7, base: { name: "the base" } });

    const again = await loaded(BertForSequenceClassification, sourceOf(files, base), {
      onReport: ({ missing }) => expect(missing).toEqual([]),
    });
    const small = await quantize(model, weights);
    expect((await overlayOf(again, base)).files.get(overlaid)).toEqual(files.get(overlaid));
    for (const key of model.parameters.keys()) {
      const theirs = keys.includes(key) ? await valuesOf(small, key) : await valuesOf(model, key);
      expect(await valuesOf(again, key), key).toEqual(theirs);
    }
    const inputIds = tf.tensor2d(INPUT, [1, 5], "int32");
    const [said, wanted] = [again, small].map((each) => each.forward({ inputIds }).logits);
    const expected = await wanted!.data();
    (await said!.data()).forEach((logit, i) => expect(logit).toBeCloseTo(expected[i]!, 4));

    const saved: Files = new Map(); // in memory it is whole, and so it is saved
    await again.save(async (name, bytes) => void saved.set(name, bytes));
    expect([...saved.keys()]).toEqual([whole, "config.json"]);
    const config = parseBertConfig(new TextDecoder().decode(saved.get("config.json")));
    expect(config.extra?.get("kcbert")).toBeUndefined();
    expect(config.unsureBelow).toBe(0.7);

    tf.dispose([inputIds, said!, wanted!]);
    for (const each of [model, again, small]) each.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
  });

  test("a bare encoder lies over a base with heads", async () => {
    const base = await makeBase(weights);
    const model = await tuned(BertModel, base, TOP);
    const { files, keys } = await overlayOf(model, base);
    expect(keys.every((key) => key.startsWith("encoder.layer.2."))).toBe(true);
    expect(keys).toHaveLength(16);
    const again = await loaded(BertModel, sourceOf(files, base));
    const key = "encoder.layer.0.output.dense.weight";
    expect(await valuesOf(again, key)).toEqual(await valuesOf(model, key));
    model.dispose();
    again.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

describe("in memory beside its base", () => {
  test("what lies below is there once, what lies over is each one's own", async () => {
    const base = await makeBase("int8");
    const heads = await Promise.all(
      [0, 1].map(async (i) => {
        const model = await tuned(BertForSequenceClassification, base, i === 0 ? TOP : /classifier/);
        const { files } = await overlayOf(model, base);
        model.dispose();
        return files;
      }),
    );
    const alone = await loaded(BertForSequenceClassification, sourceOf(heads[0]!, base));
    const shared = new SharedWeights();
    const [mask, first, second] = [
      await loaded(BertForMaskedLM, sourceOf(base), { shared }),
      await loaded(BertForSequenceClassification, sourceOf(heads[0]!, base), { shared }),
      await loaded(BertForSequenceClassification, sourceOf(heads[1]!, base), { shared }),
    ];
    const [low, top] = [1, 2].map((l) => `bert.encoder.layer.${l}.output.dense.weight`);
    expect(first.matrices.get(low!)).toBe(mask.matrices.get(low!));
    expect(first.matrices.get(top!)).not.toBe(mask.matrices.get(top!));
    expect(second.matrices.get(top!)).toBe(mask.matrices.get(top!));
    expect(first.parameters.get("classifier.bias")).not.toBe(second.parameters.get("classifier.bias"));
    for (const key of [...alone.parameters.keys(), ...alone.matrices.keys()]) {
      expect(await valuesOf(first, key), key).toEqual(await valuesOf(alone, key));
    }
    for (const each of [mask, first, alone, second]) each.dispose();
    expect(shared.size).toBe(0);
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

describe("what does not fit is refused", () => {
  test("another version of the base, and none", async () => {
    const [base, other] = [await makeBase("int8"), await makeBase("int8", 2)];
    const model = await tuned(BertForSequenceClassification, base, TOP);
    const { files } = await overlayOf(model, base);
    const load = (...folders: Files[]) => loaded(BertForSequenceClassification, sourceOf(files, ...folders));
    await expect(load(other)).rejects.toThrow(CheckpointError);
    await expect(load(other)).rejects.toThrow(
      /they lie over the base, of which they need the version that they were made for: sha256 of its model\.int8\.safetensors must be [0-9a-f]{64}, and is [0-9a-f]{64}$/,
    );
    await expect(load()).rejects.toThrow(
      "they are only what differs from the base: the source must give model.int8.safetensors of that, too",
    );
    const halves = new Map(readSafetensors(files.get("overlay.int8.safetensors")!).tensors);
    halves.delete("bert.pooler.dense.weight_scale");
    files.set("overlay.int8.safetensors", writeSafetensors(halves));
    await expect(load(base)).rejects.toThrow("bert.pooler.dense.weight_scale is missing");
    files.set(
      "config.json",
      new TextEncoder().encode(JSON.stringify({ ...json(files), kcbert: { base: 1 } })),
    );
    await expect(load(base)).rejects.toThrow("kcbert.base must have a name and a sha256: it is 1");
    model.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
  });

  test("a base of floats, a base that is an overlay, and a model that is quantised in another way", async () => {
    const base = await makeBase("int8");
    const model = await tuned(BertForSequenceClassification, base, TOP);
    const floats: Files = new Map();
    await model.save(async (name, bytes) => void floats.set(name, bytes));
    await expect(overlayOf(model, floats)).rejects.toThrow("its base must be quantised: it is of floats");
    const { files } = await overlayOf(model, base);
    await expect(overlayOf(model, new Map([...base, ...files]))).rejects.toThrow(
      "its base must not be an overlay itself",
    );
    const small = await quantize(model, "int4");
    await expect(overlayOf(small, base)).rejects.toThrow("it has 4 bits, the base 8");
    model.dispose();
    small.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
  });

  function json(files: Files): object {
    return JSON.parse(new TextDecoder().decode(files.get("config.json"))) as object;
  }
});
