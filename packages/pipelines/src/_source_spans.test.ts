import { cleanWithOffsets } from "@kcbert/normalizer";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { codePointsBefore, inUnit } from "./_code_points.ts";
import { SourceSpans, wholeGraphemes } from "./_source_spans.ts";

const FAMILY = "👨‍👩‍👧‍👦";

/** What a part of the cleaned text was in the source. */
function written(source: string, part: string): string {
  const cleaned = cleanWithOffsets(source);
  const start = cleaned.text.indexOf(part);
  expect(start).toBeGreaterThanOrEqual(0);
  return source.slice(...new SourceSpans(source, cleaned).locate(start, start + part.length));
}

test.each([
  ["★★영화★★ 최고", "영화", "영화"],
  ["진짜ㅋㅋㅋㅋㅋㅋ 웃겨", "ㅋㅋ", "ㅋㅋㅋㅋㅋㅋ"],
  ["진짜ㅋㅋㅋㅋㅋㅋ 웃겨", "진짜ㅋㅋ 웃겨", "진짜ㅋㅋㅋㅋㅋㅋ 웃겨"],
  ["최고https://a.com/b정말", "최고", "최고"],
  ["서울   에서", "서울 에서", "서울   에서"],
  ["좋다👍🏽 끝", "👍", "👍🏽"],
  [`우리${FAMILY}가족`, "👨", FAMILY],
  [`우리${FAMILY}가족`, "우리", "우리"],
  ["한국🇰🇷 만세", "🇰", "🇰🇷"],
  ["앞♥️뒤", "뒤", "뒤"],
])("in %j what is cleaned to %j was %j", (source, part, expected) => {
  expect(written(source, part)).toBe(expected);
});

test("an empty span stays empty, and an empty text has only those", () => {
  expect(new SourceSpans("★★", cleanWithOffsets("★★")).locate(0, 0)).toEqual([0, 0]);
  expect(wholeGraphemes("가", [1, 1])).toEqual([1, 1]);
});

const PARTS = [
  "가",
  "ㅋ",
  "a",
  "1",
  " ",
  "★",
  "😀",
  "👍🏽",
  FAMILY,
  "🇰🇷",
  "e\u0301",
  "\ud83d",
  "\n",
  "http://a.b ",
  "!",
];
const characters = fc.constantFrom(...PARTS);

test("whatever is written, a span is in bounds, cuts no character, and its cleaned text is in it", () => {
  const comment = fc.array(characters, { maxLength: 20 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(comment, fc.nat(40), fc.nat(40), (source, a, b) => {
      const cleaned = cleanWithOffsets(source);
      const [from, to] = [Math.min(a, b), Math.max(a, b)].map((at) => Math.min(at, cleaned.text.length));
      const [start, end] = new SourceSpans(source, cleaned).locate(from!, to!);
      expect(start).toBeGreaterThanOrEqual(0);
      expect(end).toBeGreaterThanOrEqual(start);
      expect(end).toBeLessThanOrEqual(source.length);
      if (from === to) return;
      const boundaries = [...new Intl.Segmenter("ko").segment(source)].map(({ index }) => index);
      expect([...boundaries, source.length]).toContain(start);
      expect([...boundaries, source.length]).toContain(end);
      let at = start;
      for (const unit of cleaned.text.slice(from, to).replaceAll(" ", "").split("")) {
        at = source.indexOf(unit, at) + 1;
        expect(at).toBeGreaterThan(0);
        expect(at).toBeLessThanOrEqual(end);
      }
    }),
    { numRuns: 300 },
  );
});

test("code points are counted as Python counts them, lone surrogates too", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.nat(20), (text, at) => {
      const index = Math.min(at, text.length);
      const isInside = index > 0 && text.codePointAt(index - 1)! > 0xff_ff;
      const expected = Array.from(text.slice(0, isInside ? index + 1 : index)).length;
      expect(codePointsBefore(text)[index]).toBe(expected);
    }),
  );
  expect([...codePointsBefore("\ud83d가😀")]).toEqual([0, 1, 2, 3, 3]);
  expect(inUnit([{ start: 2, end: 3 }], "😀가", "codepoint")).toEqual([{ start: 1, end: 2 }]);
  expect(inUnit([{ start: 2, end: 3 }], "😀가", "utf16")).toEqual([{ start: 2, end: 3 }]);
});
