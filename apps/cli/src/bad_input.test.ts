import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBert, goldenBertPaths } from "../../../tests/golden/bert.ts";
import { type CliResult, runCli, runShell, temporaryFolder } from "../test/run_cli.ts";

const root = temporaryFolder();
const specials = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
let folders = 0;

/** The golden masked language model, as files. */
const goldenModel = join(root, "golden-model");
mkdirSync(goldenModel);
for (const path of goldenBertPaths("mlm/model/"))
  writeFileSync(join(goldenModel, basename(path)), goldenBert(path));

/** A new folder with an output from before, and the files given. */
function folderWith(files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const folder = join(root, String(folders++));
  mkdirSync(folder);
  writeFileSync(join(folder, "out.txt"), "before");
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

/** One sentence on standard error, nothing on standard output, and the exit code of a failure. */
function expectSentence({ code, stdout, stderr }: CliResult, says: RegExp): void {
  expect(stderr).toMatch(/^kcbert-cli: [A-Z][^\n]*[^.\n]\n$/);
  expect(stderr).toMatch(says);
  expect(stdout).toBe("");
  expect(code).toBe(1);
}

/** The old output is there as it was, and nothing new. */
function expectUntouched(folder: string, before: readonly string[]): void {
  expect(readFileSync(join(folder, "out.txt"), "utf8")).toBe("before");
  expect(readdirSync(folder)).toEqual(before);
}

const lines = "이 영화 정말 재밌다\n".repeat(20_000);
const gzip = gzipSync(lines);

const FILES: readonly (readonly [what: string, content: string | Uint8Array, says: RegExp])[] = [
  ["empty", "", /Cannot read .*in.txt: it is empty$/m],
  [
    "not UTF-8",
    Buffer.concat([Buffer.from(lines), Buffer.of(0xbe, 0xc8)]),
    /byte 560000 \(0xbe, in line 20001\)/,
  ],
  [
    "UTF-16",
    Buffer.from(`\uFEFF${lines}`, "utf16le"),
    /byte 0 \(0xff, in line 1\) is not part of a character/,
  ],
  ["gzip that was cut", gzip.subarray(0, -30), /its gzip data ends too early/],
  [
    "gzip with a wrong byte",
    gzip.map((byte, i) => (i === gzip.length - 7 ? ~byte : byte)),
    /its gzip data is corrupt/,
  ],
  ["gzip of nothing", gzipSync(""), /it is empty once decompressed/],
];

test.each(FILES)("clean refuses a file that is %s", async (_, content, says) => {
  const folder = folderWith({ "in.txt": content });
  const result = await runCli(["clean", join(folder, "in.txt"), "-o", join(folder, "out.txt")]);
  expectSentence(result, says);
  expectUntouched(folder, ["in.txt", "out.txt"]);
});

test.each(FILES)("train-tokenizer refuses a file that is %s", async (_, content, says) => {
  const folder = folderWith({ "in.txt": content });
  const result = await runCli(["train-tokenizer", join(folder, "in.txt"), "-o", join(folder, "model")]);
  expectSentence(result, says);
  expectUntouched(folder, ["in.txt", "out.txt"]);
});

test.each(FILES)("tokenize refuses standard input that is %s", async (_, content, says) => {
  const folder = folderWith({ "vocab.txt": specials });
  const args = ["tokenize", "-t", join(folder, "vocab.txt"), "-o", join(folder, "out.txt")];
  expectSentence(
    await runCli(args, { input: content }),
    new RegExp(says.source.replace(".*in.txt", "standard input"), "m"),
  );
  expectUntouched(folder, ["out.txt", "vocab.txt"]);
});

test("a missing file is found out before the first is read", async () => {
  const folder = folderWith({ "in.txt": lines });
  const result = await runCli([
    "clean",
    join(folder, "in.txt"),
    join(folder, "missing.txt"),
    "-o",
    join(folder, "out.txt"),
  ]);
  expectSentence(result, /Cannot read .*missing.txt: there is no such file$/m);
  expectUntouched(folder, ["in.txt", "out.txt"]);
});

test("a second file that turns out bad leaves no half result", async () => {
  const folder = folderWith({ "a.txt": lines, "b.txt": Uint8Array.of(0xff) });
  const result = await runCli([
    "clean",
    join(folder, "a.txt"),
    join(folder, "b.txt"),
    "-o",
    join(folder, "out.txt"),
  ]);
  expectSentence(result, /b.txt as UTF-8: byte 0/);
  expectUntouched(folder, ["a.txt", "b.txt", "out.txt"]);
});

test("a directory, a link to nothing, and a pattern without a match are no input", async () => {
  const folder = folderWith();
  symlinkSync("nowhere", join(folder, "link"));
  expectSentence(await runCli(["clean", folder]), /it is a directory, not a file/);
  expectSentence(await runCli(["clean", join(folder, "link")]), /there is no such file/);
  expectSentence(await runCli(["clean", join(folder, "*.tsv")]), /no file matches/);
});

test("a file that may not be read is refused", async ({ skip }) => {
  if (process.getuid?.() === 0) skip("root may read every file");
  const folder = folderWith({ "in.txt": lines });
  chmodSync(join(folder, "in.txt"), 0o000);
  expectSentence(await runCli(["clean", join(folder, "in.txt")]), /permission is denied/);
});

test("a file named .gz that is no gzip is refused", async () => {
  const folder = folderWith({ "in.gz": lines });
  expectSentence(
    await runCli(["clean", join(folder, "in.gz")]),
    /its name ends in .gz, but its content is not gzip/,
  );
});

test("a table with too few columns, and JSON that is none, name the line", async () => {
  const folder = folderWith({ "in.tsv": "1\t가\n2\n", "in.jsonl": '{"text":"가"}\n{"text"\n' });
  const output = ["-o", join(folder, "out.txt")];
  expectSentence(
    await runCli(["clean", join(folder, "in.tsv"), "--column=2", ...output]),
    /column 2 of line 2 of .*in.tsv/,
  );
  expectSentence(
    await runCli(["clean", join(folder, "in.jsonl"), "--jsonl=text", ...output]),
    /parse line 2 of .*in.jsonl/,
  );
  expectUntouched(folder, ["in.jsonl", "in.tsv", "out.txt"]);
});

test("an output that is a directory, or lies in none, is refused before the work", async () => {
  const folder = folderWith({ "in.txt": lines });
  expectSentence(
    await runCli(["clean", join(folder, "in.txt"), "-o", folder]),
    /it is a directory, not a file/,
  );
  const nowhere = join(folder, "none", "out.txt");
  expectSentence(
    await runCli(["clean", join(folder, "in.txt"), "-o", nowhere]),
    /there is no folder .*none$/m,
  );
  expectSentence(
    await runCli(["train-tokenizer", join(folder, "in.txt"), "-o", join(folder, "out.txt")]),
    /Cannot write the folder .*out.txt: it is a file/,
  );
  expectUntouched(folder, ["in.txt", "out.txt"]);
});

test("a full device behind standard output, or named as the output, is told", async ({ skip }) => {
  if (process.platform !== "linux") skip("there is no /dev/full here");
  const folder = folderWith({ "in.txt": lines });
  const path = join(folder, "in.txt");
  expectSentence(
    await runShell(`kcbert clean "$1" > /dev/full`, [path]),
    /Cannot write standard output: the disk is full/,
  );
  expectSentence(
    await runCli(["clean", path, "-o", "/dev/full"]),
    /Cannot write \/dev\/full: the disk is full/,
  );
});

test("a disk that is full leaves the old output and no temporary file", async ({ skip }) => {
  const folder = folderWith({ "in.txt": lines });
  const mounted = 'mount -t tmpfs -o size=64k none "$1"';
  const possible = await runShell(`unshare -rm bash -c '${mounted}' bash "$1"`, [folder]);
  if (possible.code !== 0) skip(`no small file system can be mounted here: ${possible.stderr.trim()}`);
  const inside = `in=$(mktemp); cp "$1/in.txt" $in; ${mounted}; printf before > "$1/out.txt"
    kcbert clean $in -o "$1/out.txt"; code=$?; ls -A "$1"; cat "$1/out.txt"; rm $in; exit $code`;
  const { code, stdout, stderr } = await runShell(`unshare -rm bash -c '${inside}' bash "$1"`, [folder]);
  expectSentence({ code, stdout: "", stderr }, /Cannot write .*out.txt: the disk is full/);
  expect(stdout).toBe("out.txt\nbefore");
});

test("a file beyond the size that the system allows leaves the old output", async () => {
  const folder = folderWith({ "in.txt": lines });
  const script = `ulimit -f 64; kcbert clean "$1/in.txt" -o "$1/out.txt"`;
  expectSentence(
    await runShell(script, [folder]),
    /Cannot write .*out.txt: the file would be larger than the system allows/,
  );
  expectUntouched(folder, ["in.txt", "out.txt"]);
  const model = `ulimit -f 1; kcbert train-tokenizer -q --vocab-size=50 "$1/in.txt" -o "$1/model"`;
  expectSentence(
    await runShell(model, [folder]),
    /Cannot write .*model.*: the file would be larger than the system allows/,
  );
  expectUntouched(folder, ["in.txt", "out.txt"]);
});

test.each([
  ["has a token twice", `${specials}영화\n재밌\n영화\n`, /영화.*twice|twice.*영화|duplicate|occurs/i],
  ["has no [UNK]", specials.replace("[UNK]\n", ""), /\[UNK\]/],
  ["ends its lines in CRLF", specials.replaceAll("\n", "\r\n"), /carriage return/],
  ["begins with a byte order mark", `\uFEFF${specials}`, /byte[- ]order mark/],
  ["is not UTF-8", Uint8Array.of(0x5b, 0xff), /not UTF-8/],
  ["is empty", "", /empty/],
])("tokenize refuses a vocabulary that %s", async (_, content, says) => {
  const folder = folderWith({ "vocab.txt": content });
  const args = ["tokenize", "-t", join(folder, "vocab.txt"), "가", "-o", join(folder, "out.txt")];
  expectSentence(await runCli(args), says);
  expectUntouched(folder, ["out.txt", "vocab.txt"]);
});

test.each([
  ["of another kind", '{"model":{"type":"BPE","vocab":{},"merges":[]}}', /BPE/],
  ["that is no JSON", "{", /JSON/],
  ["that is no tokenizer", "[]", /tokenizer.json|object/],
])("tokenize refuses a tokenizer.json %s", async (_, content, says) => {
  const folder = folderWith({ "tokenizer.json": content });
  expectSentence(await runCli(["tokenize", "-t", join(folder, "tokenizer.json"), "가"]), says);
  expectSentence(await runCli(["tokenize", "-t", folder, "가"]), says);
});

test("tokenize refuses a folder without a tokenizer, and a path to nothing", async () => {
  const folder = folderWith();
  expectSentence(await runCli(["tokenize", "-t", folder, "가"]), /neither tokenizer.json nor vocab.txt/);
  expectSentence(
    await runCli(["tokenize", "-t", join(folder, "none"), "가"]),
    /there is no such file or directory/,
  );
});

/** The golden model with one file replaced. */
function modelWith(name: string, content: string | Uint8Array): string {
  const folder = folderWith();
  cpSync(goldenModel, join(folder, "model"), { recursive: true });
  writeFileSync(join(folder, "model", name), content);
  return folder;
}

const weights = readFileSync(join(goldenModel, "model.safetensors"));
const config = JSON.parse(readFileSync(join(goldenModel, "config.json"), "utf8")) as Record<string, unknown>;

test.each([
  ["weights that were cut", "model.safetensors", weights.subarray(0, -100), /model.safetensors|safetensors/],
  ["weights that are nothing", "model.safetensors", "", /safetensors/],
  [
    "a header that is none",
    "model.safetensors",
    Buffer.concat([Buffer.alloc(8, 0xff), weights]),
    /safetensors/,
  ],
  ["a config that is no JSON", "config.json", "{", /config.json/],
  ["a config of another model", "config.json", JSON.stringify({ ...config, model_type: "gpt2" }), /gpt2/],
  [
    "a config of another size",
    "config.json",
    JSON.stringify({ ...config, hidden_size: 64 }),
    /shape|size|64/,
  ],
  [
    "a cleaning of the future",
    "config.json",
    JSON.stringify({ ...config, kcbert: { clean: "2031" } }),
    /2031/,
  ],
  ["a tokenizer of another kind", "tokenizer.json", '{"model":{"type":"Unigram"}}', /Unigram/],
])("fill-mask refuses a model with %s", async (_, name, content, says) => {
  const folder = modelWith(name, content);
  const args = ["fill-mask", "--model", join(folder, "model"), "[MASK]", "-o", join(folder, "out.txt")];
  const result = await runCli(args);
  expectSentence(result, says);
  expect(result.stderr).toContain("Cannot load the model");
  expectUntouched(folder, ["model", "out.txt"]);
});

test("fill-mask refuses a text without [MASK], one that is too long, and a folder that is none", async () => {
  const ask = (...words: string[]) => runCli(["fill-mask", "--model", goldenModel, ...words]);
  expectSentence(
    await ask("마스크가 없는 문장"),
    /the text has no \[MASK\]: current value is "마스크가 없는 문장"$/m,
  );
  expectSentence(await ask("이 [MASK]", "가", "나 [MASK]"), /no \[MASK\].*\(text 2\)$/m);
  expectSentence(
    await ask(`${"가 ".repeat(400)}[MASK]`),
    /the text has \d+ tokens: the model takes at most 300$/m,
  );
  const missing = await runCli(["fill-mask", "--model", join(root, "none"), "[MASK]"]);
  expectSentence(missing, /Cannot open the model .*none: there is no such folder$/m);
});
