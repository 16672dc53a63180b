/**
 * How fast masked, packed batches come, on one core: reading, shuffling, packing, cutting and masking, from lines in memory
 * and from shards on disk, at the shapes of an accelerator and of a processor. An accelerator waits for none of it as long
 * as this is faster than its steps. The peer is Hugging Face's `DataCollatorForLanguageModeling` over rows that are packed
 * already, where `KCBERT_PYTHON` has it. Tokens are per second of CPU time, padding not counted.
 *
 * Input: the shipped sample, cleaned, as often as makes three million tokens; KcBERT's rows of 128 tokens. The shards are
 * of a million tokens each, checked by their SHA-256 whenever they are read.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { clean } from "@kcbert/normalizer";
import { BertTokenizer, trainWordPiece } from "@kcbert/tokenizer";
import {
  BatchLoader,
  continuationsOf,
  cutBatch,
  encodeShard,
  joinLines,
  type LineShards,
  lineCount,
  type LoaderOptions,
  packLines,
  readShard,
  shardEntry,
  specialIdsOf,
  type TokenizedLines,
} from "@kcbert/trainer";

const rounds = 5; // timed, after one of warming up
const tokensWanted = 3_000_000;
const rowLength = 128;

const sample = gunzipSync(readFileSync(new URL("../examples/data/reviews.sample.tsv.gz", import.meta.url)));
const texts = Array.from(sample.toString().trimEnd().split("\n"), (row) => clean(row.split("\t")[2]!)).filter(
  (text) => text.length >= 10,
);
const { tokens: vocab } = await trainWordPiece(texts, { vocabSize: 8000, limitAlphabet: 1500 });
const tokenizer = BertTokenizer.fromVocab(vocab);
const once: TokenizedLines = tokenizer.encodeBatch(texts);
const lines = joinLines(Array<TokenizedLines>(Math.ceil(tokensWanted / once.ids.length)).fill(once));

const folder = mkdtempSync(join(tmpdir(), "kcbert-loader-"));
const shards = await writeShards(lines, 1_000_000);
const memory: LineShards = {
  shards: [{ sequences: lineCount(lines), tokens: lines.ids.length }],
  checksum: "",
  read: async () => lines,
};
const masking = {
  maskId: tokenizer.maskId,
  specialIds: specialIdsOf(tokenizer),
  vocabSize: tokenizer.vocabSize,
  probability: 0.15,
};
const base: LoaderOptions = { batchSize: 512, rowLength, seed: 1, padId: tokenizer.padId, masking };

const subjects: [string, LineShards, LoaderOptions][] = [
  ["512 × 128, in memory", memory, base],
  ["512 × 128, from shards", shards, base],
  ["512 × 128, 30 % masked", memory, { ...base, masking: { ...masking, probability: 0.3 } }],
  ["512 × 128, static masks", memory, { ...base, maskCopies: 10 }],
  [
    "512 × 128, whole words",
    memory,
    { ...base, masking: { ...masking, continuations: continuationsOf(tokenizer) } },
  ],
  ["512 × 128, length buckets", memory, { ...base, buckets: [16, 32, 64, 128] }],
  ["32 × 128, in memory", memory, { ...base, batchSize: 32 }],
];
const packed = packLines(lines, { rowLength, seed: 1, epoch: 0 });
const speeds = new Map<string, number[]>();
for (let round = -1; round < rounds; round++) {
  for (const [name, corpus, options] of subjects) {
    const speed = await tokensPerSecond(corpus, options);
    if (round >= 0) speeds.set(name, [...(speeds.get(name) ?? []), speed]);
  }
}
const peer = hfTokensPerSecond();
rmSync(folder, { recursive: true });

console.log(`Node ${process.versions.node}, ${cpus()[0]?.model}, one thread, ${lines.ids.length} tokens\n`);
console.log("| batches | million tokens/s | times the peer |\n| --- | ---: | ---: |");
for (const [name, values] of speeds) {
  const times = peer === undefined ? "" : (median(values) / peer).toFixed(1);
  console.log(`| ${name} | ${(median(values) / 1e6).toFixed(1)} | ${times} |`);
}
if (peer !== undefined)
  console.log(`| Hugging Face's collator, rows packed before | ${(peer / 1e6).toFixed(1)} | 1 |`);
const rows = packed.starts.length - 1;
console.log(
  `\nPadding: ${percent(1 - lines.ids.length / (rows * rowLength))} packed, ${percent(1 - lines.ids.length / (lineCount(lines) * rowLength))} with one comment a row`,
);

// --- internal ---

/** An epoch and a half, so that the second shuffle and the reading ahead are in it; padding is not counted. */
async function tokensPerSecond(corpus: LineShards, options: LoaderOptions): Promise<number> {
  const start = process.cpuUsage();
  const loader = new BatchLoader(corpus, options);
  let tokens = 0;
  for (let draw = 0; tokens < 1.5 * lines.ids.length; draw++) tokens += (await loader.next(draw)).tokens;
  const { user, system } = process.cpuUsage(start);
  return (tokens / (user + system)) * 1e6;
}

/** The peer's speed on the same rows; undefined where it is not there. */
function hfTokensPerSecond(): number | undefined {
  const [vocabPath, rowsPath] = [join(folder, "vocab.txt"), join(folder, "rows.u16")];
  writeFileSync(vocabPath, tokenizer.vocabText());
  const count = packed.starts.length - 1;
  const { inputIds } = cutBatch(lines, packed, { first: 0, count, rowLength, padId: tokenizer.padId });
  writeFileSync(rowsPath, Uint16Array.from(inputIds));
  const script = join(import.meta.dirname, "peers", "hf_collator.py");
  try {
    const python = process.env["KCBERT_PYTHON"] ?? "python3";
    const options = { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] } as const;
    return Number(execFileSync(python, [script, vocabPath, rowsPath, String(rowLength)], options));
  } catch {
    return undefined;
  }
}

async function writeShards(all: TokenizedLines, size: number): Promise<LineShards> {
  const entries = [];
  for (let first = 0; first < lineCount(all);) {
    let last = first;
    while (last < lineCount(all) && all.rowStarts[last]! - all.rowStarts[first]! < size) last++;
    const rowStarts = all.rowStarts.slice(first, last + 1).map((start) => start - all.rowStarts[first]!);
    const ids = all.ids.slice(all.rowStarts[first], all.rowStarts[last]);
    const bytes = encodeShard({ ids, rowStarts });
    const file = `${String(entries.length).padStart(5, "0")}.kcs`;
    writeFileSync(join(folder, file), bytes);
    entries.push(await shardEntry(file, bytes));
    first = last;
  }
  const read = async (shard: number) =>
    readShard(await readFile(join(folder, entries[shard]!.file)), entries[shard]!);
  return { shards: entries, checksum: "", read };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}
