/**
 * `@kcbert/model-mini`, from raw reviews to the files of the package.
 *
 *     node --conditions=@kcbert/source examples/recipes/model_mini/make.ts --reviews reviews.tsv.gz --nsmc nsmc --output work
 *
 * `--reviews` is a table of date, rating and text: all reviews of e9t/nsmc (CC0), ordered by date. `--nsmc` is the folder of
 * `ratings_train.txt` and `ratings_test.txt`. Each stage is a command line of `kcbert-cli`, printed before it runs; a stage whose
 * result is there is passed over, and one that was interrupted goes on where it can. `--backend` says what computes: the published
 * weights were pretrained on `xla:cuda` and fine-tuned on `xla:cpu`. All draws are seeded: the cleaned corpus and the vocabulary come
 * out the same, byte for byte; weights do so on the same backend and device if `--steps` bounds the pretraining, not the clock.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { teachEmoji } from "./teach_emoji.ts";

const { values: flags } = parseArgs({
  options: {
    reviews: { type: "string" },
    nsmc: { type: "string" },
    output: { type: "string" },
    backend: { type: "string", default: "xla" },
    minutes: { type: "string", default: "5" },
    steps: { type: "string" },
    examples: { type: "string", default: "75000" },
  },
});
const { reviews, nsmc, output: work } = flags;
if (reviews === undefined || nsmc === undefined || work === undefined) {
  console.error("Usage: make.ts --reviews reviews.tsv.gz --nsmc folder --output folder [--backend xla:cuda]");
  process.exit(2);
}

const root = join(import.meta.dirname, "../../..");
const path = (name: string): string => join(work, name);
const recipe = (name: string): string => join(import.meta.dirname, name);
mkdirSync(work, { recursive: true });

// What the model learns from: cleaned, each text once, five characters or more, no text of NSMC's test set.
const test = `${join(nsmc, "ratings_test.txt")}:2`;
cli("cleaned.txt", "clean", reviews, "--column", "3", "--min-length", "5", "--dedupe", "--exclude", test);

if (!existsSync(path("corpus.txt"))) {
  const lines = readFileSync(path("cleaned.txt"), "utf8").trimEnd().split("\n");
  const taught = teachEmoji(lines, { share: 0.1, seed: 1 });
  console.log(`teach emoji: ${taught.length} lines more`);
  writeFileSync(path("corpus.txt.new"), `${[...lines, ...taught].join("\n")}\n`);
  renameSync(path("corpus.txt.new"), path("corpus.txt"));
}

const vocabulary = "--vocab-size 10000 --limit-alphabet 2000 --max-length 128".split(" ");
cli("tokenizer", "train-tokenizer", path("corpus.txt"), ...vocabulary);

const end = flags.steps === undefined ? ["--minutes", flags.minutes] : ["--steps", flags.steps];
const corpus = ["--corpus", path("corpus.txt"), "--tokenizer", path("tokenizer")];
cli("pretrained", "pretrain", ...corpus, "--config", recipe("pretrain.json"), ...backend("bf16"), ...end);

const task = ["--model", path("pretrained"), "--data", nsmc, "--max-train", flags.examples];
const masked = ["--keep-masked-lm", path("corpus.txt"), "--masked-lm-rows", "1"];
cli(
  "sentiment",
  "finetune",
  "nsmc",
  ...task,
  "--config",
  recipe("finetune.json"),
  ...masked,
  ...backend("fp32"),
);

cli("model", "quantize", path("sentiment"));

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
  const words = [...args, "--output", target];
  console.log(`kcbert-cli ${words.join(" ")}`);
  const main = join(root, "apps/cli/src/main.ts");
  const { status } = spawnSync(process.execPath, ["--conditions=@kcbert/source", main, ...words], {
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
}
