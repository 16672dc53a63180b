import { CheckpointError, readSafetensors, toFloat32 } from "@kcbert/safetensors";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { expect, test } from "vitest";
import { type BertConfig, kcbertBase } from "./config.ts";
import { dequantized } from "./dequantized.ts";
import { BertForMaskedLM, BertForSequenceClassification, BertForTokenClassification } from "./heads.ts";
import { BertModel } from "./modeling_bert.ts";
import { saveOverlay } from "./overlay.ts";
import { loadConfig, type PretrainedSource } from "./pretrained.ts";
import { valuesOf } from "./pretrained_model.ts";
import { quantize } from "./quantize.ts";

/** Odd numbers of columns, so that half a byte is left over. */
const CONFIG: BertConfig = {
  ...kcbertBase,
  vocabSize: 60,
  hiddenSize: 33,
  numHiddenLayers: 2,
  numAttentionHeads: 3,
  intermediateSize: 67,
  maxPositionEmbeddings: 16,
  initializerRange: 0.2,
};
const KINDS = [
  ["int8", undefined],
  ["int4", 32],
  ["int4", 64],
] as const;

await tf.setBackend("cpu");

type Folder = Map<string, Uint8Array>;
const sourceOf =
  (folder: Folder): PretrainedSource =>
  async (name) =>
    folder.get(name);

async function saved(model: { save: BertModel["save"] }): Promise<Folder> {
  const folder: Folder = new Map();
  await model.save(async (name, bytes) => void folder.set(name, bytes));
  return folder;
}

test.each(KINDS)("the floats are what the integers say: %s in groups of %s", async (weights, groupSize) => {
  const model = BertForMaskedLM.init(CONFIG, { seed: 3 });
  const small = await quantize(model, weights, groupSize === undefined ? {} : { groupSize });
  const floats = await BertForMaskedLM.fromPretrained(dequantized(sourceOf(await saved(small))));
  expect([...floats.matrices.keys()]).toEqual([]);
  expect([...floats.parameters.keys()]).toEqual([...model.parameters.keys()]);
  let changed = 0;
  for (const [key, parameter] of floats.parameters) {
    const values = (await parameter.data()) as Float32Array;
    expect(values).toEqual(await valuesOf(small, key));
    if (values.some((value, i) => value !== (model.parameters.get(key)!.dataSync() as Float32Array)[i]))
      changed++;
  }
  expect(changed).toBeGreaterThan(10); // what was rounded away stays away
  for (const part of [model, small, floats]) part.dispose();
});

test("int8 floats become the same integers again", async () => {
  const model = BertForSequenceClassification.init(CONFIG, { seed: 4 });
  const small = await quantize(model, "int8");
  const first = await saved(small);
  const floats = await BertForSequenceClassification.fromPretrained(dequantized(sourceOf(first)));
  const again = await saved(await quantize(floats, "int8"));
  const [before, after] = [first, again].map((folder) =>
    readSafetensors(folder.get("model.int8.safetensors")!),
  );
  for (const [name, { dtype, bytes }] of before!.tensors) {
    if (dtype === "I8") expect(after!.tensors.get(name)!.bytes, name).toEqual(bytes);
    else expect(toFloat32(after!.tensors.get(name)!), name).toEqual(toFloat32(before!.tensors.get(name)!));
  }
});

test.each([
  ["BertModel", BertModel],
  ["BertForTokenClassification", BertForTokenClassification as unknown as typeof BertModel],
])("a %s keeps its own head and no other", async (_, Model) => {
  const model = await quantize(Model.init(CONFIG, { seed: 5 }), "int8");
  const folder = await saved(model);
  const floats = await Model.fromPretrained(dequantized(sourceOf(folder)), {
    onReport: ({ missing, unexpected }) => expect([missing, unexpected]).toEqual([[], []]),
  });
  expect([...floats.parameters.keys()].sort()).toEqual(
    [...model.parameters.keys(), ...model.matrices.keys()].sort(),
  );
});

test("an overlay becomes whole", async () => {
  const base = await saved(await quantize(BertForSequenceClassification.init(CONFIG, { seed: 9 }), "int8"));
  const model = await BertForSequenceClassification.fromPretrained(dequantized(sourceOf(base)));
  model.parameters.get("classifier.bias")!.assign(tf.tensor1d([1, -1]));
  const files = new Map<string, Uint8Array>();
  await saveOverlay(model, sourceOf(base), async (name, bytes) => void files.set(name, bytes), {
    name: "base",
  });
  const source = dequantized(sourceOf(new Map([...base, ...files])));
  expect((await loadConfig(source)).extra?.has("kcbert") ?? false).toBe(false);
  const again = await BertForSequenceClassification.fromPretrained(source);
  for (const [key, parameter] of model.parameters)
    expect(again.parameters.get(key)!.dataSync(), key).toEqual(parameter.dataSync());
});

test("config.json says floats, parts can be asked for, other files are the folder's", async () => {
  const folder = await saved(await quantize(BertModel.init(CONFIG, { seed: 6 }), "int8"));
  folder.set("vocab.txt", Uint8Array.of(1, 2, 3));
  const source = dequantized(sourceOf(folder));
  expect((await loadConfig(source)).extra?.has("quantization_config") ?? false).toBe(false);
  expect(await source("vocab.txt")).toEqual(Uint8Array.of(1, 2, 3));
  expect(await source("nothing")).toBeUndefined();
  const whole = (await source("model.safetensors")) as Uint8Array;
  expect(await source("model.safetensors", { range: [8, 40] })).toEqual(whole.subarray(8, 40));
});

test("a folder of floats passes through, and so does an empty one", async () => {
  const folder = await saved(BertModel.init(CONFIG, { seed: 7 }));
  for (const name of ["config.json", "model.safetensors"])
    expect(await dequantized(sourceOf(folder))(name)).toBe(folder.get(name));
  expect(await dequantized(async () => undefined)("model.safetensors")).toBeUndefined();
});

test("weights that cannot be are refused", async () => {
  const folder = await saved(await quantize(BertModel.init(CONFIG, { seed: 8 }), "int8"));
  const bytes = folder.get("model.int8.safetensors")!;
  folder.set("model.int8.safetensors", bytes.subarray(0, bytes.length - 9));
  await expect(dequantized(sourceOf(folder))("model.safetensors")).rejects.toThrow(CheckpointError);
  folder.delete("model.int8.safetensors");
  await expect(dequantized(sourceOf(folder))("model.safetensors")).rejects.toThrow(
    /must have model.int8.safetensors, or an index of shards: it has none/,
  );
});
