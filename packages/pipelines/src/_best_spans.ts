/** A stretch of tokens, or of a text, and how likely it is. */
export interface ScoredSpan {
  readonly start: number;
  readonly end: number;
  readonly score: number;
}

/**
 * The likeliest spans of at most `longest` tokens, best first, of equal ones the first; spans of no probability at all
 * are left out.
 *
 * @param starts Probability of each token to begin the span. @param ends Likewise to end it; the end belongs to it.
 * @param count How many spans at most.
 */
export function bestSpans(
  starts: Float64Array,
  ends: Float64Array,
  longest: number,
  count: number,
): ScoredSpan[] {
  const best: ScoredSpan[] = [];
  for (let start = 0; start < starts.length; start++) {
    const beyond = Math.min(starts.length, start + longest);
    for (let end = start; end < beyond; end++) {
      const score = starts[start]! * ends[end]!;
      if (score > (best.length < count ? 0 : best[count - 1]!.score))
        insert(best, { start, end, score }, count);
    }
  }
  return best;
}

// --- internal ---

function insert(best: ScoredSpan[], span: ScoredSpan, count: number): void {
  let place = best.length;
  while (place > 0 && best[place - 1]!.score < span.score) place--;
  best.splice(place, 0, span);
  if (best.length > count) best.pop();
}
