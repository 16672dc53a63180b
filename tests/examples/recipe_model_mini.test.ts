/** The recipe of model-mini, in small, on the sample of reviews: what it teaches and repairs, and that its bytes come out again. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { BertForMaskedLM, kcbertBase } from "@kcbert/bert";
import { readSafetensors, toFloat32 } from "@kcbert/safetensors";
import { BertTokenizer, formatTokenizerConfig } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { repairJamo } from "../../examples/recipes/model_mini/repair_jamo.ts";
import { RARE_VOWELS, teachJamo } from "../../examples/recipes/model_mini/teach_jamo.ts";

const repository = join(import.meta.dirname, "../..");
const sample = gunzipSync(readFileSync(join(repository, "examples/data/reviews.sample.tsv.gz")));
const rows = sample
  .toString("utf8")
  .trimEnd()
  .split("\n")
  .map((row) => row.split("\t") as [date: string, rating: string, text: string]);
const root = mkdtempSync(join(tmpdir(), "kcbert-recipe-"));
afterAll(() => rmSync(root, { recursive: true }));

describe("teachJamo()", () => {
  const lines = rows.slice(0, 20_000).map(([, , text]) => text);
  const taught = teachJamo(lines, { each: 20, seed: 1 });

  test("writes each compound vowel on its own, in lines that are otherwise as they were", () => {
    for (const vowel of RARE_VOWELS.keys()) {
      const count = taught.filter((line) => line.includes(vowel)).length;
      expect(count, vowel).toBeGreaterThan(vowel === "ㅒ" ? 3 : 18);
    }
    const whole = new Set(lines.map((line) => line.normalize("NFC")));
    for (const line of taught) {
      const place = Array.from(line).findIndex((letter) => RARE_VOWELS.has(letter));
      const [before, after] = [line.slice(0, Math.max(0, place - 1)), line.slice(place + 2)];
      const origin = [...whole].some((other) => other.startsWith(before) && other.endsWith(after));
      expect(origin, line).toBe(true);
    }
  });

  test("is drawn by its seed, and asks for no more than there is", () => {
    expect(teachJamo(lines, { each: 20, seed: 1 })).toEqual(taught);
    expect(teachJamo(lines, { each: 20, seed: 2 })).not.toEqual(taught);
    expect(teachJamo(["웬 떡", "그냥"], { each: 9, seed: 1 })).toHaveLength(1);
    expect(teachJamo(["웬 떡"], { each: 1, seed: 1 })[0]).toMatch(/^ㅇ?ㅞㄴ 떡$/);
  });
});

test("repairJamo() gives rare tokens' places to the vowels, and changes nothing else", async () => {
  const vocab =
    "[PAD] [UNK] [CLS] [SEP] [MASK] 가 나 ##다 가나 나다 ##나 ##나다 가다 다나 ##가나 가가 나나 ##다다 가나다 나가 ##가가 나가다 다다 가다가 나나나 다가";
  const parts = [...new Set([...RARE_VOWELS.values()].join(""))].flatMap((vowel) => [vowel, `##${vowel}`]);
  const tokens = [...vocab.split(" "), ...parts];
  const tokenizer = BertTokenizer.fromVocab(tokens);
  const [folder, output] = [join(root, "whole"), join(root, "repaired")];
  await tf.setBackend("cpu");
  const sizes = { hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 16 };
  const model = BertForMaskedLM.init({ ...kcbertBase, ...sizes, vocabSize: tokens.length }, { seed: 1 });
  model.parameters.get("cls.predictions.bias")!.assign(tf.linspace(0, 1, tokens.length));
  mkdirSync(folder);
  await model.save(async (name, bytes) => writeFileSync(join(folder, name), bytes));
  writeFileSync(join(folder, "vocab.txt"), tokenizer.vocabText());
  writeFileSync(join(folder, "tokenizer.json"), tokenizer.toJson());
  writeFileSync(join(folder, "tokenizer_config.json"), formatTokenizerConfig(tokenizer, 16));

  const replaced = repairJamo(folder, output, ["가나다 나다", "가나 가나"]);
  expect(replaced.map(({ token }) => token)).toEqual(
    [...RARE_VOWELS.keys()].flatMap((vowel) => [vowel, `##${vowel}`]),
  );
  for (const { old } of replaced) expect(["가나다", "나다", "가나"], old).not.toContain(old); // they are in use
  const repaired = BertTokenizer.fromJson(readFileSync(join(output, "tokenizer.json"), "utf8"));
  expect(repaired.vocabSize).toBe(tokens.length);
  expect([...repaired.encode("ㅞ나ㅖ").ids]).not.toContain(repaired.unkId);
  const ids = new Map(replaced.map(({ id, from }) => [id, from]));
  const read = (path: string) => readSafetensors(readFileSync(join(path, "model.safetensors"))).tensors;
  const [before, after] = [read(folder), read(output)];
  for (const [name, tensor] of before) {
    const [old, now] = [toFloat32(tensor), toFloat32(after.get(name)!)];
    const width = { "bert.embeddings.word_embeddings.weight": 8, "cls.predictions.bias": 1 }[name];
    for (const [i, value] of old.entries()) {
      const from = width === undefined ? undefined : ids.get(Math.floor(i / width));
      const column = i % (width ?? 1);
      const mean = from && from.reduce((sum, row) => sum + old[row * width! + column]!, 0) / from.length;
      expect(now[i], name).toBe(Math.fround(mean ?? value));
    }
  }
  expect(repairJamo(output, join(root, "again"), ["가나"])).toEqual([]);
});

describe("make.ts twice", () => {
  const nsmc = join(root, "nsmc");
  const reviews = join(root, "reviews.tsv");
  beforeAll(() => {
    const judged = rows.filter(([, rating]) => Number(rating) >= 9 || Number(rating) <= 4).slice(0, 440);
    const table = (part: typeof rows) =>
      `id\tdocument\tlabel\n${part.map(([, rating, text], i) => `${i}\t${text}\t${Number(rating) > 5 ? 1 : 0}`).join("\n")}\n`;
    mkdirSync(nsmc);
    writeFileSync(join(nsmc, "ratings_train.txt"), table(judged.slice(0, 400)));
    writeFileSync(join(nsmc, "ratings_test.txt"), table(judged.slice(400)));
    writeFileSync(
      reviews,
      `${rows
        .slice(0, 3000)
        .map((row) => row.join("\t"))
        .join("\n")}\n`,
    );
    const small = { layers: 1, hidden: 32, heads: 2, "max-length": 48, "batch-size": 8, "held-out": 50 };
    const pretraining = { ...small, "learning-rate": 1e-3, evaluations: 1, clean: "2021", seed: 1 };
    writeFileSync(join(root, "pretrain.json"), JSON.stringify(pretraining));
    const finetuning = { preset: "small", epochs: 1, "max-length": 24, widths: "24" };
    writeFileSync(join(root, "finetune.json"), JSON.stringify(finetuning));
  });

  test("gives the same bytes, and others by another seed", { timeout: 300_000 }, () => {
    const [first, second, other] = [make("a", "0"), make("b", "0"), make("c", "1")];
    expect([...first.keys()]).toEqual([
      "config.json",
      "model.int8.safetensors",
      "sentiment/config.json",
      "tokenizer.json",
      "tokenizer_config.json",
      "vocab.txt",
    ]);
    expect(second).toEqual(first);
    expect(other.get("vocab.txt")).toBe(first.get("vocab.txt"));
    expect(other.get("model.int8.safetensors")).not.toBe(first.get("model.int8.safetensors"));
    const vocab = readFileSync(join(root, "a/model/vocab.txt"), "utf8").split("\n");
    for (const vowel of RARE_VOWELS.keys()) if (vowel !== "ㅒ") expect(vocab).toContain(vowel);
  });

  /** The sha256 of each file of the package. */
  function make(name: string, seed: string): Map<string, string> {
    const output = join(root, name);
    const words = [
      "--reviews",
      reviews,
      "--nsmc",
      nsmc,
      "--output",
      output,
      "--backend",
      "wasm",
      "--steps",
      "3",
      "--accuracy",
      "0.01",
    ];
    const configs = ["pretrain", "finetune"].flatMap((stage) => [
      stage === "pretrain" ? "--pretraining" : "--finetuning",
      join(root, `${stage}.json`),
    ]);
    execFileSync(
      process.execPath,
      [
        "--conditions=@kcbert/source",
        "examples/recipes/model_mini/make.ts",
        ...words,
        ...configs,
        "--seed",
        seed,
      ],
      { cwd: repository, stdio: "pipe" },
    );
    const model = join(output, "model");
    const files = readdirSync(model, { recursive: true, encoding: "utf8" }).filter((file) =>
      statSync(join(model, file)).isFile(),
    );
    return new Map(files.sort().map((file) => [file, sha256(readFileSync(join(model, file)))]));
  }
});

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
