/**
 * The steps of BertNormalizer that change or remove characters: composition, clean_text, accents, case.
 *
 * Which characters are spaces or isolated is left to the walk in `wordpiece.ts`, which knows the character classes anyway, and
 * which also notices whether there is anything to remove. For the usual case, cased Korean, nothing is left to do here at all.
 *
 * @module
 */
import { nonspacingMarks, REMOVED, UNDECOMPOSED } from "./char_classes.ts";
import type { CharClasses } from "./char_classes.ts";

/** Which steps to take. */
export interface BertNormalizerOptions {
  /** Compose conjoining jamo and accents (NFC) before anything else. */
  nfc: boolean;
  /** Decompose, and drop nonspacing marks. */
  stripAccents: boolean;
  /** Lower the case of each code point by itself. */
  lowercase: boolean;
}

/** Text with the way back to where it came from. */
export interface NormalizedText {
  /** The text. */
  text: string;
  /** For each UTF-16 unit of `text` the source index it starts at. */
  starts: Int32Array;
  /** For each UTF-16 unit of `text` the source index it ends at. */
  ends: Int32Array;
}

/** Follows `BertNormalizer` of Hugging Face tokenizers 0.22. */
export class BertNormalizer {
  readonly #options: BertNormalizerOptions;
  readonly #classes: CharClasses;
  /** Nonspacing marks. */
  readonly #marks: Set<string> | undefined;

  constructor(classes: CharClasses, options: BertNormalizerOptions) {
    this.#classes = classes;
    this.#options = options;
    if (options.stripAccents) {
      this.#marks = new Set();
      for (const [first, last] of nonspacingMarks()) {
        for (let mark = first; mark <= last; mark++) this.#marks.add(String.fromCodePoint(mark));
      }
    }
  }

  /** Normalize text that holds nothing to be removed, if that moves no character; `undefined` if it might. */
  keepingIndices(text: string): string | undefined {
    const { nfc, stripAccents, lowercase } = this.#options;
    // ASCII has no accents.
    // oxlint-disable-next-line no-control-regex -- U+0000 is the first of ASCII
    if ((nfc && needsComposition(text)) || (stripAccents && !/^[\0-\x7f]*$/.test(text))) return undefined;
    if (!lowercase) return text;
    // A final sigma depends on its neighbours, and İ grows.
    const lower = text.toLowerCase();
    return lower.length === text.length && !text.includes("Σ") ? lower : undefined;
  }

  /** Normalize any text. What clean_text removes is dropped, and so are lone surrogates. */
  normalize(text: string): NormalizedText {
    const composes = this.#options.nfc && needsComposition(text);
    const out = new AlignedText(text);
    let at = 0;
    for (const cluster of composes ? (text.match(CLUSTERS) ?? []) : text) {
      const composed = composes ? cluster.normalize("NFC") : cluster;
      if (composed === cluster) {
        for (const character of cluster) {
          const start = at;
          at += character.length;
          const normal = this.#normalizeCharacter(character);
          if (normal !== character) out.replace(start, at, normal);
        }
      } else {
        let normal = "";
        for (const character of composed) normal += this.#normalizeCharacter(character);
        out.replace(at, (at += cluster.length), normal);
      }
    }
    return out.take();
  }

  #normalizeCharacter(character: string): string {
    const codePoint = character.codePointAt(0)!;
    const marks = this.#marks;
    if (this.#classes.of(codePoint) === REMOVED || (codePoint >= 0xd800 && codePoint <= 0xdfff)) return "";
    let normal = character;
    if (marks !== undefined && !UNDECOMPOSED.includes(codePoint)) normal = character.normalize("NFD");
    if (marks !== undefined)
      normal = Array.from(normal)
        .filter((part) => !marks.has(part))
        .join("");
    return this.#options.lowercase ? normal.toLowerCase() : normal;
  }
}

// --- internal ---

/**
 * A code point with what can compose with it: marks, and vowel and final jamo; at most 30 of them (Unicode's stream-safe
 * text), since engines normalize longer runs in quadratic time.
 */
const CLUSTERS = /[^][\p{M}\u1161-\u1175\u11a8-\u11c2]{0,30}/gu;

function needsComposition(text: string): boolean {
  return /\p{M}{31}/u.test(text) || text.normalize("NFC") !== text;
}

/** A text as it changes from left to right. */
class AlignedText {
  readonly #source: string;
  #text = "";
  #starts: Int32Array;
  #ends: Int32Array;
  /** Where the source goes on that was not taken over yet. */
  #at = 0;

  constructor(source: string) {
    this.#source = source;
    this.#starts = new Int32Array(source.length);
    this.#ends = new Int32Array(source.length);
  }

  /** Keep the source as far as `start`, and put something else in the place of `start` to `end`. */
  replace(start: number, end: number, replacement: string): void {
    const kept = this.#text.length;
    const length = kept + start - this.#at;
    this.#text += this.#source.slice(this.#at, start) + replacement;
    if (this.#text.length > this.#starts.length) {
      this.#starts = grown(this.#starts, this.#text.length);
      this.#ends = grown(this.#ends, this.#text.length);
    }
    for (let i = kept; i < length; i++) this.#ends[i] = (this.#starts[i] = this.#at++) + 1;
    this.#starts.fill(start, length, this.#text.length);
    this.#ends.fill(end, length, this.#text.length);
    this.#at = end;
  }

  take(): NormalizedText {
    this.replace(this.#source.length, this.#source.length, "");
    return { text: this.#text, starts: this.#starts, ends: this.#ends };
  }
}

function grown(array: Int32Array, least: number): Int32Array {
  const larger = new Int32Array(2 * least);
  larger.set(array);
  return larger;
}
