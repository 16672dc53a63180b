import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ArgsDef } from "citty";
import { expect, test } from "vitest";
import { runCli, temporaryFolder } from "../../test/run_cli.ts";
import { thrownSentences } from "../../test/thrown_sentences.ts";
import type { Command } from "../command.ts";
import { koreanFailures } from "./korean_failures.ts";
import { koreanHelp } from "./korean_help.ts";
import { koreanMessages } from "./korean_messages.ts";
import { koreanReports } from "./korean_reports.ts";
import { localeOf } from "./locale.ts";
import { localized } from "./translate.ts";

const tables = [koreanFailures, koreanHelp, koreanMessages, koreanReports];

test.each([
  [{ LANG: "ko_KR.UTF-8" }, "ko"],
  [{ LANG: "ko_KR.UTF-8", LC_ALL: "C" }, "en"],
  [{ LANG: "en_US.UTF-8", LC_MESSAGES: "ko_KR" }, "ko"],
  [{ LANG: "kok_IN" }, "en"],
  [{ LC_ALL: "", LANG: "ko" }, "ko"],
] as const)("%j speaks %s", (environment, locale) => {
  expect(localeOf(environment)).toBe(locale);
});

test.each([
  ["Cannot read missing.txt: there is no such file", "missing.txt를 읽을 수 없습니다: 그런 파일이 없습니다"],
  ["Cannot read 댓글: it is empty", "댓글을 읽을 수 없습니다: 비어 있습니다"],
  ["Unknown command cleen: did you mean clean?", "cleen이라는 명령은 없습니다: clean 말인가요?"],
  ["Cannot read a: something new", "a를 읽을 수 없습니다: something new"],
  ["Cannot read a: b: there is no such file", "a를 읽을 수 없습니다: b: there is no such file"],
  ["Dropped: 4,238 too short, 86 repeated", "버림: 짧은 글 4,238, 중복 86"],
  [
    "Cannot use --sample 0: it takes a number of at least 1 and below 2",
    "--sample 0을 쓸 수 없습니다: 1 이상 2 미만의 수여야 합니다",
  ],
  ["3 min 05 s left", "3분 05초 남음"],
  ["unknown time left", "남은 시간 알 수 없음"],
  ["step 1,200,", "1,200스텝,"],
  ["7,200 tokens/s", "초당 토큰 7,200개"],
  ["Width of the hidden states (default: 128)", "은닉 상태의 크기 (기본값: 128)"],
  ["Prepared 2 lines (4 B in 0.1 s), 0 changed by cleaning\n\nx", "2줄 준비(0.1초, 4 B), 정제로 바뀜 0\n\nx"],
  ["Cannot write to 서울: the disk is full", "서울에 쓸 수 없습니다: 디스크가 가득 찼습니다"],
  ["Cannot export to 파일: it is empty", "파일로 내보낼 수 없습니다: 비어 있습니다"],
  ["nothing of ours", "nothing of ours"],
])("%j in Korean", (english, korean) => {
  expect(localized(english, "ko")).toBe(korean);
  expect(localized(english, "en")).toBe(english);
});

test("both sides of an entry have the same holes, no entry is there twice, and no Korean text is left in English", () => {
  const holes = (text: string) => [...new Set(text.match(/\{\d\}/g))].toSorted();
  for (const [english, korean] of tables.flatMap((table) => Object.entries(table))) {
    expect(holes(korean), english).toEqual(holes(english));
    expect(korean === english || /[가-힣]|^[\s\d{}]/.test(korean) || /^[\w, -]+$/.test(korean), english).toBe(
      true,
    );
  }
  const keys = tables.flatMap((table) => Object.keys(table));
  expect(keys.filter((key, i) => keys.indexOf(key) !== i)).toEqual([]);
});

test("whatever the program fails with is in Korean, but for what is filled in when it happens", () => {
  const sentences = thrownSentences(fileURLToPath(new URL("..", import.meta.url)));
  expect(sentences.length).toBeGreaterThan(250);
  const english = sentences.filter(({ text }) => {
    const korean = localized(text, "ko").replaceAll(COMMANDS, "");
    return !/[가-힣]/.test(korean) || ENGLISH.test(korean);
  });
  expect(english.map(({ text }) => text).filter((text) => !COMPOSED.has(text))).toEqual([]);
});

/** Words of sentences, which no flag, file or class is named by. */
const ENGLISH =
  /\b(?:the|is|it|its|of|to|as|an?|there|and|or|not|no|that|with|which|has|have|cannot|by|for|from|does|was|in|be|at|on)\b/i;
const COMMANDS = /--[\w-]+|kcbert-cli [\w-]+|\[with-cuda\]/g;
/** Sentences whose English is in a hole, and translated once it is filled: a reason, a hint, a name. */
const COMPOSED: ReadonlySet<string> = new Set([
  "No command given: see ⟨…⟩ --help",
  "Unknown ⟨…⟩ ⟨…⟩: ⟨…⟩",
  "Cannot use --⟨…⟩ ⟨…⟩: it takes a number⟨…⟩",
  "Cannot read ⟨…⟩: its ⟨…⟩ data ⟨…⟩ (after ⟨…⟩ bytes of text)",
  "Cannot ⟨…⟩: ⟨…⟩",
  "⟨…⟩; ⟨…⟩",
  "Cannot train into ⟨…⟩: it is not empty, and what is there is no training run (no ⟨…⟩)",
]);

test("help is in Korean", async () => {
  const env = { LC_ALL: "ko_KR.UTF-8" };
  const { stdout } = await runCli(["corpus", "--help"], { env });
  expect(stdout).toMatch(/^코퍼스를 준비합니다: .* \(kcbert-cli corpus\)\n\n사용법 kcbert-cli corpus/);
  expect(stdout).not.toMatch(/USAGE|OPTIONS|EXAMPLES|Default:|Required/);
  for (const [, meaning] of stdout.matchAll(/^ {2}# (.*)$/gm)) expect(meaning).toMatch(/[가-힣]/);
});

test("the description of every command, flag and example is in Korean", async () => {
  const folder = new URL("../commands/", import.meta.url);
  const commands: Command[] = [];
  for (const file of readdirSync(folder)) {
    const module = (await import(new URL(file, folder).href)) as Readonly<Record<string, unknown>>;
    commands.push(...Object.values(module).filter(isCommand));
  }
  expect(commands.length).toBeGreaterThan(18);
  const texts = commands.flatMap(({ definition, examples }) => {
    const args = Object.values((definition.args ?? {}) as ArgsDef);
    const { description } = definition.meta as { description: string };
    return [
      description,
      ...args.map((arg) => arg.description ?? ""),
      ...examples.map(([, meaning]) => meaning),
    ];
  });
  const english = texts.filter((text) => text !== "" && !/[가-힣]/.test(localized(text, "ko")));
  expect([...new Set(english)]).toEqual([]);
});

function isCommand(value: unknown): value is Command {
  return typeof value === "object" && value !== null && "definition" in value && "examples" in value;
}

test("a training and a fine-tuning tell how they go in Korean", async () => {
  const root = temporaryFolder();
  const [corpus, tokenizer, model, train] = ["corpus.txt", "tokenizer", "model", "train.tsv"].map((name) =>
    join(root, name),
  );
  const lines = Array.from({ length: 60 }, (_, i) => `영화 ${i % 7} 정말 ${i % 5} 좋다`);
  writeFileSync(corpus!, lines.join("\n"));
  writeFileSync(train!, ["text\tlabel", ...lines.map((line, i) => `${line}\t${i % 2}`), "\t1"].join("\n"));
  const env = { LANG: "ko_KR.UTF-8", LC_ALL: "" };
  const told: string[] = [];
  for (const words of [
    ["train-tokenizer", corpus!, "--vocab-size", "100", "-o", tokenizer!],
    [
      "pretrain",
      "--corpus",
      corpus!,
      "-t",
      tokenizer!,
      "-o",
      model!,
      "--steps",
      "2",
      "--layers",
      "1",
      "--hidden",
      "16",
      "--heads",
      "2",
      "--max-length",
      "16",
    ],
    [
      "finetune",
      "custom",
      "-m",
      model!,
      "--train",
      train!,
      "--test",
      train!,
      "--epochs",
      "1",
      "-o",
      join(root, "tuned"),
    ],
  ]) {
    const { code, stderr } = await runCli(words, { env });
    expect(code, stderr).toBe(0);
    told.push(...stderr.trimEnd().split("\n"));
  }
  expect(told.length).toBeGreaterThan(8);
  expect(told.filter((line) => !/[가-힣]/.test(line.replace(/영화.*/, "")))).toEqual([]);
});

test("failures and reports are in Korean, JSON is not", async () => {
  const env = { LANG: "ko_KR.UTF-8", LC_ALL: "" };
  const failed = await runCli(["clean", "missing.txt"], { env });
  expect(failed).toEqual({
    code: 1,
    stdout: "",
    stderr: "kcbert-cli: missing.txt를 읽을 수 없습니다: 그런 파일이 없습니다\n",
  });
  const cleaned = await runCli(["clean"], { env, input: "안녕♡\n" });
  expect(cleaned.stderr).toMatch(/^1줄 정제, 바뀐 글 1, 짧은 글 0, 중복 0: 1줄 씀\([\d.]+초, 10 B\)\n$/);
  expect(cleaned.stdout).toBe("안녕\n");
  const json = await runCli(["clean", "--json"], { env, input: "안녕♡\n" });
  expect(JSON.parse(json.stderr)).toMatchObject({ lines: 1, changed: 1 });
});
