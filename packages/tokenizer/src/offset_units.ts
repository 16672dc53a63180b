/**
 * What offsets count.
 *
 * @module
 */

/** UTF-16 units as JavaScript strings do, code points as Python strings do, or bytes of UTF-8 as Rust strings do. */
export type OffsetUnit = "utf16" | "codepoint" | "byte";

/**
 * Turn spans in UTF-16 units into another unit, in place, in one pass over the text.
 *
 * @param spans Starts and ends by turns, int32; both ascending, as tokens stand in the text.
 * @param from First token. @param to Index after the last token.
 */
export function convertSpans(
  text: string,
  spans: Int32Array,
  from: number,
  to: number,
  unit: "codepoint" | "byte",
): void {
  const measure = unit === "byte" ? utf8Bytes : codePoints;
  let at = 0; // UTF-16 index that `start` stands for
  let start = 0;
  let atEnd = 0; // and the same for ends, which run ahead
  let end = 0;
  for (let token = from; token < to; token++) {
    const spanStart = spans[2 * token]!;
    const spanEnd = spans[2 * token + 1]!;
    start += measure(text, at, spanStart);
    at = spanStart;
    if (at > atEnd) {
      atEnd = at;
      end = start;
    }
    end += measure(text, atEnd, spanEnd);
    atEnd = spanEnd;
    spans[2 * token] = start;
    spans[2 * token + 1] = end;
  }
}

// --- internal ---

function codePoints(text: string, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) {
    // The low half of a pair was counted with its high half.
    if ((text.charCodeAt(i) & 0xfc00) !== 0xdc00 || i === 0 || (text.charCodeAt(i - 1) & 0xfc00) !== 0xd800)
      count++;
  }
  return count;
}

function utf8Bytes(text: string, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) {
    const codePoint = text.codePointAt(i)!;
    if (codePoint > 0xffff) i++;
    count += codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
  }
  return count;
}
