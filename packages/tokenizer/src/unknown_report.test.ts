import { describe, expect, test } from "vitest";
import { BertTokenizer } from "./bert_tokenizer.ts";
import type { BertTokenizerOptions } from "./bert_tokenizer.ts";
import { reportUnknown } from "./unknown_report.ts";

function small(options: BertTokenizerOptions = {}): BertTokenizer {
  const tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "재밌", "##게", "가", "!"];
  return BertTokenizer.fromVocab(tokens, options);
}

describe("reportUnknown()", () => {
  test("tells the three reasons apart", () => {
    const long = "가".repeat(101);
    expect(reportUnknown(small(), `재밌ㅠㅠ&가 게 ${long} 재밌게! & [UNK]`)).toEqual({
      tokens: 10,
      unknown: [
        { start: 0, end: 4, text: "재밌ㅠㅠ", reason: "missing_character", missing: ["ㅠ"] },
        { start: 4, end: 5, text: "&", reason: "missing_character", missing: ["&"] },
        { start: 7, end: 8, text: "게", reason: "no_match", missing: [] },
        { start: 9, end: 110, text: long, reason: "too_long", missing: [] },
        { start: 116, end: 117, text: "&", reason: "missing_character", missing: ["&"] },
      ],
      warnings: [],
    });
  });

  test("finds nothing where nothing is unknown", () => {
    expect(reportUnknown(small(), "재밌게 [MASK] 가!")).toEqual({ tokens: 5, unknown: [], warnings: [] });
  });

  test("notices conjoining jamo, unless they are composed", () => {
    const text = "재밌게".normalize("NFD");
    expect(reportUnknown(small(), text).warnings).toEqual([expect.stringContaining("conjoining jamo (NFD)")]);
    expect(reportUnknown(small({ nfc: true }), text)).toEqual({ tokens: 2, unknown: [], warnings: [] });
  });

  test("warns once when accents are stripped from Hangul", () => {
    const { warnings } = reportUnknown(small({ lowercase: true }), "재밌게 가");
    expect(warnings).toEqual([expect.stringContaining("strips accents")]);
    expect(reportUnknown(small({ lowercase: true, stripAccents: false }), "재밌게").warnings).toEqual([]);
  });

  test("throws for what is no text", () => {
    expect(() => reportUnknown(small(), 5 as unknown as string)).toThrow(TypeError);
  });
});
