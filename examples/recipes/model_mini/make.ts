/**
 * `@kcbert/model-mini`, from raw reviews to the files of the package.
 *
 *     node --conditions=@kcbert/source examples/recipes/model_mini/make.ts --reviews reviews.tsv.gz --nsmc nsmc --output work
 *
 * `--reviews` is a table of date, rating and text: all reviews of e9t/nsmc (CC0), ordered by date. `--nsmc` is the folder of
 * `ratings_train.txt` and `ratings_test.txt`. Each stage is a command line of `kcbert-cli`, printed before it runs; a stage whose
 * result is there is passed over, and one that was interrupted goes on where it can. `--backend` says what computes.
 *
 * `--pretraining` and `--finetuning` name other hyper-parameters than `pretrain.json` and `finetune.json`.
 *
 * `--base` is a model folder to go on from, in place of pretraining: its vocabulary is repaired (`repair_jamo.ts`), and it is
 * taught from row `--skip` of the training set on. So the package's weights were made from those before them.
 *
 * `--accuracy` is what part of the answers that count as sure must be right.
 *
 * All draws are seeded: the corpus and the vocabulary come out the same, byte for byte; weights do so on the same backend
 * and device if `--steps` bounds the pretraining, not the clock.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { uniform } from "@kcbert/bert";
import { kcbertCli } from "./kcbert_cli.ts";
import { repairJamo } from "./repair_jamo.ts";
import { teachEmoji } from "./teach_emoji.ts";
import { teachJamo } from "./teach_jamo.ts";

const { values: flags } = parseArgs({
  options: {
    reviews: { type: "string" },
    nsmc: { type: "string" },
    output: { type: "string" },
    backend: { type: "string", default: "xla" },
    minutes: { type: "string", default: "5" },
    steps: { type: "string" },
    examples: { type: "string", default: "100000" },
    base: { type: "string" },
    skip: { type: "string", default: "0" },
    seed: { type: "string", default: "0" },
    accuracy: { type: "string", default: "0.95" },
    pretraining: { type: "string", default: join(import.meta.dirname, "pretrain.json") },
    finetuning: { type: "string", default: join(import.meta.dirname, "finetune.json") },
  },
});
const { reviews, nsmc, output: work } = flags;
if (reviews === undefined || nsmc === undefined || work === undefined) {
  console.error(
    "Usage: make.ts --reviews reviews.tsv.gz --nsmc folder --output folder [--backend xla:cuda] [--base model]",
  );
  process.exit(2);
}

const path = (name: string): string => join(work, name);
mkdirSync(work, { recursive: true });

// What the model learns from: cleaned, each text once, five characters or more, no text of NSMC's test set.
const test = `${join(nsmc, "ratings_test.txt")}:2`;
cli("cleaned.txt", "clean", reviews, "--column", "3", "--min-length", "5", "--dedupe", "--exclude", test);

// With the emoji and the vowels that it hardly has; masks are filled beside the task in lines of which half have such vowels.
if (!existsSync(path("masked.txt"))) {
  const lines = readLines("cleaned.txt");
  const [emoji, jamo] = [
    teachEmoji(lines, { share: 0.1, seed: 1 }),
    teachJamo(lines, { each: 1500, seed: 1 }),
  ];
  console.log(`teach emoji: ${emoji.length} lines more, teach jamo: ${jamo.length}`);
  writeLines("corpus.txt", [...lines, ...emoji, ...(flags.base === undefined ? jamo : [])]);
  writeLines("masked.txt", [...jamo, ...some([...lines, ...emoji], jamo.length)]);
}

if (flags.base === undefined) {
  const vocabulary = "--vocab-size 10000 --limit-alphabet 2000 --max-length 128".split(" ");
  cli("tokenizer", "train-tokenizer", path("corpus.txt"), ...vocabulary);
  const end = flags.steps === undefined ? ["--minutes", flags.minutes] : ["--steps", flags.steps];
  const corpus = ["--corpus", path("corpus.txt"), "--tokenizer", path("tokenizer")];
  cli("pretrained", "pretrain", ...corpus, "--config", flags.pretraining, ...backend("bf16"), ...end);
} else if (!existsSync(path("pretrained/config.json"))) {
  cli("base", "export", flags.base); // as floats
  for (const { id, old, token } of repairJamo(path("base"), path("pretrained"), readLines("cleaned.txt"))) {
    console.log(`token ${id}: ${token} instead of ${old}`);
  }
}

if (!existsSync(path("train.tsv"))) {
  const [header, ...examples] = readFileSync(join(nsmc, "ratings_train.txt"), "utf8").trimEnd().split("\n");
  const dev = examples.splice(-Math.min(5000, Math.floor(examples.length / 10))); // judges, and teaches nothing
  const skip = Number(flags.skip);
  writeLines("dev.tsv", [header!, ...dev]);
  writeLines("train.tsv", [header!, ...examples.slice(skip, skip + Number(flags.examples))]);
}
const task = ["--model", path("pretrained"), "--train", path("train.tsv"), "--dev", path("dev.tsv")];
const rate = flags.base === undefined ? [] : ["--learning-rate", "1e-4"]; // who was taught already goes on more gently
const settings = ["--config", flags.finetuning, ...rate, "--seed", flags.seed];
const masked = ["--keep-masked-lm", path("masked.txt"), "--masked-lm-rows", "2"];
cli("sentiment", "finetune", "nsmc", ...task, ...settings, ...masked, ...backend("fp32"));

// Probabilities that can be taken at their word; the rows that judge say below which an answer is unsure.
cli("quantised", "quantize", path("sentiment"));
const sure = ["--dev", path("dev.tsv"), "--accuracy", flags.accuracy];
cli("model", "calibrate", "nsmc", "--model", path("quantised"), ...sure);

// The folder fills masks first of all; in a folder of its own, the head that judges lies in the same weights.
const config = JSON.parse(readFileSync(path("model/config.json"), "utf8")) as { architectures: string[] };
mkdirSync(path("model/sentiment"), { recursive: true });
for (const [name, architectures] of [
  ["config.json", ["BertForMaskedLM", "BertForSequenceClassification"]],
  ["sentiment/config.json", ["BertForSequenceClassification"]],
] as const) {
  writeFileSync(join(path("model"), name), `${JSON.stringify({ ...config, architectures }, null, 2)}\n`);
}
console.log(`The files of the package: ${path("model")}`);

// --- internal ---

function readLines(name: string): string[] {
  return readFileSync(path(name), "utf8").trimEnd().split("\n");
}

/** Write a file that is there only when it is whole. */
function writeLines(name: string, lines: readonly string[]): void {
  writeFileSync(path(`${name}.new`), `${lines.join("\n")}\n`);
  renameSync(path(`${name}.new`), path(name));
}

/** So many of the lines, drawn by the seed. */
function some(lines: readonly string[], count: number): string[] {
  const order = uniform(1, 0, "jamo: lines beside", lines.length);
  const rows = [...lines.keys()].sort((a, b) => order[a]! - order[b]! || a - b);
  return rows.slice(0, count).map((row) => lines[row]!);
}

function backend(precision: string): string[] {
  return flags.backend.startsWith("xla")
    ? ["--backend", flags.backend, "--precision", precision]
    : ["--backend", flags.backend];
}

/** Run a command that writes a file or folder, unless it is there, whole. */
function cli(result: string, ...args: string[]): void {
  const target = path(result);
  const whole = existsSync(join(target, "config.json")) || existsSync(join(target, "vocab.txt"));
  if (whole || (result.endsWith(".txt") && existsSync(target))) return;
  kcbertCli(...args, "--output", target);
}
