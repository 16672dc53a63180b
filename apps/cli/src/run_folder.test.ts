import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../test/run_cli.ts";
import { RunFolder } from "./run_folder.ts";

const root = temporaryFolder();
const bytes = Uint8Array.of(1, 2, 3);

test("a run's folder keeps the latest checkpoint alone, and all that was appended", async () => {
  const path = join(root, "above", "run");
  const folder = new RunFolder(path, { resume: true });
  expect(existsSync(path)).toBe(false);
  folder.begin();
  expect(folder.latestCheckpoint()).toBeUndefined();
  folder.append({ event: "start" });
  for (const step of [9, 10]) await folder.keep(step, async (sink) => sink("model.safetensors", bytes));
  folder.append({ event: "end" });
  folder.close();
  expect(readdirSync(path)).toEqual(["checkpoint-10", "metrics.jsonl"]);
  expect(readFileSync(join(path, "metrics.jsonl"), "utf8")).toBe('{"event":"start"}\n{"event":"end"}\n');
  expect(new RunFolder(path, { resume: true }).latestCheckpoint()).toBe(join(path, "checkpoint-10"));
});

test("a checkpoint that fails half-way leaves the one before, and nothing of itself", async () => {
  const path = join(root, "full");
  const folder = new RunFolder(path, { resume: true });
  folder.begin();
  await folder.keep(1, async (sink) => sink("model.safetensors", bytes));
  const failing = folder.keep(2, async (sink) => {
    await sink("model.safetensors", bytes);
    throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  });
  await expect(failing).rejects.toThrow(/^Cannot write the checkpoint .*checkpoint-2: the disk is full$/);
  expect(readdirSync(path)).toEqual(["checkpoint-1", "metrics.jsonl"]);
  folder.close();
});

test("what a killed run left unfinished is swept away, and nothing else", () => {
  const path = join(root, "killed");
  for (const name of [".checkpoint-5.tmp", "checkpoint-4"]) mkdirSync(join(path, name), { recursive: true });
  writeFileSync(join(path, "metrics.jsonl"), "");
  writeFileSync(join(path, "notes.txt"), "mine");
  const folder = new RunFolder(path, { resume: true });
  folder.begin();
  folder.close();
  expect(readdirSync(path)).toEqual(["checkpoint-4", "metrics.jsonl", "notes.txt"]);
});

test("a folder of something else, a run that may not go on, and a file are refused", () => {
  const foreign = join(root, "foreign");
  mkdirSync(foreign);
  writeFileSync(join(foreign, "a.txt"), "");
  expect(() => new RunFolder(foreign, { resume: true })).toThrow(
    /^Cannot train into .*foreign: it is not empty/,
  );
  expect(existsSync(join(foreign, "metrics.jsonl"))).toBe(false);
  expect(() => new RunFolder(join(foreign, "a.txt"), { resume: true })).toThrow(
    /it is a file, not a folder$/,
  );
  const run = join(root, "run");
  const folder = new RunFolder(run, { resume: false });
  folder.begin();
  folder.close();
  expect(() => new RunFolder(run, { resume: false })).toThrow(/it holds a training run already/);
});
