import { fillMask } from "@kcbert/pipelines";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { loadModel } from "./loaded_model.ts";
import { Models, type ModelVersion, type ServedModel } from "./models.ts";
import { tinyModel, tinyModelFor, versionOf, type Files } from "./testing/tiny_model.ts";

let files: Files;
beforeAll(async () => {
  files = await tinyModel(1);
});

function modelsOf(
  current: () => Promise<ModelVersion | undefined>,
  onLoad = () => {},
  { others = [], modelBytes = Infinity }: { others?: ServedModel[]; modelBytes?: number } = {},
): Models {
  return new Models([{ id: "tiny", current }, ...others], {
    load: async (task, { source }, shared) => {
      onLoad();
      return loadModel(task, source, shared);
    },
    log: () => {},
    concurrentRequests: 100,
    modelBytes,
  });
}

test("Models loads a model once, however many ask for it first", async () => {
  let loads = 0;
  const models = modelsOf(
    async () => versionOf(files, "1"),
    () => (loads += 1),
  );
  const seen = await Promise.all(
    Array.from({ length: 8 }, () => models.use("tiny", undefined, async ({ model }) => model)),
  );
  expect(loads).toBe(1);
  expect(new Set(seen).size).toBe(1);
  models.dispose();
});

test("Models keeps an old state until its last user is done, then frees it", async () => {
  let revision = "1";
  const before = tf.memory().numTensors;
  const models = modelsOf(async () => versionOf(files, revision));
  const gate = Promise.withResolvers<void>();
  const old = models.use("tiny", "fill-mask", async ({ model, version }) => {
    await gate.promise;
    const pipeline = model.heads["fill-mask"]!;
    return [version.revision, await fillMask(pipeline.model, pipeline.tokenizer, "영화 [MASK]")] as const;
  });
  await models.use("tiny", undefined, async () => {});
  const one = tf.memory().numTensors - before;
  revision = "2";
  expect(await models.use("tiny", undefined, async ({ version }) => version.revision)).toBe("2");
  expect(tf.memory().numTensors - before).toBe(2 * one);
  gate.resolve();
  const [answeredBy, answers] = await old;
  expect(answeredBy).toBe("1");
  expect(answers).toHaveLength(5);
  expect(tf.memory().numTensors - before).toBe(one);
  models.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

test("Models takes the newer checkpoint when the one it loads is deleted meanwhile", async () => {
  const half = new Map([["config.json", files.get("config.json")!]]);
  let current = versionOf(half, "checkpoint-1", "checkpoint");
  const models = modelsOf(
    async () => current,
    () => (current = versionOf(files, "checkpoint-2", "checkpoint")),
  );
  expect(await models.use("tiny", undefined, async ({ version }) => version.revision)).toBe("checkpoint-2");
  models.dispose();
});

describe("Models with a budget of memory", () => {
  const served = (id: string): ServedModel => ({ id, current: async () => versionOf(files, id) });

  test("lets the model go that was used least recently, and loads it again when it is asked for", async () => {
    const before = tf.memory().numTensors;
    const loads: string[] = [];
    const { parts } = await loadModel("fill-mask", versionOf(files, "").source);
    const one = [...parts.values()].reduce((sum, bytes) => sum + bytes, 0);
    const models = new Models([served("a"), served("b"), served("c")], {
      load: async (task, { revision, source }) => {
        loads.push(revision);
        return loadModel(task, source);
      },
      log: () => {},
      concurrentRequests: 100,
      modelBytes: 2 * one,
    });
    const use = (id: string) => models.use(id, "fill-mask", async ({ version }) => version.revision);
    for (const id of ["a", "b", "a", "c", "a", "b"]) expect(await use(id)).toBe(id);
    expect(loads).toEqual(["a", "b", "c", "b"]);
    expect(models.loadedCount).toBe(2);
    expect(models.loadedBytes).toBe(2 * one);
    models.dispose();
    expect(models.loadedBytes).toBe(0);
    expect(tf.memory().numTensors).toBeGreaterThan(before); // the one that was loaded to be weighed
  });

  test("never takes a model from under a request", async () => {
    const models = modelsOf(async () => versionOf(files, "tiny"), undefined, {
      others: [served("other")],
      modelBytes: 20_000,
    });
    const gate = Promise.withResolvers<void>();
    const old = models.use("tiny", "fill-mask", async ({ model }) => {
      await gate.promise;
      return model.heads["fill-mask"]!.run("영화 [MASK]");
    });
    await models.use("other", "fill-mask", async () => {});
    gate.resolve();
    expect(await old).toHaveLength(5);
    models.dispose();
  });

  test("says so if a model is larger than all the memory there is", async () => {
    const models = modelsOf(async () => versionOf(files, "tiny"), undefined, { modelBytes: 100 });
    await expect(models.use("tiny", "fill-mask", async () => {})).rejects.toThrow(
      /"tiny" cannot be loaded as it needs 1 MB and this server has 1 MB for models: quantise it/,
    );
  });
});

describe("Models whose heads share their weights", () => {
  const served = (id: string, of: Files, weights?: string): ServedModel => ({
    id,
    current: async () => ({ ...versionOf(of, id), ...(weights === undefined ? {} : { weights }) }),
  });
  const ask = (models: Models, id: string) =>
    models.use(id, undefined, async ({ model }) => {
      const [filler, judge] = [model.heads["fill-mask"], model.heads["text-classification"]];
      return filler === undefined ? judge!.run("영화", { topK: null }) : filler.run("영화 [MASK]");
    });

  test("keeps the encoder once, counts it once, and as long as one of them is there", async () => {
    const before = tf.memory().numTensors;
    const head = await tinyModelFor("text-classification", 1); // the same encoder, for it has the same seed
    const apart = modelsOf(async () => versionOf(files, "1"), undefined, { others: [served("mood", head)] });
    const expected = [await ask(apart, "tiny"), await ask(apart, "mood")];
    const [bytesApart, tensorsApart] = [apart.loadedBytes, tf.memory().numTensors - before];
    apart.dispose();

    const others = [served("mood", head, "one"), served("fill", files, "one"), served("lone", files)];
    const models = modelsOf(async () => undefined, undefined, { others, modelBytes: bytesApart });
    expect([await ask(models, "fill"), await ask(models, "mood")]).toEqual(expected);
    expect(models.loadedCount).toBe(2);
    expect(models.loadedBytes).toBeLessThan(0.7 * bytesApart);
    expect(tf.memory().numTensors - before).toBeLessThan(0.7 * tensorsApart);

    expect(await ask(models, "lone")).toEqual(expected[0]); // the other filler has to go, not what it shares
    expect(await ask(models, "mood")).toEqual(expected[1]);
    expect(models.loadedCount).toBe(2);
    models.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
