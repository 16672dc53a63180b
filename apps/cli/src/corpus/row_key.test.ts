import * as fc from "fast-check";
import { expect, test } from "vitest";
import { partitionOf, type RowKeys, writeKeyed } from "./row_key.ts";

function keysOf(text: string, seed: number): RowKeys {
  const keys = { place: 0, pick: 0 };
  writeKeyed(text, seed, new Uint8Array(text.length * 3), 0, keys);
  return keys;
}

test("keys stay as they are: a recipe gives the same corpus in every version", () => {
  expect(keysOf("", 1)).toEqual(EMPTY);
  expect(keysOf("정말 재밌게 봤어요!!", 1)).toEqual(REVIEW);
});

test("the bytes are UTF-8, as TextEncoder has it", () => {
  const string = fc.string({
    unit: fc.oneof(
      fc.nat(0xffff).map((unit) => String.fromCharCode(unit)),
      fc.constantFrom("👍", "\uD83D", "\uDC4D", "é"),
    ),
  });
  fc.assert(
    fc.property(string, fc.nat(5), (text, at) => {
      const bytes = new Uint8Array(at + text.length * 3);
      const end = writeKeyed(text, 1, bytes, at, { place: 0, pick: 0 });
      expect([...bytes.subarray(at, end)]).toEqual([...new TextEncoder().encode(text)]);
    }),
  );
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

const EMPTY = { place: 460_282_497, pick: 202_520_301 };
const REVIEW = { place: 377_870_919, pick: 527_454_169 };
