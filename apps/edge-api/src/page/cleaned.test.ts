import { cleanWithOffsets } from "@kcbert/normalizer";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { countDropped, piecesOf } from "./cleaned.ts";

function pieces(source: string) {
  const { text, offsets } = cleanWithOffsets(source);
  return piecesOf(source, text, [...offsets]);
}

test("piecesOf() tells what the cleaning dropped", () => {
  expect(pieces("★최고ㅋㅋㅋㅋㅋ♡ https://a.com 굿")).toEqual([
    { text: "★", dropped: true },
    { text: "최고ㅋㅋ", dropped: false },
    { text: "ㅋㅋㅋ♡", dropped: true },
    { text: " ", dropped: false },
    { text: "https://a.com", dropped: true },
    { text: " 굿", dropped: false },
  ]);
  expect(countDropped(pieces("★최고ㅋㅋㅋㅋㅋ♡"))).toBe(5);
  expect(pieces("그대로예요 👍")).toEqual([{ text: "그대로예요 👍", dropped: false }]);
  expect(pieces("")).toEqual([]);
});

test("piecesOf() loses nothing of the comment", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (source) => {
      expect(
        pieces(source)
          .map(({ text }) => text)
          .join(""),
      ).toBe(source);
    }),
  );
});
