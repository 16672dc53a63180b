/**
 * `@kcbert/model-mini-heads`, from public data to the files of the package.
 *
 *     node --conditions=@kcbert/source examples/recipes/model_mini/make_heads.ts --data data --output work
 *
 * `--data` is a folder with those of the Korean hate speech dataset and of KorSTS (`korean-hate-speech`, `korsts`), as they are
 * published, gzip or not. `--model` is the model below the heads, by default this repository's `packages/model-mini`. Each stage is a command line of `kcbert-cli`,
 * printed before it runs; what is done is passed over, and what was interrupted goes on where it was.
 *
 * Three seeds are taught, to see how far they lie apart; the first one's heads are those of the package. On one backend and
 * device they come out the same, byte for byte.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { kcbertCli } from "./kcbert_cli.ts";

const root = join(import.meta.dirname, "../../..");
const { values: flags } = parseArgs({
  options: {
    data: { type: "string" },
    model: { type: "string", default: join(root, "packages/model-mini") },
    output: { type: "string" },
    backend: { type: "string", default: "xla" },
    seeds: { type: "string", default: "0,1,2" },
  },
});
const { data, model, output: work } = flags;
if (data === undefined || work === undefined) {
  console.error("Usage: make_heads.ts --data folder --output folder [--model folder] [--backend xla:cpu]");
  process.exit(2);
}
const path = (...names: string[]): string => join(work, ...names);
const [first] = flags.seeds.split(",");
const devPart = ["--dev-part", "0.1"]; // of the hate speech dataset, whose development set is the test

// The head and the last layer learn; what lies below stays model-mini's.
// Its last state is kept: nothing is chosen, by whatever set.
const recipes = [
  "--preset",
  "small",
  "--recipes",
  join(import.meta.dirname, "heads.json"),
  "--train-layers",
  "1",
  "--keep",
  "last",
];
const tasks = ["--tasks", "hate-speech,korsts-embedding", "--seeds", flags.seeds, "--save", ...devPart];
const computes = ["--backend", flags.backend, "--widths", "16,32,48,64"];
kcbertCli("finetune-all", model, "--data", data, ...tasks, ...recipes, ...computes, "--output", path("runs"));

const taught = path("runs", "hate-speech", `seed-${first}`);
const sure = [...devPart, "--accuracy", "0.8"];
once(path("calibrated"), "calibrate", "hate-speech", "--model", taught, "--data", data, ...sure);

const base = ["--base", model, "--base-name", "@kcbert/model-mini"];
once(path("hate"), "quantize", path("calibrated"), ...base);
once(path("embedding"), "quantize", path("runs", "korsts-embedding", `seed-${first}`), ...base);
console.log(`The files of the package: ${path("hate")}, ${path("embedding")}`);

// --- internal ---

/** Run a command that writes a folder, unless it is there. */
function once(output: string, ...args: string[]): void {
  if (!existsSync(join(output, "config.json"))) kcbertCli(...args, "--output", output);
}
