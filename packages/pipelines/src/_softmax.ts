/** The probabilities that logits stand for, summed in double precision. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  let max = -Infinity;
  for (let i = 0; i < logits.length; i++) if (logits[i]! > max) max = logits[i]!;
  const result = new Float64Array(logits.length);
  let sum = 0;
  for (let i = 0; i < result.length; i++) sum += result[i] = Math.exp(logits[i]! - max);
  for (let i = 0; i < result.length; i++) result[i]! /= sum;
  return result;
}

/** The first index of the largest value. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
