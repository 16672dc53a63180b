/**
 * The golden vectors of the normalizer under whatever runtime runs this: one JSON line a file, exit code 1 on a mismatch.
 *
 * `node --conditions=@kcbert/source tests/runtimes/normalizer_golden.ts`, or `deno run -A`, or `bun`, with the same flag.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { gunzipSync } from "node:zlib";
import { clean, cleanCorpus, type CleanOptions, countCodePoints, LineSet } from "@kcbert/normalizer";

const folder = new URL("../golden/normalizer/", import.meta.url);
const variants: [string, CleanOptions][] = [
  ["out", {}],
  ["min3", { minRun: 3 }],
  ["wideHangul", { variant: "2020" }],
  ["noEmoji", { variant: "2022" }],
];

const vectors = readLines("clean.jsonl.gz");
report(
  "clean.jsonl.gz",
  vectors.length,
  count(vectors, (vector) => clean(vector["in"]!) === vector["out"]),
);

const variantVectors = readLines("clean-variants.jsonl.gz");
report(
  "clean-variants.jsonl.gz",
  variantVectors.length,
  count(variantVectors, (vector) =>
    variants.every(([name, options]) => clean(vector["in"]!, options) === vector[name]),
  ),
);

const { lines, ...kept } = JSON.parse(read("filter.json.gz")) as Record<string, unknown> & {
  lines: string[];
};
report(
  "filter.json.gz",
  lines.length,
  Number(!agrees(kept["keepAtLeast10"], 10)) + Number(!agrees(kept["keepAtLeast11"], 11)),
);

// --- internal ---

function read(name: string): string {
  return gunzipSync(readFileSync(new URL(name, folder))).toString("utf8");
}

function readLines(name: string): Record<string, string>[] {
  return read(name)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

/** How many of `records` do not pass. */
function count<T>(records: T[], passes: (record: T) => boolean): number {
  return records.filter((record) => !passes(record)).length;
}

/** Whether the indexes that survive are those expected, and `cleanCorpus` gives just those lines. */
function agrees(expected: unknown, minLength: number): boolean {
  const seen = new LineSet();
  const survivors = lines
    .map((line) => clean(line))
    .map((line, index) => (countCodePoints(line) >= minLength && seen.add(line) ? index : -1))
    .filter((index) => index >= 0);
  const corpus = survivors.map((index) => clean(lines[index]!));
  return (
    JSON.stringify(survivors) === JSON.stringify(expected) &&
    JSON.stringify([...cleanCorpus(lines, { minLength })]) === JSON.stringify(corpus)
  );
}

function report(file: string, records: number, mismatches: number): void {
  console.log(JSON.stringify({ file, records, mismatches }));
  if (records === 0 || mismatches > 0) process.exitCode = 1;
}
