/** Strings around the scanner: a text that needs nothing is given back as it is. */
import { needsRewrite, rewrite, type Rules } from "./_scan.ts";

/** A cleaned text and where each part of it stood. */
export interface CleanedText {
  /** The text, as `clean` gives it. */
  readonly text: string;
  /**
   * For each UTF-16 index of `text` the index in the source that it came from, then one more for the end. Strictly
   * ascending up to that last one. A space has the index of the first character of the stretch that it stands for. The
   * last is the index just past the last source character that was kept or collapsed; it is 0 if `text` is empty. So the
   * source of `text.slice(a, b)` is `source.slice(offsets[a], offsets[b])`.
   */
  readonly offsets: Uint32Array;
}

/** What `rules` make of `text`. `spare` finds stretches to spare, see {@linkcode rewrite}. */
export function write(text: string, rules: Rules, spare?: (text: string) => number[]): string {
  if (!needsRewrite(text, rules)) return text;
  const units = unitsFor(text);
  return toString(units, rewrite(text, rules, units, undefined, spare?.(text)));
}

/** {@linkcode write}, with offsets. */
export function writeWithOffsets(
  text: string,
  rules: Rules,
  spare?: (text: string) => number[],
): CleanedText {
  const offsets = new Uint32Array(text.length + 1);
  if (!needsRewrite(text, rules)) {
    for (let i = 0; i < offsets.length; i++) offsets[i] = i;
    return { text, offsets };
  }
  const units = unitsFor(text);
  const length = rewrite(text, rules, units, offsets, spare?.(text));
  return { text: toString(units, length), offsets: offsets.slice(0, length + 1) };
}

// --- internal ---

/** Room for a comment of usual length; a longer text gets its own. */
let room: Uint16Array | undefined;

/** At least as many units as `text` has, to write into before the next call. */
function unitsFor(text: string): Uint16Array {
  if (text.length > 1024) return new Uint16Array(text.length);
  return (room ??= new Uint16Array(1024));
}

/** The first `length` of `units` as a string, in parts that fit an argument list. */
function toString(units: Uint16Array, length: number): string {
  let text = "";
  for (let start = 0; start < length; start += 4096) {
    const part = units.subarray(start, Math.min(length, start + 4096));
    text += String.fromCharCode.apply(null, part as unknown as number[]);
  }
  return text;
}
