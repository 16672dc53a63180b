/**
 * Compound vowels on their own, for a corpus in which hardly anybody writes them so.
 *
 * ㅠ and ㅜ stand alone in every tenth comment, ㅖ and ㅞ in one of twenty thousand: a vocabulary made from such text
 * does not know them, and whoever spells a word apart to get past a filter (`ㅇㅞ`) writes nothing but unknown tokens. Some
 * lines are written once more, with a syllable spelt apart, or a vowel without its silent ㅇ.
 */
import { uniform } from "@kcbert/bert";

/** The vowels that the corpus lacks, each with those that it is made of or sounds like. */
export const RARE_VOWELS: ReadonlyMap<string, string> = new Map([
  ["ㅒ", "ㅐㅑ"],
  ["ㅖ", "ㅔㅕ"],
  ["ㅙ", "ㅐㅘ"],
  ["ㅚ", "ㅗㅣ"],
  ["ㅝ", "ㅓㅜ"],
  ["ㅞ", "ㅔㅜ"],
  ["ㅟ", "ㅜㅣ"],
]);

/**
 * Some lines of a cleaned corpus, with one syllable apart.
 *
 * @param lines Cleaned comments.
 * @param options `each`: at most so many new lines for each of {@link RARE_VOWELS}; `seed` of the choice.
 * @returns The new lines alone, vowel by vowel.
 */
export function teachJamo(
  lines: readonly string[],
  { each, seed }: { each: number; seed: number },
): string[] {
  return Array.from(RARE_VOWELS.keys(), (vowel) => {
    const has = syllablesWith(vowel);
    const order = uniform(seed, 0, `jamo: which line has ${vowel}`, lines.length);
    const silent = uniform(seed, 0, `jamo: ${vowel} without ㅇ`, lines.length);
    const rows = [...lines.keys()].filter((row) => has.test(lines[row]!));
    const chosen = rows.sort((a, b) => order[a]! - order[b]! || a - b).slice(0, each);
    return chosen.map((row) => lines[row]!.replace(has, (syllable) => apart(syllable, silent[row]! < 0.5)));
  }).flat();
}

// --- internal ---

const CONSONANTS = Array.from("ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ");
const VOWELS = Array.from("ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ");
const FINALS = ["", ...Array.from("ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")];
const FIRST_SYLLABLE = 0xac00;

/** The first syllable of a line with this vowel. */
function syllablesWith(vowel: string): RegExp {
  const index = VOWELS.indexOf(vowel);
  const ranges = CONSONANTS.map((_, i) => {
    const begin = FIRST_SYLLABLE + (i * VOWELS.length + index) * FINALS.length;
    return `${String.fromCharCode(begin)}-${String.fromCharCode(begin + FINALS.length - 1)}`;
  });
  return new RegExp(`[${ranges.join("")}]`);
}

/** `웬` → `ㅇㅞㄴ`, or `ㅞㄴ`. */
function apart(syllable: string, withoutSilent: boolean): string {
  const index = syllable.charCodeAt(0) - FIRST_SYLLABLE;
  const final = FINALS[index % FINALS.length]!;
  const vowel = VOWELS[Math.floor(index / FINALS.length) % VOWELS.length]!;
  const consonant = CONSONANTS[Math.floor(index / FINALS.length / VOWELS.length)]!;
  return `${withoutSilent && consonant === "ㅇ" ? "" : consonant}${vowel}${final}`;
}
