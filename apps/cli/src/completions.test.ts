import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { runCli, temporaryFolder } from "../test/run_cli.ts";

const folder = temporaryFolder();
const FISH = "fish";
const scripts: Record<string, string> = {};

beforeAll(async () => {
  writeFileSync(join(folder, "reviews.txt"), "");
  execFileSync("mkdir", [join(folder, "revised")]);
  for (const shell of ["bash", "zsh", "fish"]) {
    const { stdout, stderr } = await runCli(["completions", shell]);
    expect(stderr).toBe("");
    scripts[shell] = join(folder, `kcbert-cli.${shell}`);
    writeFileSync(scripts[shell], stdout);
  }
});

describe("bash", () => {
  /** What bash would offer for a command line, at its end. */
  function offers(line: string): string[] {
    const words = `(${line
      .split(" ")
      .map((word) => `'${word}'`)
      .join(" ")})`;
    const script = `source ${scripts["bash"]}; COMP_WORDS=${words}; COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _kcbert_cli; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync("bash", ["-c", script], { cwd: folder, encoding: "utf8" })
      .split("\n")
      .filter(Boolean);
  }

  test("completes commands", () => {
    expect(offers("kcbert-cli cl")).toEqual(["clean"]);
    expect(offers("kcbert-cli ")).toEqual(expect.arrayContaining(["corpus", "pretrain", "--help"]));
  });

  test("completes a command's own flags", () => {
    expect(offers("kcbert-cli corpus --min")).toEqual(["--min-length"]);
    expect(offers("kcbert-cli clean --min")).toEqual(["--min-run", "--min-length", "--min-length-reading"]);
  });

  test("completes files, folders where a folder is wanted, and nothing where it cannot know", () => {
    expect(offers("kcbert-cli clean rev").toSorted()).toEqual(["reviews.txt", "revised"]);
    expect(offers("kcbert-cli corpus a -o rev")).toEqual(["revised"]);
    expect(offers("kcbert-cli corpus a --seed rev")).toEqual([]);
  });
});

test.skipIf(lacks("zsh"))("zsh completes commands, flags and folders", () => {
  // a shell in a pseudo-terminal is asked as a person asks it: with the Tab key
  const script = `
zmodload zsh/zpty
zpty z zsh -f -i
say() { zpty -w z "$1"; }
say "PS1=; cd ${folder}; autoload -U compinit; compinit -D -u; zstyle ':completion:*' list-colors no=; setopt no_list_beep; source ${scripts["zsh"]}; echo rea''dy"
zpty -r -m z out '*ready*'
zpty -w -n z $'kcbert-cli corpus --min-l\\t'
sleep 0.5; zpty -w -n z $'\\C-ukcbert-cli corp\\t'
sleep 0.5; zpty -w -n z $'\\C-ukcbert-cli corpus a -o revi\\t'
sleep 0.5; zpty -r z out; while zpty -r -t z more; do out+="$more"; done
print -r -- "$out"; zpty -d z`;
  const typed = execFileSync("zsh", ["-f", "-c", script], { encoding: "utf8", timeout: 60_000 });
  const out = stripVTControlCharacters(typed);
  expect(out).toContain("--min-length=");
  expect(out).toContain("corpus ");
  expect(out).toContain("revised/");
});

test.skipIf(lacks("fish"))("fish completes commands and flags, with what they mean", () => {
  const offers = (line: string) =>
    execFileSync(FISH, ["--no-config", "-c", `source ${scripts["fish"]}; complete -C '${line}'`], {
      cwd: folder,
      encoding: "utf8",
    });
  expect(offers("kcbert-cli clea")).toBe("clean\tClean comments as KcBERT's own corpus was cleaned\n");
  expect(offers("kcbert-cli corpus --min-l")).toMatch(/^--min-length\tDrop cleaned texts of fewer/);
  expect(offers("kcbert-cli corpus a -o rev")).toMatch(/^revised\//);
});

test("descriptions are in the person's language", async () => {
  const { stdout } = await runCli(["completions", "fish"], { env: { LC_ALL: "ko_KR.UTF-8" } });
  expect(stdout).toContain("-a clean -d 'KcBERT 코퍼스처럼 댓글을 정제합니다'");
});

test("another shell is refused", async () => {
  expect(await runCli(["completions", "csh"])).toEqual({
    code: 2,
    stdout: "",
    stderr: "kcbert-cli: Cannot use --shell csh: it takes one of bash, zsh, fish (did you mean zsh?)\n",
  });
});

// --- internal ---

/** Whether a shell is not on this machine; its test is then skipped. */
function lacks(shell: string): boolean {
  return spawnSync(shell, ["--version"]).error !== undefined;
}
