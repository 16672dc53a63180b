/** A place in a distribution. */
export interface Scored {
  /** Probability in [0, 1]. */
  readonly score: number;
  /** Where in the logits. */
  readonly index: number;
}

/**
 * The most probable places under softmax, best first; of equal ones the first.
 *
 * The exponentials are summed in double precision over all logits; `allowed` narrows only what is given.
 *
 * @param logits Any finite numbers.
 * @param count How many places at most.
 * @param allowed The only places to give; all of them by default.
 */
export function softmaxTop(logits: Float32Array, count: number, allowed?: Int32Array): Scored[] {
  const max = maximum(logits);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - max);
  return topIndices(logits, count, allowed).map((index) => ({
    score: Math.exp(logits[index]! - max) / sum,
    index,
  }));
}

// --- internal ---

function maximum(values: Float32Array): number {
  let max = -Infinity;
  for (let i = 0; i < values.length; i++) if (values[i]! > max) max = values[i]!;
  return max;
}

/** Insertion into a short sorted list: almost every value fails the first comparison. */
function topIndices(values: Float32Array, count: number, allowed: Int32Array | undefined): number[] {
  const best: number[] = [];
  const length = allowed === undefined ? values.length : allowed.length;
  for (let i = 0; i < length; i++) {
    const index = allowed === undefined ? i : allowed[i]!;
    const value = values[index]!;
    if (best.length === count && value <= values[best[count - 1]!]!) continue;
    let place = best.length;
    while (place > 0 && values[best[place - 1]!]! < value) place--;
    best.splice(place, 0, index);
    if (best.length > count) best.pop();
  }
  return best;
}
