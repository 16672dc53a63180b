import { clean, cleanWithOffsets } from "@kcbert/normalizer";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countMasks, fillMask, hideWord, wordsOf } from "./masking.ts";

const texts = (text: string) => wordsOf(text).map((word) => word.text);

describe("wordsOf()", () => {
  test.each([
    ["배우들 연기가 좋았어요!!", ["배우들", "연기가", "좋았어요", "!!"]],
    ["재밌다ㅋㅋ 👍🏽 BTS짱", ["재밌다", "ㅋㅋ", "👍🏽", "BTS", "짱"]],
    ["[MASK] 영화 [진짜]", ["[MASK]", "영화", "[", "진짜", "]"]],
    ["", []],
  ])("cuts %j", (text, expected) => expect(texts(text)).toEqual(expected));

  test("leaves out nothing but white space", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        expect(texts(text).join("")).toBe(text.replaceAll(/\s/g, ""));
        for (const word of wordsOf(text)) expect(text.slice(word.start, word.end)).toBe(word.text);
      }),
    );
  });
});

test("hideWord() hides in the comment what its cleaned form shows", () => {
  const source = "★ 최고의 영화ㅋㅋㅋㅋㅋㅋ!! 또 보고 싶다♡";
  const { text, offsets } = cleanWithOffsets(source);
  const hidden = wordsOf(text).map((word) => clean(hideWord(source, [...offsets], word)));
  expect(hidden).toEqual([
    "[MASK] 영화ㅋㅋ!! 또 보고 싶다",
    "최고의 [MASK]ㅋㅋ!! 또 보고 싶다",
    "최고의 영화[MASK]!! 또 보고 싶다",
    "최고의 영화ㅋㅋ[MASK] 또 보고 싶다",
    "최고의 영화ㅋㅋ!! [MASK] 보고 싶다",
    "최고의 영화ㅋㅋ!! 또 [MASK] 싶다",
    "최고의 영화ㅋㅋ!! 또 보고 [MASK]",
  ]);
});

test("fillMask() joins a continuation to its word", () => {
  expect(fillMask("정말 [MASK] ㅋㅋ", "재밌")).toEqual({ before: "정말 ", word: "재밌", after: " ㅋㅋ" });
  expect(fillMask("정말 [MASK] ㅋㅋ", "##로")).toEqual({ before: "정말", word: "로", after: " ㅋㅋ" });
  expect(countMasks("[MASK] [MASK]")).toBe(2);
});
