import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BertTokenizer } from "./bert_tokenizer.ts";
import type { EncodeOptions } from "./encode_options.ts";
import type { Encoding } from "./encoding.ts";

const vocab = readFileSync(
  new URL("../../../tests/golden/tokenizer/kcbert.vocab.txt", import.meta.url),
  "utf8",
);
const kcbert = BertTokenizer.fromVocab(vocab);
const SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/** A tokenizer of the five special tokens and a few more. */
function small(tokens: string[], options = {}): BertTokenizer {
  return BertTokenizer.fromVocab([...SPECIALS, ...tokens], options);
}

function spans({ offsets }: Encoding): [number, number][] {
  return Array.from({ length: offsets.length / 2 }, (_, i) => [offsets[2 * i]!, offsets[2 * i + 1]!]);
}

function plain(encoding: Encoding): unknown {
  const { ids, typeIds, attentionMask, specialTokensMask, offsets, wordIds, tokens } = encoding;
  return { ids, typeIds, attentionMask, specialTokensMask, offsets, wordIds, tokens };
}

/** Text as comments hold it, and text meant to hurt. */
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "영화",
        "재밌",
        "ㅋㅋㅋ",
        "ㅠㅠ",
        " ",
        "  ",
        "!",
        "?",
        "...",
        "[MASK]",
        "[SEP",
        "😀",
        "👨‍👩‍👧",
        "漢字",
        "\u200b",
      ),
      fc.constantFrom(
        "\u{e0001}",
        "\ud83c",
        "\udf00",
        "é",
        "e\u0301",
        "\u1112\u1161\u11ab",
        "\u0000",
        "\u00a0",
        "𝒜",
        "𐄀",
        "\u{1d1aa}",
      ),
      fc.string({ unit: "grapheme", maxLength: 8 }),
      fc.string({ unit: "binary", maxLength: 8 }),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(""));

describe("encode()", () => {
  test("adds special tokens, offsets, words and masks", () => {
    const encoding = kcbert.encode("영화가 재밌다!");
    expect(encoding.tokens).toEqual(["[CLS]", "영화", "##가", "재밌", "##다", "!", "[SEP]"]);
    expect(spans(encoding)).toEqual([
      [0, 0],
      [0, 2],
      [2, 3],
      [4, 6],
      [6, 7],
      [7, 8],
      [0, 0],
    ]);
    expect([...encoding.wordIds]).toEqual([-1, 0, 0, 1, 1, 2, -1]);
    expect([...encoding.specialTokensMask]).toEqual([1, 0, 0, 0, 0, 0, 1]);
    expect([...encoding.attentionMask]).toEqual([1, 1, 1, 1, 1, 1, 1]);
    expect([...encoding.typeIds]).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });

  test("gives the empty text its special tokens alone", () => {
    expect(kcbert.encode("").tokens).toEqual(["[CLS]", "[SEP]"]);
    expect(kcbert.encode("", { addSpecialTokens: false }).length).toBe(0);
    expect(kcbert.encode([]).tokens).toEqual(["[CLS]", "[SEP]"]);
  });

  test("splits as Google's BERT with longest_first_google: the odd token goes to the first", () => {
    const lengths = (truncation: EncodeOptions["truncation"]): number[] => {
      const { typeIds, specialTokensMask } = kcbert.encode("가 나 다 라 마", {
        pair: "가 나 다 라 마",
        maxLength: 10,
        truncation: truncation!,
      });
      const kept = [...typeIds].filter((_, i) => specialTokensMask[i] === 0);
      return [kept.filter((type) => type === 0).length, kept.filter((type) => type === 1).length];
    };
    expect(lengths("longest_first_google")).toEqual([4, 3]);
    expect(lengths("longest_first")).toEqual([3, 4]);
  });

  test("longest_first_google equals popping one by one", () => {
    const of = (n: number): string => Array.from({ length: n }, () => "가").join(" ");
    fc.assert(
      fc.property(fc.nat(12), fc.nat(12), fc.integer({ min: 3, max: 30 }), (first, second, maxLength) => {
        let [a, b] = [first, second];
        while (a + b > maxLength - 3) {
          if (a > b) a--;
          else b--;
        }
        const encoding = kcbert.encode(of(first), {
          pair: of(second),
          maxLength,
          truncation: "longest_first_google",
        });
        expect(encoding.length).toBe(a + b + 3);
        expect([...encoding.typeIds].filter((type) => type === 1).length).toBe(b + 1);
      }),
    );
  });

  test("gives no windows unless stride asks for them", () => {
    const long = "영화 ".repeat(20);
    expect(kcbert.encode(long, { maxLength: 8 }).overflowing).toEqual([]);
    const windows = kcbert.encode(long, { maxLength: 8, stride: 2 }).overflowing;
    expect(windows.map((window) => window.length)).toEqual([8, 8, 8, 6]);
    expect(spans(windows[0]!)[1]).toEqual(spans(kcbert.encode(long, { maxLength: 8 }))[5]);
  });

  test("pads to maxLength, to a number, to a multiple, on either side", () => {
    const pad = (options: EncodeOptions): number[] => [...kcbert.encode("영화", options).attentionMask];
    expect(pad({ padding: "max_length", maxLength: 5 })).toEqual([1, 1, 1, 0, 0]);
    expect(pad({ padding: 4, paddingSide: "left" })).toEqual([0, 1, 1, 1]);
    expect(pad({ padding: true, padToMultipleOf: 4 })).toEqual([1, 1, 1, 0]);
    expect(pad({ padding: 2 })).toEqual([1, 1, 1]);
  });

  test("takes an id other than 0 for padding", () => {
    const tokenizer = BertTokenizer.fromVocab(["[UNK]", "[CLS]", "[SEP]", "[MASK]", "[PAD]", "가"]);
    expect([...tokenizer.encode("가", { padding: 5, paddingSide: "left" }).ids]).toEqual([4, 4, 1, 5, 2]);
    expect([...tokenizer.encodeBatch(["가", ""], { padding: true }).ids]).toEqual([1, 5, 2, 1, 2, 4]);
  });

  test("takes default options from the tokenizer, and lets the call override them", () => {
    const tokenizer = small(["가"], { defaults: { maxLength: 4 } });
    expect(tokenizer.encode("가 가 가").length).toBe(4);
    expect(tokenizer.encode("가 가 가", { maxLength: 5 }).length).toBe(5);
    expect(tokenizer.encode("가 가 가", { truncation: false }).length).toBe(5);
  });

  test("keeps results apart: a later call changes none", () => {
    const first = kcbert.encode("영화가 재밌다");
    const before = JSON.stringify(plain(first));
    kcbert.encode("전혀 다른 글이고 더 길다");
    expect(JSON.stringify(plain(first))).toBe(before);
  });
});

describe("a walk with removed and isolated characters beyond U+FFFF", () => {
  // U+DB40 leads both U+E0001, which is removed, and U+E0100, a variation selector that stays.
  const selector = "\u{e0100}";
  const tag = "\u{e0001}";
  const tokenizer = small(["가나", "가", `가${selector}`, "##나", "𐄀", "𐀀", "##𐀀", "##다라마", "##다"]);

  test("a removed character inside a piece is covered, at its end it is not", () => {
    const encoding = tokenizer.encode(`가${tag}나${tag} ${tag}가${tag}`, { addSpecialTokens: false });
    expect(encoding.tokens).toEqual(["가나", "가"]);
    expect(spans(encoding)).toEqual([
      [0, 4],
      [9, 10],
    ]);
  });

  test("a piece that ends before a removed character goes on after it", () => {
    const encoding = tokenizer.encode(`가나${tag}다라\u200b${tag}가`, { addSpecialTokens: false });
    expect(encoding.tokens).toEqual(["[UNK]"]);
    expect(spans(encoding)).toEqual([[0, 10]]);
    expect(tokenizer.encode(`가나${tag}다\u200b라${tag}마`).tokens).toEqual([
      "[CLS]",
      "가나",
      "##다라마",
      "[SEP]",
    ]);
    expect(tokenizer.encode(`가${selector}${tag}나`).tokens).toEqual([
      "[CLS]",
      `가${selector}`,
      "##나",
      "[SEP]",
    ]);
  });

  test("𐄀 is punctuation, 𐀀 of the same high surrogate is not", () => {
    expect(tokenizer.encode("𐀀𐄀𐀀𐀀").tokens).toEqual(["[CLS]", "𐀀", "𐄀", "𐀀", "##𐀀", "[SEP]"]);
    expect(tokenizer.encode("𐄁𐄀").tokens).toEqual(["[CLS]", "[UNK]", "𐄀", "[SEP]"]);
  });

  test("lone surrogates are removed", () => {
    const encoding = tokenizer.encode("\udc00가\ud800나\ud800", { addSpecialTokens: false });
    expect(encoding.tokens).toEqual(["가나"]);
    expect(spans(encoding)).toEqual([[1, 4]]);
  });

  test("a word of 100 kept characters is split, one of 101 is not", () => {
    const word = (count: number): string => "가" + `\u200b나`.repeat(count - 1);
    expect(tokenizer.encode(word(100)).length).toBe(101); // 가나 is one token
    expect(tokenizer.encode(`${word(101)} 가`).tokens).toEqual(["[CLS]", "[UNK]", "가", "[SEP]"]);
    expect(spans(tokenizer.encode(`${word(101)}\u200b`))[1]).toEqual([0, 201]);
  });
});

describe("normalization", () => {
  test("nfc composes, with offsets of the text given", () => {
    const decomposed = "영화가".normalize("NFD");
    expect(kcbert.encode(decomposed).tokens).toEqual(["[CLS]", "[UNK]", "[SEP]"]);
    const tokenizer = BertTokenizer.fromVocab(vocab, { nfc: true });
    const encoding = tokenizer.encode(`${decomposed} 재밌다`);
    expect(encoding.tokens).toEqual(["[CLS]", "영화", "##가", "재밌", "##다", "[SEP]"]);
    expect(spans(encoding).slice(1, 5)).toEqual([
      [0, 5],
      [5, 7],
      [8, 10],
      [10, 11],
    ]);
  });

  test("nfc leaves composed text alone", () => {
    const tokenizer = BertTokenizer.fromVocab(vocab, { nfc: true });
    fc.assert(
      fc.property(text, (input) => {
        const composed = input.normalize("NFC");
        expect(plain(tokenizer.encode(composed))).toEqual(plain(kcbert.encode(composed)));
        expect([...tokenizer.encode(input).ids]).toEqual([...kcbert.encode(composed).ids]);
      }),
    );
  });

  test("lowercase treats each code point by itself: no final sigma, İ grows", () => {
    const tokenizer = small(["ασ", "##σ", "i̇"], { lowercase: true, stripAccents: false });
    expect(tokenizer.encode("ΑΣΣ İ").tokens).toEqual(["[CLS]", "ασ", "##σ", "i̇", "[SEP]"]);
    expect(spans(tokenizer.encode("ΑΣΣ İ")).slice(1, 4)).toEqual([
      [0, 2],
      [2, 3],
      [4, 5],
    ]);
  });
});

describe("splitUnknown", () => {
  const tokenizer = small(["재밌", "##게", "##다", "가", "!", "😀"], { splitUnknown: true });
  const tokens = (input: string): string[] => [
    ...tokenizer.encode(input, { addSpecialTokens: false }).tokens,
  ];

  test("splits runs of missing characters off, and keeps the rest", () => {
    expect(tokens("재밌게ㅠㅠ")).toEqual(["재밌", "##게", "[UNK]"]);
    expect(tokens("ㅠ재밌ㅜㅠ가")).toEqual(["[UNK]", "재밌", "[UNK]", "가"]);
    expect(tokens("ㅠㅠ")).toEqual(["[UNK]"]);
    const encoding = tokenizer.encode("ㅠ재밌\u200bㅜ\u200bㅠ가", { addSpecialTokens: false });
    expect(spans(encoding)).toEqual([
      [0, 1],
      [1, 3],
      [4, 7],
      [7, 8],
    ]);
    expect([...encoding.wordIds]).toEqual([0, 1, 2, 3]);
  });

  test("leaves words alone that lack no character", () => {
    expect(tokens("게재밌 재밌게다 가!")).toEqual(["[UNK]", "재밌", "##게", "##다", "가", "!"]);
    expect(tokens(`가${"ㅠ".repeat(100)}`)).toEqual(["[UNK]"]); // too long stays so
  });

  test("never gives a token for less text, and equals the default where nothing is unknown", () => {
    const repairing = BertTokenizer.fromVocab(vocab, { splitUnknown: true });
    fc.assert(
      fc.property(text, (input) => {
        const strict = kcbert.encode(input);
        const repaired = repairing.encode(input);
        if (!strict.ids.includes(kcbert.unkId)) expect(plain(repaired)).toEqual(plain(strict));
        expect(repaired.length).toBeGreaterThanOrEqual(strict.length);
      }),
    );
  });
});

describe("properties", () => {
  test("offsets slice back to the token", () => {
    fc.assert(
      fc.property(text, (input) => {
        const { ids, tokens, offsets } = kcbert.encode(input, { addSpecialTokens: false });
        let last = 0;
        for (let i = 0; i < ids.length; i++) {
          const [start, end] = [offsets[2 * i]!, offsets[2 * i + 1]!];
          expect(start).toBeGreaterThanOrEqual(last);
          expect(end).toBeGreaterThan(start);
          last = end;
          if (ids[i] === kcbert.unkId) continue;
          const source = input.slice(start, end).replace(/\p{Cc}|\p{Cf}|\p{Co}|\p{Cs}|\ufffd/gu, "");
          expect(source).toBe(tokens[i]!.replace(/^##(?=.)/su, ""));
        }
      }),
      { numRuns: 500 },
    );
  });

  test("what was encoded before changes nothing", () => {
    const tokens = [
      "영",
      "##화",
      "영화",
      "##영화",
      "재밌",
      "ㅋ",
      "##ㅋ",
      "##ㅋㅋ",
      "!",
      "漢",
      "😀",
      "##😀",
      "é",
      "##é",
      "𝒜",
    ];
    const used = small(tokens);
    fc.assert(
      fc.property(text, (input) => {
        expect(plain(used.encode(input))).toEqual(plain(small(tokens).encode(input)));
      }),
      { numRuns: 50 },
    );
  });

  test("removed characters change no token, and offsets lead around them", () => {
    const removed = fc.constantFrom("", "", "\u200b", "\u{e0001}", "\udc00", "\u0000");
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(..."영 화 재 밌 다 ㅋ !".split(" "), " "), removed)),
        (pairs) => {
          const clean = pairs.map(([kept]) => kept).join("");
          const dirty = pairs.flat().join("");
          const at = pairs.map((_, i) => pairs.slice(0, i).flat().join("").length);
          const expected = kcbert.encode(clean, { addSpecialTokens: false });
          const actual = kcbert.encode(dirty, { addSpecialTokens: false });
          expect(actual.ids).toEqual(expected.ids);
          expect(spans(actual)).toEqual(spans(expected).map(([start, end]) => [at[start], at[end - 1]! + 1]));
        },
      ),
    );
  });

  test("offset units agree", () => {
    fc.assert(
      fc.property(text, (input) => {
        const at = (unit: EncodeOptions["offsetUnit"]): Int32Array =>
          kcbert.encode(input, { offsetUnit: unit! }).offsets;
        const [utf16, codePoint, byte] = [at("utf16"), at("codepoint"), at("byte")];
        for (let i = 0; i < utf16.length; i++) {
          const before = input.slice(0, utf16[i]);
          expect(codePoint[i]).toBe(Array.from(before).length);
          expect(byte[i]).toBe(new TextEncoder().encode(before).length);
        }
      }),
    );
  });

  test("decode() of encode() gives the text back where the vocabulary covers it", () => {
    const words = fc.array(
      fc.constantFrom("영화", "재밌다", "정말", "ㅋㅋㅋ", "최고의", "배우들", "2편", "😀", "OK"),
      { minLength: 1, maxLength: 20 },
    );
    fc.assert(
      fc.property(words, (parts) => {
        const input = parts.join(" ");
        const { ids } = kcbert.encode(input);
        fc.pre(!ids.includes(kcbert.unkId));
        expect(kcbert.decode(ids)).toBe(input);
      }),
    );
  });

  test("a batch equals single calls, flat and padded, with offsets and windows", () => {
    const options = fc.record(
      {
        maxLength: fc.integer({ min: 4, max: 20 }),
        stride: fc.constantFrom(0, 1),
        padding: fc.constantFrom(false, true, 12),
        padToMultipleOf: fc.constantFrom(1, 8),
        paddingSide: fc.constantFrom("left" as const, "right" as const),
        truncationSide: fc.constantFrom("left" as const, "right" as const),
        offsetUnit: fc.constantFrom("utf16" as const, "codepoint" as const),
        addSpecialTokens: fc.boolean(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(text, { maxLength: 6 }), options, (texts, options) => {
        const batch = kcbert.encodeBatch(texts, { ...options, offsets: true });
        const padding = options.padding === true ? batch.width : (options.padding ?? false);
        const rows = texts.flatMap((input, t) => {
          const encoding = kcbert.encode(input, { ...options, padding });
          return [encoding, ...encoding.overflowing].map((row) => ({ row, t }));
        });
        expect(batch.rows).toBe(rows.length);
        expect([...batch.textIndexes]).toEqual(rows.map(({ t }) => t));
        for (const [r, { row }] of rows.entries()) {
          const [start, end] = [batch.rowStarts[r]!, batch.rowStarts[r + 1]!];
          expect([...batch.ids.subarray(start, end)]).toEqual([...row.ids]);
          expect([...batch.typeIds.subarray(start, end)]).toEqual([...row.typeIds]);
          expect([...batch.attentionMask.subarray(start, end)]).toEqual([...row.attentionMask]);
          expect([...batch.specialTokensMask.subarray(start, end)]).toEqual([...row.specialTokensMask]);
          expect([...batch.offsets!.subarray(2 * start, 2 * end)]).toEqual([...row.offsets]);
          expect([...batch.wordIds!.subarray(start, end)]).toEqual([...row.wordIds]);
        }
        expect([...kcbert.encodeBatch(texts, options).ids]).toEqual([...batch.ids]);
      }),
    );
  });

  test("a batch of pairs equals single calls", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 4 }), (pairs) => {
        const batch = kcbert.encodeBatch(
          pairs.map(([a]) => a),
          { pairs: pairs.map(([, b]) => b), maxLength: 9, padding: 9 },
        );
        const single = pairs.map(([a, pair]) => kcbert.encode(a, { pair, maxLength: 9, padding: 9 }));
        expect([...batch.ids]).toEqual(single.flatMap(({ ids }) => [...ids]));
        expect([...batch.typeIds]).toEqual(single.flatMap(({ typeIds }) => [...typeIds]));
      }),
    );
  });

  test("pretokenized words equal the words of the text", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("영화", "재밌다!", "ㅋㅋㅋ", "[MASK]", "x漢y"), { maxLength: 9 }),
        (words) => {
          const together = kcbert.encode(words);
          const apart = words.map((word) => kcbert.encode(word, { addSpecialTokens: false }));
          expect([...together.ids].slice(1, -1)).toEqual(apart.flatMap(({ ids }) => [...ids]));
          expect([...together.offsets].slice(2, -2)).toEqual(apart.flatMap(({ offsets }) => [...offsets]));
          expect([...together.wordIds].slice(1, -1)).toEqual(
            apart.flatMap(({ ids }, w) => Array.from(ids, () => w)),
          );
        },
      ),
    );
  });
});

describe("a megabyte without mercy", () => {
  const size = 1 << 20;
  test.each<[name: string, input: string, tokens: number]>([
    ["no space", "가나다라".repeat(size / 4), 3],
    ["zero-width joiners alone", "\u200d".repeat(size), 2],
    ["opening brackets alone", "[".repeat(size), size + 2],
    ["almost special tokens", "[MASK".repeat(size / 8), (size / 8) * 5 + 2],
    ["one unknown word", "뷁".repeat(size), 3],
    ["a word with joiners between", "가\u200d".repeat(size / 2), 3],
    ["a joiner run inside a word", `가${"\u200d".repeat(size)}나`, 3],
    ["emoji", "😀".repeat(size / 2), 3],
    ["lone surrogates", "\ud83d".repeat(size), 2],
    ["marks", `가${"\u0301".repeat(size)}`, 3],
    ["marks out of order", `가${"\u0301\u0316".repeat(size / 2)}`, 3],
  ])("%s", (_, input, tokens) => {
    expect(kcbert.encode(input).length).toBe(tokens);
    expect(kcbert.encode(input, { offsetUnit: "codepoint" }).length).toBe(tokens);
    const strict = BertTokenizer.fromVocab(vocab, { nfc: true, lowercase: true, splitUnknown: true });
    expect(strict.encode(input).length).toBeGreaterThanOrEqual(2);
  });
});

test("a token that is half a surrogate pair matches nothing, though a whole pair begins with it", () => {
  const tokenizer = BertTokenizer.fromVocab([...SPECIALS, "😀", "\ud83d", "가😀", "가\ud83d"]);
  expect(tokenizer.encode("😀 😁 가😀 가😁").tokens).toEqual([
    "[CLS]",
    "😀",
    "[UNK]",
    "가😀",
    "[UNK]",
    "[SEP]",
  ]);
  expect(tokenizer.tokenToId("\ud83d")).toBe(6);
});

describe("decode()", () => {
  test("convertTokensToString() joins tokens alike", () => {
    const { ids, tokens } = kcbert.encode("정말 재밌다!");
    expect(kcbert.convertTokensToString(tokens.slice(1, -1))).toBe(kcbert.decode(ids));
    expect(kcbert.convertTokensToString(["없는", "##말", "do not", "."])).toBe("없는말 don't.");
  });

  test("skips special tokens unless told otherwise", () => {
    const { ids } = kcbert.encode("정말 재밌다 !");
    expect(kcbert.decode(ids)).toBe("정말 재밌다!");
    expect(kcbert.decode(ids, { skipSpecialTokens: false })).toBe("[CLS] 정말 재밌다! [SEP]");
    expect(kcbert.decode(ids, { cleanup: false })).toBe("정말 재밌다 !");
    expect(kcbert.decode([])).toBe("");
  });

  test("leaves ids beyond the vocabulary out, or throws with strict", () => {
    expect(kcbert.decode([9376, 30_000])).toBe("영화");
    expect(() => kcbert.decode([9376, 30_000], { strict: true })).toThrow(
      new RangeError("Cannot decode the id at index 1 as ids must be integers from 0 to 29999: it is 30000"),
    );
  });

  test.each([-1, 1.5, NaN, Infinity])("throws for %s, which is no id", (id) => {
    expect(() => kcbert.decode([id])).toThrow(RangeError);
  });
});

describe("tokens and ids", () => {
  test("tokenToId() and idToToken() are inverse over the whole vocabulary", () => {
    expect(kcbert.vocabSize).toBe(30_000);
    for (let id = 0; id < kcbert.vocabSize; id++) {
      if (kcbert.tokenToId(kcbert.idToToken(id)!) !== id) expect.unreachable(`id ${id}`);
    }
    expect(kcbert.tokenToId("##")).toBeUndefined();
    expect(kcbert.tokenToId("")).toBeUndefined();
    expect(kcbert.tokenToId("없는토큰")).toBeUndefined();
    expect(kcbert.idToToken(30_000)).toBeUndefined();
  });

  test("vocabText() is the file read", () => {
    expect(kcbert.vocabText()).toBe(vocab);
  });

  test("special tokens can have other names, and there can be more", () => {
    const tokenizer = BertTokenizer.fromVocab(["<p>", "<u>", "<c>", "<s>", "<m>", "가"], {
      specialTokens: { pad: "<p>", unk: "<u>", cls: "<c>", sep: "<s>", mask: "<m>" },
      additionalSpecialTokens: ["<user>", "가"],
    });
    expect(tokenizer.vocabSize).toBe(7);
    expect(tokenizer.encode("<user>가나<m>[MASK]").tokens).toEqual([
      "<c>",
      "<user>",
      "가",
      "<u>",
      "<m>",
      "<u>",
      "<u>",
      "<u>",
      "<s>",
    ]);
    expect(tokenizer.decode([2, 6, 5, 3])).toBe("");
  });
});

describe("bad input", () => {
  const throws = (run: () => unknown, error: Error): void => expect(run).toThrow(error);

  test("a vocabulary with a duplicate names both ids", () => {
    throws(
      () => small(["가", "나", "가"]),
      new RangeError(
        `Cannot use the vocabulary as token "가" occurs twice, as id 5 and 7: keep one of them, ids must be unique`,
      ),
    );
    throws(
      () => small(["[PAD]"]),
      new RangeError(
        `Cannot use the vocabulary as token "[PAD]" occurs twice, as id 0 and 5: keep one of them, ids must be unique`,
      ),
    );
    expect(() => small(["##가", "##가"])).toThrow(/"##가" occurs twice/);
    expect(() => small(["!", "!"])).toThrow(/"!" occurs twice/);
    expect(() => small(["𐄀", "𐄀"])).toThrow(/"𐄀" occurs twice/);
    expect(() => small(["", ""])).toThrow(/"" occurs twice/);
  });

  test.each([
    ["[UNK]", "unk"],
    ["[PAD]", "pad"],
    ["[CLS]", "cls"],
    ["[SEP]", "sep"],
    ["[MASK]", "mask"],
  ])("a vocabulary without %s names it and the option", (token, role) => {
    throws(
      () => BertTokenizer.fromVocab(SPECIALS.filter((special) => special !== token)),
      new RangeError(
        `Cannot use the vocabulary as it has no "${token}": add that token, or name the one that plays its part with the option specialTokens.${role}`,
      ),
    );
  });

  test("tokens that are no strings", () => {
    throws(
      () => BertTokenizer.fromVocab([...SPECIALS, 5 as unknown as string]),
      new TypeError("Cannot use the vocabulary as its tokens must be strings: token 5 is a number"),
    );
    throws(
      () => BertTokenizer.fromVocab(5 as unknown as string),
      new TypeError(
        "Cannot use the vocabulary as it must be the text of a vocab.txt, or an array of tokens: it is a number",
      ),
    );
  });

  test.each([undefined, null, 5, {}, new Uint8Array(3)])("text that is %s", (input) => {
    expect(() => kcbert.encode(input as unknown as string)).toThrow(TypeError);
    expect(() => kcbert.encode([input] as unknown as string[])).toThrow(TypeError);
    expect(() => kcbert.encode("가", { pair: (input ?? 5) as unknown as string })).toThrow(TypeError);
    expect(() => kcbert.encodeBatch([input] as unknown as string[])).toThrow(TypeError);
    expect(() => kcbert.encodeBatch(input as unknown as string[])).toThrow(TypeError);
  });

  test("text errors name what was given", () => {
    throws(
      () => kcbert.encode(5 as unknown as string),
      new TypeError("Cannot encode as text must be a string, or an array of words: it is a number"),
    );
    throws(
      () => kcbert.encodeBatch("가" as unknown as string[]),
      new TypeError("Cannot encode as texts must be an array of strings: it is a string"),
    );
  });

  test("stride that leaves no step", () => {
    throws(
      () => kcbert.encode("가", { maxLength: 32, stride: 30 }),
      new RangeError(
        "Cannot encode with overflow as stride must be less than the window, maxLength minus special tokens and what the other sequence takes: stride is 30, window is 30",
      ),
    );
    expect(() =>
      kcbert.encode("가 ".repeat(40), { pair: "가 ".repeat(40), maxLength: 33, stride: 16 }),
    ).toThrow(/stride is 16, window is 15/);
  });

  test("maxLength below the special tokens", () => {
    throws(
      () => kcbert.encode("가", { maxLength: 1 }),
      new RangeError(
        "Cannot encode as maxLength must be at least 2, the special tokens of one text: maxLength is 1",
      ),
    );
    throws(
      () => kcbert.encode("가", { pair: "나", maxLength: 2 }),
      new RangeError(
        "Cannot encode as maxLength must be at least 3, the special tokens of a pair: maxLength is 2",
      ),
    );
    expect(kcbert.encode("가", { maxLength: 2 }).tokens).toEqual(["[CLS]", "[SEP]"]);
    expect(kcbert.encode("가", { maxLength: 0, addSpecialTokens: false }).length).toBe(0);
  });

  test.each<[name: string, options: object]>([
    ["maxLength", { maxLength: -1 }],
    ["maxLength", { maxLength: 3.5 }],
    ["stride", { stride: -1 }],
    ["padding", { padding: "always" }],
    ["padding", { padding: -4 }],
    ["padToMultipleOf", { padToMultipleOf: 0 }],
    ["paddingSide", { paddingSide: "top" }],
    ["truncation", { truncation: "LongestFirst" }],
    ["truncationSide", { truncationSide: 1 }],
    ["offsetUnit", { offsetUnit: "char" }],
    ["maxLength", { padding: "max_length" }],
  ])("an option %s of no meaning", (name, options) => {
    expect(() => kcbert.encode("가", options)).toThrow(RangeError);
    expect(() => kcbert.encode("가", options)).toThrow(name);
    expect(() => kcbert.encodeBatch(["가"], options)).toThrow(RangeError);
  });

  test("truncation of one sequence that is too short", () => {
    throws(
      () => kcbert.encode("가 나", { pair: "다 라 마", maxLength: 5, truncation: "only_first" }),
      new RangeError(
        `Cannot truncate the first sequence alone as it has 2 tokens, and 3 must go: raise maxLength, or use "longest_first"`,
      ),
    );
    throws(
      () => kcbert.encode("가 나", { maxLength: 3, truncation: "only_second" }),
      new RangeError(
        `Cannot truncate the second sequence alone as it has 0 tokens, and 1 must go: raise maxLength, or use "longest_first"`,
      ),
    );
  });

  test("pairs that are not as many as texts", () => {
    throws(
      () => kcbert.encodeBatch(["가"], { pairs: [] }),
      new RangeError("Cannot encode the batch as pairs must be as many as texts: 0 pairs, 1 texts"),
    );
  });

  test("a failed call leaves the tokenizer usable", () => {
    expect(() => kcbert.encodeBatch(["영화", 5 as unknown as string])).toThrow(TypeError);
    expect(kcbert.encodeBatch(["영화"]).ids).toEqual(Int32Array.of(2, 9376, 3));
  });
});
