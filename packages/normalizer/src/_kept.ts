/**
 * What the first step of `clean` keeps, as one table of classes. The table is data, never `\p{Emoji}`: properties move with
 * the engine's Unicode version, and the published models were trained with emoji 0.6.0.
 */

/** A kept character that needs no further look. */
export const PLAIN = 0;
/** A character that becomes a space. */
export const REMOVED = 1;
/** Kept white space other than U+0020, which becomes U+0020. */
export const SPACE = 2;
/** `h`, with which a link may begin. */
export const LINK = 3;
/** Half of a surrogate pair, or a lone one: decode, then look up {@linkcode slotOf}. */
export const SURROGATE = 4;

/** The published versions of `clean`, by the year of the README that shows them. */
export type Variant = "2020" | "2021" | "2022";

/** Class of each UTF-16 unit, then of astral code points by {@linkcode slotOf}. */
export type Classes = Uint8Array;

/** The classes of a variant; made at the first call, in microseconds, and kept. */
export function variantClasses(variant: Variant): Classes {
  return (tables[variant] ??= buildVariant(variant));
}

/** The classes with which everything is kept and only white space is told apart, by Python's `\s`. */
export function whiteSpaceClasses(): Classes {
  return (tables.all ??= buildWhiteSpace());
}

/** Where the class of a code point is found: emoji blocks behind the units, one slot for the astral rest. */
export function slotOf(codePoint: number): number {
  const block = codePoint >>> 12;
  if (block < 0x10) return (codePoint & 0xf800) === 0xd800 ? LONE : codePoint;
  if (block === 0x1f) return 0x10000 | (codePoint & 0xfff);
  return block === 0xe0 ? 0x11000 | (codePoint & 0xfff) : ASTRAL;
}

/** Whether a code point is a word character as Python's `\w` has it: a letter, a number, or `_`. */
export function isWord(codePoint: number): boolean {
  if (codePoint >= 0xac00 && codePoint <= 0xd7a3) return true;
  if (codePoint >= 0x3131 && codePoint <= 0x318e) return true;
  if (codePoint >= 0x80) return /[\p{L}\p{N}]/u.test(String.fromCodePoint(codePoint));
  const letter = codePoint | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || (codePoint >= 0x30 && codePoint <= 0x39) || codePoint === 0x5f;
}

// --- internal ---

/** Slots behind the units: U+1F000–1FFFF, U+E0000–E0FFF, any other astral code point, a lone surrogate. */
const ASTRAL = 0x12000;
const LONE = 0x12001;
const SLOTS = 0x12002;

const tables: Partial<Record<Variant | "all", Classes>> = {};

/** ASCII, `·`, `∼`, `％`. */
const SIGNS = "0-7f b7 223c ff05";

/** Modern jamo and syllables; the pattern of 2020 wrote one range from `ㄱ` to `힣`, with Hanja and more inside. */
const HANGUL: Record<Variant, string> = {
  "2020": "3131-d7a3",
  "2021": "3131-3163 ac00-d7a3",
  "2022": "3131-3163 ac00-d7a3",
};

/** White space of Python's `\s`. Of it only the ASCII part is kept by `clean`. */
const ASCII_SPACE = "9-d 1c-1f";
const OTHER_SPACE = "85 a0 1680 2000-200a 2028-2029 202f 205f 3000";

/** The code points that occur in the keys of emoji 0.6.0, one by one: joiner, selector, keycap and tags among them. */
const EMOJI =
  "a9 ae 200d 203c 2049 20e3 2122 2139 2194-2199 21a9-21aa 231a-231b 2328 23cf 23e9-23f3 23f8-23fa 24c2 " +
  "25aa-25ab 25b6 25c0 25fb-25fe 2600-2604 260e 2611 2614-2615 2618 261d 2620 2622-2623 2626 262a " +
  "262e-262f 2638-263a 2640 2642 2648-2653 265f-2660 2663 2665-2666 2668 267b 267e-267f 2692-2697 2699 " +
  "269b-269c 26a0-26a1 26aa-26ab 26b0-26b1 26bd-26be 26c4-26c5 26c8 26ce-26cf 26d1 26d3-26d4 26e9-26ea " +
  "26f0-26f5 26f7-26fa 26fd 2702 2705 2708-270d 270f 2712 2714 2716 271d 2721 2728 2733-2734 2744 2747 " +
  "274c 274e 2753-2755 2757 2763-2764 2795-2797 27a1 27b0 27bf 2934-2935 2b05-2b07 2b1b-2b1c 2b50 2b55 " +
  "3030 303d 3297 3299 fe0f 1f004 1f0cf 1f170-1f171 1f17e-1f17f 1f18e 1f191-1f19a 1f1e6-1f1ff " +
  "1f201-1f202 1f21a 1f22f 1f232-1f23a 1f250-1f251 1f300-1f321 1f324-1f393 1f396-1f397 1f399-1f39b " +
  "1f39e-1f3f0 1f3f3-1f3f5 1f3f7-1f4fd 1f4ff-1f53d 1f549-1f54e 1f550-1f567 1f56f-1f570 1f573-1f57a " +
  "1f587 1f58a-1f58d 1f590 1f595-1f596 1f5a4-1f5a5 1f5a8 1f5b1-1f5b2 1f5bc 1f5c2-1f5c4 1f5d1-1f5d3 " +
  "1f5dc-1f5de 1f5e1 1f5e3 1f5e8 1f5ef 1f5f3 1f5fa-1f64f 1f680-1f6c5 1f6cb-1f6d2 1f6d5 1f6e0-1f6e5 " +
  "1f6e9 1f6eb-1f6ec 1f6f0 1f6f3-1f6fa 1f7e0-1f7eb 1f90d-1f93a 1f93c-1f945 1f947-1f971 1f973-1f976 " +
  "1f97a-1f9a2 1f9a5-1f9aa 1f9ae-1f9ca 1f9cd-1f9ff 1fa70-1fa73 1fa78-1fa7a 1fa80-1fa82 1fa90-1fa95 " +
  "e0062-e0063 e0065 e0067 e006c e006e e0073-e0074 e0077 e007f";

function buildVariant(variant: Variant): Classes {
  const classes = new Uint8Array(SLOTS).fill(REMOVED);
  fill(classes, SIGNS, PLAIN);
  fill(classes, HANGUL[variant], PLAIN);
  if (variant !== "2022") fill(classes, EMOJI, PLAIN);
  fill(classes, ASCII_SPACE, SPACE);
  classes[0x68] = LINK;
  return classes.fill(SURROGATE, 0xd800, 0xe000);
}

function buildWhiteSpace(): Classes {
  const classes = new Uint8Array(SLOTS);
  fill(classes, `${ASCII_SPACE} ${OTHER_SPACE}`, SPACE);
  return classes.fill(SURROGATE, 0xd800, 0xe000);
}

/** Give `kind` to each code point of `ranges`: hexadecimal, `first-last` or one alone. */
function fill(classes: Classes, ranges: string, kind: number): void {
  for (const range of ranges.split(" ")) {
    const [first = 0, last = first] = range.split("-").map((hex) => Number.parseInt(hex, 16));
    classes.fill(kind, slotOf(first), slotOf(last) + 1);
  }
}
