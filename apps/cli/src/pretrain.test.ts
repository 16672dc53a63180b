import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { readSafetensors, toFloat32 } from "@kcbert/safetensors";
import { beforeAll, describe, expect, test } from "vitest";
import {
  type CliResult,
  ended,
  runCli,
  runShell,
  RUNTIMES,
  startCli,
  temporaryFolder,
} from "../test/run_cli.ts";

const root = temporaryFolder();
const corpus = join(root, "comments.txt.gz");
const tokenizer = join(root, "tokenizer");

const WHAT = ["영화", "배우", "음악", "결말", "화면"];
const HOW = ["정말", "아주", "너무", "진짜"];
const SAID = ["재밌다", "별로다", "좋다"];

beforeAll(() => {
  const lines = WHAT.flatMap((what) => HOW.flatMap((how) => SAID.map((said) => `${what} ${how} ${said}`)));
  writeFileSync(corpus, gzipSync(`${lines.join("\n")}\n`));
  mkdirSync(tokenizer);
  const vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...WHAT, ...HOW, ...SAID];
  writeFileSync(join(tokenizer, "vocab.txt"), `${vocab.join("\n")}\n`);
});

/** A command line that trains a tiny model; later words win. */
function pretrain(output: string, ...more: string[]): string[] {
  const data = ["--corpus", corpus, "--tokenizer", tokenizer, "--output", output, "--clean", "2021"];
  const size = "--layers 1 --hidden 16 --heads 2 --max-length 16 --batch-size 2 --held-out 6";
  return ["pretrain", ...data, ...size.split(" "), ...more];
}

/** What a run's `metrics.jsonl` says. */
function metrics(output: string): Record<string, unknown>[] {
  return readFileSync(join(output, "metrics.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

function weights(output: string): Buffer {
  return readFileSync(join(output, "model.safetensors"));
}

describe("a run that nothing disturbs", () => {
  const output = join(root, "undisturbed");
  let result: CliResult;
  beforeAll(async () => {
    result = await runCli(pretrain(output, "--steps", "60", "--evaluations", "3"));
  });

  test("tells how it goes, and where the model is", () => {
    const lines = result.stderr.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^Training [\d,]+ parameters on 54 lines, 6 held out; unigram loss [\d.]+$/);
    expect(lines.slice(1, -1)).toHaveLength(4);
    for (const line of lines.slice(1, -1)) {
      expect(line).toMatch(
        /^Step \d+.*: held-out loss [\d.]+ \([−+][\d.]+ against unigrams\), accuracy [\d.]+ %/,
      );
    }
    expect(lines.at(-1)).toMatch(/^Trained 60 steps: held-out loss .* unigram model's .* \(.*undisturbed\)$/);
    expect(result).toMatchObject({ code: 0, stdout: "" });
  });

  test("leaves a folder in Hugging Face's layout, its latest checkpoint beside it", () => {
    const tokenizer = ["tokenizer.json", "tokenizer_config.json", "vocab.txt"];
    const model = ["config.json", "model.safetensors", ...tokenizer];
    expect(readdirSync(output)).toEqual(
      ["best", "checkpoint-60", ...model, "loss.svg", "metrics.jsonl", "tensorboard"].sort(),
    );
    const state = ["manifest.json", "optimizer.safetensors", "trainer_state.json"];
    expect(readdirSync(join(output, "checkpoint-60"))).toEqual([...model, ...state].sort());
    expect(weights(output)).toEqual(weights(join(output, "checkpoint-60")));
    expect([...readSafetensors(weights(output)).metadata]).toEqual([["format", "pt"]]);
    const config = JSON.parse(readFileSync(join(output, "config.json"), "utf8")) as object;
    expect(config).toMatchObject({ model_type: "bert", vocab_size: 17, kcbert: { clean: "2021" } });
  });

  test("writes its events, a JSON object a line", () => {
    const events = metrics(output);
    expect(events[0]).toMatchObject({
      event: "start",
      maxSteps: 60,
      maxSeconds: null,
      heldOutLines: 6,
      batchSize: 2,
    });
    expect(events.filter(({ event }) => event === "step").map(({ step }) => step)).toEqual(
      Array.from({ length: 60 }, (_, i) => i + 1),
    );
    expect(events.filter(({ event }) => event === "eval").map(({ step }) => step)).toEqual([0, 20, 40, 60]);
    const samples = events.findLast(({ event }) => event === "samples") as {
      samples: { fills: unknown[] }[];
    };
    expect(samples.samples.map(({ fills }) => fills.length)).toEqual([5, 5, 5, 5, 5]);
    expect(events.at(-1)).toMatchObject({ event: "end", step: 60, reason: "done" });
  });

  test("gives a model that fill-mask can load", async () => {
    const { code, stdout } = await runCli(["fill-mask", "--model", output, "--json", "영화 [MASK] 좋다"]);
    expect(JSON.parse(stdout)).toHaveLength(5);
    expect(code).toBe(0);
  });

  test("draws its losses, and report makes a page of them", async () => {
    const svg = readFileSync(join(output, "loss.svg"), "utf8");
    expect(svg).toMatch(/^<svg [^]*held out[^]*unigram model[^]*<\/svg>\n$/);
    expect(svg.match(/<circle/g)).toHaveLength(4);
    const { code, stdout } = await runCli(["report", output, "-o", "-", "-q"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^<!doctype html>[^]*The run is done after 60 steps: best held-out loss/);
    expect(stdout.match(/<svg /g)).toHaveLength(5);
    expect(stdout).toMatch(/<td>checkpoint-60<\/td><td>60<\/td>/);
    expect(stdout).not.toMatch(/ (src|href)=/); // all of it is in the page
    expectSentence(await runCli(["report", tokenizer]), 1, /metrics.jsonl: there is no such file/);
  });

  test("writes event files for TensorBoard", () => {
    const folder = join(output, "tensorboard");
    const files = readdirSync(folder);
    expect(files).toEqual([expect.stringMatching(/^events\.out\.tfevents\.\d{10}\..+\.\d+$/)]);
    const bytes = readFileSync(join(folder, files[0]!), "latin1");
    expect(bytes.match(/train\/loss/g)).toHaveLength(60);
    expect(bytes.match(/eval\/accuracy/g)).toHaveLength(4);
  });

  test("is over: run again, it trains no further", async () => {
    const before = weights(output);
    const again = await runCli(pretrain(output, "--steps", "60", "--evaluations", "3"));
    expect(again.stderr).toMatch(/^Going on after step 60: /);
    expect(again.code).toBe(0);
    expect(weights(output)).toEqual(before);
  });

  test.each([
    ["--resume", "never", /it holds a training run already/],
    ["--layers", "2", /its numHiddenLayers is 1, and 2 is asked for/],
    ["--batch-size", "4", /another batchSize: it was 2, now it is 4/],
    ["--seed", "5", /another seed: it was 1, now it is 5|another data/],
    ["--masking", "static", /another maskCopies: it was undefined, now it is 10/],
  ])("does not go on with %s %s", async (flag, value, says) => {
    const before = readdirSync(output);
    const again = await runCli(pretrain(output, "--steps", "90", flag, value));
    expectSentence(again, 1, says);
    expect(readdirSync(output)).toEqual(before);
  });
});

describe("a recipe", () => {
  const facts = async (...more: string[]): Promise<Record<string, unknown>> => {
    const output = join(root, "dry");
    const words = [
      "pretrain",
      "--corpus",
      corpus,
      "--tokenizer",
      tokenizer,
      "--output",
      output,
      "--dry-run",
      "--json",
    ];
    const { code, stdout, stderr } = await runCli([...words, ...more]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(existsSync(output)).toBe(false);
    return JSON.parse(stdout) as Record<string, unknown>;
  };

  test("--dry-run tells what would be trained; flags win over --config, that over --preset", async () => {
    const config = join(root, "recipe.json");
    writeFileSync(config, JSON.stringify({ preset: "modern", steps: 100, maxLength: 64, whole_words: true }));
    const base = await facts("--preset", "kcbert-base");
    expect(base["recipe"]).toMatchObject({
      steps: 1_000_000,
      optimizer: "bert-adam",
      maskCopies: 10,
      dropout: 0.1,
    });
    const { parameters, recipe } = await facts("--config", config, "--batch-size", "16");
    expect(recipe).toMatchObject({
      steps: 100,
      maxLength: 64,
      batchSize: 16,
      accumulate: 8,
      maskProbability: 0.3,
    });
    expect(recipe).toMatchObject({ wholeWords: true, beta2: 0.98, positions: 300, layers: 12 });
    expect(parameters).toBe(base["parameters"]);
  });

  test.each<[string, string | object, number, RegExp]>([
    ["an unknown flag", { layer: 2 }, 2, /^kcbert-cli: Unknown flag layer in .*: did you mean layers\?/],
    [
      "a value of another type",
      { layers: true },
      2,
      /layers of .*: it takes a number or a text, and it is true/,
    ],
    ["no object", [1], 1, /it must hold a JSON object/],
    ["no JSON", "{layers", 1, /it is not JSON/],
    ["a preset that there is not", { preset: "huge" }, 2, /--preset huge: it takes one of kcbert-base/],
  ])("with %s is refused", async (_, content, code, says) => {
    const path = join(root, "bad.json");
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
    expectSentence(await runCli(pretrain(join(root, "never"), "--steps=1", "--config", path)), code, says);
  });

  test.each([
    ["static masks of whole words", ["--masking", "static", "--whole-words", "--max-predictions", "4"]],
    ["length buckets", ["--buckets", "4,6"]],
    ["a trapezoid, LAMB, clipping", ["--schedule=trapezoid", "--optimizer=lamb", "--max-grad-norm=0.5"]],
  ])("with %s trains", async (_, more) => {
    const { code, stderr } = await runCli(pretrain(join(root, more.join("")), "--steps", "3", ...more));
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/Trained 3 steps/) });
  });
});

test("--next-sentence learns from documents, parted by blank lines", async () => {
  const [path, output] = [join(root, "documents.txt"), join(root, "next-sentence")];
  const documents = WHAT.map((what) => HOW.map((how) => `${what} ${how} ${SAID[0]}`).join("\n"));
  writeFileSync(path, documents.join("\n\n"));
  const words = ["--steps=3", "--next-sentence", "--held-out=2", "--corpus", path];
  for (const more of [[], ["--resume=auto"]]) {
    const { code, stderr } = await runCli(pretrain(output, ...words, ...more));
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/Trained 3 steps/) });
  }
  expect(readSafetensors(weights(output)).tensors.has("cls.seq_relationship.weight")).toBe(true);
  expect(metrics(output).find(({ event }) => event === "eval")).toHaveProperty("nextSentenceAccuracy");
  const lines = ["--steps=3", "--next-sentence", "--corpus", corpus];
  expectSentence(await runCli(pretrain(join(root, "never"), ...lines)), 1, /in 1 documents/);
});

test("a damaged checkpoint is skipped with a sentence, and the one before goes on to the same weights", async () => {
  const [whole, output] = [join(root, "sound"), join(root, "damaged")];
  const run = ["--steps", "30", "--evaluations", "2", "--checkpoints", "3", "--keep", "3"];
  expect((await runCli(pretrain(whole, ...run))).code).toBe(0);
  cpSync(whole, output, { recursive: true });
  expect(readdirSync(output).filter((name) => name.startsWith("check"))).toEqual([
    "checkpoint-10",
    "checkpoint-20",
    "checkpoint-30",
  ]);
  const moments = join(output, "checkpoint-30", "optimizer.safetensors");
  const bytes = readFileSync(moments);
  bytes[bytes.length - 7]! ^= 1;
  writeFileSync(moments, bytes);
  writeFileSync(join(output, "checkpoint-20", "trainer_state.json"), "{}");
  const { code, stderr } = await runCli(pretrain(output, ...run));
  expect(stderr).toMatch(
    /^Skipped the damaged checkpoint .*checkpoint-30: optimizer.safetensors is not what was written/,
  );
  expect(stderr).toMatch(
    /\nSkipped the damaged checkpoint .*checkpoint-20: trainer_state.json has 2 bytes, and was/,
  );
  expect(stderr).toMatch(/\nGoing on after step 10: /);
  expect(code).toBe(0);
  expect(weights(output)).toEqual(weights(whole));
});

test("where files can grow no further it stops with the last good checkpoint, and goes on once they can", async () => {
  const output = join(root, "limited");
  const sample = join(root, "sample.txt");
  writeFileSync(sample, "영화 [MASK]\n");
  const more = [
    "--evaluations=1",
    "--checkpoints=1",
    "--log-every=100",
    "--samples",
    sample,
    "--no-tensorboard",
  ];
  expect((await runCli(pretrain(output, "--steps=10", ...more))).code).toBe(0);
  const whole = readFileSync(join(output, "checkpoint-10", "optimizer.safetensors"));
  const words = pretrain(output, "--steps=20", ...more);
  const limited = await runShell(`ulimit -f 16; kcbert "$@"`, words); // KiB, less than the moments
  expect(limited.stderr).toMatch(
    /Cannot write the checkpoint .*checkpoint-20: the file would be larger than/,
  );
  expect(limited.code).toBe(1);
  expect(readFileSync(join(output, "checkpoint-10", "optimizer.safetensors"))).toEqual(whole);
  expect(readdirSync(output).filter((name) => name.includes("checkpoint"))).toEqual(["checkpoint-10"]);
  const { code, stderr } = await runCli(words);
  expect(stderr).toMatch(/^Going on after step 10: /);
  expect(code).toBe(0);
});

describe("a run that is stopped", () => {
  const whole = join(root, "whole");
  const run = ["--steps", "300", "--evaluations", "2", "--checkpoints", "30"];
  beforeAll(async () => {
    expect((await runCli(pretrain(whole, ...run))).code).toBe(0);
  }, 60_000);

  test("by Ctrl-C keeps a checkpoint, and goes on to the same weights", async () => {
    const output = join(root, "interrupted");
    const child = startCli(pretrain(output, ...run));
    const end = ended(child);
    await untilStep(output, 15);
    child.kill("SIGINT");
    const { code, stderr } = await end;
    expect(stderr).toMatch(/Stopped after \d+ steps: .* \(run the same command again to go on: .*\)\n$/);
    expect(code).toBe(130);
    const last = metrics(output).at(-1)!;
    expect(last).toMatchObject({ event: "end", reason: "interrupted" });
    const files = readdirSync(output).filter((name) => name !== "best");
    expect(files).toEqual([`checkpoint-${String(last["step"])}`, "loss.svg", "metrics.jsonl", "tensorboard"]);

    expect((await runCli(pretrain(output, ...run))).code).toBe(0);
    expect(weights(output)).toEqual(weights(whole));
  });

  test("by a kill goes on from its last checkpoint to the same weights", async () => {
    const output = join(root, "killed");
    for (const step of [20, 75, 130]) {
      const child = startCli(pretrain(output, ...run));
      const end = ended(child);
      await untilStep(output, step);
      child.kill("SIGKILL");
      await end;
    }
    expect((await runCli(pretrain(output, ...run))).code).toBe(0);
    expect(weights(output)).toEqual(weights(whole));
    expect(readdirSync(output).filter((name) => name.includes("checkpoint"))).toEqual(["checkpoint-300"]);
  });
});

describe("what cannot be trained is said in a sentence", () => {
  const noEnd = /give --steps or --minutes/;
  test.each<[string, number, string[], RegExp]>([
    ["no end", 2, [], noEnd],
    ["heads that do not divide the width", 2, ["--steps=1", "--heads=3"], /--hidden 16 among --heads 3/],
    [
      "a rate that is no number",
      2,
      ["--steps=1", "--learning-rate=fast"],
      /--learning-rate fast: it takes a number above 0/,
    ],
    [
      "a probability of 1",
      2,
      ["--steps=1", "--mask-probability=1"],
      /--mask-probability 1: .* above 0 and below 1/,
    ],
    [
      "an unknown backend",
      2,
      ["--steps=1", "--backend=gpu"],
      /--backend gpu: it takes one of wasm, cpu, xla/,
    ],
    ["a corpus that is not there", 1, ["--steps=1", "--corpus=none.txt"], /none.txt: there is no such file/],
    ["a tokenizer that is not there", 1, ["--steps=1", "--tokenizer=none"], /load the tokenizer none/],
  ])("%s", async (_, code, more, says) => {
    const output = join(root, "never");
    expectSentence(await runCli(pretrain(output, ...more)), code, says);
    expect(existsSync(output)).toBe(false);
  });

  test.each<[string, string | Uint8Array, RegExp]>([
    [
      "a corpus whose gzip was cut",
      gzipSync("영화 정말 좋다\n".repeat(9999)).subarray(0, -9),
      /its gzip data ends too early/,
    ],
    ["a corpus of one line", "영화 정말 좋다\n", /Cannot hold out 1 of 1 lines/],
    ["a corpus without a known word", "없는 낱말\n없는 낱말\n", /there is nothing to predict/],
  ])("%s", async (_, content, says) => {
    const [path, output] = [join(root, "bad.txt"), join(root, "never")];
    writeFileSync(path, content);
    expectSentence(await runCli(pretrain(output, "--steps=1", "--corpus", path)), 1, says);
    expect(existsSync(output)).toBe(false);
  });

  test("a folder that holds something else", async () => {
    const output = join(root, "foreign");
    mkdirSync(output);
    writeFileSync(join(output, "thesis.txt"), "years of work");
    expectSentence(
      await runCli(pretrain(output, "--steps=1")),
      1,
      /it is not empty, and what is there is no training run/,
    );
    expect(readdirSync(output)).toEqual(["thesis.txt"]);
  });

  test("an output that is a file", async () => {
    expectSentence(await runCli(pretrain(corpus, "--steps=1")), 1, /it is a file, not a folder/);
  });
});

test("--json tells every event on standard output, --minutes ends a run by the clock", async () => {
  const output = join(root, "timed");
  const { code, stdout, stderr } = await runCli(pretrain(output, "--minutes", "0.02", "--json"));
  const events = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(events).toEqual(metrics(output));
  expect(events[0]).toMatchObject({ event: "start", maxSteps: null, maxSeconds: 1.2 });
  expect(events.at(-1)).toMatchObject({ event: "end", reason: "done" });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});

test.each(Object.keys(RUNTIMES).filter((name) => name !== "node") as (keyof typeof RUNTIMES)[])(
  "%s trains to the weights that Node trains to",
  async (runtime) => {
    const outputs = await Promise.all(
      (["node", runtime] as const).map(async (each) => {
        const output = join(root, `${runtime}-${each}`);
        // JavaScriptCore has no relaxed SIMD: left to themselves, the others would round once where Bun rounds twice.
        const env = { KCBERT_KERNELS: "simd" };
        const { code, stderr } = await runCli(pretrain(output, "--steps", "5"), { runtime: each, env });
        expect({ code, stderr: stderr.includes("Trained 5 steps") }).toEqual({ code: 0, stderr: true });
        return output;
      }),
    );
    const [node, other] = outputs.map(weights) as [Buffer, Buffer];
    for (const [key, tensor] of readSafetensors(node).tensors) {
      expect(toFloat32(readSafetensors(other).tensors.get(key)!), key).toEqual(toFloat32(tensor));
    }
    expect(other).toEqual(node);
  },
);

// --- internal ---

function expectSentence({ code, stdout, stderr }: CliResult, exitCode: number, says: RegExp): void {
  expect(stderr).toMatch(/^kcbert-cli: [A-Z][^\n]*[^.\n]\n$/);
  expect(stderr).toMatch(says);
  expect(stdout).toBe("");
  expect(code).toBe(exitCode);
}

/** Wait until a run has reported a step at least as far. */
async function untilStep(output: string, step: number): Promise<void> {
  const path = join(output, "metrics.jsonl");
  for (;;) {
    const steps = existsSync(path)
      ? Array.from(readFileSync(path, "utf8").matchAll(/"event":"step","step":(\d+)/g), ([, found]) =>
          Number(found),
        )
      : [];
    if (Math.max(0, ...steps) >= step) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}
