/**
 * Abuse as it is written to get past a filter: `시1발`, `ㅅㅂ`, `시 발`, `ㅅl발`.
 *
 * Made from the curse detection data by the rules below, drawn by a seed. In an abusive text each word of the list
 * {@link ABUSIVE_STEMS} is rewritten by one rule. So that a strange spelling alone gives nothing away, in every other text a
 * word is rewritten by the same rules, drawn alike. An abusive text with no word of the list is left out: nobody could
 * say which part of it to hide.
 */
import { randomBits } from "@kcbert/bert";

/** A way to write a stem so that it still reads the same. */
interface ObfuscationRule {
  readonly name: string;
  /** The stem rewritten; itself where the rule has no hold. `draw` gives whole numbers in [0, n). */
  readonly apply: (stem: string, draw: (n: number) => number) => string;
}

/** The rules, in the order in which they are drawn. */
const OBFUSCATION_RULES: readonly ObfuscationRule[] = [
  { name: "digit inside", apply: (stem, draw) => between(stem, draw, Array.from("0123456789")) },
  { name: "mark inside", apply: (stem, draw) => between(stem, draw, Array.from(".*@-_~!^/ㅡ")) },
  { name: "space inside", apply: (stem, draw) => between(stem, draw, [" "]) },
  { name: "first consonants", apply: (stem) => Array.from(stem, firstConsonant).join("") },
  { name: "letters apart", apply: (stem, draw) => atSyllable(stem, draw, apart) },
  { name: "look-alike vowel", apply: (stem, draw) => atSyllable(stem, draw, lookAlike) },
  { name: "final consonant more", apply: (stem, draw) => atSyllable(stem, draw, (s) => withFinal(s, draw)) },
];

/** Words that make a text abusive, as they begin; longer ones come before those they contain. */
const ABUSIVE_STEMS: readonly string[] = (
  "빡대가리 니애미 쓰레기 개새끼 씨발 시발 씨팔 시팔 병신 븅신 등신 새끼 " +
  "새키 쌔끼 지랄 존나 미친 틀딱 찐따 창녀 걸레 꺼져 닥쳐 염병 엠창 느금 " +
  "ㅅㅂ ㅆㅂ ㅂㅅ ㅈㄴ ㅈㄹ 썅 씹 좆"
).split(" ");

/**
 * Rewrite a text.
 *
 * @param abusive Whether it is abusive.
 * @param draw Gives whole numbers in [0, n).
 * @returns `undefined` if there is nothing in it to rewrite.
 */
function obfuscate(text: string, abusive: boolean, draw: (n: number) => number): string | undefined {
  const pattern = abusive ? STEMS : PLAIN_WORD;
  const found = [...text.matchAll(pattern)];
  if (found.length === 0) return undefined;
  const wanted = abusive ? found : [found[draw(found.length)]!];
  let [rewritten, at] = ["", 0];
  for (const match of wanted) {
    const stem = match[0];
    rewritten += text.slice(at, match.index) + rewrite(stem, draw);
    at = match.index + stem.length;
  }
  return rewritten + text.slice(at);
}

/**
 * Rewrite the texts of a split.
 *
 * @param records Texts of class 0, or 1 for abusive ones.
 * @param seed Draws the rules.
 */
export function obfuscateAll(
  records: { readonly texts: readonly string[]; readonly labels: readonly number[] },
  seed: number,
): { texts: string[]; labels: number[] } {
  const result: { texts: string[]; labels: number[] } = { texts: [], labels: [] };
  for (const [i, text] of records.texts.entries()) {
    const rewritten = obfuscate(text, records.labels[i] === 1, drawFrom(seed, i));
    if (rewritten === undefined) continue;
    result.texts.push(rewritten);
    result.labels.push(records.labels[i]!);
  }
  return result;
}

// --- internal ---

const STEMS = new RegExp(ABUSIVE_STEMS.join("|"), "gu");
/** Two or three syllables at the beginning of a word, as long as most stems. */
const PLAIN_WORD = /(?<![가-힣])[가-힣]{2,3}/gu;

const [FIRST_SYLLABLE, LAST_SYLLABLE] = [0xac00, 0xd7a3];
const CONSONANTS = Array.from("ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ");
const VOWELS = Array.from("ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ");
const FINALS = ["", ...Array.from("ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")];
/** Vowels that are read almost alike. */
const ALIKE: Readonly<Record<string, string>> = {
  ㅏ: "ㅑ",
  ㅐ: "ㅔ",
  ㅓ: "ㅕ",
  ㅔ: "ㅐ",
  ㅕ: "ㅠ",
  ㅗ: "ㅛ",
  ㅜ: "ㅠ",
  ㅡ: "ㅜ",
  ㅣ: "ㅟ",
  ㅑ: "ㅏ",
  ㅛ: "ㅗ",
};
/** Finals that change a syllable's sound least: ㅅ, ㄹ, ㅇ. */
const QUIET_FINALS = [19, 8, 21];

/** The first rule from a drawn one on that has a hold on the stem. */
function rewrite(stem: string, draw: (n: number) => number): string {
  const first = draw(OBFUSCATION_RULES.length);
  for (let i = 0; i < OBFUSCATION_RULES.length; i++) {
    const { apply } = OBFUSCATION_RULES[(first + i) % OBFUSCATION_RULES.length]!;
    const rewritten = apply(stem, draw);
    if (rewritten !== stem) return rewritten;
  }
  return stem;
}

/** One of some characters between two of the stem's. */
function between(stem: string, draw: (n: number) => number, characters: readonly string[]): string {
  const letters = Array.from(stem);
  if (letters.length < 2) return stem;
  const place = 1 + draw(letters.length - 1);
  return letters.toSpliced(place, 0, characters[draw(characters.length)]!).join("");
}

/** Change one of the syllables, from a drawn one on the first that changes. */
function atSyllable(
  stem: string,
  draw: (n: number) => number,
  change: (syllable: Syllable) => string | undefined,
): string {
  const letters = Array.from(stem);
  const first = draw(letters.length);
  for (let i = 0; i < letters.length; i++) {
    const place = (first + i) % letters.length;
    const syllable = takeApart(letters[place]!);
    const changed = syllable === undefined ? undefined : change(syllable);
    if (changed !== undefined) return letters.with(place, changed).join("");
  }
  return stem;
}

/** A Hangul syllable's letters, as places in the three lists. */
interface Syllable {
  readonly consonant: number;
  readonly vowel: number;
  readonly final: number;
}

function takeApart(letter: string): Syllable | undefined {
  const code = letter.charCodeAt(0);
  if (code < FIRST_SYLLABLE || code > LAST_SYLLABLE) return undefined;
  const index = code - FIRST_SYLLABLE;
  return { consonant: Math.floor(index / 588), vowel: Math.floor((index % 588) / 28), final: index % 28 };
}

function putTogether({ consonant, vowel, final }: Syllable): string {
  return String.fromCharCode(FIRST_SYLLABLE + consonant * 588 + vowel * 28 + final);
}

function firstConsonant(letter: string): string {
  const syllable = takeApart(letter);
  return syllable === undefined ? letter : CONSONANTS[syllable.consonant]!;
}

/** `시` → `ㅅl` where the vowel is an upright stroke, else `ㅅㅗ`. */
function apart({ consonant, vowel, final }: Syllable): string {
  const stroke = VOWELS[vowel] === "ㅣ" ? "l" : VOWELS[vowel]!;
  return `${CONSONANTS[consonant]!}${stroke}${FINALS[final]!}`;
}

function lookAlike(syllable: Syllable): string | undefined {
  const vowel = VOWELS.indexOf(ALIKE[VOWELS[syllable.vowel]!] ?? "");
  return vowel < 0 ? undefined : putTogether({ ...syllable, vowel });
}

function withFinal(syllable: Syllable, draw: (n: number) => number): string | undefined {
  if (syllable.final !== 0) return undefined;
  return putTogether({ ...syllable, final: QUIET_FINALS[draw(QUIET_FINALS.length)]! });
}

/** Whole numbers that depend on seed and text alone. */
function drawFrom(seed: number, index: number): (n: number) => number {
  const words = randomBits(seed, index, "obfuscate", 64);
  let at = 0;
  return (n) => words[at++ % words.length]! % n;
}
