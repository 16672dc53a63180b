import * as fc from "fast-check";
import { expect, test } from "vitest";
import { softmaxTop } from "./_softmax_top.ts";

const logit = fc.oneof(fc.float({ min: -50, max: 50, noNaN: true }), fc.constantFrom(0, 1));

test("softmaxTop() is a stable sort of the softmax, cut", () => {
  fc.assert(
    fc.property(
      fc.array(logit, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 50 }),
      (values, count) => {
        const logits = Float32Array.from(values);
        const sum = logits.reduce((total, value) => total + Math.exp(value), 0);
        const order = [...logits.keys()].toSorted((a, b) => logits[b]! - logits[a]!);
        const top = softmaxTop(logits, count);
        expect(top.map(({ index }) => index)).toEqual(order.slice(0, count));
        for (const { score, index } of top) expect(score).toBeCloseTo(Math.exp(logits[index]!) / sum, 10);
      },
    ),
  );
});

test("softmaxTop() gives only what is allowed, out of all", () => {
  const logits = Float32Array.of(1, 3, 2, 5);
  const all = softmaxTop(logits, 4);
  const some = softmaxTop(logits, 4, Int32Array.of(2, 0, 1));
  expect(some.map(({ index }) => index)).toEqual([1, 2, 0]);
  expect(some[0]!.score).toBe(all.find(({ index }) => index === 1)!.score);
});

test("softmaxTop() does not overflow", () => {
  expect(softmaxTop(Float32Array.of(1000, 1000, -1000), 2)).toEqual([
    { score: 0.5, index: 0 },
    { score: 0.5, index: 1 },
  ]);
});
