import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  CharClasses,
  CHINESE,
  nonspacingMarks,
  PLAIN,
  PUNCTUATION,
  REMOVED,
  SURROGATE,
  UNDECOMPOSED,
  WHITESPACE,
} from "./char_classes.ts";

type Ranges = [first: number, last: number][];
const golden = JSON.parse(
  readFileSync(new URL("../../../tests/golden/tokenizer/bert-char-classes.json", import.meta.url), "utf8"),
) as Record<string, Ranges> & { nfd_of_one_character_unlike_unicode_17: number[] };

/** Every code point's class as the golden table tells it; surrogates are not in it. */
function expectedClasses(cleanText: boolean, handleChineseChars: boolean): Uint8Array {
  const expected = new Uint8Array(0x110000).fill(PLAIN);
  const paint = (ranges: Ranges, charClass: number): void => {
    for (const [first, last] of ranges) expected.fill(charClass, first, last + 1);
  };
  paint(golden["isolated_as_punctuation"]!, PUNCTUATION);
  if (handleChineseChars) paint(golden["isolated_by_handle_chinese_chars"]!, CHINESE);
  paint(golden["whitespace_split"]!, WHITESPACE);
  if (cleanText) {
    paint(golden["removed_by_clean_text"]!, REMOVED);
    paint(golden["made_space_by_clean_text"]!, WHITESPACE);
  }
  return expected;
}

describe.each([
  [true, true],
  [true, false],
  [false, true],
  [false, false],
])("CharClasses (cleanText %s, handleChineseChars %s)", (cleanText, handleChineseChars) => {
  const classes = new CharClasses({ cleanText, handleChineseChars });
  const expected = expectedClasses(cleanText, handleChineseChars);

  test("of() agrees with the golden table at every code point", () => {
    const wrong: string[] = [];
    for (let codePoint = 0; codePoint <= 0x10ffff; codePoint++) {
      if (codePoint >= 0xd800 && codePoint <= 0xdfff) continue;
      const actual = classes.of(codePoint);
      if (actual !== expected[codePoint]) wrong.push(`U+${codePoint.toString(16)}: ${actual}`);
    }
    expect(wrong).toEqual([]);
  });

  test("units agrees with of(), and marks the high surrogates whose characters are not all plain", () => {
    for (let unit = 0; unit <= 0xffff; unit++) {
      if (unit < 0xd800 || unit > 0xdfff) {
        if (classes.units[unit] !== classes.of(unit)) expect.unreachable(`unit ${unit}`);
      } else if (unit < 0xdc00) {
        const first = 0x10000 + ((unit - 0xd800) << 10);
        const plain = expected.subarray(first, first + 1024).every((charClass) => charClass === PLAIN);
        expect(classes.units[unit], `high surrogate ${unit}`).toBe(plain ? PLAIN : SURROGATE);
      } else if (classes.units[unit] !== PLAIN) expect.unreachable(`low surrogate ${unit}`);
    }
  });
});

test("nonspacingMarks() is the golden table", () => {
  expect(nonspacingMarks()).toEqual(golden["removed_by_strip_accents"]);
});

test("UNDECOMPOSED is the golden list", () => {
  expect(UNDECOMPOSED).toEqual(golden.nfd_of_one_character_unlike_unicode_17);
});
