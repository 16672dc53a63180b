import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PretrainedSink } from "@kcbert/bert";
import { afterAll, expect, test } from "vitest";
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

test("as many checkpoints stay as are asked for, and the best model beside them", async () => {
  const path = join(root, "several");
  const folder = new RunFolder(path, { resume: true, keep: 2 });
  folder.begin();
  expect(folder.bestLoss()).toBe(Infinity);
  const write = async (sink: PretrainedSink) => sink("model.safetensors", bytes);
  for (const step of [1, 2, 3, 10]) await folder.keep(step, write);
  for (const loss of [3, 2.5]) await folder.keepBest(3, loss, write);
  folder.close();
  expect(readdirSync(path)).toEqual(["best", "checkpoint-10", "checkpoint-3", "metrics.jsonl"]);
  expect(new RunFolder(path, { resume: true }).bestLoss()).toBe(2.5);
});

test.each<[string, (folder: string) => void, RegExp]>([
  [
    "cut",
    (folder) => writeFileSync(join(folder, "model.safetensors"), "12"),
    /has 2 bytes, and was written with 3/,
  ],
  ["changed", (folder) => writeFileSync(join(folder, "model.safetensors"), "123"), /is not what was written/],
  [
    "without a file",
    (folder) => rmSync(join(folder, "model.safetensors")),
    /model.safetensors cannot be read: ENOENT/,
  ],
  ["without its manifest", (folder) => rmSync(join(folder, "manifest.json")), /it has no manifest.json/],
  [
    "with another manifest",
    (folder) => writeFileSync(join(folder, "manifest.json"), "{}"),
    /it has no manifest.json/,
  ],
])("a checkpoint that is %s is skipped, and the one before taken", async (name, damage, says) => {
  const path = join(root, `damaged-${name}`);
  const folder = new RunFolder(path, { resume: true, keep: 2 });
  folder.begin();
  for (const step of [1, 2]) await folder.keep(step, async (sink) => sink("model.safetensors", bytes));
  folder.close();
  damage(join(path, "checkpoint-2"));
  const told: string[] = [];
  expect(folder.latestCheckpoint((sentence) => told.push(sentence))).toBe(join(path, "checkpoint-1"));
  expect(told).toEqual([expect.stringMatching(/^Skipped the damaged checkpoint .*checkpoint-2: /)]);
  expect(told[0]).toMatch(says);
});

test("killed between the renames of a replacement, the folder has the one that was whole", async () => {
  const path = join(root, "between");
  const folder = new RunFolder(path, { resume: true });
  folder.begin();
  await folder.keepBest(1, 2.5, async (sink) => sink("model.safetensors", bytes));
  folder.close();
  renameSync(join(path, "best"), join(path, ".best.old"));
  mkdirSync(join(path, ".best.tmp"));
  const again = new RunFolder(path, { resume: true });
  again.begin();
  again.close();
  expect(readdirSync(path)).toEqual(["best", "metrics.jsonl"]);
  expect(again.bestLoss()).toBe(2.5);
});

// To mount a small file system takes a right that not everybody has.
const small = join(root, "small");
mkdirSync(small);
const mounted = spawnSync("sh", ["-c", `mount -t tmpfs -o size=64k tmpfs '${small}'`]).status === 0;
afterAll(() => {
  if (mounted) spawnSync("sh", ["-c", `umount '${small}'`]);
});

test.skipIf(!mounted)(
  "on a full disk a checkpoint fails with a sentence, and the last one stays",
  async () => {
    const folder = new RunFolder(small, { resume: true });
    folder.begin();
    await folder.keep(1, async (sink) => sink("model.safetensors", bytes));
    const large = new Uint8Array(100_000);
    await expect(folder.keep(2, async (sink) => sink("model.safetensors", large))).rejects.toThrow(
      /^Cannot write the checkpoint .*checkpoint-2: the disk is full$/,
    );
    folder.close();
    expect(folder.latestCheckpoint()).toBe(join(small, "checkpoint-1"));
    expect(readdirSync(small)).toEqual(["checkpoint-1", "metrics.jsonl"]);
  },
);

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
  for (const name of ["metrics.jsonl", ".loss.svg.0123abcd.tmp"]) writeFileSync(join(path, name), "");
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
