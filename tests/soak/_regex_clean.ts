import { readFileSync } from "node:fs";
import type { CleanOptions } from "@kcbert/normalizer";

const codePoints = new URL("../golden/normalizer/emoji-0.6.0-codepoints.json", import.meta.url);

/** The published steps of `clean`, one regular expression each, with Python's `\w`, `\b` and `\s` spelled out. */
export function regexClean({ variant = "2021", minRun = 4 }: CleanOptions): (text: string) => string {
  const emoji: number[] = variant === "2022" ? [] : JSON.parse(readFileSync(codePoints, "utf8"));
  const hangul = variant === "2020" ? "ㄱ-힣" : "ㄱ-ㅣ가-힣";
  const kept = emoji.map((codePoint) => `\\u{${codePoint.toString(16)}}`).join("");
  const word = "[\\p{L}\\p{N}_]";
  const boundary = `(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`;
  const host = "https?:\\/\\/(?:www\\.)?[\\-a-zA-Z0-9@:%._+~#=]{1,256}\\.[a-zA-Z0-9()]{1,6}";
  const steps: [RegExp, string][] = [
    [new RegExp(`[^\\x00-\\x7f％·∼${hangul}${kept}]+`, "gu"), " "],
    [new RegExp(`${host}${boundary}[\\-a-zA-Z0-9()@:%_+.~#?&\\/=]*`, "gu"), ""],
    [new RegExp(`(${word})\\1{${minRun - 1},}`, "gu"), "$1$1"],
    // oxlint-disable-next-line no-control-regex -- Python's \s holds them
    [/[\t-\r\u001c-\u001f ]+/gu, " "],
    [/^ | $/gu, ""],
  ];
  return (text) => steps.reduce((each, [pattern, replacement]) => each.replace(pattern, replacement), text);
}
