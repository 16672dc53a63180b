import type { CleanedText } from "@kcbert/normalizer";
import { inUnit, type OffsetUnit } from "./_code_points.ts";

/** A stretch of a text, in UTF-16 units. */
export type Span = readonly [start: number, end: number];

/**
 * Where stretches of a cleaned text stand in the text as it was written: the characters themselves, a run that cleaning
 * shortened in full, but nothing that it took out beside them.
 */
export class SourceSpans {
  readonly #source: string;
  readonly #cleaned: CleanedText;

  /** @param source The text as written. @param cleaned What cleaning made of it, with offsets. */
  constructor(source: string, cleaned: CleanedText) {
    this.#source = source;
    this.#cleaned = cleaned;
  }

  /** The place of `text.slice(start, end)`, an empty one at the place of `start`; in whole user-perceived characters. */
  locate(start: number, end: number): Span {
    const { text, offsets } = this.#cleaned;
    if (start >= end) return [offsets[start]!, offsets[start]!];
    const last = codePointStart(text, end - 1);
    return wholeGraphemes(this.#source, [offsets[start]!, this.#endOf(last, offsets[end]!)]);
  }

  /** Where the character at `index` of the cleaned text ends, and those like it that it stands for; at most `limit`. */
  #endOf(index: number, limit: number): number {
    const character = String.fromCodePoint(this.#cleaned.text.codePointAt(index)!);
    let end = this.#cleaned.offsets[index]! + character.length;
    while (end < limit && this.#source.startsWith(character, end)) end += character.length;
    return end;
  }
}

/** What was found in a cleaned text, placed in the text as it was written. */
export function inSource<Part extends { readonly start: number; readonly end: number }>(
  parts: readonly Part[],
  source: string,
  cleaned: CleanedText,
  unit: OffsetUnit,
): Part[] {
  const spans = new SourceSpans(source, cleaned);
  const placed = parts.map((part) => {
    const [start, end] = spans.locate(part.start, part.end);
    return { ...part, start, end };
  });
  return inUnit(placed, source, unit);
}

/**
 * The smallest stretch around one that begins and ends where a reader sees characters begin and end, so that it cuts no
 * emoji: neither a surrogate pair, nor a skin tone, a flag or a family joined of several.
 */
export function wholeGraphemes(text: string, [start, end]: Span): Span {
  if (start >= end) return [start, end];
  const segments = (graphemes ??= new Intl.Segmenter("ko", { granularity: "grapheme" })).segment(text);
  const last = segments.containing(end - 1)!;
  return [segments.containing(start)!.index, last.index + last.segment.length];
}

// --- internal ---

/** Made when it is first needed; it takes milliseconds. */
let graphemes: Intl.Segmenter | undefined;

function codePointStart(text: string, index: number): number {
  return index > 0 && text.codePointAt(index - 1)! > 0xff_ff ? index - 1 : index;
}
