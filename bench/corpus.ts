/**
 * `kcbert-cli corpus` as a whole (files, threads, DuckDB, shards) against what it is made of, alone: clean, length, distinct,
 * tokenise, one thread, lines in memory. In one run, by turns.
 *
 * Input: the dated reviews, decompressed, or the shipped sample eight times over. With `KCBERT_CORPUS_GB=5`, also a corpus of that
 * size: the first half of a review and the second half of another, drawn anew for each line, so that nearly all are distinct. It is
 * written to the folder of temporary files, which needs about 3.5 times the room, and removed.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { clean, countCodePoints, LineSet } from "@kcbert/normalizer";
import { BertTokenizer, trainWordPiece } from "@kcbert/tokenizer";

const rounds = Number(process.env["KCBERT_ROUNDS"] ?? 5); // timed, after one of warming up
const gigabytes = Number(process.env["KCBERT_CORPUS_GB"] ?? 0);
const shared = new URL("../../shared/data/", import.meta.url);
const reviews = new URL("corpus/reviews.tsv.gz", shared);
const sample = new URL("../examples/data/reviews.sample.tsv.gz", import.meta.url);
const program = fileURLToPath(new URL("../apps/cli/src/main.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "kcbert-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const rows = gunzipSync(readFileSync(existsSync(reviews) ? reviews : sample))
  .toString()
  .trimEnd()
  .split("\n");
const table = `${rows.join("\n")}\n`.repeat(existsSync(reviews) ? 1 : 8);
const small = join(folder, "reviews.tsv");
writeFileSync(small, table);
const megabytes = Buffer.byteLength(table) / 1e6;
const vocab = join(folder, "vocab.txt");
const published = new URL("kcbert/vocab.txt", shared);
if (existsSync(published)) writeFileSync(vocab, readFileSync(published));
else {
  const lines = rows.map((row) => clean(row.split("\t")[2]!));
  const { tokens } = await trainWordPiece(lines, { vocabSize: 30_000, limitAlphabet: 2000 });
  writeFileSync(vocab, `${tokens.join("\n")}\n`);
}
const tokenizer = BertTokenizer.fromVocab(readFileSync(vocab, "utf8"));

interface Run {
  readonly seconds: number;
  readonly cpu: number;
  readonly rss: number;
  readonly tokens: number;
}

const threads = availableParallelism();
const peers: Record<string, () => Run> = {
  "clean, distinct, tokenise alone, one thread": alone,
  "`corpus --threads 1`": () => corpus(small, 1),
  [`\`corpus --threads ${threads}\``]: () => corpus(small, threads),
};
const runs: Record<string, Run[]> = {};
for (let round = -1; round < rounds; round++) {
  for (const [name, peer] of Object.entries(peers)) {
    const run = peer();
    if (round >= 0) (runs[name] ??= []).push(run);
  }
}
const tokens = new Set(Object.values(runs).flatMap((each) => each.map((run) => run.tokens)));
assert.equal(tokens.size, 1, "every way gives the same tokens");

console.log(
  `${megabytes.toFixed(1)} MB of rows; ${process.version}, ${cpus()[0]?.model}, ${threads} threads\n`,
);
console.log("| | MB/s | MB/s of one core | peak RSS, MB | times the bare functions' CPU |");
console.log("| --- | ---: | ---: | ---: | ---: |");
const bare = median(Object.values(runs)[0]!.map(({ cpu }) => cpu));
for (const [name, all] of Object.entries(runs)) print(name, megabytes, all, bare);
if (gigabytes > 0) {
  const large = join(folder, "large.tsv");
  const bytes = writeLarge(large, gigabytes * 1e9);
  const smallRate =
    megabytes /
    median(
      Object.values(runs)
        .at(-1)!
        .map(({ seconds }) => seconds),
    );
  const run = corpus(large, threads);
  print(`${(bytes / 1e9).toFixed(1)} GB`, bytes / 1e6, [run], (bare / megabytes) * (bytes / 1e6));
  const share = bytes / 1e6 / run.seconds / smallRate;
  console.log(`\n${(bytes / 1e9).toFixed(1)} GB at ${(share * 100).toFixed(0)} % of the small run's speed`);
}

// --- internal ---

/** What the work costs without files, threads and a database. */
function alone(): Run {
  const before = process.cpuUsage();
  const start = performance.now();
  const seen = new LineSet();
  let [batch, tokens]: [string[], number] = [[], 0];
  const encode = () => {
    tokens += tokenizer.encodeBatch(batch).ids.length;
    batch = [];
  };
  for (let at = 0; at < table.length;) {
    const end = table.indexOf("\n", at);
    const text = clean(table.slice(table.lastIndexOf("\t", end) + 1, end));
    at = end + 1;
    if (countCodePoints(text) < 10 || !seen.add(text)) continue;
    batch.push(text);
    if (batch.length === 4096) encode();
  }
  encode();
  const { user, system } = process.cpuUsage(before);
  return {
    seconds: (performance.now() - start) / 1000,
    cpu: (user + system) / 1e6,
    rss: process.memoryUsage.rss(),
    tokens,
  };
}

function corpus(input: string, threads: number): Run {
  const output = join(folder, "corpus");
  rmSync(output, { recursive: true, force: true });
  const columns = ["--text-column=3", "--date-column=1", "--threads", String(threads)];
  const args = ["corpus", input, ...columns, "-t", vocab, "-o", output, "--json"];
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--conditions=@kcbert/source", program, ...args],
    { encoding: "utf8", maxBuffer: 1 << 26 },
  );
  assert.equal(status, 0, stderr);
  const { cost, tokens } = JSON.parse(stdout) as {
    cost: { cpuSeconds: number; peakRssBytes: number };
    tokens: { total: number };
  };
  const seconds = (performance.now() - start) / 1000; // of the process, its start included
  rmSync(output, { recursive: true });
  return { seconds, cpu: cost.cpuSeconds, rss: cost.peakRssBytes, tokens: tokens.total };
}

/** Rows made of halves of others, by a generator of fixed seed. */
function writeLarge(path: string, bytes: number): number {
  const texts = rows.map((row) => row.split("\t"));
  const firsts = texts.map(([date, rating, text]) => {
    return Buffer.from(`${date}\t${rating}\t${text!.slice(0, Math.ceil(text!.length / 2))}`);
  });
  const seconds = texts.map(([, , text]) => Buffer.from(`${text!.slice(Math.ceil(text!.length / 2))}\n`));
  const file = openSync(path, "w");
  const block = Buffer.alloc(8 << 20);
  let [state, used, written] = [1, 0, 0];
  const draw = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * rows.length);
  };
  while (written + used < bytes) {
    const [first, second] = [firsts[draw()]!, seconds[draw()]!];
    if (used + first.length + second.length > block.length) {
      writeSync(file, block, 0, used);
      written += used;
      used = 0;
    }
    first.copy(block, used);
    second.copy(block, used + first.length);
    used += first.length + second.length;
  }
  writeSync(file, block, 0, used);
  closeSync(file);
  return written + used;
}

function print(name: string, megabytes: number, all: readonly Run[], bare: number): void {
  const of = (pick: (run: Run) => number) => median(all.map(pick));
  const cpu = of((run) => run.cpu);
  const cells = [
    (megabytes / of(({ seconds }) => seconds)).toFixed(1),
    (megabytes / cpu).toFixed(1),
    (of(({ rss }) => rss) / 1e6).toFixed(0),
    (cpu / bare).toFixed(2),
  ];
  console.log(`| ${name} | ${cells.join(" | ")} |`);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
