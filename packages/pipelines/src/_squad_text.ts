/**
 * From predicted tokens back to the words they stand in; follows `get_final_text` of Google's and Hugging Face's
 * `run_squad`, for cased models.
 *
 * @module
 */
import type { BertTokenizer } from "@kcbert/tokenizer";
import { NEVER_CUT } from "./_encode.ts";

/** The text of tokens as `run_squad` joins them: with a space between words, punctuation being words. */
export function squadTokenText(tokens: readonly string[]): string {
  const text = tokens.join(" ").replaceAll(" ##", "").trim();
  return text.split(/\s+/).join(" ");
}

/**
 * The part of `words` that `tokenText` means: without what the prediction leaves off at the ends. All of it where the two
 * cannot be aligned.
 *
 * @param words The words from that of the first token to that of the last, with single spaces.
 */
export function squadFinalText(tokenizer: BertTokenizer, tokenText: string, words: string): string {
  const spaced = basicWords(tokenizer, words).join(" ");
  const at = spaced.indexOf(tokenText);
  const [wordIndexes, spacedIndexes] = [indexesWithoutSpaces(words), indexesWithoutSpaces(spaced)];
  if (at < 0 || wordIndexes.length !== spacedIndexes.length) return words;
  const first = spacedIndexes.indexOf(at);
  const last = spacedIndexes.indexOf(at + tokenText.length - 1);
  if (first < 0 || last < 0) return words;
  return words.slice(wordIndexes[first]!, wordIndexes[last]! + 1);
}

// --- internal ---

/** Words and punctuation, each for itself. */
function basicWords(tokenizer: BertTokenizer, text: string): string[] {
  const { wordIds, offsets } = tokenizer.encode(text, { ...NEVER_CUT, addSpecialTokens: false });
  const words: string[] = [];
  for (let i = 0, start = 0; i < wordIds.length; i++) {
    if (wordIds[i + 1] === wordIds[i]) continue;
    words.push(text.slice(offsets[2 * start]!, offsets[2 * i + 1]!));
    start = i + 1;
  }
  return words;
}

function indexesWithoutSpaces(text: string): number[] {
  const indexes: number[] = [];
  for (let i = 0; i < text.length; i++) if (text[i] !== " ") indexes.push(i);
  return indexes;
}
