import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatVocab, parseVocab } from "./vocab.ts";

describe("parseVocab()", () => {
  test("reads a token a line, the last line ended or not", () => {
    expect(parseVocab("[PAD]\n가\n##나\n")).toEqual(["[PAD]", "가", "##나"]);
    expect(parseVocab("[PAD]\n가")).toEqual(["[PAD]", "가"]);
  });

  test("trims white space at the end of a line, as Hugging Face does", () => {
    expect(parseVocab(" 가 \t\n나\u3000\u0085\n다\ufeff\n\n라\n")).toEqual([
      " 가",
      "나",
      "다\ufeff",
      "",
      "라",
    ]);
  });

  test("refuses a byte-order mark", () => {
    expect(() => parseVocab("\ufeff[PAD]\n")).toThrow(SyntaxError);
    expect(() => parseVocab("\ufeff[PAD]\n")).toThrow(
      /byte-order mark \(U\+FEFF\).*save it as UTF-8 without one/,
    );
  });

  test("refuses carriage returns, and names the line", () => {
    expect(() => parseVocab("[PAD]\n가\r\n나\r\n")).toThrow(SyntaxError);
    expect(() => parseVocab("[PAD]\n가\r\n나\r\n")).toThrow(/line 2 holds a carriage return.*LF line ends/);
  });

  test("refuses an empty file", () => {
    expect(() => parseVocab("")).toThrow(/it is empty: expected one token a line/);
  });
});

describe("formatVocab()", () => {
  test("writes what parseVocab() reads", () => {
    const token = fc.string({ unit: "binary", maxLength: 5 });
    fc.assert(
      fc.property(fc.array(token, { minLength: 1 }), (tokens) => {
        let text: string;
        try {
          text = formatVocab(tokens);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          return;
        }
        expect(parseVocab(text)).toEqual(tokens);
      }),
      { numRuns: 2000 },
    );
  });

  test.each(["가\n", "가\r나", "가 ", "\u3000", "\ufeff가"])(
    "refuses %j, which would be read back differently",
    (token) => {
      expect(() => formatVocab([token])).toThrow(RangeError);
      expect(() => formatVocab([token])).toThrow(/^Cannot write token 0, .*use tokenizer.json$/);
    },
  );
});
