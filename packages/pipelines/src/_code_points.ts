/** How many code points are before each UTF-16 index of a text, and before its end; the second half of a pair counts one. */
export function codePointsBefore(text: string): Uint32Array {
  const before = new Uint32Array(text.length + 1);
  for (let i = 0, count = 0; i < text.length; i++) {
    before[i] = count;
    const isPair = text.codePointAt(i)! > 0xff_ff;
    count++;
    if (isPair) before[++i] = count;
    before[i + 1] = count;
  }
  return before;
}

/** What offsets into a text count: UTF-16 units as JavaScript does, or code points as Python does. */
export type OffsetUnit = "utf16" | "codepoint";

/** The parts of a text, given in UTF-16 units, in another unit. */
export function inUnit<Part extends { readonly start: number; readonly end: number }>(
  parts: readonly Part[],
  text: string,
  unit: OffsetUnit,
): Part[] {
  if (unit === "utf16") return [...parts];
  const before = codePointsBefore(text);
  return parts.map((part) => ({ ...part, start: before[part.start]!, end: before[part.end]! }));
}
