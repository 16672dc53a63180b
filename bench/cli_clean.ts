/**
 * `kcbert-cli clean` as a whole (start, files, UTF-8, lines) against the bare scanner on lines in memory, in one run, by
 * turns; plain text and gzip in, plain text out. One thread, but that gunzip and writing have their own.
 *
 * Input: the text of the reviews, or of the shipped sample eight times over.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { clean } from "@kcbert/normalizer";

const rounds = 5; // timed, after one of warming up
const corpus = new URL("../../shared/data/corpus/reviews.tsv.gz", import.meta.url);
const sample = new URL("../examples/data/reviews.sample.tsv.gz", import.meta.url);
const program = fileURLToPath(new URL("../apps/cli/src/main.ts", import.meta.url));

const folder = mkdtempSync(join(tmpdir(), "kcbert-bench-"));
const [plain, gzip, output] = ["in.txt", "in.txt.gz", "out.txt"].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];
const rows = gunzipSync(readFileSync(existsSync(corpus) ? corpus : sample))
  .toString()
  .trimEnd()
  .split("\n");
const text = rows
  .map((row) => `${row.split("\t")[2]!}\n`)
  .join("")
  .repeat(existsSync(corpus) ? 1 : 8);
writeFileSync(plain, text);
writeFileSync(gzip, gzipSync(text));
const megabytes = Buffer.byteLength(text) / 1e6;

const peers: Record<string, () => void> = {
  "the scanner alone": scan,
  "`kcbert-cli clean`, plain text": () => run(plain),
  "`kcbert-cli clean`, gzip": () => run(gzip),
};
const seconds: Record<string, number[]> = {};
for (let round = -1; round < rounds; round++) {
  for (const [name, peer] of Object.entries(peers)) {
    const start = performance.now();
    peer();
    if (round >= 0) (seconds[name] ??= []).push((performance.now() - start) / 1000);
  }
}
assert.equal(
  readFileSync(output, "utf8"),
  text
    .trimEnd()
    .split("\n")
    .map((line) => `${clean(line)}\n`)
    .join(""),
);
rmSync(folder, { recursive: true });

const scanner = median(seconds["the scanner alone"]!);
console.log(`${megabytes.toFixed(1)} MB of text; Node ${process.versions.node}, ${cpus()[0]?.model}\n`);
console.log("| | MB/s | times the scanner's seconds |\n| --- | ---: | ---: |");
for (const [name, times] of Object.entries(seconds)) {
  const typical = median(times);
  console.log(`| ${name} | ${(megabytes / typical).toFixed(0)} | ${(typical / scanner).toFixed(2)} |`);
}

// --- internal ---

function scan(): void {
  for (let start = 0; start < text.length;) {
    const end = text.indexOf("\n", start);
    clean(text.slice(start, end));
    start = end + 1;
  }
}

function run(input: string): void {
  const args = ["--conditions=@kcbert/source", program, "clean", "-q", input, "-o", output];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
