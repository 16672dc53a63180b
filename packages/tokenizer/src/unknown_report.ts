/**
 * Which words became `[UNK]`, and why.
 *
 * @module
 */
import type { BertTokenizer } from "./bert_tokenizer.ts";

/** A word that the vocabulary has no pieces for. */
export interface UnknownWord {
  /** Start in the text, in UTF-16 units. */
  start: number;
  /** End in the text, in UTF-16 units. */
  end: number;
  /** The word as it stands in the text. */
  text: string;
  /**
   * - `too_long`: more characters than a word may have;
   * - `missing_character`: characters that no token holds;
   * - `no_match`: every character is in some token, but no sequence of tokens makes up the word.
   */
  reason: "too_long" | "missing_character" | "no_match";
  /** The characters that no token holds, each once, in order; empty for the other reasons. */
  missing: string[];
}

/** What `reportUnknown` finds. */
export interface UnknownReport {
  /** Number of tokens, special tokens not counted. */
  tokens: number;
  /** The words that became `[UNK]`, in order. */
  unknown: UnknownWord[];
  /** What is likely to be wrong with the text or the tokenizer, in sentences; empty if nothing is. */
  warnings: string[];
}

/**
 * Find the words that become `[UNK]`, and say why.
 *
 * Warns, too, of text in conjoining jamo (NFD, as in file names from macOS), and of a tokenizer that strips accents although
 * its vocabulary is Hangul: both turn Korean into `[UNK]`.
 *
 * @param tokenizer The tokenizer. @param text The text.
 * @throws {TypeError} If `text` is not a string.
 *
 * @example
 * ```ts
 * import { BertTokenizer, reportUnknown } from "@kcbert/tokenizer";
 * import assert from "node:assert/strict";
 *
 * const tokenizer = BertTokenizer.fromVocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "재밌", "##게"]);
 * const { unknown } = reportUnknown(tokenizer, "재밌게 재밌ㅠㅠ");
 * assert.deepEqual(unknown, [
 *   { start: 4, end: 8, text: "재밌ㅠㅠ", reason: "missing_character", missing: ["ㅠ"] },
 * ]);
 * ```
 */
export function reportUnknown(tokenizer: BertTokenizer, text: string): UnknownReport {
  if (typeof text !== "string") {
    throw new TypeError(`Cannot report on the text as it must be a string: it is ${typeof text}`);
  }
  const options = {
    addSpecialTokens: false,
    truncation: false,
    padding: false,
    offsetUnit: "utf16",
  } as const;
  const { ids, offsets } = tokenizer.encode(text, options);
  const unkToken = tokenizer.idToToken(tokenizer.unkId);
  const unknown: UnknownWord[] = [];
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] !== tokenizer.unkId) continue;
    const start = offsets[2 * i]!;
    const end = offsets[2 * i + 1]!;
    const word = text.slice(start, end);
    if (word !== unkToken) unknown.push({ start, end, text: word, ...tokenizer.explainUnknown(word) });
  }
  const { nfc = false, lowercase = false, stripAccents } = tokenizer.options;
  const hasHangul = holdsHangul(tokenizer);
  const warnings: string[] = [];
  if (hasHangul && (stripAccents ?? lowercase)) {
    warnings.push(
      "The tokenizer strips accents, which takes Hangul apart into jamo, and its vocabulary holds Hangul syllables: use stripAccents: false",
    );
  }
  if (hasHangul && !nfc && /[\u1100-\u1112][\u1161-\u1175]/.test(text)) {
    warnings.push(
      "The text is in conjoining jamo (NFD), and the vocabulary holds Hangul syllables: use nfc: true, or compose it with normalize()",
    );
  }
  return { tokens: ids.length, unknown, warnings };
}

// --- internal ---

function holdsHangul(tokenizer: BertTokenizer): boolean {
  for (let id = 0; id < tokenizer.vocabSize; id++) if (/[가-힣]/.test(tokenizer.idToToken(id)!)) return true;
  return false;
}
