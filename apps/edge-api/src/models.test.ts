import { loadFillMask } from "@kcbert/pipelines";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import { Models, type ModelVersion } from "./models.ts";
import { tinyModel, versionOf, type Files } from "./testing/tiny_model.ts";

let files: Files;
beforeAll(async () => {
  files = await tinyModel(1);
});

function modelsOf(current: () => Promise<ModelVersion | undefined>, onLoad = () => {}): Models {
  return new Models([{ id: "tiny", current }], {
    load: async ({ source }) => {
      onLoad();
      return loadFillMask(source);
    },
    log: () => {},
    concurrentRequests: 100,
  });
}

test("Models loads a model once, however many ask for it first", async () => {
  let loads = 0;
  const models = modelsOf(
    async () => versionOf(files, "1"),
    () => (loads += 1),
  );
  const seen = await Promise.all(Array.from({ length: 8 }, () => models.use("tiny", async (model) => model)));
  expect(loads).toBe(1);
  expect(new Set(seen).size).toBe(1);
  models.dispose();
});

test("Models keeps an old state until its last user is done, then frees it", async () => {
  let revision = "1";
  const before = tf.memory().numTensors;
  const models = modelsOf(async () => versionOf(files, revision));
  const gate = Promise.withResolvers<void>();
  const old = models.use("tiny", async (pipeline, version) => {
    await gate.promise;
    return [version.revision, await pipeline.run("영화 [MASK]")] as const;
  });
  await models.use("tiny", async () => {});
  const one = tf.memory().numTensors - before;
  revision = "2";
  expect(await models.use("tiny", async (_, version) => version.revision)).toBe("2");
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
  let current = versionOf(new Map(), "checkpoint-1", "checkpoint");
  const models = modelsOf(
    async () => current,
    () => (current = versionOf(files, "checkpoint-2", "checkpoint")),
  );
  expect(await models.use("tiny", async (_, { revision }) => revision)).toBe("checkpoint-2");
  models.dispose();
});
