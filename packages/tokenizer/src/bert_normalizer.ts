/**
 * The steps of BertNormalizer that change characters: composition, accents, case.
 *
 * What clean_text removes and which characters are isolated is left to the walk in `wordpiece.ts`, which knows the
 * character classes anyway. For the usual case, cased Korean, nothing is left to do here at all.
 *
 * @module
 */
import { nonspacingMarks, UNDECOMPOSED } from "./char_classes.ts";

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
  /** Well-formed text. */
  text: string;
  /** For each UTF-16 unit of `text` the source index it starts at; absent when indices agree. */
  starts?: Int32Array;
  /** For each UTF-16 unit of `text` the source index it ends at. */
  ends?: Int32Array;
}

/** Follows `BertNormalizer` of Hugging Face tokenizers 0.22. */
export class BertNormalizer {
  readonly #options: BertNormalizerOptions;
  /** Nonspacing marks. */
  readonly #marks: Set<number> | undefined;

  constructor(options: BertNormalizerOptions) {
    this.#options = options;
    if (options.stripAccents) {
      this.#marks = new Set();
      for (const [first, last] of nonspacingMarks()) {
        for (let mark = first; mark <= last; mark++) this.#marks.add(mark);
      }
    }
  }

  /** Whether a text surely stays as it is, told without a look at every character's neighbours. */
  keeps(text: string): boolean {
    const { nfc, stripAccents, lowercase } = this.#options;
    return !nfc && !stripAccents && !lowercase && text.isWellFormed();
  }

  /** Normalize text. Lone surrogates are dropped. */
  normalize(text: string): NormalizedText {
    const { nfc, stripAccents, lowercase } = this.#options;
    const marks = this.#marks;
    if (text.isWellFormed() && !(nfc && needsComposition(text))) {
      // ASCII has no accents.
      // oxlint-disable-next-line no-control-regex -- U+0000 is the first of ASCII
      if (!stripAccents || /^[\0-\x7f]*$/.test(text)) {
        if (!lowercase) return { text };
        const lower = text.toLowerCase();
        // A final sigma depends on its neighbours, and İ grows: both are for the slow path.
        if (lower.length === text.length && !text.includes("Σ")) return { text: lower };
      }
    }
    const out = new AlignedText(text.length);
    for (const { 0: cluster, index } of text.matchAll(nfc ? CLUSTERS : CHARACTERS)) {
      const composed = nfc ? cluster.normalize("NFC") : cluster;
      const changed = composed !== cluster;
      let at = index;
      for (const character of composed) {
        const start = changed ? index : at;
        at = changed ? index + cluster.length : at + character.length;
        const end = at;
        const codePoint = character.codePointAt(0)!;
        if (codePoint >= 0xd800 && codePoint <= 0xdfff) continue;
        const decomposed =
          marks === undefined || UNDECOMPOSED.includes(codePoint) ? character : character.normalize("NFD");
        for (const part of decomposed) {
          if (marks?.has(part.codePointAt(0)!)) continue;
          out.push(lowercase ? part.toLowerCase() : part, start, end);
        }
      }
    }
    return out.take();
  }
}

// --- internal ---

/** A code point, or a lone surrogate. */
const CHARACTERS = /[^]/gu;
/**
 * A code point with what can compose with it: marks, and vowel and final jamo; at most 30 of them (Unicode's stream-safe
 * text), since engines normalize longer runs in quadratic time.
 */
const CLUSTERS = /[^][\p{M}\u1161-\u1175\u11a8-\u11c2]{0,30}/gu;

function needsComposition(text: string): boolean {
  return /\p{M}{31}/u.test(text) || text.normalize("NFC") !== text;
}

class AlignedText {
  #parts: string[] = [];
  #starts: Int32Array;
  #ends: Int32Array;
  #length = 0;

  constructor(capacity: number) {
    this.#starts = new Int32Array(capacity);
    this.#ends = new Int32Array(capacity);
  }

  push(part: string, start: number, end: number): void {
    const length = this.#length + part.length;
    if (length > this.#starts.length) {
      this.#starts = grown(this.#starts);
      this.#ends = grown(this.#ends);
    }
    this.#parts.push(part);
    this.#starts.fill(start, this.#length, length);
    this.#ends.fill(end, this.#length, length);
    this.#length = length;
  }

  take(): Required<NormalizedText> {
    return { text: this.#parts.join(""), starts: this.#starts, ends: this.#ends };
  }
}

function grown(array: Int32Array): Int32Array {
  const larger = new Int32Array(array.length * 2 + 4);
  larger.set(array);
  return larger;
}
