import { expect, test } from "vitest";
import { runCli } from "../../test/run_cli.ts";
import { koreanHelp } from "./korean_help.ts";
import { koreanMessages } from "./korean_messages.ts";
import { localeOf } from "./locale.ts";
import { localized } from "./translate.ts";

const tables = { ...koreanHelp, ...koreanMessages };

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
  ["Width of the hidden states (default: 128)", "은닉 상태의 크기 (기본값: 128)"],
  ["Prepared 2 lines (4 B in 0.1 s), 0 changed by cleaning\n\nx", "2줄 준비(0.1초, 4 B), 정제로 바뀜 0\n\nx"],
  ["Cannot write to 서울: the disk is full", "서울에 쓸 수 없습니다: 디스크가 가득 찼습니다"],
  ["Cannot export to 파일: it is empty", "파일로 내보낼 수 없습니다: 비어 있습니다"],
  ["nothing of ours", "nothing of ours"],
])("%j in Korean", (english, korean) => {
  expect(localized(english, "ko")).toBe(korean);
  expect(localized(english, "en")).toBe(english);
});

test("both sides of an entry have the same holes, and no Korean text is left in English", () => {
  const holes = (text: string) => [...new Set(text.match(/\{\d\}/g))].toSorted();
  for (const [english, korean] of Object.entries(tables)) {
    expect(holes(korean), english).toEqual(holes(english));
    expect(korean === english || /[가-힣]|^[\s\d{}]/.test(korean) || /^[\w, -]+$/.test(korean), english).toBe(
      true,
    );
  }
});

test("help is in Korean", async () => {
  const env = { LC_ALL: "ko_KR.UTF-8" };
  const { stdout } = await runCli(["corpus", "--help"], { env });
  expect(stdout).toMatch(/^코퍼스를 준비합니다: .* \(kcbert-cli corpus\)\n\n사용법 kcbert-cli corpus/);
  expect(stdout).not.toMatch(/USAGE|OPTIONS|EXAMPLES|Default:|Required/);
  for (const [, meaning] of stdout.matchAll(/^ {2}# (.*)$/gm)) expect(meaning).toMatch(/[가-힣]/);
  // a shell's script has the commands and flags of all
  const script = (await runCli(["completions", "fish"], { env })).stdout;
  const texts = [...script.matchAll(/(?:-a|seen_subcommand_from) ([\w-]+).* -d '(.+)'$/gm)];
  const missing = texts.filter(([, , text]) => !/[가-힣]/.test(text!));
  expect(texts.length).toBeGreaterThan(150);
  expect(missing.length).toBeLessThan(texts.length * 0.1);
  const done = /^(?:clean|datasets|corpus|train-tokenizer|tokenize|fill-mask|download|export)$/;
  expect(missing.filter(([, name]) => done.test(name!)).map(([, , text]) => text)).toEqual([]);
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
