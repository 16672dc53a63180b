/**
 * The scores of `RESULTS.md`: `@kcbert/model-mini` taught tasks, from its encoder and from random weights, with several seeds.
 *
 *     node --conditions=@kcbert/source examples/recipes/model_mini/make_results.ts --data data --output work
 *
 * `--data` is a folder with a folder for each task, of its published files, gzip or not. Each stage is a command line of `kcbert-cli`, printed
 * before it runs; what is done is passed over, and what was interrupted goes on where it was. `--tasks` and `--seeds` take
 * some of them only. The tables come last, in Markdown: means times 100, with the deviation over the seeds.
 *
 * NSMC is learnt from rows 100,001 to 145,000 of its training set, as the encoder knows the sentiment of those before them;
 * `--rows` takes others, from the first, counted from 0, to before the last.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { kcbertCli, outputOfKcbertCli } from "./kcbert_cli.ts";

const { values: flags } = parseArgs({
  options: {
    data: { type: "string" },
    output: { type: "string" },
    model: { type: "string", default: join(import.meta.dirname, "../../../packages/model-mini") },
    backend: { type: "string", default: "xla" },
    seeds: { type: "string", default: "0,1,2" },
    tasks: {
      type: "string",
      default: "nsmc,hate-speech,curse-detection,question-pair,kmou-ner,korsts,korsts-embedding",
    },
    rows: { type: "string", default: "100000-145000" },
  },
});
const { data, output: work, model } = flags;
if (data === undefined || work === undefined) {
  console.error("Usage: make_results.ts --data folder --output folder [--tasks nsmc,…] [--backend xla:cpu]");
  process.exit(2);
}
const path = (...names: string[]): string => join(work, ...names);
const [seeds, tasks] = [flags.seeds.split(","), flags.tasks.split(",")];
mkdirSync(work, { recursive: true });

// Every head is new: those of model-mini know film reviews already.
const settings = {
  "new-head": true,
  "compare-scratch": true,
  seeds: flags.seeds,
  save: true,
  preset: "small",
  recipes: join(import.meta.dirname, "tasks.json"),
  backend: flags.backend,
  "evaluation-batch-size": 128,
  output: path("runs"),
} as const;
const others = tasks.filter((task) => task !== "nsmc");
if (tasks.includes("nsmc")) {
  const facts = { tasks: "nsmc", data: unseenReviews(), widths: "16,32,48" };
  kcbertCli("finetune-all", model, { ...facts, ...settings });
}
if (others.length > 0) {
  const facts = { tasks: others.join(","), data, widths: "16,24,32,48,72,96" };
  kcbertCli("finetune-all", model, { ...facts, ...settings });
}

/** What a kind of model scores, and on which task's data. */
const kinds = ["float32", "int8", "int4"] as const;
const judged = tasks.flatMap((task) =>
  task === "curse-detection"
    ? [[task, task] as const, [task, "curse-obfuscated"] as const]
    : [[task, task] as const],
);
console.log(
  "| | from the encoder | from random weights | int8 | int4 |\n| --- | ---: | ---: | ---: | ---: |",
);
for (const [task, judge] of judged) {
  const [encoder, int8, int4] = kinds.map((kind) =>
    seeds.map((seed) => score(task, judge, `seed-${seed}`, kind)),
  );
  const random = seeds.map((seed) => score(task, judge, `scratch-seed-${seed}`, "float32"));
  console.log(`| ${[judge, ...[encoder!, random, int8!, int4!].map(meanAndDeviation)].join(" | ")} |`);
}

// --- internal ---

/** NSMC's files with the rows alone that the encoder has not seen. */
function unseenReviews(): string {
  const folder = path("nsmc");
  if (existsSync(folder)) return folder;
  const [from, to] = flags.rows.split("-").map(Number);
  const [header, ...rows] = readText("ratings_train.txt").trimEnd().split("\n");
  mkdirSync(`${folder}.new`, { recursive: true });
  const train = [header, ...rows.slice(from, to)];
  writeFileSync(join(`${folder}.new`, "ratings_train.txt"), `${train.join("\n")}\n`);
  writeFileSync(join(`${folder}.new`, "ratings_test.txt"), readText("ratings_test.txt"));
  renameSync(`${folder}.new`, folder);
  return folder;
}

function readText(name: string): string {
  const file = join(data!, "nsmc", name);
  return existsSync(file)
    ? readFileSync(file, "utf8")
    : gunzipSync(readFileSync(`${file}.gz`)).toString("utf8");
}

/** The score of a run's model in [−1, 1], from a file where it has been found before. */
function score(task: string, judge: string, run: string, kind: (typeof kinds)[number]): number {
  const folder = path("runs", task, run);
  const results = readJson(join(folder, "results.json")) as Results;
  const { metric, selection, recipe } = results;
  if (kind === "float32" && judge === task) {
    return (selection.devSelected ?? selection.last).test[metric]!;
  }
  const file = path("scores", `${judge}-${run}-${kind}.json`);
  if (!existsSync(file)) {
    const small = kind === "float32" ? folder : path(kind, task, run);
    if (!existsSync(join(small, "config.json"))) {
      kcbertCli("quantize", folder, { weights: kind, output: small });
    }
    const facts = { model: small, data: data!, "max-length": recipe.maxLength, json: true } as const;
    const found = outputOfKcbertCli("evaluate", judge, facts);
    mkdirSync(path("scores"), { recursive: true });
    writeFileSync(`${file}.new`, found);
    renameSync(`${file}.new`, file);
  }
  return (readJson(file) as { scores: Record<string, number> }).scores[metric]!;
}

interface Results {
  metric: string;
  selection: Record<"last" | "devSelected", { test: Record<string, number> }>;
  recipe: { maxLength: number };
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, "utf8"));
}

function meanAndDeviation(scores: readonly number[]): string {
  const percents = scores.map((value) => value * 100);
  const mean = percents.reduce((sum, value) => sum + value, 0) / percents.length;
  const squares = percents.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const spread = percents.length < 2 ? "" : ` ± ${Math.sqrt(squares / (percents.length - 1)).toFixed(2)}`;
  return `${mean.toFixed(2)}${spread}`;
}
