/**
 * KorQuAD 1.0's own scores: exact match, and F1 by character rather than by word.
 */

/** Scores in percent, as the official script prints them. */
export interface KorquadScores {
  /** Part of the questions whose answer is one of the right ones, in [0, 100]. */
  readonly exactMatch: number;
  /** Mean over questions of the best F1 with a right answer, in [0, 100]. */
  readonly f1: number;
}

/** A question and its right answers. */
export interface KorquadQuestion {
  /** Its id, as predictions are called. */
  readonly id: string;
  /** At least one. */
  readonly answers: readonly string[];
}

/**
 * Score answers as KorQuAD 1.0's official script does.
 *
 * Before comparison quotes, brackets and ASCII punctuation go, letters become lower case, and white space is one space;
 * then F1 counts the characters that two answers share, whatever their order. A question without a prediction counts as
 * wrong.
 *
 * @param questions All questions.
 * @param predictions The answer by question id.
 * @returns NaN for both if there is no question.
 *
 * @example
 * ```ts
 * import { korquadScores } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const questions = [{ id: "a", answers: ["대한민국"] }, { id: "b", answers: ["1988년"] }];
 * const predictions = new Map([["a", "《대한민국》"], ["b", "1988년에"]]);
 * const { exactMatch, f1 } = korquadScores(questions, predictions);
 * assert.equal(exactMatch, 50);
 * assert.ok(Math.abs(f1 - (100 + (100 * 10) / 11) / 2) < 1e-9);
 * ```
 */
export function korquadScores(
  questions: readonly KorquadQuestion[],
  predictions: ReadonlyMap<string, string>,
): KorquadScores {
  let [exact, shared] = [0, 0];
  for (const { id, answers } of questions) {
    const prediction = predictions.get(id);
    if (prediction === undefined) continue;
    const given = normalizeKorquadAnswer(prediction);
    const right = answers.map(normalizeKorquadAnswer);
    if (right.includes(given)) exact++;
    shared += Math.max(...right.map((answer) => characterF1(given, answer)));
  }
  return { exactMatch: (100 * exact) / questions.length, f1: (100 * shared) / questions.length };
}

/**
 * An answer as KorQuAD's script compares it.
 *
 * @example
 * ```ts
 * import { normalizeKorquadAnswer } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * assert.equal(normalizeKorquadAnswer(" 〈The  Wall〉(1979)"), "the wall 1979");
 * ```
 */
export function normalizeKorquadAnswer(answer: string): string {
  return answer
    .replaceAll(SPACED, " ")
    .toLowerCase()
    .replaceAll(PUNCTUATION, "")
    .split(WHITE_SPACE)
    .filter((word) => word !== "")
    .join(" ");
}

// --- internal ---

/** Quotes and brackets, which become a space. */
const SPACED = /['"《》<>〈〉()‘’]/g;
/** Python's `string.punctuation`, which goes. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g;
/** What Python's `str.split` splits at. */
// oxlint-disable-next-line no-control-regex -- Python's white space holds them
const WHITE_SPACE = /[\s\u001c-\u001f\u0085]+/u;

function characterF1(given: string, right: string): number {
  const [a, b] = [characters(given), characters(right)];
  const counts = new Map<string, number>();
  for (const character of b) counts.set(character, (counts.get(character) ?? 0) + 1);
  let same = 0;
  for (const character of a) {
    const left = counts.get(character) ?? 0;
    if (left === 0) continue;
    counts.set(character, left - 1);
    same++;
  }
  if (same === 0) return 0;
  const [precision, recall] = [same / a.length, same / b.length];
  return (2 * precision * recall) / (precision + recall);
}

/** Code points, without the spaces between words. */
function characters(text: string): string[] {
  return Array.from(text.replaceAll(" ", ""));
}
