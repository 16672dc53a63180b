import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { repeatNormalize, type RepeatNormalizeOptions } from "./repeat_normalize.ts";

describe("repeatNormalize()", () => {
  // from soynlp 0.0.493
  test.each([
    ["ㅋㅋㅋ", {}, "ㅋㅋㅋ"],
    ["ㅋㅋㅋㅋ", {}, "ㅋㅋ"],
    ["와하하하하핫", {}, "와하하핫"],
    ["漢漢漢漢漢 éééé 𝐀𝐀𝐀𝐀𝐀 ①①①①", {}, "漢漢 éé 𝐀𝐀 ①①"],
    ["!!!!!! 😂😂😂😂😂 ♡♡♡♡", {}, "!!!!!! 😂😂😂😂😂 ♡♡♡♡"],
    ["http://aaaa.com", {}, "http://aa.com"],
    ["가\u00a0\u3000나\u0085다\u2028", {}, "가 나 다"],
    ["\ufeff가\u200b나", {}, "\ufeff가\u200b나"],
    ["ㅋㅋㅋㅋㅋㅋ", { numRepeats: 1 }, "ㅋ"],
    ["ㅋㅋㅋㅋㅋㅋ", { numRepeats: 3 }, "ㅋㅋㅋ"],
    ["ㅋㅋㅋㅋㅋㅋ  ", { numRepeats: 0 }, "ㅋㅋㅋㅋㅋㅋ"],
    ["ㅋㅋㅋ", { minRun: 3 }, "ㅋㅋ"],
    ["ㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋ", { minRun: 10, numRepeats: 9 }, "ㅋㅋㅋㅋㅋㅋㅋㅋㅋ"],
    ["", {}, ""],
    ["   ", {}, ""],
  ])("%j with %o is %j", (text, options, expected) => {
    expect(repeatNormalize(text, options)).toBe(expected);
  });

  test("is soynlp's regular expressions, on random text", () => {
    const pieces = fc.constantFrom(
      "ㅋ",
      "ㅋㅋㅋ",
      "a",
      "A",
      "漢",
      "𠀀",
      "𠀀𠀀",
      "👍",
      "\ud840",
      "\udc00",
      " ",
      "\u3000",
      "\u001c",
      "_",
    );
    const texts = fc
      .array(fc.oneof(pieces, fc.string({ unit: "binary", maxLength: 2 })))
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(texts, fc.integer({ min: 2, max: 6 }), fc.nat(), (text, minRun, seed) => {
        const numRepeats = seed % minRun;
        expect(repeatNormalize(text, { minRun, numRepeats })).toBe(reference(text, minRun, numRepeats));
      }),
      { numRuns: 5_000 },
    );
  });

  test("takes time linear in a run just short of minRun", () => {
    const text = "ㅋ".repeat(1e6);
    expect(repeatNormalize(text, { minRun: 1e6 + 1 })).toBe(text);
    expect(repeatNormalize(text, { minRun: 1e6, numRepeats: 5 })).toBe("ㅋㅋㅋㅋㅋ");
    expect(repeatNormalize("𠀀".repeat(1e6))).toBe("𠀀𠀀");
  });

  test("names what is wrong", () => {
    expect(() => repeatNormalize(7 as unknown as string)).toThrow(
      new TypeError("Cannot normalize a value that is not a string: current value is number 7"),
    );
    expect(() => repeatNormalize("가", null as unknown as RepeatNormalizeOptions)).toThrow(TypeError);
    expect(() => repeatNormalize("가", { numRepeats: 4 })).toThrow(
      new RangeError("Cannot normalize as numRepeats must be less than minRun: numRepeats is 4, minRun is 4"),
    );
    for (const options of [{ numRepeats: -1 }, { numRepeats: 1.5 }, { minRun: 1 }, { minRun: Number.NaN }]) {
      expect(() => repeatNormalize("가", options)).toThrow(RangeError);
    }
  });
});

// --- internal ---

/** `repeat_normalize`, with Python's `\w` and `\s` spelled out. */
function reference(text: string, minRun: number, numRepeats: number): string {
  const run = new RegExp(`([\\p{L}\\p{N}_])\\1{${minRun - 1},}`, "gu");
  // oxlint-disable-next-line no-control-regex -- Python's \s holds them
  const space = /[\t-\r\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/gu;
  const repeated = numRepeats === 0 ? text : text.replace(run, "$1".repeat(numRepeats));
  return repeated.replace(space, " ").replace(/^ | $/gu, "");
}
