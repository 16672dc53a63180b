import { randomBits } from "@kcbert/bert";

/** The numbers 0 to `length` − 1 in an order that depends on seed, step and stream alone. */
export function shuffled(length: number, seed: number, step: number, stream: string): Int32Array {
  const order = Int32Array.from({ length }, (_, i) => i);
  const words = randomBits(seed, step, stream, length);
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor((words[i]! / 2 ** 32) * (i + 1));
    const other = order[j]!;
    order[j] = order[i]!;
    order[i] = other;
  }
  return order;
}
