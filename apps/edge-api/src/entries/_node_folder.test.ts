import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../testing/temporary_folder.ts";
import { tinyModel, writeFolder } from "../testing/tiny_model.ts";
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
