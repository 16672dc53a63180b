import { expect, test } from "vitest";
import { IGNORED_LABEL } from "./masked_lm.ts";
import { unigramCosts, unigramLoss } from "./unigram.ts";

const lines = { ids: Int32Array.of(2, 5, 6, 5, 1, 3, 2, 5, 3), rowStarts: Int32Array.of(0, 6, 9) };
const options = { vocabSize: 8, specialIds: [0, 1, 2, 3, 4] };

test("unigramCosts() is −log of the add-one smoothed frequency, special tokens not counted", () => {
  // Counts with one added: 1 for each of five special tokens, 4, 2 and 1 for 5, 6 and 7.
  const expected = [1, 1, 1, 1, 1, 4, 2, 1].map((count) => -Math.log(count / 12));
  expect([...unigramCosts(lines, options)]).toEqual(expected);
});

test("unigramLoss() is the mean cost of what is to be predicted", () => {
  const costs = unigramCosts(lines, options);
  const batches = [{ labels: Int32Array.of(5, 6, IGNORED_LABEL) }, { labels: Int32Array.of(7) }];
  expect(unigramLoss(costs, batches)).toBeCloseTo((Math.log(3) + Math.log(6) + Math.log(12)) / 3, 14);
});

test("unigramCosts() refuses an id outside of the vocabulary", () => {
  expect(() => unigramCosts(lines, { ...options, vocabSize: 6 })).toThrow(
    new RangeError("Cannot count tokens as an id is outside of the vocabulary of 6: 6"),
  );
});
