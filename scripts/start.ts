/**
 * `npm start`: the whole way on the sample that the repository holds, from raw comments to a model that answers.
 *
 * The server comes first, so that the page opens at once and shows the rest as it happens; then `kcbert-cli` cleans the
 * sample, trains a tokenizer and pretrains a small BERT for about three minutes. What is done stays done: run again, it
 * goes on where it was. Where a pretrained model is installed (`@kcbert/model-mini`), that one answers at once, and the
 * training waits until it is asked for. Options: `--train`, `--minutes 3`, `--port 8787`, `--fresh` to begin anew.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    minutes: { type: "string", default: "3" },
    port: { type: "string" },
    fresh: { type: "boolean", default: false },
    train: { type: "boolean", default: false },
  },
});

const root = join(import.meta.dirname, "..");
const work = join(root, ".kcbert", "start");
const sample = join(root, "examples/data/reviews.sample.tsv.gz");
const comments = join(work, "comments.txt");
const tokenizer = join(work, "tokenizer");
const model = join(work, "model");
const stamps = join(work, "steps.json");

/** What is to be done, in order; each step is one command line of `kcbert-cli`. One that `resumes` goes on where it was. */
const steps: { title: string; output: string; args: string[]; resumes?: boolean }[] = [
  {
    title: "Clean the sample",
    output: comments,
    args: ["clean", sample, "--column", "3", "--min-length", "10", "--dedupe", "--output", comments],
  },
  {
    title: "Train a tokenizer",
    output: tokenizer,
    args: [
      "train-tokenizer",
      comments,
      "--vocab-size",
      "8000",
      "--limit-alphabet",
      "1500",
      "--output",
      tokenizer,
    ],
  },
  {
    title: "Pretrain a small BERT",
    output: model,
    resumes: true,
    args: `pretrain --clean 2021 --mask-probability 0.3 --minutes ${options.minutes}`
      .split(" ")
      .concat("--corpus", comments, "--tokenizer", tokenizer, "--output", model),
  },
];

const children = new Set<ChildProcess>();
let stopping = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop);

if (options.fresh) rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });

const isShipped = existsSync(join(root, "packages/model-mini/config.json"));
const trains = options.train || options.fresh || !isShipped;
const port = options.port === undefined ? [] : ["--port", options.port];
const served = trains ? ["--training", model, "--model", model] : [];
const server = run("apps/edge-api/src/entries/node.ts", [...served, ...port], "pipe");
const [address] = await Promise.race([
  once(createInterface({ input: server.stdout! }), "line"),
  once(server, "exit"),
]);
if (typeof address !== "string") process.exit(server.exitCode ?? 1);
const shows = trains
  ? "shows the training as it happens, then answers"
  : "answers by the model that is installed";
console.log(`\n  ${address}\n  The page ${shows}; Ctrl-C ends it\n`);
if (!trains) console.log("  npm start -- --train pretrains one of your own on the sample, and shows how\n");

let key = createHash("sha256").update(readFileSync(sample)).digest("hex");
for (const [index, { title, output, args, resumes = false }] of trains ? steps.entries() : []) {
  key = createHash("sha256").update(key).update(args.join("\0")).digest("hex");
  const stamp = readStamps()[output];
  if (stamp?.key === key && stamp.done) {
    console.log(`✓ ${title}: done before`);
    continue;
  }
  if (!resumes || stamp?.key !== key) rmSync(output, { recursive: true, force: true });
  writeStamp(output, { key, done: false });
  console.log(`${index + 1}/${steps.length} ${title}`);
  const [code] = await once(run("apps/cli/src/main.ts", args, "inherit"), "exit");
  if (stopping) break;
  if (code !== 0) {
    stop();
    process.exitCode = code ?? 1;
    break;
  }
  writeStamp(output, { key, done: true });
}

if (!stopping && trains) console.log(`\n  Ready: ${address}\n`);
if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
if (!stopping) process.exitCode = server.exitCode ?? 1;

// --- internal ---

/** Start a program of this repository, in a process group of its own so that it hears only what is passed on to it. */
function run(file: string, args: string[], stdout: "pipe" | "inherit"): ChildProcess {
  const child = spawn(process.execPath, ["--conditions=@kcbert/source", join(root, file), ...args], {
    cwd: root,
    detached: true,
    stdio: ["ignore", stdout, "inherit"],
  });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

/** Ask everything that runs to end; it has checkpoints to write. */
function stop(): void {
  if (stopping) return;
  stopping = true;
  for (const child of children) child.kill("SIGINT");
}

/** By which steps an output is made, and whether they came to their end. */
interface Stamp {
  key: string;
  done: boolean;
}

function writeStamp(output: string, stamp: Stamp): void {
  writeFileSync(`${stamps}.new`, JSON.stringify({ ...readStamps(), [output]: stamp }, null, 2));
  renameSync(`${stamps}.new`, stamps);
}

function readStamps(): Record<string, Stamp> {
  try {
    return JSON.parse(readFileSync(stamps, "utf8"));
  } catch {
    return {}; // nothing was begun yet
  }
}
