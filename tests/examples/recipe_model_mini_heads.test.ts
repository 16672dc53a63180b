/**
 * The recipes of model-mini's heads and of its results, in small: heads lie over their base, and come out again byte for
 * byte; the tables hold what was scored.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BertForSequenceClassification, kcbertBase, quantize } from "@kcbert/bert";
import { loadClassifyText, loadSentenceSimilarity } from "@kcbert/pipelines";
import { readSafetensors } from "@kcbert/safetensors";
import { BertTokenizer, formatTokenizerConfig } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { afterAll, beforeAll, expect, test } from "vitest";

const repository = join(import.meta.dirname, "../..");
const root = mkdtempSync(join(tmpdir(), "kcbert-heads-"));
const [model, data] = [join(root, "model"), join(root, "data")];
afterAll(() => rmSync(root, { recursive: true }));

const KIND = ["정말 좋은 노래", "무대 좋은 하루", "노래 정말 최고"];
const RUDE = ["너 정말 싫다", "당장 꺼져라", "최악 무대 싫다"];

/** A quantised classifier of two layers, as model-mini is one. */
async function makeModel(): Promise<void> {
  const words = [...new Set([...KIND, ...RUDE].flatMap((text) => text.split(" ")))];
  const tokenizer = BertTokenizer.fromVocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...words]);
  const sizes = { hiddenSize: 16, numHiddenLayers: 2, numAttentionHeads: 2, intermediateSize: 32 };
  const config = { ...kcbertBase, ...sizes, vocabSize: tokenizer.vocabSize, maxPositionEmbeddings: 32 };
  await tf.setBackend("cpu");
  const floats = BertForSequenceClassification.init({ ...config, clean: "2021" }, { seed: 1 });
  const small = await quantize(floats, "int8");
  mkdirSync(model);
  await small.save(async (name, bytes) => writeFileSync(join(model, name), bytes));
  writeFileSync(join(model, "vocab.txt"), tokenizer.vocabText());
  writeFileSync(join(model, "tokenizer_config.json"), formatTokenizerConfig(tokenizer, 32));
  floats.dispose();
  small.dispose();
}

/** Few rows in the published formats; a third of them are rude, and of pairs of one kind and of two. */
function makeData(): void {
  const write = (name: string, header: string, count: number, row: (i: number) => string): void => {
    mkdirSync(join(data, name, ".."), { recursive: true });
    writeFileSync(join(data, name), [header, ...Array.from({ length: count }, (_, i) => row(i))].join("\n"));
  };
  const comment = (i: number): string =>
    `${i % 3 === 2 ? RUDE[i % 2] : KIND[i % 2]}\tFalse\tnone\t${["none", "none", "hate"][i % 3]}`;
  for (const [split, count] of [
    ["train", 90],
    ["dev", 9],
  ] as const)
    write(`korean-hate-speech/${split}.tsv`, "comments\tcontain_gender_bias\tbias\thate", count, comment);
  const review = (i: number): string => `${i}\t${i % 2 === 0 ? KIND[i % 3] : RUDE[i % 3]}\t${1 - (i % 2)}`;
  write("nsmc/ratings_train.txt", "id\tdocument\tlabel", 60, review);
  write("nsmc/ratings_test.txt", "id\tdocument\tlabel", 20, review);
  const pair = (i: number): string =>
    `a\tb\tc\t${i}\t${i % 2 === 0 ? "4.8" : "0.2"}\t${KIND[i % 3]}\t${i % 2 === 0 ? KIND[(i + 1) % 3] : RUDE[i % 3]}`;
  for (const [split, count] of [
    ["train", 60],
    ["dev", 12],
    ["test", 12],
  ] as const)
    write(`korsts/sts-${split}.tsv`, "genre\tfilename\tyear\tid\tscore\tsentence1\tsentence2", count, pair);
}

/** The recipe of the results; what it prints. */
function results(output: string): string {
  const recipe = join(repository, "examples/recipes/model_mini/make_results.ts");
  const choice = ["--tasks", "nsmc", "--seeds", "3,4", "--rows", "8-40"];
  const flags = ["--data", data, "--model", model, "--output", output, "--backend", "wasm", ...choice];
  return execFileSync(process.execPath, ["--conditions=@kcbert/source", recipe, ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
  });
}

function make(output: string): void {
  const recipe = join(repository, "examples/recipes/model_mini/make_heads.ts");
  const flags = ["--data", data, "--model", model, "--output", output, "--backend", "wasm", "--seeds", "3"];
  execFileSync(process.execPath, ["--conditions=@kcbert/source", recipe, ...flags], { stdio: "pipe" });
}

beforeAll(async () => {
  await makeModel();
  makeData();
  make(join(root, "heads"));
});

test.each(["hate", "embedding"])("%s holds its last layer alone", (head) => {
  const folder = join(root, "heads", head);
  expect(readdirSync(folder)).toEqual(["config.json", "overlay.int8.safetensors"]);
  const { tensors } = readSafetensors(readFileSync(join(folder, "overlay.int8.safetensors")));
  const own =
    head === "hate" ? /^(?:bert\.encoder\.layer\.1|bert\.pooler|classifier)\./ : /^encoder\.layer\.1\./;
  expect([...tensors.keys()].filter((key) => !own.test(key))).toEqual([]);
  expect(tensors.size).toBeGreaterThan(16);
});

test("over their base they answer, and the classifier knows when it is unsure", async () => {
  const source = (head: string) => async (name: string) => {
    for (const folder of [join(root, "heads", head), model]) {
      if (readdirSync(folder).includes(name)) return readFileSync(join(folder, name));
    }
    return undefined;
  };
  const hate = await loadClassifyText(source("hate"));
  expect(hate.model.config.id2label).toEqual(["none", "offensive", "hate"]);
  expect(hate.model.config.unsureBelow).toBeGreaterThanOrEqual(0);
  expect(hate.isUnsure([{ label: "none", score: -1 }])).toBe(true);
  const near = await loadSentenceSimilarity(source("embedding"));
  const [same] = await near.run({ sourceSentence: KIND[0]!, sentences: [KIND[0]!] });
  expect(same).toBeCloseTo(1, 5);
  hate.dispose();
  near.dispose();
});

test("made again they are the same, byte for byte, and what is made is left alone", () => {
  const [first, second] = [join(root, "heads"), join(root, "again")];
  make(second);
  make(first);
  for (const head of ["hate", "embedding"]) {
    for (const name of ["config.json", "overlay.int8.safetensors"]) {
      const [a, b] = [first, second].map((folder) => readFileSync(join(folder, head, name)));
      expect(a!.equals(b!), `${head}/${name}`).toBe(true);
    }
  }
});

test("the tables say what was scored, from the encoder and from random weights, and small models as well", () => {
  const output = join(root, "results");
  const printed = results(output);
  const rows = printed.slice(printed.indexOf("| | from the encoder")).trimEnd().split("\n").slice(2);
  const number = String.raw`\d+\.\d\d ± \d+\.\d\d`;
  expect(rows).toEqual([expect.stringMatching(new RegExp(`^\\| nsmc${` \\| ${number}`.repeat(4)} \\|$`))]);
  const of = (
    run: string,
  ): { model: { from: string }; recipe: object; selection: { last: Scored }; data: object } =>
    JSON.parse(readFileSync(join(output, "runs/nsmc", run, "results.json"), "utf8"));
  const [first, second] = [of("seed-3"), of("seed-4")];
  expect(first).toMatchObject({ recipe: { newHead: true }, data: { train: 32, test: 20 } });
  expect(of("scratch-seed-3").model.from).toBe("scratch");
  const mean = (first.selection.last.test.accuracy + second.selection.last.test.accuracy) * 50;
  expect(rows[0]).toContain(`| nsmc | ${mean.toFixed(2)} ±`);
  expect(results(output)).toContain(rows.join("\n")); // from what lies there
});

interface Scored {
  test: { accuracy: number };
}
