/**
 * `trainWordPiece` of @kcbert/tokenizer against Hugging Face tokenizers, native npm and Python (where `KCBERT_PYTHON`
 * names a python that has tokenizers 0.22.2). Every run is a process of its own, by turns; wall time and peak memory are
 * those of the whole process, reading the file included.
 *
 * Input: the text of all reviews, or of the shipped sample. Vocabulary 30,000, alphabet 4,000, minimum frequency 2.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  createReadStream,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { gunzipSync } from "node:zlib";
import {
  countWords,
  mergeWordCounts,
  trainFromWordCounts,
  trainWordPiece,
  type Vocab,
  type WordCounts,
} from "@kcbert/tokenizer";

const goal = { vocabSize: 30_000, limitAlphabet: 4000, minFrequency: 2 };
const chunkBytes = 1 << 17;

const pythonProgram = String.raw`
import resource, sys, time
from tokenizers import BertWordPieceTokenizer

tokenizer = BertWordPieceTokenizer(lowercase=False, strip_accents=False)
tokenizer.train([sys.argv[1]], vocab_size=30000, limit_alphabet=4000, min_frequency=2, show_progress=False)
with open(sys.argv[2], "w", encoding="utf8") as file:
    file.write("\n".join(sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
`;

/** What runs in a process of its own: trains on `path`, writes the tokens to `out`. */
const trainers: Record<string, (path: string, out: string) => Promise<void>> = {
  bytes: async (path, out) => write(out, await trainWordPiece(readChunks(path), goal)),
  lines: async (path, out) => write(out, await trainWordPiece(readLines(path), goal)),
  workers: async (path, out) => {
    const counts = mergeWordCounts(await Promise.all(cutInTwo(path).map((share) => countInWorker(share))));
    write(out, await trainFromWordCounts(counts, goal));
  },
  native: (path, out) => {
    // Its `train` takes no options: another vocabulary, the same kind of work.
    const { Tokenizer, WordPiece, bertNormalizer, bertPreTokenizer } = createRequire(import.meta.url)(
      "tokenizers",
    );
    const tokenizer = new Tokenizer(WordPiece.empty());
    tokenizer.setNormalizer(
      bertNormalizer({ cleanText: true, handleChineseChars: true, stripAccents: false, lowercase: false }),
    );
    tokenizer.setPreTokenizer(bertPreTokenizer());
    tokenizer.train([path]);
    writeFileSync(out, "");
    return Promise.resolve();
  },
};

interface Share {
  path: string;
  start: number;
  end?: number;
}

if (!isMainThread) {
  const { path, start, end } = workerData as Share;
  const counts = await countWords(
    createReadStream(path, { start, ...(end !== undefined && { end }), highWaterMark: chunkBytes }),
  );
  parentPort!.postMessage(counts, [
    counts.units.buffer,
    counts.starts.buffer,
    counts.counts.buffer,
  ] as ArrayBuffer[]);
} else if (process.argv[2] === "child") {
  const [, , , trainer, path, out] = process.argv;
  await trainers[trainer!]!(path!, out!);
  console.log(process.resourceUsage().maxRSS);
} else {
  const folder = mkdtempSync(join(tmpdir(), "kcbert-train-"));
  try {
    await compare(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// --- internal ---

interface Peer {
  name: string;
  threads: number;
  rounds: number;
  run: (out: string) => Promise<{ stdout: string }>;
}

async function compare(folder: string): Promise<void> {
  const path = join(folder, "corpus.txt");
  const source = prepare(path);
  const peers = makePeers(path);
  const seconds = new Map<string, number[]>();
  const memory = new Map<string, number[]>();
  for (let round = 0; round < 5; round++) {
    for (const { name, rounds, run } of peers) {
      if (round >= rounds) continue;
      const start = performance.now();
      const { stdout } = await run(join(folder, `${name}.txt`));
      seconds.set(name, [...(seconds.get(name) ?? []), (performance.now() - start) / 1000]);
      memory.set(name, [...(memory.get(name) ?? []), (Number(stdout) * 1024) / 1e6]);
    }
  }

  const readTokens = (name: string): string[] =>
    readFileSync(join(folder, `${name}.txt`), "utf8").split("\n");
  const ours = readTokens(peers[0]!.name);
  for (const { name } of peers.slice(1, 3)) assert.deepEqual(readTokens(name), ours);
  console.log(
    `${source}, ${(statSync(path).size / 1e6).toFixed(1)} MB of UTF-8; ${ours.length.toLocaleString("en")} tokens, alphabet 4,000, ` +
      `minimum frequency 2; median of 5 (Hugging Face: 3) processes, by turns; Node ${process.versions.node}, ${cpus()[0]?.model ?? "unknown processor"}\n`,
  );
  console.log("| trainer | threads | s | peak MB | times as long | times the memory |");
  console.log("| --- | ---: | ---: | ---: | ---: | ---: |");
  const [s, mb] = [median(seconds.get(peers[0]!.name)!), median(memory.get(peers[0]!.name)!)];
  for (const { name, threads } of peers) {
    const [each, eachMb] = [median(seconds.get(name)!), median(memory.get(name)!)];
    console.log(
      `| ${name} | ${threads} | ${each.toFixed(2)} | ${eachMb.toFixed(0)} | ${(each / s).toFixed(2)} | ${(eachMb / mb).toFixed(2)} |`,
    );
  }
  const python = peers.find(({ name }) => name.startsWith("Python"));
  if (python === undefined) {
    console.log("\nPython was left out: set KCBERT_PYTHON to a python with tokenizers==0.22.2.");
    return;
  }
  const theirs = readTokens(python.name);
  const { tokens } = await trainWordPiece(readChunks(path), { ...goal, ...orderOf(theirs) });
  const mismatches =
    tokens.filter((token, id) => token !== theirs[id]).length + Math.abs(tokens.length - theirs.length);
  console.log(
    `\nGiven the order of its characters, Python's vocabulary is ours but for ${mismatches} tokens.`,
  );
}

function makePeers(path: string): Peer[] {
  const ours = (trainer: string) => (out: string) => runHere(trainer, path, out);
  const peers: Peer[] = [
    { name: "`trainWordPiece`, bytes", threads: 1, rounds: 5, run: ours("bytes") },
    { name: "`trainWordPiece`, lines", threads: 1, rounds: 5, run: ours("lines") },
    { name: "`countWords` in two workers", threads: 2, rounds: 5, run: ours("workers") },
  ];
  const python = process.env["KCBERT_PYTHON"];
  for (const threads of python === undefined ? [] : [1, 2]) {
    const name = `Python tokenizers, ${threads} thread${threads === 1 ? "" : "s"}`;
    const env = { ...process.env, RAYON_NUM_THREADS: String(threads), TOKENIZERS_PARALLELISM: "true" };
    const run = (out: string) => promisify(execFile)(python!, ["-c", pythonProgram, path, out], { env });
    peers.push({ name, threads, rounds: 3, run });
  }
  if (isInstalled("tokenizers")) {
    peers.push({ name: "npm tokenizers (its defaults)", threads: 1, rounds: 3, run: ours("native") });
  }
  return peers;
}

/** Run one of `trainers` in a process of its own. */
function runHere(trainer: string, path: string, out: string): Promise<{ stdout: string }> {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), "child", trainer, path, out];
  return promisify(execFile)(process.execPath, args, { env: { ...process.env, RAYON_NUM_THREADS: "1" } });
}

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** Write the text of the reviews to `path`. Returns what it is. */
function prepare(path: string): string {
  const corpus = new URL("../../shared/data/corpus/reviews.tsv.gz", import.meta.url);
  const isWhole = existsSync(corpus);
  const input = isWhole ? corpus : new URL("../examples/data/reviews.sample.tsv.gz", import.meta.url);
  const rows = gunzipSync(readFileSync(input)).toString("utf8").trimEnd().split("\n");
  writeFileSync(path, rows.map((row) => `${row.split("\t")[2]}\n`).join(""));
  return `${rows.length.toLocaleString("en")} ${isWhole ? "reviews" : "reviews of the shipped sample"}`;
}

function readChunks(path: string): AsyncIterable<Uint8Array> {
  return createReadStream(path, { highWaterMark: chunkBytes });
}

async function* readLines(path: string): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of createReadStream(path, { encoding: "utf8", highWaterMark: chunkBytes })) {
    const lines = `${rest}${chunk as string}`.split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** Two shares of a file, cut after the line feed that follows its middle. */
function cutInTwo(path: string): Share[] {
  const middle = statSync(path).size >> 1;
  const sample = Buffer.alloc(65_536);
  const length = readSync(openSync(path, "r"), sample, 0, sample.length, middle);
  const cut = middle + sample.subarray(0, length).indexOf("\n") + 1;
  return [
    { path, start: 0, end: cut - 1 },
    { path, start: cut },
  ];
}

async function countInWorker(share: Share): Promise<WordCounts> {
  const worker = new Worker(new URL(import.meta.url), { workerData: share });
  return await new Promise((resolve, reject) => {
    worker.once("message", resolve).once("error", reject);
  });
}

function write(out: string, { tokens }: Vocab): void {
  writeFileSync(out, tokens.join("\n"));
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
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
