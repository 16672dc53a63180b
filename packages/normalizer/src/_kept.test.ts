import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  isWord,
  LINK,
  PLAIN,
  REMOVED,
  slotOf,
  SPACE,
  type Variant,
  variantClasses,
  whiteSpaceClasses,
} from "./_kept.ts";
import { clean } from "./clean.ts";

const golden = new URL("../../../tests/golden/normalizer/", import.meta.url);
const ranges: [number, number][] = JSON.parse(read("kept-ranges.json"));
const emoji = new Set<number>(JSON.parse(read("emoji-0.6.0-codepoints.json")));
const kept = new Set(
  ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i)),
);

describe("the table", () => {
  test.each<[Variant, (codePoint: number) => boolean]>([
    ["2021", (each) => kept.has(each)],
    ["2020", (each) => kept.has(each) || (each >= 0x3131 && each <= 0xd7a3)],
    ["2022", (each) => kept.has(each) && !emoji.has(each)],
  ])("of %s keeps what the golden ranges say, for every code point", (variant, expected) => {
    expect(kept.size).toBe(12_666);
    const classes = variantClasses(variant);
    const wrong = allCodePoints().filter((each) => (classes[slotOf(each)] !== REMOVED) !== expected(each));
    expect(wrong).toEqual([]);
  });

  test("is what clean() goes by, for every code point", () => {
    const wrong = allCodePoints().filter((each) => {
      const character = String.fromCodePoint(each);
      return clean(`가${character}나`) !== (kept.has(each) && !isSpace(each) ? `가${character}나` : "가 나");
    });
    expect(wrong).toEqual([]);
  });

  test("is made once", () => {
    expect(variantClasses("2021")).toBe(variantClasses("2021"));
    expect(variantClasses("2021")).not.toBe(variantClasses("2022"));
  });

  test("marks white space, and the h of a link", () => {
    const classes = variantClasses("2021");
    const marked = allCodePoints().filter((each) => ![PLAIN, REMOVED].includes(classes[slotOf(each)]!));
    expect(marked).toEqual([9, 10, 11, 12, 13, 28, 29, 30, 31, 0x68]);
    expect(classes[0x68]).toBe(LINK);
  });
});

test("white space alone is that of Python's isspace()", () => {
  const classes = whiteSpaceClasses();
  const spaces = allCodePoints().filter((each) => classes[slotOf(each)] === SPACE || each === 0x20);
  const javaScript = allCodePoints().filter(
    (each) => /\s/u.test(String.fromCodePoint(each)) && each !== 0xfeff,
  );
  expect(spaces).toEqual([...javaScript, 0x1c, 0x1d, 0x1e, 0x1f, 0x85].toSorted((a, b) => a - b));
});

test("a word character is a letter, a number or _", () => {
  const wrong = allCodePoints().filter(
    (each) => isWord(each) !== /[\p{L}\p{N}_]/u.test(String.fromCodePoint(each)),
  );
  expect(wrong).toEqual([]);
});

test("a word character that clean() keeps is one of few", () => {
  const rest = [...kept].filter((each) => each > 0x7f && isWord(each) && !(each >= 0x3131 && each <= 0xd7a3));
  expect(rest).toEqual([0x2139]);
});

// --- internal ---

/** All but the surrogates. */
function allCodePoints(): number[] {
  return Array.from({ length: 0x110000 }, (_, each) => each).filter((each) => each < 0xd800 || each > 0xdfff);
}

function isSpace(codePoint: number): boolean {
  return (
    codePoint === 0x20 || (codePoint >= 9 && codePoint <= 13) || (codePoint >= 0x1c && codePoint <= 0x1f)
  );
}

function read(name: string): string {
  return readFileSync(new URL(name, golden), "utf8");
}
