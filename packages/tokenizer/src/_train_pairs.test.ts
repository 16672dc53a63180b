import { expect, test } from "vitest";
import { PairTable } from "./_train_pairs.ts";

test("PairTable numbers pairs in the order they came, and finds each one again after growing", () => {
  const table = new PairTable();
  const pairs = Array.from({ length: 20_000 }, (_, i) => [i % 300, Math.floor(i / 300) * 31_007] as const);
  for (const [number, [left, right]] of pairs.entries()) {
    expect(table.find(left, right)).toBe(-1);
    expect(table.insert(left, right)).toBe(number);
    table.records[number * 2 + 1] = number;
  }
  expect(table.size).toBe(pairs.length);
  for (const [number, [left, right]] of pairs.entries()) {
    expect(table.insert(left, right)).toBe(number);
    expect(table.records[number * 2 + 1]).toBe(number);
    expect(table.starts[number]).toBe(-1);
  }
});

test("PairTable tells a pair from its reverse, and symbols beyond 16 bits", () => {
  const table = new PairTable();
  table.insert(1, 2);
  expect(table.find(2, 1)).toBe(-1);
  table.insert(70_000, 1_000_000);
  expect(table.find(70_000, 1_000_000)).toBe(1);
  expect(table.find(70_000 - 65_536, 1_000_000)).toBe(-1);
});
