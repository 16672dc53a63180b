import * as fc from "fast-check";
import { expect, test } from "vitest";
import { bestSpans } from "./_best_spans.ts";

const probability = fc.constantFrom(0, 0.01, 0.1, 0.2, 0.5, 0.9);

test("bestSpans() is a stable sort of all spans, cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(probability, probability), { maxLength: 12 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 20 }),
      (pairs, longest, count) => {
        const all = pairs.flatMap(([first], start) =>
          pairs
            .slice(start, start + longest)
            .map(([, last], i) => ({ start, end: start + i, score: first * last })),
        );
        const expected = all.filter(({ score }) => score > 0).toSorted((a, b) => b.score - a.score);
        const [starts, ends] = [0, 1].map((side) => Float64Array.from(pairs, (pair) => pair[side]!));
        expect(bestSpans(starts!, ends!, longest, count)).toEqual(expected.slice(0, count));
      },
    ),
  );
});
