import * as fc from "fast-check";
import { expect, test } from "vitest";
import { KEY_BASE, PairHeap } from "./_train_heap.ts";

test("PairHeap gives pairs by count, then by left, then by right symbol", () => {
  const heap = new PairHeap();
  heap.push(0, 5, 2 * KEY_BASE + 1);
  heap.push(1, 7, 9 * KEY_BASE + 9);
  heap.push(2, 5, 1 * KEY_BASE + 3);
  heap.push(3, 5, 1 * KEY_BASE + 2);
  expect(drain(heap)).toEqual([1, 3, 2, 0]);
});

test("PairHeap sorts like Array.sort, also when counts were lowered", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ count: fc.nat(20), drop: fc.nat(20) }), { maxLength: 3000 }),
      (entries) => {
        const heap = new PairHeap();
        for (const [pair, { count }] of entries.entries()) heap.push(pair, count, pair);
        const current = entries.map(({ count, drop }) => Math.max(0, count - drop));
        const order: number[] = [];
        while (heap.size > 0) {
          const { pair, count } = heap;
          if (current[pair]! < count) heap.lower(current[pair]!);
          else {
            order.push(pair);
            heap.drop();
          }
        }
        expect(order).toEqual([...current.keys()].sort((a, b) => current[b]! - current[a]! || a - b));
      },
    ),
    { numRuns: 50 },
  );
});

// --- internal ---

function drain(heap: PairHeap): number[] {
  const pairs: number[] = [];
  for (; heap.size > 0; heap.drop()) pairs.push(heap.pair);
  return pairs;
}
