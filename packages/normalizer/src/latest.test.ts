import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import emojiRegex from "emoji-regex";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { clean as cleanPublished } from "./clean.ts";
import { clean, cleanWithOffsets, type LatestCleanOptions } from "./latest.ts";

const file = new URL("../../../tests/golden/normalizer/clean.jsonl.gz", import.meta.url);
const inputs = gunzipSync(readFileSync(file))
  .toString("utf8")
  .trimEnd()
  .split("\n")
  .map((line): string => JSON.parse(line).in);

test.each([
  ["녹는다🫠♡♡", "녹는다🫠"],
  ["🥲🥲🥲🥲🥲 ㅋㅋㅋㅋ", "🥲🥲🥲🥲🥲 ㅋㅋ"],
  ["가🏳️‍⚧️나⚧다", "가🏳️‍⚧️나⚧다"],
  ["🫱🏻‍🫲🏿", "🫱🏻‍🫲🏿"],
  ["http://a.com🥲", "🥲"],
  ["ㅋㅋ🥲ㅋㅋ", "ㅋㅋ🥲ㅋㅋ"],
  ["1\ufe0f\u20e3 🇰🇷 ©", "1\ufe0f\u20e3 🇰🇷 ©"],
  ["\u200d\ufe0f\u{1f1f0}\u{e007f}", "\u200d\ufe0f\u{1f1f0}\u{e007f}"],
  ["♡★漢\ud83e\u{e0061}", ""],
  [" 🥲 ♡ 🫠 ", "🥲 🫠"],
])("latest: %j → %j", (text, expected) => {
  expect(clean(text)).toBe(expected);
});

test("latest: gives what the main entry gives where no emoji is younger than 0.6.0", () => {
  const old = inputs.filter((text) => !hasYoungEmoji(text));
  expect(old.length).toBeGreaterThan(35_000);
  expect(old.filter((text) => clean(text) !== cleanPublished(text))).toEqual([]);
  expect(old.filter((text) => clean(text, { minRun: 3 }) !== cleanPublished(text, { minRun: 3 }))).toEqual(
    [],
  );
});

test("latest: keeps every emoji sequence, and is the main entry's clean() on the rest", () => {
  // ℹ is a word character: what stands for it below would part what it joins.
  const young = inputs.filter((text) => hasYoungEmoji(text) && !text.includes("ℹ"));
  expect(young.length).toBeGreaterThan(100);
  for (const text of young) {
    expect(emojiOf(clean(text))).toEqual(emojiOf(text));
    // A sign that is kept and no word character stands for each emoji.
    expect(clean(text).replace(emojiRegex(), "·")).toBe(cleanPublished(text.replace(emojiRegex(), "·")));
  }
});

test("latest: offsets agree, on random text", () => {
  const pieces = fc.constantFrom(
    "ㅋㅋ",
    "가",
    " ",
    "♡",
    "🥲",
    "🏳️‍⚧️",
    "🫱🏻‍🫲🏿",
    "👍",
    "\ud83e",
    "http://a.com",
    "漢",
    "\u{e0061}",
  );
  fc.assert(
    fc.property(fc.array(pieces), (parts) => {
      const source = parts.join("");
      const { text, offsets } = cleanWithOffsets(source);
      expect(text).toBe(clean(source));
      expect(offsets.length).toBe(text.length + 1);
      for (let i = 0; i < text.length; i++) if (text[i] !== " ") expect(source[offsets[i]!]).toBe(text[i]);
    }),
  );
});

test("latest: huge input", () => {
  for (const unit of ["🥲", "🏳️‍⚧️", "♡", "\u200d", "🇰", "\u{1f3f4}", "\ud83e"]) {
    const text = unit.repeat(1e6 / unit.length);
    expect(cleanWithOffsets(text).text).toBe(clean(text));
  }
});

test("latest: names what is wrong", () => {
  expect(() => clean(1 as unknown as string)).toThrow(TypeError);
  expect(() => clean("", 1 as LatestCleanOptions)).toThrow(TypeError);
  expect(() => clean("", { minRun: 5 as 4 })).toThrow(RangeError);
  expect(() => clean("", { variant: "2020" } as LatestCleanOptions)).toThrow(
    'Cannot clean with the latest emoji as there is no variant of it: variant is "2020"',
  );
});

// --- internal ---

function emojiOf(text: string): string[] {
  return text.match(emojiRegex()) ?? [];
}

/** Whether `text` holds an emoji that the published `clean` would not keep whole. */
function hasYoungEmoji(text: string): boolean {
  return emojiOf(text).some((emoji) => cleanPublished(emoji) !== emoji);
}
