import { expect, test } from "vitest";
import { drawKeys, partitionOf, type RowKeys } from "./row_key.ts";

function keysOf(text: string, seed: number): RowKeys {
  const keys = { place: 0, pick: 0 };
  drawKeys(text, seed, keys);
  return keys;
}

test("keys stay as they are: a recipe gives the same corpus in every version", () => {
  expect(keysOf("", 1)).toEqual(EMPTY);
  expect(keysOf("정말 재밌게 봤어요!!", 1)).toEqual(REVIEW);
});

test("keys are spread evenly, and picks do not follow places", () => {
  const [n, cells] = [40_000, 8];
  const counts = new Float64Array(cells * cells);
  for (let i = 0; i < n; i++) {
    const { place, pick } = keysOf(`댓글 ${i}`, 7);
    counts[partitionOf(place, cells) * cells + partitionOf(pick, cells)]! += 1;
  }
  const expected = n / cells ** 2;
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  expect(chiSquare).toBeLessThan(103); // 63 degrees of freedom, one time in a thousand by chance
});

test("another seed, another order", () => {
  const texts = Array.from({ length: 200 }, (_, i) => `댓글 ${i}`);
  const order = (seed: number) =>
    texts.toSorted((a, b) => keysOf(a, seed).place - keysOf(b, seed).place).join();
  expect(order(1)).not.toBe(order(2));
  expect(order(1)).toBe(order(1));
});

const EMPTY = { place: 1_930_562_434_788_826, pick: 8_680_584_014_219_923 };
const REVIEW = { place: 1_584_904_116_674_482, pick: 1_765_629_771_311_436 };
