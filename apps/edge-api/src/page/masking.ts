/** The token that stands for a hidden word. */
export const mask = "[MASK]";

/** A part of a cleaned comment that can be hidden: a word, a run of ㅋ, a run of marks. */
export interface Word {
  readonly text: string;
  /** UTF-16 indexes in the cleaned comment. */
  readonly start: number;
  readonly end: number;
}

/** Cut a cleaned comment into what can be hidden. */
export function wordsOf(text: string): Word[] {
  const pattern = new RegExp(
    [
      String.raw`\[MASK\]`,
      "[가-힣]+",
      "[ㄱ-ㆎ]+",
      String.raw`(?:(?![가-힣ㄱ-ㆎ])[\p{L}\p{N}_])+`,
      String.raw`\p{Extended_Pictographic}[\p{Extended_Pictographic}\p{Emoji_Modifier}\u200d\ufe0f]*`,
      String.raw`[^\s\p{L}\p{N}\p{Extended_Pictographic}_[]+`,
      String.raw`\[`,
    ].join("|"),
    "gu",
  );
  return [...text.matchAll(pattern)].map(({ 0: found, index }) => ({
    text: found,
    start: index,
    end: index + found.length,
  }));
}

/** How many masks a text holds. */
export function countMasks(text: string): number {
  return text.split(mask).length - 1;
}

/**
 * The comment as it was typed, with the word of its cleaned form hidden.
 *
 * @param offsets For each UTF-16 code unit of the cleaned comment, and its end, its index in `source`.
 */
export function hideWord(source: string, offsets: readonly number[], { start, end }: Word): string {
  const last = offsets[end - 1]!;
  const after = Math.max(last + 1, offsets[end] ?? source.length);
  return source.slice(0, offsets[start]) + mask + source.slice(after);
}

/** A text with its mask filled in: what stands before, the answer, what stands after. */
export interface Filled {
  readonly before: string;
  readonly word: string;
  readonly after: string;
}

/** Put a token where the mask is; a continuation (`##다`) joins the word before it. */
export function fillMask(text: string, token: string): Filled {
  const at = text.indexOf(mask);
  const before = text.slice(0, at);
  const after = text.slice(at + mask.length);
  return token.startsWith("##")
    ? { before: before.trimEnd(), word: token.slice(2), after }
    : { before, word: token, after };
}
