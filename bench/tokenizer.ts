/**
 * `BertTokenizer` against npm `tokenizers` (Hugging Face's Rust core as a native module), `@huggingface/tokenizers` (their
 * JavaScript) and `@huggingface/transformers`, with KcBERT's vocabulary; one thread each, in one run, by turns.
 *
 * Input: the text of the first 200,000 reviews, or of the shipped sample. Every line's ids and offsets are compared with the
 * native module's, and the number of those that agree is printed.
 *
 * Peers see the same lines in the same batches. The slow ones are timed on every tenth batch, and the table gives rates.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { gunzipSync } from "node:zlib";
import { BertTokenizer, formatTokenizerConfig } from "@kcbert/tokenizer";

process.env["RAYON_NUM_THREADS"] = "1"; // before the native module loads
process.env["TOKENIZERS_PARALLELISM"] = "false";
if (process.argv[2] === "load") await loadOnce(process.argv[3]!, process.argv[4]!);

const rounds = 5; // timed, after one of warming up
const corpus = new URL("../../shared/data/corpus/reviews.tsv.gz", import.meta.url);
const sample = new URL("../examples/data/reviews.sample.tsv.gz", import.meta.url);
const vocab = readFileSync(new URL("../tests/golden/tokenizer/kcbert.vocab.txt", import.meta.url), "utf8");

const input = existsSync(corpus) ? corpus : sample;
const lines = gunzipSync(readFileSync(input))
  .toString("utf8")
  .split("\n", 200_000)
  .filter((row) => row !== "")
  .map((row) => Buffer.from(row.split("\t")[2]!).toString()); // a string of its own, not a slice of the file
const megabytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0) / 1e6;
const large = batches(1000);
const small = batches(32);

const ours = BertTokenizer.fromVocab(vocab);
const folder = mkdtempSync(join(tmpdir(), "kcbert-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, "tokenizer.json"), ours.toJson());
writeFileSync(join(folder, "tokenizer_config.json"), formatTokenizerConfig(ours, 300));
writeFileSync(join(folder, "vocab.txt"), vocab);
writeFileSync(join(folder, "comments.json"), JSON.stringify(lines.slice(0, 1000)));

/** Works through some batches; the answer is a number that depends on the work, so that none is left out. */
interface Peer {
  name: string;
  /** Lines a batch. */
  batches: string[][];
  /** Every how many batches are worked through. */
  every: number;
  run: (batch: string[]) => number | Promise<number>;
}

const questions: Record<string, Peer[]> = {
  "ids, batches of 1,000": [
    { name: "ours", batches: large, every: 1, run: (batch) => ours.encodeBatch(batch).ids.length },
  ],
  "ids and offsets, batches of 1,000": [
    {
      name: "ours",
      batches: large,
      every: 1,
      run: (batch) => ours.encodeBatch(batch, { offsets: true }).offsets!.length,
    },
  ],
  "padded ids, masks and types, batches of 32": [
    {
      name: "ours",
      batches: small,
      every: 1,
      run: (batch) => {
        const { ids, attentionMask, typeIds } = ours.encodeBatch(batch, { padding: true });
        return ids.length + attentionMask.length + typeIds.length;
      },
    },
  ],
  "ids, one call a line": [
    { name: "ours", batches: large, every: 1, run: each((line) => ours.encode(line).ids.length) },
  ],
};
const loads = ["ours"];

const native = await load("tokenizers");
if (native !== undefined) {
  const tokenizer = native.Tokenizer.fromFile(join(folder, "tokenizer.json"));
  const padding = native.Tokenizer.fromFile(join(folder, "tokenizer.json"));
  padding.setPadding({ padId: 0, padToken: "[PAD]" });
  const run = async (batch: string[], count: (encoding: Json) => number): Promise<number> => {
    let sum = 0;
    for (const encoding of await tokenizer.encodeBatch(batch)) sum += count(encoding);
    return sum;
  };
  const name = "tokenizers (native)";
  questions["ids, batches of 1,000"]!.push({
    name,
    batches: large,
    every: 10,
    run: (batch) => run(batch, (encoding) => encoding.getIds().length),
  });
  questions["ids and offsets, batches of 1,000"]!.push({
    name,
    batches: large,
    every: 10,
    run: (batch) => run(batch, (encoding) => encoding.getIds().length + encoding.getOffsets().length),
  });
  questions["padded ids, masks and types, batches of 32"]!.push({
    name,
    batches: small,
    every: 10,
    run: async (batch) => {
      let sum = 0;
      for (const encoding of await padding.encodeBatch(batch)) {
        sum += encoding.getIds().length + encoding.getAttentionMask().length + encoding.getTypeIds().length;
      }
      return sum;
    },
  });
  questions["ids, one call a line"]!.push({
    name,
    batches: large,
    every: 20,
    run: async (batch) => {
      let sum = 0;
      for (const line of batch) sum += (await tokenizer.encode(line)).getIds().length;
      return sum;
    },
  });
  loads.push("tokenizers");
  await countEqual(tokenizer);
}

const pure = await load("@huggingface/tokenizers");
if (pure !== undefined) {
  const name = "@huggingface/tokenizers";
  const tokenizer = new pure.Tokenizer(json(folder, "tokenizer.json"), json(folder, "tokenizer_config.json"));
  const run = each((line) => tokenizer.encode(line).ids.length);
  questions["ids, batches of 1,000"]!.push({ name, batches: large, every: 10, run });
  questions["ids, one call a line"]!.push({ name, batches: large, every: 10, run });
  loads.push(name);
}

const transformers = await load("@huggingface/transformers");
if (transformers !== undefined) {
  const name = "@huggingface/transformers";
  transformers.env.allowRemoteModels = false;
  const tokenizer = await transformers.AutoTokenizer.from_pretrained(folder, { local_files_only: true });
  questions["ids, one call a line"]!.push({
    name,
    batches: large,
    every: 10,
    run: each((line) => tokenizer(line, { return_tensor: false }).input_ids.length),
  });
  questions["padded ids, masks and types, batches of 32"]!.push({
    name,
    batches: small,
    every: 10,
    run: (batch) => {
      const { input_ids, attention_mask, token_type_ids } = tokenizer(batch, {
        padding: true,
        return_tensor: false,
      });
      return input_ids.length + attention_mask.length + token_type_ids.length;
    },
  });
}

console.log(
  `${lines.length.toLocaleString("en")} lines, ${megabytes.toFixed(1)} MB of UTF-8 (${input === corpus ? "reviews-200k" : "shipped sample"}), ` +
    `KcBERT's vocabulary; median of ${rounds}, 1 thread, by turns; ` +
    `Node ${process.versions.node}, ${cpus()[0]?.model ?? "unknown processor"}\n`,
);
console.log("| question | peer | MB/s | lines/s | ours is faster by |");
console.log("| --- | --- | ---: | ---: | ---: |");
for (const [question, peers] of Object.entries(questions)) {
  const rates = await measure(peers);
  for (const [name, linesPerSecond] of rates) {
    const times = name === "ours" ? "" : `${(rates.get("ours")! / linesPerSecond).toFixed(1)} ×`;
    const mbPerSecond = (linesPerSecond / lines.length) * megabytes;
    console.log(
      `| ${question} | ${name} | ${mbPerSecond.toFixed(1)} | ${Math.round(linesPerSecond).toLocaleString("en")} | ${times} |`,
    );
  }
}
console.log("\nFrom a file, in a fresh process, in ms since its start, modules aside:\n");
console.log(
  "| peer | loaded | first comment encoded | 1,000 comments encoded |\n| --- | ---: | ---: | ---: |",
);
const runs = new Map<string, number[][]>(loads.map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const name of loads) {
    const args = [...process.execArgv, import.meta.filename, "load", name, folder];
    runs.get(name)!.push(JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })));
  }
}
for (const [name, taken] of runs) {
  const stages = [0, 1, 2].map((stage) => median(taken.map((run) => run[stage]!)).toFixed(1));
  console.log(`| ${name} | ${stages.join(" | ")} |`);
}

// --- internal ---

// Peers come without types, and may not be installed.
// oxlint-disable-next-line typescript/no-explicit-any -- see above
type Json = any;

async function load(name: string): Promise<Json> {
  try {
    return await import(name);
  } catch (error) {
    console.error(`${name} is left out: ${(error as Error).message.split("\n")[0]}`);
    return undefined;
  }
}

function batches(size: number): string[][] {
  return Array.from({ length: Math.ceil(lines.length / size) }, (_, i) =>
    lines.slice(i * size, (i + 1) * size),
  );
}

function each(work: (line: string) => number): (batch: string[]) => number {
  return (batch) => {
    let sum = 0;
    for (const line of batch) sum += work(line);
    return sum;
  };
}

/** Lines a second of each peer. */
async function measure(peers: Peer[]): Promise<Map<string, number>> {
  const rates = new Map<string, number[]>(peers.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const { name, batches, every, run } of peers) {
      const chosen = batches.filter((_, i) => i % every === 0);
      const count = chosen.reduce((sum, batch) => sum + batch.length, 0);
      const start = performance.now();
      let sum = 0;
      for (const batch of chosen) sum += await run(batch);
      const seconds = (performance.now() - start) / 1000;
      assert.ok(sum > count);
      if (round >= 0) rates.get(name)!.push(count / seconds);
    }
  }
  return new Map(Array.from(rates, ([name, values]) => [name, median(values)]));
}

/** Count the lines whose ids, and whose offsets in code points, equal the native module's. */
async function countEqual(tokenizer: Json): Promise<void> {
  let sameIds = 0;
  let sameOffsets = 0;
  for (const batch of large) {
    const theirs = await tokenizer.encodeBatch(batch);
    for (const [i, line] of batch.entries()) {
      const { ids, offsets } = ours.encode(line, { offsetUnit: "codepoint" });
      if (equal(ids, theirs[i].getIds())) sameIds++;
      if (equal(offsets, theirs[i].getOffsets().flat())) sameOffsets++;
    }
  }
  const total = lines.length.toLocaleString("en");
  console.log(
    `Lines equal to tokenizers (native): ids ${sameIds.toLocaleString("en")} of ${total}, offsets ${sameOffsets.toLocaleString("en")} of ${total}\n`,
  );
  assert.equal(sameIds, lines.length);
  assert.equal(sameOffsets, lines.length);
}

function equal(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * Load a tokenizer for the first time in this process, encode a comment and then a thousand, one by one, print how many
 * milliseconds had gone by after each, and exit.
 */
async function loadOnce(name: string, folder: string): Promise<void> {
  const peer = name === "ours" ? undefined : await load(name);
  const comments: string[] = JSON.parse(readFileSync(join(folder, "comments.json"), "utf8"));
  const start = performance.now();
  const tokenizer =
    name === "ours"
      ? BertTokenizer.fromVocab(readFileSync(join(folder, "vocab.txt"), "utf8"))
      : name === "tokenizers"
        ? peer.Tokenizer.fromFile(join(folder, "tokenizer.json"))
        : new peer.Tokenizer(json(folder, "tokenizer.json"), json(folder, "tokenizer_config.json"));
  const loaded = performance.now() - start;
  assert.ok(await tokenizer.encode(comments[0]!));
  const first = performance.now() - start;
  for (const comment of comments) assert.ok(await tokenizer.encode(comment));
  console.log(JSON.stringify([loaded, first, performance.now() - start]));
  process.exit();
}

function json(folder: string, name: string): unknown {
  return JSON.parse(readFileSync(join(folder, name), "utf8"));
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
