import { fillMask } from "@kcbert/pipelines";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { loadModel } from "./loaded_model.ts";
import { Models, type ModelVersion, type ServedModel } from "./models.ts";
import { tinyModel, versionOf, type Files } from "./testing/tiny_model.ts";

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
    load: async (task, { source }) => {
      onLoad();
      return loadModel(task, source);
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
    const one = (await loadModel("fill-mask", versionOf(files, "").source)).bytes;
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
