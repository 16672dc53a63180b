import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clean, type CleanOptions, cleanWithOffsets } from "./clean.ts";

const golden = new URL("../../../tests/golden/normalizer/", import.meta.url);
const vectors = readVectors("clean.jsonl.gz");
const variantVectors = readVectors("clean-variants.jsonl.gz");

const columns: [string, CleanOptions][] = [
  ["out", {}],
  ["out", { variant: "2021", minRun: 4 }],
  ["min3", { minRun: 3 }],
  ["wideHangul", { variant: "2020" }],
  ["noEmoji", { variant: "2022" }],
];

describe("clean() gives what the Python reference gives", () => {
  test("for all of clean.jsonl.gz", () => {
    expect(vectors.length).toBe(39_785);
    expect(vectors.filter((vector) => clean(vector["in"]!) !== vector["out"])).toEqual([]);
  });

  test.each(columns)("for column %s of clean-variants.jsonl.gz with %o", (column, options) => {
    expect(variantVectors.length).toBe(2_956);
    const wrong = variantVectors.filter((vector) => clean(vector["in"]!, options) !== vector[column]);
    expect(wrong).toEqual([]);
  });
});

describe("clean() step by step", () => {
  test.each([
    // step 1: what is kept
    ["\0a\u007f\u0008", "\0a\u007f\u0008", "controls are ASCII, so kept"],
    ["％·∼", "％·∼", "three signs beyond ASCII"],
    ["가～나〜다・라ㆍ마", "가 나 다 라 마", "their look-alikes go"],
    ["ㄱㅎㅏㅣ", "ㄱㅎㅏㅣ", "compatibility jamo"],
    ["가\u3164나", "가 나", "the Hangul filler goes"],
    ["\u1112\u1161\u11ab", "", "conjoining jamo go"],
    ["ﾡ漢かｶＡé…♡★“”", "", "half-width, Hanja, kana, full-width, accents, signs"],
    ["가\u00a0나\u3000다\ufeff라\u2028마\u0085바", "가 나 다 라 마 바", "white space beyond ASCII"],
    ["가♡♡★나", "가 나", "a removed stretch is one space"],
    ["1\ufe0f\u20e3 👨‍👩‍👧 🇰🇷 👍🏽 ©™‼ℹ〰㊗", "1\ufe0f\u20e3 👨‍👩‍👧 🇰🇷 👍🏽 ©™‼ℹ〰㊗", "emoji 0.6.0"],
    [
      "가\u200d나\ufe0f다\u20e3\u{1f3fd}\u{e007f}",
      "가\u200d나\ufe0f다\u20e3\u{1f3fd}\u{e007f}",
      "their parts, alone",
    ],
    ["가\ufe0e나\u{e0061}다", "가 나 다", "but not VS15, nor tags in no key"],
    ["🥲가🫠나⚧다", "가 나 다", "emoji since 13"],
    ["가\ud83d나\udc4d다", "가 나 다", "lone surrogates"],
    ["\udc4d\ud83d", "", "surrogates the wrong way round"],
    // step 2: links
    ["보라 http://a.com/x?y=1&z#w 꼭", "보라 꼭", "a link and its tail"],
    ["http://a.com을", "http://a.com을", "no boundary between m and 을"],
    ["http://a.com/x을", "을", "a path ends at Hangul"],
    ["http://a.co.kr을", "을", "an earlier dot matches, the tail takes the rest"],
    ["http://a.photography/x", "http://a.photography/x", "an ending longer than six"],
    ["http://a.com)가", "가", "a parenthesis ends a word"],
    ["http://a.com(가", "가", "and opens one"],
    ["http://a.(", "http://a.(", "no boundary behind a parenthesis at the end"],
    ["http://a.(♡", "http://a.(", "nor before a removed character"],
    ["http://a.comℹ http://a.com漢", "http://a.comℹ", "ℹ is a letter, a removed letter is a space"],
    ["http://a.com_ http://a.com👍", "http://a.com_ 👍", "_ is a word character, an emoji is not"],
    ["HTTP://a.com Https://a.com", "HTTP://a.com Https://a.com", "lower case alone"],
    ["http://localhost/x http://.com", "http://localhost/x http://.com", "a host and a dot"],
    ["http://www.a http://www..a http://www.", "http://www.", "www. is optional"],
    [`http://${"a.".repeat(128)}com`, "", "the last dot behind 256"],
    [`http://${"ab".repeat(128)}.com`, "", "a host of 256"],
    [`http://${"ab".repeat(128)}a.com`, `http://${"ab".repeat(128)}a.com`, "a host of 257"],
    [`http://www.${"ab".repeat(128)}.com`, "", "256 behind www."],
    ["xhttps://a.comhttp://b.com", "xhttps://a.com", "no boundary before the next link"],
    ["xhttps://a.com/http://b.com", "x", "a tail takes the next link"],
    ["http://http://a.com", "http://", "a second beginning is looked at"],
    ["hhttp://a.b", "h", "an h before"],
    // steps 3 to 6: runs and white space
    ["ㅋㅋㅋ ㅋㅋㅋㅋ ㅋㅋㅋㅋㅋ", "ㅋㅋㅋ ㅋㅋ ㅋㅋ", "four and more"],
    ["1000원 10000원", "1000원 100원", "numbers too"],
    ["aaaaAAAA aaAA ____", "aaAA aaAA __", "case matters, _ is a word character"],
    ["ℹℹℹℹ", "ℹℹ", "as is ℹ"],
    ["!!!!!! ~~~~ 😂😂😂😂😂 ☺☺☺☺", "!!!!!! ~~~~ 😂😂😂😂😂 ☺☺☺☺", "signs and emoji stay"],
    ["하호하호하호하호", "하호하호하호하호", "as do units of two"],
    ["ㅋㅋhttp://a.com/ㅋㅋ", "ㅋㅋ", "a vanished link joins"],
    ["ㅋㅋ♡ㅋㅋ", "ㅋㅋ ㅋㅋ", "a removed character parts"],
    ["ㅋㅋ ㅋㅋ", "ㅋㅋ ㅋㅋ", "as does a space"],
    [" \t가\n\u000b\f\r나\u001c\u001d\u001e\u001f다 ", "가 나 다", "white space of Python"],
    ["가 http://a.com 나", "가 나", "around a link"],
    [" http://a.com ♡", "", "nothing left"],
    ["", "", "nothing at all"],
    ["htttttp://a.com", "http://a.com", "once only: it is not idempotent"],
  ])("%j → %j: %s", (text, expected) => {
    expect(clean(text)).toBe(expected);
    expect(cleanWithOffsets(text).text).toBe(expected);
  });

  test("a variant keeps its own", () => {
    expect(clean("漢ㆍ㉮㍿👍", { variant: "2020" })).toBe("漢ㆍ㉮㍿👍");
    expect(clean("漢漢漢漢 ㆍㆍㆍㆍ ㉮㉮㉮㉮", { variant: "2020" })).toBe("漢漢 ㆍㆍ ㉮㉮㉮㉮");
    expect(clean("http://a.com漢", { variant: "2020" })).toBe("http://a.com漢");
    expect(clean("가👨‍👩‍👧1\ufe0f\u20e3나©", { variant: "2022" })).toBe("가 1 나");
  });
});

describe("clean() against the published patterns as regular expressions", () => {
  test.each(columns.map(([, options]) => options))("on random text with %o", (options) => {
    const reference = makeReference(options);
    fc.assert(
      fc.property(soup, (text) => {
        expect(clean(text, options)).toBe(reference(text));
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("cleanWithOffsets()", () => {
  test.each(columns.map(([, options]) => options))("maps all golden texts with %o", (options) => {
    for (const vector of [...vectors, ...variantVectors]) checkOffsets(vector["in"]!, options);
  });

  test("maps random text", () => {
    fc.assert(
      fc.property(soup, fc.constantFrom(...columns), (text, [, options]) => checkOffsets(text, options)),
      { numRuns: 5_000 },
    );
  });

  test("maps an unchanged text to itself, its end included", () => {
    expect([...cleanWithOffsets("가 👍").offsets]).toEqual([0, 1, 2, 3, 4]);
    expect([...cleanWithOffsets("").offsets]).toEqual([0]);
  });

  test("maps the end to just past what was kept or collapsed", () => {
    expect([...cleanWithOffsets(" 가ㅋㅋㅋㅋㅋ♡ http://a.com ").offsets]).toEqual([1, 2, 3, 7]);
    expect([...cleanWithOffsets(" ♡ ").offsets]).toEqual([0]);
  });

  test("maps a joined run to its first characters", () => {
    expect([...cleanWithOffsets("ㅋhttp://a.com/ㅋㅋㅋ나").offsets]).toEqual([0, 14, 17, 18]);
  });
});

describe("bad and huge input", () => {
  test.each([
    [undefined, "undefined"],
    [null, "null"],
    [42, "number 42"],
    [["가"], "an object of Array"],
    [new Uint8Array(2), "an object of Uint8Array"],
    [Object.create(null), "an object of no class"],
    [Symbol("가"), "symbol Symbol(가)"],
    [() => "가", "a function"],
  ])("%o is not a string", (value, name) => {
    const message = `Cannot clean a value that is not a string: current value is ${name}`;
    expect(() => clean(value as string)).toThrow(new TypeError(message));
    expect(() => cleanWithOffsets(value as string)).toThrow(new TypeError(message));
  });

  test("options are an object with known values", () => {
    expect(() => clean("가", "2020" as CleanOptions)).toThrow(TypeError);
    expect(() => ["가"].map(clean as (text: string) => string)).toThrow(
      "Cannot clean as options must be an object: current value is number 0",
    );
    expect(() => clean("가", { variant: "2019" } as unknown as CleanOptions)).toThrow(
      new RangeError('Cannot clean as variant must be "2020", "2021" or "2022": current value is "2019"'),
    );
    for (const minRun of [2, 5, "4", Number.NaN]) {
      expect(() => clean("가", { minRun } as unknown as CleanOptions)).toThrow(RangeError);
    }
    expect(() => clean("가", { variant: "toString" } as unknown as CleanOptions)).toThrow(RangeError);
  });

  test("lines of 10 MB", () => {
    const unchanged = "가나다 ".repeat(2_500_000).trimEnd();
    expect(clean(unchanged)).toBe(unchanged);
    const changed = "가♡".repeat(5_000_000);
    const { text, offsets } = cleanWithOffsets(changed);
    expect(text.length).toBe(9_999_999);
    expect(offsets.at(-1)).toBe(9_999_999);
  });

  // Each would take hours if a look cost more than a few times its own length.
  test.each([
    " ",
    "ㅋ",
    "ㅋㅋㅋ ",
    "http://",
    "https://www.",
    "http://a",
    "http://a.",
    "http://a.b",
    "http://aaaaaaa.bbbbbbb",
    "www.",
    "@",
    "a.",
    "h",
    "♡",
    "♡ ",
    "👍",
    "\ud83d",
    "\udc4d",
  ])("a million of %j", (unit) => {
    for (const options of [{}, { variant: "2020" }] satisfies CleanOptions[]) {
      for (const text of [unit.repeat(1e6 / unit.length), `http://${unit.repeat(1e6 / unit.length)}`]) {
        const { text: cleaned, offsets } = cleanWithOffsets(text, options);
        expect(cleaned).toBe(clean(text, options));
        expect(offsets.length).toBe(cleaned.length + 1);
      }
    }
  });
});

// --- internal ---

/** Text of pieces in which the steps meet, with any other character now and then. */
const soup = fc
  .array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.constantFrom("ㅋ", "ㅋㅋ", "a", "h", "가", "1", "_", "ℹ", " ", "  ", "漢", "ㆍ"),
      },
      {
        weight: 4,
        arbitrary: fc.constantFrom("http://", "https://", "www.", ".", ".com", "a.b", "/", "(", ")", "://"),
      },
      {
        weight: 2,
        arbitrary: fc.constantFrom(
          "♡",
          "\t",
          "\u001c",
          "\n",
          "\u3000",
          "!",
          "~",
          "％",
          "\0",
          "\ud83d",
          "\udc4d",
        ),
      },
      { weight: 2, arbitrary: fc.constantFrom("👍", "👍🏽", "☺", "🥲", "1\ufe0f\u20e3", "👨‍👩‍👧", "𠀀") },
      { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 3 }) },
    ),
    { maxLength: 40 },
  )
  .map((pieces) => pieces.join(""));

/** Every unit of the result stands in the source where its offset says; a space stands for white space or removed. */
function checkOffsets(source: string, options: CleanOptions): void {
  const { text, offsets } = cleanWithOffsets(source, options);
  if (text !== clean(source, options)) throw new Error(`texts differ for ${JSON.stringify(source)}`);
  if (offsets.length !== text.length + 1) throw new Error(`wrong length for ${JSON.stringify(source)}`);
  let before = -1;
  for (const [index, offset] of offsets.entries()) {
    if (offset <= before && text !== "") throw new Error(`not ascending for ${JSON.stringify(source)}`);
    before = offset;
    if (index === text.length) continue;
    const agrees =
      text[index] === " "
        ? clean(String.fromCodePoint(source.codePointAt(offset)!), options) === ""
        : text[index] === source[offset];
    if (!agrees) throw new Error(`unit ${index} is not at ${offset} of ${JSON.stringify(source)}`);
  }
  if (before > source.length) throw new Error(`the end is outside ${JSON.stringify(source)}`);
}

/** The published steps, one regular expression each, with Python's `\w`, `\b` and `\s` spelled out. */
function makeReference({ variant = "2021", minRun = 4 }: CleanOptions): (text: string) => string {
  const emoji: number[] = JSON.parse(readFileSync(new URL("emoji-0.6.0-codepoints.json", golden), "utf8"));
  const hangul = variant === "2020" ? "ㄱ-힣" : "ㄱ-ㅣ가-힣";
  const kept = variant === "2022" ? [] : emoji.map((each) => `\\u{${each.toString(16)}}`);
  const word = "[\\p{L}\\p{N}_]";
  const boundary = `(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`;
  const link =
    "https?:\\/\\/(?:www\\.)?[\\-a-zA-Z0-9@:%._+~#=]{1,256}\\.[a-zA-Z0-9()]{1,6}" +
    `${boundary}[\\-a-zA-Z0-9()@:%_+.~#?&\\/=]*`;
  const steps: [RegExp, string][] = [
    [new RegExp(`[^\\x00-\\x7f％·∼${hangul}${kept.join("")}]+`, "gu"), " "],
    [new RegExp(link, "gu"), ""],
    [new RegExp(`(${word})\\1{${minRun - 1},}`, "gu"), "$1$1"],
    // oxlint-disable-next-line no-control-regex -- Python's \s holds them
    [/[\t-\r\u001c-\u001f ]+/gu, " "],
    [/^ | $/gu, ""],
  ];
  return (text) => steps.reduce((each, [pattern, replacement]) => each.replace(pattern, replacement), text);
}

function readVectors(name: string): Record<string, string>[] {
  const lines = gunzipSync(readFileSync(new URL(name, golden)))
    .toString("utf8")
    .split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line));
}
