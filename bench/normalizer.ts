/**
 * `clean` of @kcbert/normalizer against the same steps as plain regular expressions, and against the Python reference
 * where `KCBERT_PYTHON` names a python that has emoji 0.6.0 and soynlp 0.0.493. One thread each, in one run, by turns.
 *
 * Input: the text of the first 200,000 reviews, or of the shipped sample. Every peer's lines are compared with ours.
 */
import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import process from "node:process";
import { createInterface } from "node:readline";
import { gunzipSync } from "node:zlib";
import { clean, cleanWithOffsets } from "@kcbert/normalizer";

const rounds = 9; // timed, after two of warming up
const corpus = new URL("../../shared/data/corpus/reviews.tsv.gz", import.meta.url);
const sample = new URL("../examples/data/reviews.sample.tsv.gz", import.meta.url);
const golden = new URL("../tests/golden/normalizer/", import.meta.url);

/** The README's function; process of lines in, all lines cleaned out, then one timed turn for each line read. */
const pythonReference = String.raw`
import emoji, json, re, sys, time
from soynlp.normalizer import repeat_normalize

keys = emoji.UNICODE_EMOJI
assert "en" not in keys
emojis = "".join(keys.keys())
pattern = re.compile(f"[^ .,?!/@$%~％·∼()\x00-\x7Fㄱ-ㅣ가-힣{re.escape(emojis)}]+")
url_pattern = re.compile(
    r"https?:\/\/(www\.)?[-a-zA-Z0-9@:%._\+~#=]{1,256}\.[a-zA-Z0-9()]{1,6}\b([-a-zA-Z0-9()@:%_\+.~#?&//=]*)"
)

def clean(x):
    x = pattern.sub(" ", x)
    x = url_pattern.sub("", x)
    x = x.strip()
    return repeat_normalize(x, num_repeats=2)

lines = json.loads(sys.stdin.readline())
print(json.dumps([clean(line) for line in lines]), flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    for line in lines:
        clean(line)
    print(time.perf_counter() - start, flush=True)
`;

const input = existsSync(corpus) ? corpus : sample;
const lines = readGzip(input)
  .split("\n", 200_000)
  .filter((row) => row !== "")
  .map((row) => Buffer.from(row.split("\t")[2]!).toString()); // a string of its own, not a slice of the file
const megabytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0) / 1e6;

/** Cleans all lines once; the answer is how many seconds that took. */
type Peer = () => Promise<number> | number;

const regexClean = await makeRegexClean();
const expected = lines.map((line) => clean(line));
for (const row of readGzip(new URL("clean.jsonl.gz", golden)).trimEnd().split("\n")) {
  const vector = JSON.parse(row);
  assert.equal(clean(vector.in), vector.out);
  assert.equal(regexClean(vector.in), vector.out);
}
for (const [index, line] of lines.entries()) assert.equal(regexClean(line), expected[index]);

const peers: Record<string, Peer> = {
  "`clean`": timed((line) => clean(line).length),
  "`cleanWithOffsets`": timed((line) => cleanWithOffsets(line).offsets.length),
  "regular expressions, JS": timed((line) => regexClean(line).length),
};
const python =
  process.env["KCBERT_PYTHON"] === undefined ? undefined : startPython(process.env["KCBERT_PYTHON"]);
if (python !== undefined) {
  peers["Python reference"] = await python.peer();
}

const seconds: Record<string, number[]> = {};
for (let round = -2; round < rounds; round++) {
  for (const [name, peer] of Object.entries(peers)) {
    const taken = await peer();
    if (round >= 0) (seconds[name] ??= []).push(taken);
  }
}
python?.stop();

const unchanged = lines.filter((line, index) => line === expected[index]).length / lines.length;
const ours = median(seconds["`clean`"]!);
console.log(
  `${lines.length.toLocaleString("en")} lines, ${megabytes.toFixed(1)} MB of UTF-8 (${input === corpus ? "reviews-200k" : "shipped sample"}), ` +
    `${(unchanged * 100).toFixed(1)} % leave unchanged; median of ${rounds}, 1 thread, by turns; ` +
    `Node ${process.versions.node}, ${cpus()[0]?.model ?? "unknown processor"}\n`,
);
console.log("| peer | ms | MB/s | lines/s | times as long as `clean` |");
console.log("| --- | ---: | ---: | ---: | ---: |");
for (const [name, values] of Object.entries(seconds)) {
  const each = median(values);
  const perSecond = Math.round(lines.length / each).toLocaleString("en");
  console.log(
    `| ${name} | ${(each * 1e3).toFixed(1)} | ${(megabytes / each).toFixed(0)} | ${perSecond} | ${(each / ours).toFixed(2)} |`,
  );
}
if (python === undefined) {
  console.log(
    "\nThe Python reference was left out: set KCBERT_PYTHON to a python with emoji==0.6.0 and soynlp==0.0.493.",
  );
}

// --- internal ---

function readGzip(url: URL): string {
  return gunzipSync(readFileSync(url)).toString("utf8");
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

function timed(work: (line: string) => number): Peer {
  let units = 0;
  return () => {
    const start = performance.now();
    for (const line of lines) units += work(line);
    const taken = (performance.now() - start) / 1000;
    assert.ok(units > 0);
    return taken;
  };
}

/** The published steps, each as one regular expression, with Python's classes spelled out. */
async function makeRegexClean(): Promise<(text: string) => string> {
  const ranges: [number, number][] = JSON.parse(readFileSync(new URL("kept-ranges.json", golden), "utf8"));
  const kept = ranges.map((range) => range.map((each) => `\\u{${each.toString(16)}}`).join("-")).join("");
  const word = "0-9A-Za-z_ㄱ-ㅣ가-힣ℹ";
  const boundary = `(?:(?<=[${word}])(?![${word}])|(?<![${word}])(?=[${word}]))`;
  const removed = new RegExp(`[^${kept}]+`, "gu");
  const link = new RegExp(
    "https?:\\/\\/(?:www\\.)?[\\-a-zA-Z0-9@:%._+~#=]{1,256}\\.[a-zA-Z0-9()]{1,6}" +
      `${boundary}[\\-a-zA-Z0-9()@:%_+.~#?&/=]*`,
    "gu",
  );
  const run = new RegExp(`([${word}])\\1{3,}`, "gu");
  // oxlint-disable-next-line no-control-regex -- Python's \s holds them
  const space = /[\t-\r\u001c-\u001f ]+/gu;
  return (text) => {
    const repeated = text.replace(removed, " ").replace(link, "").replace(run, "$1$1");
    const spaced = repeated.replace(space, " ");
    return spaced.slice(Number(spaced.startsWith(" ")), spaced.length - Number(spaced.endsWith(" ")));
  };
}

/** The Python reference as a process that holds the lines and cleans them once for each line it reads. */
function startPython(program: string): { peer: () => Promise<Peer>; stop: () => void } {
  const child: ChildProcessWithoutNullStreams = spawn(program, ["-c", pythonReference], {
    env: { ...process.env, PYTHONIOENCODING: "utf8", PYTHONWARNINGS: "ignore" },
  });
  child.stderr.pipe(process.stderr);
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ask = async (question: string): Promise<string> => {
    child.stdin.write(`${question}\n`);
    const { value, done } = await answers.next();
    if (done === true) throw new Error("Cannot measure the Python reference as its process ended");
    return value;
  };
  return {
    peer: async () => {
      const cleaned: string[] = JSON.parse(await ask(JSON.stringify(lines)));
      assert.deepEqual(cleaned, expected);
      return async () => Number(await ask("again"));
    },
    stop: () => child.stdin.end(),
  };
}
