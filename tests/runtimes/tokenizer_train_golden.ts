/**
 * Trains every golden vocabulary under whatever runtime runs this: one JSON line a file, exit code 1 on a mismatch.
 *
 * `node tests/runtimes/tokenizer_train_golden.ts`, or `deno run -A`, or `bun`.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { gunzipSync } from "node:zlib";
import { trainWordPiece } from "@kcbert/tokenizer";

interface Run {
  file: string;
  order: string;
  vocab_size: number;
  limit_alphabet: number;
  min_frequency: number;
}

const folder = new URL("../golden/tokenizer/train/", import.meta.url);
const { runs } = JSON.parse(readFileSync(new URL("meta.json", folder), "utf8")) as { runs: Run[] };
const corpus = readLines("corpus.txt.gz");

for (const run of runs) {
  const expected = readLines(run.file);
  const { tokens } = await trainWordPiece(corpus, {
    vocabSize: run.vocab_size,
    limitAlphabet: run.limit_alphabet,
    minFrequency: run.min_frequency,
    ...(run.order.startsWith("hash") && orderOf(expected)),
  });
  const length = Math.max(tokens.length, expected.length);
  const mismatches = Array.from({ length }, (_, id) => tokens[id] !== expected[id]).filter(Boolean).length;
  console.log(JSON.stringify({ file: run.file, tokens: tokens.length, mismatches }));
  if (mismatches > 0 || tokens.length === 0) process.exitCode = 1;
}
if (runs.length === 0) process.exitCode = 1;

// --- internal ---

function readLines(name: string): string[] {
  return gunzipSync(readFileSync(new URL(name, folder)))
    .toString("utf8")
    .trimEnd()
    .split("\n");
}

/** The order of characters, which is random in Hugging Face tokenizers. */
function orderOf(vocab: string[]): { alphabet: string[]; continuingOrder: string[] } {
  const isCharacter = (token: string): boolean => Array.from(token).length === 1;
  return {
    alphabet: vocab.filter(isCharacter),
    continuingOrder: vocab
      .filter((token) => token.startsWith("##"))
      .map((token) => token.slice(2))
      .filter(isCharacter),
  };
}
