/** Fine-tuning that was stopped, by Ctrl-C and by kill, ends as if nothing had happened. */
import type { ChildProcess } from "node:child_process";
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { type CliResult, ended, runCli, startCli, temporaryFolder } from "../test/run_cli.ts";
import { makeTinyModel } from "../test/tiny_model.ts";
import type { FinetuneResults } from "./finetune/finetune_results.ts";

const root = temporaryFolder();
const [model, train, test_] = ["model", "train.tsv", "test.tsv"].map((name) => join(root, name));

const WORDS = ["영화", "정말", "최고", "최악", "음악", "배우", "이야기", "처음", "마지막"];
/** Texts of 3 to 8 words; what makes them good or bad is among them. */
const line = (i: number) =>
  `${Array.from({ length: 3 + (i % 6) }, (_, j) => (j === 1 ? WORDS[2 + (i % 2)] : WORDS[(i * 5 + j * 3) % 9])).join(" ")}\t${i % 2}`;
const table = (count: number) =>
  ["text\tlabel", ...Array.from({ length: count }, (_, i) => line(i))].join("\n");

const finetune = (output: string, ...more: string[]) => {
  const files = ["--train", train!, "--test", test_!, "-o", output];
  const recipe =
    "--batch-size 4 --epochs 3 --evaluate-every 20 --learning-rate 1e-3 --checkpoint-minutes 1e-6";
  return ["finetune", "custom", "-m", model!, ...files, ...recipe.split(" "), ...more];
};

/** What must be the same: the weights, and the results but for the time they took. */
function outcome(folder: string): { weights: Buffer; results: object } {
  const { seconds: _, ...results } = JSON.parse(
    readFileSync(join(folder, "results.json"), "utf8"),
  ) as FinetuneResults;
  return { weights: readFileSync(join(folder, "model.safetensors")), results };
}

const checkpoints = (folder: string) =>
  existsSync(folder) ? readdirSync(folder).filter((name) => /^checkpoint-\d+$/.test(name)) : [];

/** Start, and send a signal once a checkpoint of the step or a later one is there. */
async function stop(
  args: string[],
  folder: string,
  from: number,
  signal: NodeJS.Signals,
): Promise<CliResult> {
  const child: ChildProcess = startCli(args);
  child.stdin!.end();
  const end = ended(child);
  const timer = setInterval(() => {
    if (!checkpoints(folder).some((name) => Number(name.slice(11)) >= from)) return;
    clearInterval(timer); // a second Ctrl-C would end it at once
    child.kill(signal);
  }, 2);
  return end.finally(() => clearInterval(timer));
}

beforeAll(async () => {
  writeFileSync(train!, table(160));
  writeFileSync(test_!, table(30));
  await makeTinyModel(model!, WORDS);
});

test("finetune goes on at its last checkpoint, to the same weights and scores", async () => {
  const whole = join(root, "whole");
  expect((await runCli(finetune(whole))).code).toBe(0);
  expect(checkpoints(whole)).toEqual([]);

  const cut = join(root, "cut");
  const killed = await stop(finetune(cut), cut, 5, "SIGKILL");
  expect(killed.code).toBeNull();
  const [checkpoint] = checkpoints(cut);
  expect(checkpoint).toBeDefined();
  const interrupted = await stop(finetune(cut), cut, Number(checkpoint!.slice(11)) + 30, "SIGINT");
  expect(interrupted.code).toBe(130);
  expect(interrupted.stderr).toMatch(/; going on after step \d+\n/);
  const [, step] = /Stopped after (\d+) steps \(run the same command again to go on: /.exec(
    interrupted.stderr,
  )!;
  expect(existsSync(join(cut, "model.safetensors"))).toBe(false);

  const other = await runCli(finetune(cut, "--seed", "1"));
  expect(other.code).toBe(1);
  expect(other.stderr).toContain("the run was started with another seed: it was 0, now it is 1");
  const rest = await runCli(finetune(cut));
  expect(rest.stderr).toContain(`; going on after step ${step}\n`);
  expect(rest.code).toBe(0);
  expect(outcome(cut)).toEqual(outcome(whole));
  expect(checkpoints(cut)).toEqual([]);
  expect((await runCli(finetune(cut))).stderr).toContain("it holds a training run already");
});

test("a damaged checkpoint is skipped with a sentence, and the run begins anew", async () => {
  const folder = join(root, "damaged");
  await stop(finetune(folder), folder, 5, "SIGINT");
  const [checkpoint] = checkpoints(folder);
  appendFileSync(join(folder, checkpoint!, "model.safetensors"), "x");
  const { code, stderr } = await runCli(finetune(folder, "--epochs", "1"));
  expect(stderr).toMatch(/Skipped the damaged checkpoint .*: model\.safetensors has \d+ bytes/);
  expect(stderr).not.toContain("going on");
  expect(code).toBe(0);
});

test("finetune-all passes over what has ended, and goes on with what has not", async () => {
  const words = (output: string) => {
    const what = ["--tasks", "question-pair", "--seeds", "0,1", "--data", root, "-o", output, "--save"];
    const recipe = "--batch-size 4 --epochs 1 --checkpoint-minutes 1e-6";
    return ["finetune-all", model!, ...what, ...recipe.split(" ")];
  };
  const pairs = [
    "question1\tquestion2\tis_duplicate",
    ...Array.from({ length: 160 }, (_, i) => `${line(i).split("\t")[0]}\t${line(i + 1)}`),
  ];
  for (const [name, count] of [
    ["train", 161],
    ["dev", 20],
    ["test", 20],
  ] as const) {
    writeFileSync(join(root, `${name}.tsv`), pairs.slice(0, count).join("\n"));
  }
  const [whole, cut] = [join(root, "all"), join(root, "all-cut")];
  expect((await runCli(words(whole))).code).toBe(0);

  const second = join(cut, "question-pair", "seed-1");
  const stopped = await stop(words(cut), second, 5, "SIGINT");
  expect(stopped.code).toBe(130);
  expect(stopped.stderr).toContain("(run the same command again to go on: ");
  const first = readFileSync(join(cut, "question-pair", "seed-0", "metrics.jsonl"));
  const { code, stderr } = await runCli(words(cut));
  expect(code).toBe(0);
  expect(stderr).toMatch(/question-pair, seed 1: .*; going on after step/);
  expect(stderr).not.toContain("question-pair, seed 0");
  expect(readFileSync(join(cut, "question-pair", "seed-0", "metrics.jsonl"))).toEqual(first);
  for (const seed of ["seed-0", "seed-1"]) {
    expect(outcome(join(cut, "question-pair", seed))).toEqual(outcome(join(whole, "question-pair", seed)));
    expect(checkpoints(join(cut, "question-pair", seed))).toEqual([]);
  }
});
