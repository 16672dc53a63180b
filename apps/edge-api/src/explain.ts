import type { CleanedText } from "@kcbert/normalizer";
import type { Asking } from "./ask.ts";
import type { ModelInUse } from "./models.ts";
import type { Questions } from "./service.ts";

/** A word of a comment, and what it does to a verdict. */
export interface WordWeight {
  /** Where it begins in the comment as it was sent, in UTF-16 code units. */
  readonly start: number;
  /** Where it ends, just past its last code unit. */
  readonly end: number;
  /** What stands there. */
  readonly text: string;
  /** How much less likely the verdict is without it, in [−1, 1]; negative if it speaks against the verdict. */
  readonly weight: number;
}

/** A verdict, and the words that it comes from. */
export interface Explanation {
  /** The likeliest label. */
  readonly label: string;
  /** Its probability. */
  readonly score: number;
  /** The comment's words, in order. */
  readonly words: readonly WordWeight[];
}

/** Words that are looked at, from the beginning; each of them takes the model another look at the comment. */
const mostWords = 64;

/**
 * Tell which words a classifier's verdict comes from, by occlusion: each word is hidden behind `[MASK]` in turn, and what the
 * verdict loses is its weight.
 *
 * @param comment The comment as it was sent.
 * @param verdict The label to explain.
 */
export async function explain(
  { askLabels }: Questions,
  asking: Asking,
  use: ModelInUse,
  comment: string,
  verdict: { readonly label: string; readonly score: number },
): Promise<Explanation> {
  const { tokenizer, clean } = use.model;
  const cleaned = clean(comment);
  const mask = tokenizer.idToToken(tokenizer.maskId)!;
  const words = wordsOf(use, cleaned.text).slice(0, mostWords);
  const hidden = words.map(([start, end]) => ({
    text: cleaned.text.slice(0, start) + mask + cleaned.text.slice(end),
  }));
  const judged = await askLabels(asking, use, hidden, { topK: null });
  return {
    ...verdict,
    words: words.map((word, i) => {
      const [start, end] = inSource(comment, cleaned, word);
      const without = judged[i]!.find(({ label }) => label === verdict.label)?.score ?? 0;
      return { start, end, text: comment.slice(start, end), weight: verdict.score - without };
    }),
  };
}

// --- internal ---

type Span = readonly [start: number, end: number];

/** The words of a text as its tokenizer divides it, without special tokens. */
function wordsOf({ model: { tokenizer } }: ModelInUse, text: string): Span[] {
  const { wordIds, offsets, specialTokensMask, length } = tokenizer.encode(text, {
    truncation: false,
    padding: false,
    offsetUnit: "utf16",
  });
  const words = new Map<number, Span>();
  for (let i = 0; i < length; i++) {
    if (specialTokensMask[i] === 1) continue;
    const [start, end] = [offsets[2 * i]!, offsets[2 * i + 1]!];
    words.set(wordIds[i]!, [words.get(wordIds[i]!)?.[0] ?? start, end]);
  }
  return [...words.values()];
}

/** Where a word stands in the comment, with the whole of a run that cleaning shortened. */
function inSource(comment: string, { offsets }: CleanedText, [from, to]: Span): Span {
  const last = offsets[to - 1]!;
  let end = last + 1;
  while (end < comment.length && comment[end] === comment[last]) end += 1;
  return [offsets[from]!, end];
}
