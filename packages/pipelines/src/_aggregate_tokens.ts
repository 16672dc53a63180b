/**
 * From scored tokens to named spans: the strategies of Hugging Face's `token-classification` pipeline.
 *
 * @module
 */
import { argmax } from "./_softmax.ts";

/** A token with the probability of each label. */
export interface ScoredToken {
  /** The token; for an unknown one the text that it stands for. */
  readonly word: string;
  /** float64 `[L]`. */
  readonly scores: Float64Array;
  /** Its place among the row's tokens, `[CLS]` being 0. */
  readonly index: number;
  /** Whether it goes on with the word of the token before. */
  readonly isSubword: boolean;
  readonly start: number;
  readonly end: number;
}

/** A token, or a word, with the label it got. */
export interface LabelledToken {
  readonly entity: string;
  readonly score: number;
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

/** Neighbours of one class. */
export interface LabelledGroup {
  readonly entityGroup: string;
  readonly score: number;
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

/** How the tokens of a word agree on a label. */
export type WordStrategy = "first" | "average" | "max";

/** Makes text of tokens: `convertTokensToString` of the tokenizer. */
export type JoinTokens = (tokens: readonly string[]) => string;

/** Where a label says whether it begins a name: `B-PER`, or `PER-B`. */
export type TagPosition = "prefix" | "suffix";

/** The best label of a token. */
export function labelToken(
  { scores, word, start, end }: ScoredToken,
  labels: readonly string[],
): LabelledToken {
  const best = argmax(scores);
  return { entity: labels[best]!, score: scores[best]!, word, start, end };
}

/** The words that tokens make, each with one label. */
export function labelWords(
  tokens: readonly ScoredToken[],
  labels: readonly string[],
  strategy: WordStrategy,
  join: JoinTokens,
): LabelledToken[] {
  const words: ScoredToken[][] = [];
  for (const token of tokens) {
    const word = words.at(-1);
    if (word !== undefined && token.isSubword) word.push(token);
    else words.push([token]);
  }
  return words.map((word) => {
    const scores = SCORES_OF_WORD[strategy](word);
    const text = join(word.map((token) => token.word));
    return labelToken({ ...word[0]!, scores, word: text, end: word.at(-1)!.end }, labels);
  });
}

/** Neighbours of the same class in one: a label that begins a name begins a group, every other goes on with its like. */
export function groupEntities(
  tokens: readonly LabelledToken[],
  position: TagPosition,
  join: JoinTokens,
): LabelledGroup[] {
  const groups: LabelledToken[][] = [];
  for (const token of tokens) {
    const group = groups.at(-1);
    const { begins, tag } = tagOf(token.entity, position);
    if (group !== undefined && !begins && tag === tagOf(group.at(-1)!.entity, position).tag)
      group.push(token);
    else groups.push([token]);
  }
  return groups.map((group) => ({
    entityGroup: classOf(group[0]!.entity, position),
    score: mean(group.map(({ score }) => score)),
    word: join(group.map(({ word }) => word)),
    start: group[0]!.start,
    end: group.at(-1)!.end,
  }));
}

/** What windows that overlap found twice, once: of two spans that meet the longer, of equal ones the surer. */
export function mergeOverlaps(spans: readonly LabelledGroup[]): LabelledGroup[] {
  const merged: LabelledGroup[] = [];
  for (const span of spans.toSorted((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last === undefined || span.start >= last.end) {
      merged.push(span);
      continue;
    }
    const longer = span.end - span.start - (last.end - last.start);
    if (longer > 0 || (longer === 0 && span.score > last.score)) merged[merged.length - 1] = span;
  }
  return merged;
}

// --- internal ---

const SCORES_OF_WORD: Record<WordStrategy, (word: readonly ScoredToken[]) => Float64Array> = {
  first: (word) => word[0]!.scores,
  max: (word) => word[argmax(word.map(({ scores }) => scores[argmax(scores)]!))]!.scores,
  average: (word) => word[0]!.scores.map((_, label) => mean(word.map(({ scores }) => scores[label]!))),
};

/** In single precision, as the reference: what is a tie there is one here. */
function mean(values: readonly number[]): number {
  return Math.fround(values.reduce((sum, value) => Math.fround(sum + value), 0) / values.length);
}

/** A label without a mark counts as going on. */
function tagOf(label: string, position: TagPosition): { begins: boolean; tag: string } {
  const mark = position === "prefix" ? label.slice(0, 2) : label.slice(-2);
  const [begin, inside] = position === "prefix" ? ["B-", "I-"] : ["-B", "-I"];
  if (mark !== begin && mark !== inside) return { begins: false, tag: label };
  return { begins: mark === begin, tag: position === "prefix" ? label.slice(2) : label.slice(0, -2) };
}

/** As the reference does: what follows the first hyphen, whatever is before it. */
function classOf(label: string, position: TagPosition): string {
  return position === "suffix" ? tagOf(label, position).tag : label.slice(label.indexOf("-") + 1);
}
