import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BertForMaskedLM, kcbertBase } from "@kcbert/bert";
import { createWasmBackend } from "@kcbert/kernels";
import { BertTokenizer } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "../test/run_cli.ts";
import { judge, TARGETS } from "./edge/targets.ts";

const root = mkdtempSync(join(tmpdir(), "cli-edge-"));
const folder = join(root, "model");
afterAll(() => rmSync(root, { recursive: true, force: true }));

beforeAll(async () => {
  await createWasmBackend();
  await tf.setBackend("wasm");
  const tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "영화", "재밌다"];
  const sizes = {
    vocabSize: 7,
    hiddenSize: 32,
    numHiddenLayers: 2,
    numAttentionHeads: 2,
    intermediateSize: 64,
  };
  const model = BertForMaskedLM.init({ ...kcbertBase, ...sizes }, { seed: 1 });
  mkdirSync(folder);
  await model.save(async (name, bytes) => writeFileSync(join(folder, name), bytes));
  model.dispose();
  writeFileSync(join(folder, "vocab.txt"), BertTokenizer.fromVocab(tokens).vocabText());
});

test("edge plan measures a model, and says where it fits", async () => {
  const { code, stdout, stderr } = await runCli(["edge", "plan", folder, "--json", "--tokens", "32"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const plan = JSON.parse(stdout);
  expect(plan).toMatchObject({ architecture: "BertForMaskedLM", weights: "float32", tokens: 32 });
  expect(plan.parameters).toBeGreaterThan(20_000);
  expect(plan.memory).toBeGreaterThan(4 * plan.parameters);
  expect(plan.peakMemory).toBeGreaterThan(plan.memory);
  expect(plan.millisecondsPerText).toBeGreaterThan(0);
  expect(Object.keys(plan.targets)).toEqual(["workers-free", "workers-paid", "deno-deploy", "node"]);
  expect(plan.targets["workers-paid"]).toEqual({ fits: true, reasons: [] });
  const table = await runCli(["edge", "plan", folder, "--target", "node"]);
  expect(table.stdout).toMatch(/BertForMaskedLM, .* parameters, float32\nmemory .* MB/);
  expect(table.stdout).toMatch(/^node +fits/m);
  expect(table.stdout).not.toMatch(/workers/);
});

test("edge plan says in a sentence what is wrong with its command line", async () => {
  expect((await runCli(["edge", "deploy", folder])).stderr).toMatch(
    /Cannot edge deploy: the one thing it does is plan/,
  );
  const target = await runCli(["edge", "plan", folder, "--target", "moon"]);
  expect(target.code).toBe(2);
  expect((await runCli(["edge", "plan", join(root, "nothing")])).stderr).toMatch(/there is no such folder/);
});

test("judge() says what a target lacks", () => {
  const base = {
    architecture: "BertForMaskedLM",
    parameters: 109e6,
    weights: "float32",
    fileBytes: 438e6,
    memory: 500e6,
    peakMemory: 940e6,
    tokens: 64,
    millisecondsPerText: 500,
  };
  expect(judge(base, TARGETS["workers-free"]!).reasons).toEqual([
    "it needs 956 MB of memory with the server, and there are 128",
    "64 tokens take 500 ms here, and a request may take 10",
  ]);
  expect(judge(base, TARGETS["workers-paid"]!).reasons).toHaveLength(1);
  expect(judge(base, TARGETS["node"]!)).toEqual({ fits: true, reasons: [] });
  expect(judge({ ...base, fileBytes: 2e9 }, TARGETS["deno-deploy"]!).reasons).toHaveLength(2);
});
