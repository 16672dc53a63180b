import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { readSafetensors } from "@kcbert/safetensors";
import { beforeAll, describe, expect, test } from "vitest";
import { type CliResult, ended, runCli, RUNTIMES, startCli, temporaryFolder } from "../test/run_cli.ts";

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
    expect(readdirSync(output)).toEqual(["checkpoint-60", ...model, "metrics.jsonl"].sort());
    const state = ["optimizer.safetensors", "trainer_state.json"];
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
  ])("does not go on with %s %s", async (flag, value, says) => {
    const before = readdirSync(output);
    const again = await runCli(pretrain(output, "--steps", "90", flag, value));
    expectSentence(again, 1, says);
    expect(readdirSync(output)).toEqual(before);
  });
});

describe("a run that is stopped", () => {
  const whole = join(root, "whole");
  const run = ["--steps", "300", "--evaluations", "2", "--checkpoints", "30"];
  beforeAll(async () => {
    expect((await runCli(pretrain(whole, ...run))).code).toBe(0);
  });

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
    expect(readdirSync(output)).toEqual([`checkpoint-${String(last["step"])}`, "metrics.jsonl"]);

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
    ["an unknown backend", 2, ["--steps=1", "--backend=gpu"], /--backend gpu: it takes one of wasm, cpu/],
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
        const { code, stderr } = await runCli(pretrain(output, "--steps", "5"), { runtime: each });
        expect({ code, stderr: stderr.includes("Trained 5 steps") }).toEqual({ code: 0, stderr: true });
        return output;
      }),
    );
    expect(weights(outputs[0]!)).toEqual(weights(outputs[1]!));
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
