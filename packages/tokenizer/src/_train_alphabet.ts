/**
 * Which characters a vocabulary starts from: the most frequent ones, and those among them that continue a word.
 *
 * @module
 */
import type { CheckedOptions } from "./_train_options.ts";
import type { WordCounts } from "./_train_words.ts";

/** What a vocabulary starts from. */
export interface StartVocabulary {
  /** Special tokens, characters, continuing characters; an id each. */
  tokens: string[];
  /** Id of a character at the start of a word, by code point; −1 if it was cut. */
  first: Int32Array;
  /** Id of a character within a word, by code point; −1 if it was cut or never occurs there. */
  continuing: Int32Array;
  /** Characters kept. */
  alphabetSize: number;
  /** Continuing characters. */
  continuingSize: number;
  /** Characters of the corpus that were left out. */
  cutCharacters: number;
  /** Of these, how many are as frequent as one that was kept. */
  tiesAtCut: number;
  /** Whether the corpus holds decomposed Hangul, beyond a few stray jamo. */
  decomposedHangul: boolean;
}

/** How often each character occurs, and which occur within words. */
export class CharacterCounts {
  /** Occurrences by code point, float64; as long as the corpus needs. */
  counts: Float64Array = new Float64Array(COMMON_CODE_POINTS);
  /** 1 where a character occurs other than at the start of a word, uint8 of the same length. */
  within: Uint8Array = new Uint8Array(COMMON_CODE_POINTS);

  /** Count the characters of words `from` to `to`. */
  add({ units, starts, counts }: WordCounts, from: number, to: number): void {
    for (let word = from; word < to; word++) {
      const frequency = counts[word]!;
      const end = starts[word + 1]!;
      for (let i = starts[word]!, first = i; i < end; i++) {
        const at = i;
        let codePoint = units[i]!;
        if (codePoint >= 0xd800 && codePoint < 0xdc00 && i + 1 < end) {
          codePoint = astral(codePoint, units[++i]!);
          if (codePoint >= this.counts.length) this.makeRoom();
        }
        this.counts[codePoint]! += frequency;
        if (at !== first) this.within[codePoint] = 1;
      }
    }
  }

  /** Make the tables long enough for every code point. */
  makeRoom(): void {
    const { counts, within } = this;
    this.counts = new Float64Array(CODE_POINTS);
    this.within = new Uint8Array(CODE_POINTS);
    this.counts.set(counts);
    this.within.set(within);
  }
}

/** Choose what the vocabulary starts from. */
export function startVocabulary(characters: CharacterCounts, options: CheckedOptions): StartVocabulary {
  const { alphabet = [], initialAlphabet, continuingOrder } = options;
  if ([alphabet, initialAlphabet, continuingOrder].flat().some((each) => each >= characters.counts.length)) {
    characters.makeRoom();
  }
  const { counts, within } = characters;
  const { kept, cutCharacters, tiesAtCut } = chooseAlphabet(counts, options);
  const tokens = [...options.specialTokens];
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const idOf = (token: string): number => {
    let id = ids.get(token);
    if (id === undefined) {
      ids.set(token, (id = tokens.length));
      tokens.push(token);
    }
    return id;
  };
  const first = new Int32Array(counts.length).fill(-1);
  const continuing = new Int32Array(counts.length).fill(-1);
  for (const codePoint of kept) first[codePoint] = idOf(String.fromCodePoint(codePoint));
  const named = new Set(continuingOrder);
  const others = kept.filter((codePoint) => !named.has(codePoint)).sort((a, b) => a - b);
  let continuingSize = 0;
  for (const codePoint of [...named, ...others]) {
    if (within[codePoint] === 0 || first[codePoint] === -1) continue;
    continuing[codePoint] = idOf(options.continuingSubwordPrefix + String.fromCodePoint(codePoint));
    continuingSize++;
  }
  const jamo = sum(counts.subarray(0x1100, 0x1200));
  const syllables = sum(counts.subarray(0xac00, 0xd7a4));
  return {
    tokens,
    first,
    continuing,
    alphabetSize: kept.length,
    continuingSize,
    cutCharacters,
    tiesAtCut,
    decomposedHangul: jamo > 0 && jamo * 100 >= syllables,
  };
}

/** Code point of a surrogate pair. */
export function astral(high: number, low: number): number {
  return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

// --- internal ---

const CODE_POINTS = 0x110000;
/** The first two planes: all but rare Chinese characters, and tags. */
const COMMON_CODE_POINTS = 0x20000;

function sum(counts: Float64Array): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** The characters to keep in the order of their ids; of equally frequent ones the smaller code points. */
function chooseAlphabet(
  counts: Float64Array,
  { alphabet, initialAlphabet, limitAlphabet }: CheckedOptions,
): { kept: number[]; cutCharacters: number; tiesAtCut: number } {
  const seen: number[] = [];
  for (let codePoint = 0; codePoint < counts.length; codePoint++) {
    if (counts[codePoint]! > 0) seen.push(codePoint);
  }
  if (alphabet !== undefined) {
    const kept = new Set(alphabet);
    return { kept: alphabet, cutCharacters: seen.filter((each) => !kept.has(each)).length, tiesAtCut: 0 };
  }
  const initial = new Set(initialAlphabet);
  const weight = (codePoint: number): number => (initial.has(codePoint) ? Infinity : counts[codePoint]!);
  const ranked = [...new Set([...seen, ...initial])].sort((a, b) => {
    const [x, y] = [weight(a), weight(b)];
    return x === y ? a - b : x < y ? 1 : -1;
  });
  const kept = ranked.slice(0, limitAlphabet);
  const cut = ranked.slice(kept.length).filter((codePoint) => counts[codePoint]! > 0);
  const last = kept.length === 0 ? Infinity : weight(kept.at(-1)!);
  return {
    kept: kept.sort((a, b) => a - b),
    cutCharacters: cut.length,
    tiesAtCut: cut.filter((codePoint) => weight(codePoint) === last).length,
  };
}
