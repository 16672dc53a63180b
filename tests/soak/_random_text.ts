import * as fc from "fast-check";

/** A run of one character, from once to far beyond what is collapsed. */
const runs = fc
  .tuple(
    fc.constantFrom(...Array.from("ㅋㅎㅠㅜㅣ가하1aA_!~.♡ \t漢ℹ"), "👍", "\ud83d"),
    fc.oneof(fc.nat(6), fc.nat(120)),
  )
  .map(([unit, count]) => unit.repeat(count));

const hangul = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0xac00, max: 0xd7a3 }).map(character), maxLength: 8 }),
  fc.string({ unit: fc.integer({ min: 0x3130, max: 0x318f }).map(character), maxLength: 6 }),
  fc.string({ unit: fc.integer({ min: 0x1100, max: 0x11ff }).map(character), maxLength: 4 }),
  fc.constantFrom("이 영화 정말 재밌다", "최고예요", "배우들 연기", "노잼", "10점 드립니다"),
);

const emoji = fc.oneof(
  fc.constantFrom("👍🏽", "☺", "☺\ufe0f", "🥲", "🫠", "1\ufe0f\u20e3", "👨‍👩‍👧", "🇰🇷", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "©", "㊗", "🏳️‍⚧️"),
  fc.constantFrom("\u200d", "\ufe0f", "\ufe0e", "\u20e3", "\u{1f3fd}", "\u{e0067}", "\u{1f1f0}"),
  fc.integer({ min: 0x1f000, max: 0x1faff }).map(character),
);

const link = fc
  .tuple(
    fc.constantFrom("http://", "https://", "HTTP://", "ttp://", "http:/", "://", "hhttp://", ""),
    fc.constantFrom("www.", "www", ""),
    fc.oneof(
      fc.string({ unit: fc.constantFrom(...Array.from("abz09-@:%._+~#=")), maxLength: 12 }),
      fc.integer({ min: 250, max: 262 }).map((length) => "a".repeat(length)),
    ),
    fc.constantFrom(".", "..", ""),
    fc.string({ unit: fc.constantFrom(...Array.from("comkr09()_")), maxLength: 8 }),
    fc.string({ unit: fc.constantFrom(...Array.from("/?&=#().~ab가 ♡ℹ漢👍")), maxLength: 8 }),
  )
  .map((parts) => parts.join(""));

const space = fc.string({
  unit: fc.constantFrom(
    " ",
    " ",
    "\t",
    "\n",
    "\r",
    "\u000b",
    "\u001c",
    "\u001f",
    "\u0085",
    "\u00a0",
    "\u3000",
    "\u200b",
    "\ufeff",
    "\u2028",
  ),
  maxLength: 4,
});

const surrogates = fc.string({
  unit: fc.integer({ min: 0xd800, max: 0xdfff }).map((unit) => String.fromCharCode(unit)),
  maxLength: 3,
});

const special = fc.constantFrom(
  "[MASK]",
  "[SEP]",
  "[CLS",
  "##",
  "##가",
  "[UNK]",
  "[PAD]",
  "\u0000",
  "\ufffd",
  "é",
  "e\u0301",
  "İ",
);

/** A piece of text in which the steps of cleaning and of tokenizing meet. */
const piece: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: hangul },
  { weight: 4, arbitrary: runs },
  { weight: 3, arbitrary: link },
  { weight: 3, arbitrary: emoji },
  { weight: 3, arbitrary: space },
  { weight: 1, arbitrary: surrogates },
  { weight: 1, arbitrary: special },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 6 }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 6 }) },
);

/** Text of Hangul, runs of jamo, links, emoji, white space, lone surrogates and anything else. */
export const randomText: fc.Arbitrary<string> = fc
  .array(piece, { maxLength: 24 })
  .map((pieces) => pieces.join(""));

/** A few pieces that repeat to `length` UTF-16 code units, now and then behind the beginning of a link. */
export function hugeText(length: number): fc.Arbitrary<{ unit: string; text: string }> {
  return fc
    .tuple(
      fc.constantFrom("", "http://", "https://www.", " "),
      fc.array(piece, { minLength: 1, maxLength: 3 }),
    )
    .map(([before, pieces]) => ({ before, unit: pieces.join("") }))
    .filter(({ unit }) => unit !== "")
    .map(({ before, unit }) => ({
      unit: before + unit,
      text: before + unit.repeat(Math.ceil(length / unit.length)),
    }));
}

// --- internal ---

function character(codePoint: number): string {
  return String.fromCodePoint(codePoint);
}
