/** Fine-tuning from the command line, every task end to end, on small files in the published formats. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { readSafetensors, toFloat32 } from "@kcbert/safetensors";
import { beforeAll, describe, expect, test } from "vitest";
import { runCli, temporaryFolder } from "../test/run_cli.ts";
import { makeTinyModel } from "../test/tiny_model.ts";
import type { FinetuneResults } from "./finetune/finetune_results.ts";
import { TASKS } from "./finetune/tasks.ts";

const root = temporaryFolder();
const [data, model, runs] = ["data", "model", "runs"].map((name) => join(root, name));

const GOOD = ["정말 재밌다", "최고의 영화", "감동이다", "또 보고 싶다"];
const BAD = ["정말 지루하다", "최악의 영화", "돈이 아깝다", "다시는 안 본다"];
const text = (i: number) => `${(i % 2 === 1 ? GOOD : BAD)[i % 4 === i % 2 ? 0 : i % 3]} ${i % 7}`;
const lines = (count: number, line: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i));
const table = (header: string, count: number, line: (i: number) => string) =>
  `${header}\n${lines(count, line).join("\n")}`;

/** A file of every task, as small as can be, some with a broken line. */
function datasets(): Record<string, string> {
  const pair = (i: number) => `${text(i)}\t${text(i % 2 === 0 ? i : i + 1)}`;
  const sts = (i: number) => `a\tb\tc\t${i}\t${i % 2 === 0 ? "4.5" : "0.500"}\t${pair(i)}`;
  const stsHeader = "genre\tfilename\tyear\tid\tscore\tsentence1\tsentence2";
  const hate = (i: number) =>
    `${text(i)}\t${i % 2 ? "True" : "False"}\t${["none", "gender", "others"][i % 3]}\t${["none", "offensive", "hate"][i % 3]}`;
  const hateHeader = "comments\tcontain_gender_bias\tbias\thate";
  const labels = [
    "여성/가족",
    "남성",
    "성소수자",
    "인종/국적",
    "연령",
    "지역",
    "종교",
    "기타 혐오",
    "악플/욕설",
    "clean",
    "개인지칭",
  ];
  const unsmile = (i: number) => [text(i), ...labels.map((_, l) => Number(i % 3 === l % 3))].join("\t");
  const kmou = (i: number) =>
    `; 홍길동은 서울에\r\n$<홍길동:PS>은\r\n1\t홍${i % 3}\tNNP\tB_PS\r\n1\t길동\tNNP\tI\r\n2\t은\tJX\tO\r\n3\t서울\tNNP\tB_LC\r\n`;
  const question = (i: number) => ({
    id: `q${i}`,
    question: "어디에 있나?",
    answers: [{ text: "서울", answer_start: 4 }],
  });
  const nsmc = (count: number) => table("id\tdocument\tlabel", count, (i) => `${i}\t${text(i)}\t${i % 2}`);
  return {
    "nsmc/ratings_train.txt": `${nsmc(48)}\n99\t\t0`,
    "nsmc/ratings_test.txt": nsmc(20),
    "naver-ner/train.tsv": lines(24, (i) => `홍길동 ${i}일 왔다\tPER-B DAT-B O`).join("\n"),
    "naver-ner/test.tsv": lines(8, (i) => `홍길동 ${i}일 왔다\tPER-B DAT-B O`).join("\n"),
    "kmou-ner/ner.train": lines(24, kmou).join("\r\n"),
    "kmou-ner/ner.dev": lines(6, kmou).join("\r\n"),
    "kmou-ner/ner.test": lines(6, kmou).join("\r\n"),
    "pawsx-ko/dev_2k.tsv": table("id\tsentence1\tsentence2\tlabel", 24, (i) => `${i}\t${pair(i)}\t${i % 2}`),
    "pawsx-ko/test_2k.tsv": table("id\tsentence1\tsentence2\tlabel", 8, (i) => `${i}\t${pair(i)}\t${i % 2}`),
    "kornli/xnli.dev.ko.tsv": table(
      "sentence1\tsentence2\tgold_label",
      24,
      (i) => `${pair(i)}\t${["entailment", "neutral", "contradiction"][i % 3]}`,
    ),
    "kornli/xnli.test.ko.tsv": table(
      "sentence1\tsentence2\tgold_label",
      9,
      (i) => `${pair(i)}\t${["entailment", "neutral", "contradiction"][i % 3]}`,
    ),
    "korsts/sts-train.tsv": table(stsHeader, 24, sts),
    "korsts/sts-dev.tsv": table(stsHeader, 8, sts),
    "korsts/sts-test.tsv": table(stsHeader, 8, sts),
    "question-pair/train.tsv": table("question1\tquestion2\tis_duplicate", 24, (i) => `${pair(i)}\t${i % 2}`),
    "question-pair/dev.tsv": table("question1\tquestion2\tis_duplicate", 8, (i) => `${pair(i)}\t${i % 2}`),
    "question-pair/test.tsv": table("question1\tquestion2\tis_duplicate", 8, (i) => `${pair(i)}\t${i % 2}`),
    "korquad/KorQuAD_v1.0_dev.json": JSON.stringify({
      data: [
        {
          paragraphs: [
            {
              context: "수도는 서울이다. 부산은 항구다.",
              qas: lines(12, (i) => String(i)).map((_, i) => question(i)),
            },
          ],
        },
      ],
    }),
    "korean-hate-speech/train.tsv": table(hateHeader, 30, hate),
    "korean-hate-speech/dev.tsv": table(hateHeader, 9, hate),
    "unsmile/unsmile_train_v1.0.tsv": table(["문장", ...labels].join("\t"), 24, unsmile),
    "unsmile/unsmile_valid_v1.0.tsv": table(["문장", ...labels].join("\t"), 9, unsmile),
    "curse-detection/dataset.txt": lines(60, (i) =>
      i % 2 ? `야 이 병신아 ${i}|1` : `오늘 날씨 ${i}|0`,
    ).join("\r\n"),
  };
}

beforeAll(async () => {
  for (const [name, content] of Object.entries(datasets())) {
    const path = join(data!, name);
    mkdirSync(join(path, ".."), { recursive: true });
    if (name.startsWith("korsts")) writeFileSync(`${path}.gz`, gzipSync(content));
    else writeFileSync(path, content);
  }
  await makeTinyModel(model!, [
    ...GOOD,
    ...BAD,
    "홍길동 서울 부산 수도 항구 0123456789일 야 이 병신아 오늘 날씨",
  ]);
});

/** What `calibrate --json` says. */
interface Calibrated {
  readonly temperature: number;
  readonly unsureBelow: number;
  readonly dev: CalibratedSplit;
  readonly test: CalibratedSplit;
}

interface CalibratedSplit {
  readonly examples: number;
  readonly before: { readonly nll: number };
  readonly after: { readonly nll: number };
  readonly beyond: { readonly accuracy: number };
}

const resultsOf = (...path: string[]) =>
  JSON.parse(readFileSync(join(runs!, ...path, "results.json"), "utf8")) as FinetuneResults;

describe("all tasks in one process", () => {
  const names = [...TASKS.keys()];

  beforeAll(async () => {
    const flags = [
      "--tasks",
      names.join(),
      "--seeds",
      "0",
      "--data",
      data!,
      "--carve",
      "0.7",
      "--save",
      "-o",
      runs!,
    ];
    const recipe = [
      "--epochs",
      "1",
      "--batch-size",
      "8",
      "--learning-rate",
      "1e-3",
      "--evaluate-every",
      "100",
    ];
    const { code, stdout, stderr } = await runCli(["finetune-all", model!, ...flags, ...recipe]);
    expect(stderr).toContain("ratings_train.txt: 1 line left out: they have an empty text");
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("| KcBERT-Base | 417 MB | published (best on test) | 89.62 |");
  }, 120_000);

  test.each(names)("%s is learnt and scored, and its model is a Hugging Face folder", (name) => {
    const task = TASKS.get(name)!;
    const { selection, metric, incomparable, recipe, model: from } = resultsOf(name, "seed-0");
    expect(metric).toBe(task.metric);
    expect(selection.last.test).toHaveProperty(metric);
    const carved = ["paws", "kornli", "korquad"].includes(name);
    expect(incomparable.some((why) => why.includes("for want of the training set"))).toBe(carved);
    expect(recipe).toMatchObject({ epochs: 1, batchSize: 8, learningRate: 1e-3 });
    expect(from).toMatchObject({ from: "pretrained", clean: "2021", layers: 1 });
    const config = JSON.parse(readFileSync(join(runs!, name, "seed-0", "config.json"), "utf8")) as Record<
      string,
      unknown
    >;
    expect(config["kcbert"]).toEqual({ clean: "2021" });
    if ("labels" in task.head) expect(Object.values(config["id2label"] as object)).toEqual(task.head.labels);
    if (task.head.kind === "texts") expect(config["problem_type"]).toBe(task.head.problemType);
  });

  test("a second start goes on with what is missing, here from random weights and with another seed", async () => {
    const recipe = join(root, "recipes.json");
    writeFileSync(recipe, JSON.stringify({ nsmc: { epochs: 2, maxLength: 12 } }));
    const flags = [
      "--tasks",
      "nsmc",
      "--seeds",
      "0,1",
      "--compare-scratch",
      "--recipes",
      recipe,
      "--batch-size",
      "16",
    ];
    const { code, stdout } = await runCli([
      "finetune-all",
      model!,
      ...flags,
      "--data",
      data!,
      "-o",
      runs!,
      "-q",
    ]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(resultsOf("nsmc", "seed-0").recipe.epochs).toBe(1);
    expect(resultsOf("nsmc", "seed-1").recipe).toMatchObject({ epochs: 2, maxLength: 12, batchSize: 16 });
    expect(resultsOf("nsmc", "scratch-seed-1").model).toMatchObject({ from: "scratch", sha256: null });
    const table = await runCli(["table", join(runs!, "nsmc")]);
    expect(table.stdout).toMatch(/model, from random weights \| 0 MB \| last \| \d+\.\d\d ± \d+\.\d\d \(2\)/);
    const json = JSON.parse((await runCli(["table", runs!, "--json"])).stdout) as {
      columns: string[];
      rows: { selection: string }[];
    };
    expect(json.columns.slice(0, 3)).toEqual(["NSMC", "Naver NER", "PAWS"]);
    expect(new Set(json.rows.map(({ selection }) => selection))).toContain("chosen on dev");
  }, 60_000);

  test("evaluate gives the score that was written, under another runtime too", async () => {
    const folder = join(runs!, "korsts", "seed-0");
    const { stdout, stderr } = await runCli(["evaluate", "korsts", "-m", folder, "--data", data!, "--json"], {
      runtime: "deno",
    });
    const { scores, examples } = JSON.parse(stdout || `{"stderr": ${JSON.stringify(stderr)}}`) as {
      scores: Record<string, number>;
      examples: number;
    };
    expect(examples).toBe(8);
    const written = resultsOf("korsts", "seed-0").selection.devSelected!.test!;
    expect(scores["pearson"]).toBeCloseTo(written["pearson"]!, 4);
    const wrong = await runCli(["evaluate", "hate-speech", "-m", folder, "--data", data!]);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain("has 1 labels: the task has 3");
  }, 60_000);

  test("calibrate divides the last layer by a temperature, and says below what it is unsure", async () => {
    const [folder, out] = [join(root, "sure"), join(root, "calibrated")];
    const recipe = "--epochs 12 --learning-rate 1e-2 --batch-size 8 --evaluate-every 100 -q".split(" ");
    const from = ["-m", model!, "--data", data!, "--keep", "last"];
    expect((await runCli(["finetune", "nsmc", ...from, ...recipe, "-o", folder])).stderr).toBe("");
    const dev = join(root, "doubted.txt"); // every sixth is labelled as nobody would
    const doubted = (i: number) => `${i}\t${text(i)}\t${i % 6 === 0 ? 1 - (i % 2) : i % 2}`;
    writeFileSync(dev, table("id\tdocument\tlabel", 24, doubted));
    const calibrate = (from: string, to: string): string[] => {
      const by = ["--data", data!, "--dev", dev, "--accuracy", "0.8"];
      return ["calibrate", "nsmc", "-m", from, ...by, "-o", to, "--json"];
    };
    const { code, stdout, stderr } = await runCli(calibrate(folder, out));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const report = JSON.parse(stdout) as Calibrated;
    expect([report.dev.examples, report.test.examples]).toEqual([24, 20]);
    expect(report.temperature).toBeGreaterThan(1.1); // it was too sure
    expect(report.dev.after.nll).toBeLessThan(report.dev.before.nll);
    expect(report.dev.beyond.accuracy).toBeGreaterThanOrEqual(0.8);
    const config = JSON.parse(readFileSync(join(out, "config.json"), "utf8")) as { kcbert: object };
    expect(config.kcbert).toEqual({ clean: "2021", unsure_below: report.unsureBelow });
    const [before, after] = [folder, out].map(
      (path) => readSafetensors(readFileSync(join(path, "model.safetensors"))).tensors,
    );
    for (const [key, tensor] of before!) {
      const [from, to] = [toFloat32(tensor), toFloat32(after!.get(key)!)];
      if (!key.startsWith("classifier.")) expect(to, key).toEqual(from);
      else expect(to, key).toEqual(from.map((value) => value / report.temperature));
    }
    const [again, small] = [join(root, "calibrated-again"), join(root, "calibrated-int8")];
    const twice = await runCli(calibrate(out, again));
    expect((JSON.parse(twice.stdout) as Calibrated).temperature).toBeCloseTo(1, 4);
    expect((await runCli(["quantize", out, "-o", small, "-q"])).code).toBe(0);
    expect(JSON.parse(readFileSync(join(small, "config.json"), "utf8"))).toMatchObject({
      kcbert: { unsure_below: report.unsureBelow },
    });
  }, 60_000);

  test("calibrate says what it cannot do", async () => {
    const ask = async (task: string, ...flags: string[]): Promise<string> => {
      const from = join(runs!, task, "seed-0");
      const args = ["calibrate", task, "-m", from, "--data", data!, "-o", join(root, "never"), ...flags];
      return (await runCli(args)).stderr;
    };
    expect(await ask("korsts")).toContain("as it does not choose one class for each text");
    expect(await ask("nsmc")).toContain("there is no development set: --dev names a file, --dev-part");
    expect(await ask("hate-speech", "--dev-part", "0.5", "--accuracy", "0.999")).toContain(
      "so that 99.9 % of its sure answers are right: no probability is enough for it",
    );
    expect(existsSync(join(root, "never"))).toBe(false);
  }, 60_000);

  test("predict says what each kind of model says, a line for a text", async () => {
    const ask = async (task: string, args: string[], input: string): Promise<Record<string, unknown>[]> => {
      const { stdout, stderr, code } = await runCli(["predict", "-m", join(runs!, task, "seed-0"), ...args], {
        input,
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      return stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    const [review] = await ask("nsmc", [], "정말 재밌다\r\n\n");
    expect(review).toMatchObject({ text: "정말 재밌다", label: expect.stringMatching(/positive|negative/) });
    const [sts] = await ask("korsts", ["--column", "1", "--pair", "2", "--header"], "a\tb\n최고\t최악\n");
    expect(sts).toMatchObject({ text: "최고", pair: "최악", value: expect.any(Number) });
    const [hateful] = await ask("unsmile", ["--jsonl", "t"], '{"t": "최악"}\n');
    expect(Object.keys(hateful!["scores"] as object)).toHaveLength(10);
    const [named] = await ask("kmou-ner", [], "홍길동은 서울에");
    expect(named!["entities"]).toBeInstanceOf(Array);
    const [answered] = await ask(
      "korquad",
      ["--jsonl", "q", "--pair", "c"],
      '{"q": "어디?", "c": "수도는 서울이다."}',
    );
    expect(answered!["answer"]).toEqual(expect.any(String));
    const embedded = await ask("korsts-embedding", [], "최고\n최악");
    expect(embedded.map(({ embedding }) => (embedding as number[]).length)).toEqual([16, 16]);
  }, 90_000);
});

test("a task of one's own is learnt from JSON lines, events and all", async () => {
  const [train, out] = [join(root, "own.jsonl"), join(root, "own")];
  writeFileSync(
    train,
    lines(40, (i) => JSON.stringify({ comment: text(i), mood: i % 2 ? "glad" : "sad" })).join("\n"),
  );
  const own = ["--train", train, "--test", train, "--text-column", "comment", "--label-column", "mood"];
  const { code, stdout } = await runCli([
    "finetune",
    "custom",
    "-m",
    model!,
    ...own,
    "-o",
    out,
    "--epochs",
    "2",
    "--balanced",
    "--dropout",
    "0.2",
    "--json",
  ]);
  expect(code).toBe(0);
  const events = stdout
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { event: string }).event);
  expect(events).toEqual(["start", "step", "step", "eval", "step", "step", "eval", "end"]);
  const results = JSON.parse(readFileSync(join(out, "results.json"), "utf8")) as FinetuneResults;
  expect(results.recipe).toMatchObject({ classWeights: [1, 1], dropout: 0.2 });
  const config = JSON.parse(readFileSync(join(out, "config.json"), "utf8")) as Record<string, unknown>;
  expect(config["attention_probs_dropout_prob"]).toBe(0.2);
  expect(readFileSync(join(out, "metrics.jsonl"), "utf8").trimEnd().split("\n")).toHaveLength(8);
  const columns = ["--text-column", "comment", "--label-column", "mood", "--json"];
  const scored = await runCli(["evaluate", "custom", "-m", out, "--file", train, ...columns], {
    runtime: "bun",
  });
  const { scores } = JSON.parse(scored.stdout) as { scores: Record<string, number> };
  expect(scores["accuracy"]).toBeCloseTo(results.selection.last.test!["accuracy"]!, 6);
  const again = await runCli(["finetune", "custom", "-m", model!, ...own, "-o", out]);
  expect(again.stderr).toContain("it holds a training run already");
}, 60_000);

test("a quantised model goes on learning, as the floats that its integers say", async () => {
  const [small, floats] = ["int8", "floats"].map((name) => join(root, name));
  expect((await runCli(["quantize", model!, "-o", small!])).code).toBe(0);
  expect((await runCli(["export", small!, "-o", floats!])).code).toBe(0);
  const outputs = await Promise.all(
    [small!, floats!].map(async (from, i) => {
      const output = join(root, `from-quantised-${i}`);
      const run = ["finetune", "nsmc", "--model", from, "--data", data!, "-o", output, "--epochs", "1"];
      const { code, stderr } = await runCli([...run, "--backend", "cpu", "--quiet"]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      return readFileSync(join(output, "model.safetensors"));
    }),
  );
  expect(outputs[0]!.equals(outputs[1]!)).toBe(true);
});

test("a head is learnt on from where it is, or anew where that is asked", async () => {
  const learn = async (from: string, name: string, ...flags: string[]): Promise<Buffer> => {
    const output = join(root, `head-${name}`);
    const run = ["finetune", "nsmc", "--model", from, "--data", data!, "-o", output, "--epochs", "1"];
    const rest = ["--train-layers", "0", "--learning-rate", "1e-2", "--backend", "cpu", "--quiet", ...flags];
    const { code, stderr } = await runCli([...run, ...rest]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return readFileSync(join(output, "model.safetensors"));
  };
  const first = await learn(model!, "first"); // the encoder stays, so only the head differs
  const taught = join(root, "head-first");
  const [on, anew] = [await learn(taught, "on"), await learn(taught, "anew", "--new-head")];
  expect(anew.equals(first)).toBe(true);
  expect(on.equals(first)).toBe(false);
  const { recipe } = JSON.parse(readFileSync(join(root, "head-anew", "results.json"), "utf8")) as {
    recipe: { newHead?: boolean };
  };
  expect(recipe.newHead).toBe(true);
}, 60_000);

test("a model that is scored on nothing is written all the same, and a run that was cut off begins anew", async () => {
  const [train, out] = [join(root, "alone.tsv"), join(root, "alone")];
  writeFileSync(
    train,
    table("text\tlabel", 12, (i) => `${text(i)}\t${i % 2}`),
  );
  mkdirSync(out);
  writeFileSync(join(out, "metrics.jsonl"), '{"event":"start"}\n');
  const flags = ["--train", train, "--epochs", "1", "-o", out];
  const { code, stderr } = await runCli(["finetune", "custom", "-m", model!, ...flags]);
  expect(code).toBe(0);
  expect(stderr).toContain("scored on nothing as it has neither a development nor a test set here");
  expect(stderr).toContain("Learning to tell 2 classes apart: 0, 1\n");
  expect(stderr).toMatch(
    /A model of [\d,]+ parameters learns little at the rates of kcbert-base: --preset small/,
  );
  expect(existsSync(join(out, "model.safetensors"))).toBe(true);
  expect(existsSync(join(out, "results.json"))).toBe(false);
  expect(readFileSync(join(out, "metrics.jsonl"), "utf8").match(/"start"/g)).toHaveLength(1);
}, 60_000);

describe("what cannot be done is said in one sentence", () => {
  test.each<[string, string[], number]>([
    ["Unknown task nsmcs: did you mean nsmc?", ["finetune", "nsmcs", "-m", "x", "-o", "y"], 2],
    [
      "Cannot use --preset tiny: it takes one of kcbert-base, kcbert-large, small",
      ["finetune", "nsmc", "-m", "x", "-o", "y", "--preset", "tiny"],
      2,
    ],
    [
      "Cannot fine-tune nsmc as there are no files of it: --train names none",
      ["finetune", "nsmc", "-m", "x", "-o", "y"],
      1,
    ],
    ["Cannot learn a task of one's own without --train", ["finetune", "custom", "-m", "x", "-o", "y"], 2],
    ["Cannot make a table as there is no results.json", ["table", data!], 1],
  ])("%s", async (message, args, status) => {
    const { code, stderr } = await runCli(args, { cwd: root });
    expect(stderr).toContain(message);
    expect(code).toBe(status);
  });

  test("a broken line under --strict, a model that is no classifier", async () => {
    const strict = await runCli([
      "finetune",
      "nsmc",
      "-m",
      model!,
      "--data",
      data!,
      "-o",
      join(root, "s"),
      "--strict",
    ]);
    expect(strict.stderr).toContain("Cannot use line 50 of");
    const masked = await runCli(["predict", "-m", model!], { input: "가" });
    expect(masked.stderr).toContain("as it is a BertForMaskedLM: kcbert-cli finetune makes one that can");
  });
});
