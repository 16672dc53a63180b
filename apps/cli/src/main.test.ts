import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBert, goldenBertPaths } from "../../../tests/golden/bert.ts";
import { ended, runCli, runShell, RUNTIMES, startCli, temporaryFolder } from "../test/run_cli.ts";

const folder = temporaryFolder();
const comments = "안녕하세요ㅋㅋㅋㅋㅋ♡\n\n재밌다 http://a.com/b\r\n끝";
const cleaned = "안녕하세요ㅋㅋ\n\n재밌다\n끝\n";
const vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n영화\n재밌\n##다\n";

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** The golden masked language model, as a folder. */
function goldenModel(): string {
  const path = join(folder, "golden");
  mkdirSync(path, { recursive: true });
  for (const name of goldenBertPaths("mlm/model/"))
    writeFileSync(join(path, basename(name)), goldenBert(name));
  return path;
}

test("clean goes from standard input to standard output, and reports on standard error", async () => {
  const { code, stdout, stderr } = await runCli(["clean"], { input: comments });
  expect(stdout).toBe(cleaned);
  expect(stderr).toMatch(
    /^Cleaned 4 lines, 2 changed, 0 too short, 0 repeated: 4 written \(\d+ B in [\d.]+ s\)\n$/,
  );
  expect(code).toBe(0);
});

test("clean --quiet says nothing but the result", async () => {
  expect(await runCli(["clean", "-q"], { input: comments })).toEqual({
    code: 0,
    stdout: cleaned,
    stderr: "",
  });
});

test("clean reads patterns and gzip, and writes gzip", async () => {
  file("p1.txt", "가♡나\n");
  file("p2.txt.gz", gzipSync("다\n라\n"));
  const output = join(folder, "all.txt.gz");
  const { code } = await runCli(["clean", join(folder, "p*.txt*"), "-o", output]);
  expect(code).toBe(0);
  expect(gunzipSync(readFileSync(output)).toString()).toBe("가 나\n다\n라\n");
});

test("clean may write over what it reads", async () => {
  const path = file("in-place.txt", comments);
  expect((await runCli(["clean", path, "-o", path, "-q"])).code).toBe(0);
  expect(readFileSync(path, "utf8")).toBe(cleaned);
});

test("clean follows the variants that circulate", async () => {
  const clean = async (...flags: string[]) => {
    const { stdout } = await runCli(["clean", "-q", ...flags], { input: "漢字ㆍ좋아👍🫠ㅋㅋㅋ\n" });
    return stdout;
  };
  expect(await clean()).toBe("좋아👍 ㅋㅋㅋ\n");
  expect(await clean("--variant", "2020")).toBe("漢字ㆍ좋아👍 ㅋㅋㅋ\n");
  expect(await clean("--variant=2022", "--min-run", "3")).toBe("좋아 ㅋㅋ\n");
  expect(await clean("--variant", "latest")).toBe("좋아👍🫠ㅋㅋㅋ\n");
});

test("clean leaves out the texts of a test set, also where they are quoted as in CSV", async () => {
  const set = file("set.tsv", 'id\tdocument\n1\t"""뭐야"" 라니♡"\n2\t최고\n3\t\n');
  const input = '"뭐야" 라니\n최고♡\n\n끝\n';
  const { stdout, stderr } = await runCli(["clean", "--exclude", `${set}:2`], { input });
  expect(stdout).toBe("\n끝\n");
  expect(stderr).toContain("0 repeated, 2 left out: 2 written");
  const without = await runCli(["clean", "--exclude", `${set}:4`], { input });
  expect(without.stderr).toMatch(/Cannot take column 4 of line 1 of .*set\.tsv: it has 2/);
  expect(without.code).toBe(1);
});

test("clean makes a corpus with --min-length, --min-length-reading and --dedupe", async () => {
  const input = "열 글자가 되는 줄\n열한 글자가 되는 줄\n열한 글자가 되는 줄♡\n짧다\n";
  const { stdout } = await runCli(["clean", "-q", "--min-length", "10", "--dedupe"], { input });
  expect(stdout).toBe("열 글자가 되는 줄\n열한 글자가 되는 줄\n");
  const eleven = await runCli(["clean", "-q", "--min-length-reading=at-least-11", "--dedupe"], { input });
  expect(eleven.stdout).toBe("열한 글자가 되는 줄\n");
});

test("clean --json reports on standard output when the result goes to a file, else on standard error", async () => {
  const counts = {
    lines: 4,
    kept: 4,
    changed: 2,
    short: 0,
    duplicate: 0,
    bytes: Buffer.byteLength(comments),
  };
  const toFile = await runCli(["clean", "--json", "-o", join(folder, "json.txt")], { input: comments });
  expect(JSON.parse(toFile.stdout)).toMatchObject(counts);
  expect(toFile.stderr).toBe("");
  const toStdout = await runCli(["clean", "--json"], { input: comments });
  expect(JSON.parse(toStdout.stderr)).toMatchObject(counts);
  expect(toStdout.stdout).toBe(cleaned);
});

test("clean cleans a column of a table with its header", async () => {
  const path = file("ratings.tsv", "id\tdocument\tlabel\n1\t최고♡\t1\n");
  const { stdout } = await runCli(["clean", "-q", path, "--column", "2", "--header", "--whole-row"]);
  expect(stdout).toBe("id\tdocument\tlabel\n1\t최고\t1\n");
});

test("clean holds a stream of any length in little memory", async () => {
  const script = `yes '이 영화 정말 재밌다ㅋㅋㅋㅋㅋ' | head -n 3000000 | kcbert clean -q | tail -n 1 && exit \${PIPESTATUS[2]}`;
  const { code, stdout, stderr } = await runShell(script, [], { NODE_OPTIONS: "--max-old-space-size=48" });
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "이 영화 정말 재밌다ㅋㅋ\n", stderr: "" });
});

test("lines from a pipe are answered as they come, however short", async () => {
  const child = startCli(["tokenize", "-t", file("vocab.txt", vocab)]);
  const end = ended(child);
  const answered = new Promise((resolve) => {
    child.stdout!.once("data", resolve);
  });
  child.stdin!.write("a\n");
  await answered;
  child.stdin!.end("영화\n");
  expect((await end).stdout).toBe("[CLS] [UNK] [SEP]\n[CLS] 영화 [SEP]\n");
});

test("a reader that leaves early ends the program quietly", async () => {
  const script = `set -o pipefail; yes 가나다 | head -n 2000000 | kcbert clean | head -n 1; echo "\${PIPESTATUS[2]}"`;
  expect(await runShell(script)).toEqual({ code: 0, stdout: "가나다\n0\n", stderr: "" });
});

test("Ctrl-C ends with 130, leaves the old output, and no temporary file", async () => {
  const place = join(folder, "interrupted");
  mkdirSync(place);
  writeFileSync(join(place, "out.txt"), "before");
  const child = startCli(["clean", "-o", join(place, "out.txt")]);
  const end = ended(child);
  child.stdin!.write("가나다\n".repeat(10));
  while (readdirSync(place).length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill("SIGINT");
  expect(await end).toEqual({ code: 130, stdout: "", stderr: "" });
  expect(readdirSync(place)).toEqual(["out.txt"]);
  expect(readFileSync(join(place, "out.txt"), "utf8")).toBe("before");
});

test("tokenize prints tokens, ids or JSON", async () => {
  const path = file("vocab.txt", vocab);
  const run = (...words: string[]) =>
    runCli(["tokenize", "-t", path, ...words], { input: "영화 재밌다\r\n\n영화" });
  expect(await run("영화 재밌다", "뷁")).toEqual({
    code: 0,
    stdout: "[CLS] 영화 재밌 ##다 [SEP]\n[CLS] [UNK] [SEP]\n",
    stderr: "",
  });
  expect((await run("--no-specials")).stdout).toBe("영화 재밌 ##다\n\n영화\n");
  expect((await run("--ids", "--max-length=3")).stdout).toBe("2 5 3\n2 3\n2 5 3\n");
  const { stdout } = await run("--json", "😂 영화", "--offset-unit=codepoint");
  expect(JSON.parse(stdout)).toEqual({
    text: "😂 영화",
    tokens: ["[CLS]", "[UNK]", "영화", "[SEP]"],
    ids: [2, 1, 5, 3],
    type_ids: [0, 0, 0, 0],
    special_tokens_mask: [1, 0, 0, 1],
    offsets: [
      [0, 0],
      [0, 1],
      [2, 4],
      [0, 0],
    ],
  });
});

test("train-tokenizer writes a folder that tokenize reads, and does not replace one unasked", async () => {
  const corpus = file("corpus.tsv", "1\t이 영화 정말 재밌다ㅋㅋㅋㅋㅋ\n2\t이 영화 정말 별로다\n".repeat(50));
  const output = join(folder, "made", "tokenizer");
  const train = (...flags: string[]) =>
    runCli([
      "train-tokenizer",
      corpus,
      "--column=2",
      "--clean=2021",
      "--vocab-size=40",
      "-o",
      output,
      ...flags,
    ]);
  const first = await train("--json");
  expect(JSON.parse(first.stdout)).toMatchObject({ output });
  expect(first.code).toBe(0);
  expect(readdirSync(output).toSorted()).toEqual(["tokenizer.json", "tokenizer_config.json", "vocab.txt"]);
  const tokens = readFileSync(join(output, "vocab.txt"), "utf8").split("\n");
  expect(tokens.slice(0, 5)).toEqual(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]);
  expect(tokens).toContain("영화");
  expect(JSON.parse(readFileSync(join(output, "tokenizer_config.json"), "utf8"))).toMatchObject({
    tokenizer_class: "BertTokenizer",
    do_lower_case: false,
    strip_accents: false,
    tokenize_chinese_chars: true,
    model_max_length: 300,
  });
  const { stdout } = await runCli(["tokenize", "-t", output, "이 영화"]);
  expect(stdout).toBe("[CLS] 이 영화 [SEP]\n");

  const again = await train();
  expect(again.code).toBe(1);
  expect(again.stderr).toMatch(
    /^kcbert-cli: Cannot write to .*: it has a vocab.txt already, --overwrite would/,
  );
  expect((await train("--overwrite", "-q")).stderr).toBe("");
});

test("fill-mask answers as a table or as Hugging Face's JSON, texts and standard input alike", async () => {
  const folder = goldenModel();
  const run = (...words: string[]) =>
    runCli(["fill-mask", "-m", folder, ...words], { input: "이 [MASK]\r\n\n정말 [MASK]" });
  const { code, stdout, stderr } = await run("이 영화 정말 [MASK]", "--top-k=2");
  expect(stdout).toBe(
    "이 영화 정말 [MASK]\n   2.33 %  삼              이 영화 정말 삼\n   1.65 %  내일            이 영화 정말 내일\n\n",
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const { stdout: piped } = await run("--json", "--top-k=1");
  const answers = piped
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>[]);
  expect(answers.map((answer) => answer.length)).toEqual([1, 1]);
  expect(Object.keys(answers[0]![0]!)).toEqual(["score", "token", "token_str", "sequence"]);
  const targets = await run("--json", "--targets", "나쁜, 좋다", "--backend=cpu", "오늘 날씨가 너무 [MASK].");
  expect(JSON.parse(targets.stdout)).toMatchObject([{ token_str: "나쁜" }, { token_str: "좋다" }]);
  expect(targets.stderr).toBe("");
  const unknown = await run("--targets", "나쁜,나쁜놈", "--backend=cpu", "오늘 날씨가 너무 [MASK].");
  expect(unknown.stderr).toMatch(/^The vocabulary has no token 나쁜놈: .+ stands for it\n$/);
  const several = await run("[MASK] 사람은 [MASK] 말을", "--top-k=1");
  expect(several.stdout).toContain("[MASK] 사람은 [MASK] 말을  (mask 2 of 2)\n");
});

test("colours are for terminals, and as NO_COLOR and FORCE_COLOR say", async () => {
  const colour = async (env: Record<string, string>) =>
    (await runCli(["--help"], { env })).stdout.includes("\u001B[");
  expect(await colour({})).toBe(false);
  expect(await colour({ FORCE_COLOR: "1" })).toBe(true);
  expect(await colour({ FORCE_COLOR: "1", NO_COLOR: "1" })).toBe(false);
  const output = join(folder, "plain.txt");
  const args = ["fill-mask", "-m", goldenModel(), "\u001B[31m정말 [MASK]", "-o", output];
  expect((await runCli(args, { env: { FORCE_COLOR: "1" } })).code).toBe(0);
  expect(readFileSync(output, "utf8")).not.toContain("\u001B");
});

test("--help shows every flag and an example, --version the version, both without colours in a pipe", async () => {
  const overview = await runCli(["--help"]);
  expect(overview.stdout).toMatch(/USAGE\n.*\n\nCOMMANDS\n/);
  for (const name of ["clean", "train-tokenizer", "tokenize", "pretrain", "fill-mask"]) {
    expect(overview.stdout).toContain(`  ${name} `);
    const { code, stdout, stderr } = await runCli([name, "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/EXAMPLES\n\n  # /);
    expect(stdout).toContain(`kcbert-cli ${name} `);
    expect(stdout).toContain("--quiet");
    expect(stdout).not.toContain("\u001B");
  }
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  expect(await runCli(["--version"])).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: "" });
});

test.each([
  [[], "No command given: see kcbert-cli --help"],
  [["cleen"], "Unknown command cleen: did you mean clean?"],
  [["frobnicate"], "Unknown command frobnicate: see kcbert-cli --help"],
  [["constructor"], "Unknown command constructor: see kcbert-cli --help"],
  [["clean", "--min-lenght", "3"], "Unknown flag --min-lenght: did you mean --min-length?"],
  [["clean", "-x"], "Unknown flag -x: see --help"],
  [["clean", "--output"], "Cannot use --output without a value: write --output <value>"],
  [["clean", "-o", "--json"], "Cannot use -o without a value: write -o <value>"],
  [["clean", "--json=yes"], 'Cannot take a value for --json as it is a switch: remove "=yes"'],
  [
    ["clean", "--min-length=ten"],
    "Cannot use --min-length ten: it takes a whole number from 0 to 2147483647",
  ],
  [["clean", "--column", "-1"], "Cannot use --column -1: it takes a whole number from 1 to 2147483647"],
  [
    ["clean", "--column=1", "--jsonl=a"],
    "Cannot use --column and --jsonl together: a file is one or the other",
  ],
  [
    ["clean", "--variant=2012"],
    "Cannot use --variant 2012: it takes one of 2021, 2020, 2022, latest (did you mean 2021?)",
  ],
  [["train-tokenizer", "a.txt"], "Missing --output: see --help"],
  [["tokenize", "가"], "Missing --tokenizer: see --help"],
  [["fill-mask", "가"], "Missing --model: see --help"],
])("%j is refused with exit code 2", async (args, message) => {
  expect(await runCli(args)).toEqual({ code: 2, stdout: "", stderr: `kcbert-cli: ${message}\n` });
});

test("KCBERT_DEBUG shows the stack of an error", async () => {
  const { stderr } = await runCli(["clean", join(folder, "missing")], { env: { KCBERT_DEBUG: "1" } });
  expect(stderr).toMatch(/there is no such file\n\s+at /);
});

test.each(["deno", "bun"] as const)(
  "clean, tokenize and a failure are the same under %s",
  async (runtime) => {
    if (!existsSync(RUNTIMES[runtime][0])) throw new Error(`Cannot find ${runtime}: run npm install`);
    const output = join(folder, `${runtime}.gz`);
    const made = await runCli(["clean", "-q", file(`${runtime}.txt.gz`, gzipSync(comments)), "-o", output], {
      runtime,
    });
    expect(made).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(gunzipSync(readFileSync(output)).toString()).toBe(cleaned);
    expect((await runCli(["clean", "-q"], { runtime, input: comments })).stdout).toBe(cleaned);
    const tokens = await runCli(["tokenize", "-t", file("vocab.txt", vocab), "영화 재밌다"], { runtime });
    expect(tokens).toEqual({ code: 0, stdout: "[CLS] 영화 재밌 ##다 [SEP]\n", stderr: "" });
    const failed = await runCli(["clean", file("bad.txt", Uint8Array.of(0xff))], { runtime });
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(/^kcbert-cli: Cannot read .* as UTF-8: byte 0 [^\n]*\n$/);
  },
);
