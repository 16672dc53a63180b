import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { createApp } from "../app.ts";
import type { ServedModel } from "../models.ts";
import { temporaryFolder } from "../testing/temporary_folder.ts";
import { startBackend, tinyModel, writeFolder } from "../testing/tiny_model.ts";
import { shippedModels } from "./_node_shipped.ts";
import { folderSource, readModel, trainingFolder } from "./_node_folder.ts";

test("folderSource() gives files whole and in part, and none outside", async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "vocab.txt"), "0123456789");
  const source = folderSource(folder);
  const read = async (range?: [number, number]) => {
    const bytes = await source("vocab.txt", range && { range });
    return new TextDecoder().decode(bytes as Uint8Array);
  };
  expect(await read()).toBe("0123456789");
  expect(await read([2, 5])).toBe("234");
  expect(await read([8, 20])).toBe("89");
  expect(await source("config.json")).toBeUndefined();
  for (const name of ["../vocab.txt", "/etc/passwd", "..", ".", "", "a/b", "a\\b", "a\0b"]) {
    await expect(source(name)).rejects.toThrow(RangeError);
  }
});

test("readModel() takes a folder once it is whole", async () => {
  const root = await temporaryFolder();
  const files = await tinyModel(3);
  await writeFolder(join(root, "whole"), files);
  expect(await readModel(join(root, "whole"))).toMatchObject({ state: "final", step: null });
  for (const missing of ["config.json", "model.safetensors"]) {
    const folder = join(root, `without-${missing}`);
    await writeFolder(folder, new Map([...files].filter(([name]) => name !== missing)));
    expect(await readModel(folder)).toBeUndefined();
  }
  const weights = files.get("model.safetensors")!;
  await writeFile(join(root, "whole", "model.safetensors"), weights.subarray(0, weights.length - 4));
  expect(await readModel(join(root, "whole"))).toBeUndefined();
});

test("readModel() takes quantised weights, shards, and heads that share a tokenizer", async () => {
  const root = await temporaryFolder();
  const files = await tinyModel(3);
  const only = (...names: string[]) => new Map([...files].filter(([name]) => names.includes(name)));
  const config = only("config.json");
  const weights = files.get("model.safetensors")!;
  await writeFolder(
    join(root, "int8"),
    new Map([...config, ["vocab.txt", new Uint8Array(1)], ["model.int8.safetensors", weights]]),
  );
  expect(await readModel(join(root, "int8"))).toBeDefined();
  const index = new Map([["model.safetensors.index.json", new Uint8Array(9)]]);
  await writeFolder(join(root, "shards"), new Map([...config, ...only("vocab.txt"), ...index]));
  expect(await readModel(join(root, "shards"))).toBeDefined();

  await writeFolder(join(root, "mini"), files);
  await writeFolder(join(root, "mini", "sentiment"), only("config.json", "model.safetensors"));
  const folder = join(root, "mini", "sentiment");
  expect(await readModel(folder)).toBeUndefined();
  const head = await readModel(folder, { shared: join(root, "mini") });
  expect(await head!.source("tokenizer.json")).toEqual(files.get("tokenizer.json"));
  expect(await head!.source("pytorch_model.bin")).toBeUndefined();

  await writeFolder(join(root, "mini", "inside"), only("config.json"));
  const inside = await readModel(join(root, "mini", "inside"), { shared: join(root, "mini") });
  expect(await inside!.source("model.safetensors")).toEqual(files.get("model.safetensors"));
  expect(await inside!.source("model.safetensors", { range: [0, 8] })).toHaveLength(8);
  expect(inside!.weights).toBe((await readModel(join(root, "mini")))!.weights);
  expect(inside!.weights).not.toBe(head!.weights);

  const overlay = new Map([...config, ["overlay.int8.safetensors", weights]]);
  await writeFolder(join(root, "mini", "over"), overlay);
  const over = await readModel(join(root, "mini", "over"), { shared: join(root, "mini") });
  expect(over!.weights).toBe(inside!.weights);
  expect(over!.revision).not.toBe(inside!.revision);
  expect(await over!.source("overlay.int8.safetensors")).toEqual(weights);
  expect(await over!.source("model.safetensors")).toEqual(weights);
});

test("shippedModels() finds the models that are installed as packages, and their heads", async () => {
  const root = await temporaryFolder();
  const packages = join(root, "node_modules", "@kcbert");
  const files = await tinyModel(3);
  const head = new Map([...files].filter(([name]) => !/token|vocab/.test(name)));
  const manifest = new Map([["package.json", new TextEncoder().encode("{}")]]);
  await writeFolder(join(packages, "model-mini"), new Map([...files, ...manifest]));
  await writeFolder(join(packages, "model-mini", "sentiment"), head);
  await writeFolder(join(packages, "model-heads"), manifest);
  await writeFolder(join(packages, "model-heads", "hate"), files);
  await writeFolder(join(packages, "tokenizer"), manifest);
  const models = shippedModels(pathToFileURL(join(root, "app.js")).href);
  expect(models).toEqual([
    { id: "mini", folder: join(packages, "model-mini") },
    {
      id: "sentiment",
      folder: join(packages, "model-mini", "sentiment"),
      shared: join(packages, "model-mini"),
    },
    { id: "hate", folder: join(packages, "model-heads", "hate"), shared: join(packages, "model-mini") },
  ]);
});

test("what is installed here answers: model-mini and its heads, whose common weights are in memory once", async () => {
  const models = shippedModels().map(({ id, folder, shared }): ServedModel => ({
    id,
    current: () => readModel(folder, { shared }),
  }));
  const app = createApp({ models, backend: startBackend });
  const ask = async (path: string, body: object) => {
    const headers = { "content-type": "application/json" };
    const response = await app.request(path, { method: "POST", headers, body: JSON.stringify(body) });
    return response.json();
  };
  const { labels, unsure } = await ask("/v1/analyze", { inputs: "쓰레기 같은 놈들 다 꺼져라" });
  expect([labels.sentiment[0].label, labels.hate[0].label]).toEqual(["negative", "hate"]);
  expect(unsure).toEqual({ sentiment: false, hate: false });
  const [best] = await ask("/models/mini", { inputs: "정말 [MASK] 싶은 영화" });
  expect(best.token_str).toBe("추천하고");
  const inputs = {
    source_sentence: "노래가 정말 마음에 들어요",
    sentences: ["음악이 너무 좋았어요", "비가 많이 온다"],
  };
  const [song, rain] = await ask("/models/embedding/pipeline/sentence-similarity", { inputs });
  expect(song).toBeGreaterThan(rain + 0.3);
  const metrics = await (await app.request("/metrics")).text();
  expect(Number(/^kcbert_models_loaded (\d+)$/m.exec(metrics)![1])).toBe(4);
  expect(Number(/^kcbert_model_bytes (\d+)$/m.exec(metrics)![1])).toBeLessThan(16e6);
});

test("trainingFolder() finds the newest whole checkpoint", async () => {
  const folder = await temporaryFolder();
  const run = trainingFolder(folder);
  expect(await run.readModels()).toEqual({});
  expect(await run.readMetrics(0)).toBeUndefined();
  const files = await tinyModel(3);
  for (const step of [9, 100]) await writeFolder(join(folder, `checkpoint-${step}`), files);
  await writeFolder(join(folder, "checkpoint-1000"), new Map([["config.json", new Uint8Array(2)]]));
  await writeFolder(join(folder, "checkpoint-2000x"), files);
  await symlink(join(folder, "nowhere"), join(folder, "checkpoint-3000"));
  const { checkpoint, final } = await run.readModels();
  expect(checkpoint).toMatchObject({ state: "checkpoint", step: 100 });
  expect(final).toBeUndefined();
});
