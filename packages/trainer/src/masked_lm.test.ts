import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Batch } from "./batches.ts";
import { cutBatch } from "./batches.ts";
import { IGNORED_LABEL, maskTokens, placesFor } from "./masked_lm.ts";
import { packLines } from "./packing.ts";

const [PAD, UNK, CLS, SEP, MASK] = [0, 1, 2, 3, 4] as const;
const SPECIAL: number[] = [PAD, UNK, CLS, SEP, MASK];
const VOCAB = 5000;

/** A batch of lines of the given ids, one after the other in rows of `rowLength`. */
function batchOf(lines: readonly (readonly number[])[], rowLength: number): Batch {
  const rowStarts = [0];
  const ids = lines.flatMap((line) => {
    rowStarts.push(rowStarts.at(-1)! + line.length + 2);
    return [CLS, ...line, SEP];
  });
  const tokenized = { ids: Int32Array.from(ids), rowStarts: Int32Array.from(rowStarts) };
  const packed = packLines(tokenized, { rowLength, seed: 1, epoch: 0 });
  return cutBatch(tokenized, packed, { first: 0, count: packed.starts.length - 1, rowLength, padId: PAD });
}

const options = { seed: 7, step: 0, maskId: MASK, specialIds: SPECIAL, vocabSize: VOCAB };
const token = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 5, max: VOCAB - 1 }) },
  { weight: 1, arbitrary: fc.constant(UNK) },
);
const someLines = fc.array(fc.array(token, { minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 30 });

test("maskTokens() changes chosen tokens alone, remembers them, and leaves the batch as it was", () => {
  fc.assert(
    fc.property(someLines, fc.nat(), fc.nat(), (lines, seed, step) => {
      const batch = batchOf(lines, 32);
      const before = batch.inputIds.slice();
      const masked = maskTokens(batch, { ...options, seed, step });
      expect(batch.inputIds).toEqual(before);
      const restored = masked.inputIds.slice();
      for (let i = 0; i < masked.predictions; i++) {
        const position = masked.maskedPositions[i]!;
        expect(SPECIAL).not.toContain(before[position]);
        restored[position] = masked.labels[i]!;
      }
      expect(restored).toEqual(before);
      const used = masked.maskedPositions.subarray(0, masked.predictions);
      expect([...new Set(used)].sort((a, b) => a - b)).toEqual([...used]);
    }),
  );
});

test("maskTokens() chooses at least one token of every line that has one, and never too many", () => {
  fc.assert(
    fc.property(someLines, fc.nat(), (lines, seed) => {
      const batch = batchOf(lines, 32);
      const masked = maskTokens(batch, { ...options, seed, places: batch.inputIds.length });
      const chosen = new Map<number, number>();
      for (const position of masked.maskedPositions.subarray(0, masked.predictions)) {
        const segment = batch.segments[position]!;
        chosen.set(segment, (chosen.get(segment) ?? 0) + 1);
      }
      const candidates = new Map<number, number>();
      batch.segments.forEach((segment, at) => {
        if (!SPECIAL.includes(batch.inputIds[at]!))
          candidates.set(segment, (candidates.get(segment) ?? 0) + 1);
      });
      expect([...chosen.keys()].sort((a, b) => a - b)).toEqual([...candidates.keys()].sort((a, b) => a - b));
      for (const [segment, count] of candidates) {
        expect(chosen.get(segment)).toBeGreaterThanOrEqual(Math.max(1, Math.floor(count * 0.15)));
        expect(chosen.get(segment)).toBeLessThanOrEqual(Math.max(1, Math.ceil(count * 0.15)));
      }
    }),
  );
});

test("maskTokens() masks 15 %, of these 80 % by [MASK], 10 % by a random token, 10 % not at all", () => {
  const line = Array.from({ length: 30 }, (_, i) => 100 + i);
  const batch = batchOf(
    Array.from({ length: 2000 }, () => line),
    32,
  ); // 60,000 tokens
  const { inputIds, maskedPositions, labels, predictions: count } = maskTokens(batch, options);
  const now = Array.from(maskedPositions.subarray(0, count), (position) => inputIds[position]!);
  const hidden = now.filter((id) => id === MASK).length;
  const kept = now.filter((id, i) => id === labels[i]).length;
  const random = now.filter((id, i) => id !== MASK && id !== labels[i]);
  // Within five standard deviations of a binomial distribution.
  const near = (found: number, of: number, part: number) =>
    expect(Math.abs(found - of * part)).toBeLessThan(5 * Math.sqrt(of * part * (1 - part)));
  near(count, 60_000, 0.15);
  near(hidden, count, 0.8);
  near(kept, count, 0.1);
  near(random.length, count, 0.1);
  near(random.filter((id) => id < VOCAB / 2).length, random.length, 0.5);
  const positions = new Set(
    Array.from(maskedPositions.subarray(0, count), (position) => batch.positionIds[position]),
  );
  expect(positions.size).toBe(30);
});

test("maskTokens() masks anew in every step and with every seed, and repeats itself otherwise", () => {
  const batch = batchOf([[10, 11, 12, 13, 14, 15, 16, 17, 18, 19]], 16);
  const positions = (seed: number, step: number) =>
    maskTokens(batch, { ...options, seed, step }).maskedPositions.join();
  expect(positions(1, 2)).toBe(positions(1, 2));
  const steps = new Set(Array.from({ length: 20 }, (_, step) => positions(1, step)));
  const seeds = new Set(Array.from({ length: 20 }, (_, seed) => positions(seed, 1)));
  expect(steps.size).toBeGreaterThan(5);
  expect(seeds.size).toBeGreaterThan(5);
});

test("maskTokens() takes whole words where it is told what goes on with one", () => {
  const continuations = Uint8Array.from({ length: VOCAB }, (_, id) => Number(id >= 5 && id % 3 === 0));
  fc.assert(
    fc.property(someLines, fc.nat(), (lines, seed) => {
      const batch = batchOf(lines, 32);
      const places = batch.inputIds.length;
      const masked = maskTokens(batch, { ...options, seed, places, probability: 0.3, continuations });
      const chosen = new Set(masked.maskedPositions.subarray(0, masked.predictions));
      const bySegment = new Map<number, { candidates: number; chosen: number; words: number }>();
      for (const [at, id] of batch.inputIds.entries()) {
        if (SPECIAL.includes(id)) continue;
        const goesOn = continuations[id] === 1 && !SPECIAL.includes(batch.inputIds[at - 1]!);
        if (goesOn) expect(chosen.has(at)).toBe(chosen.has(at - 1));
        const segment = batch.segments[at]!;
        const entry = bySegment.get(segment) ?? { candidates: 0, chosen: 0, words: 0 };
        entry.candidates++;
        if (chosen.has(at)) entry.chosen++;
        if (chosen.has(at) && !goesOn) entry.words++;
        bySegment.set(segment, entry);
      }
      for (const { candidates, chosen, words } of bySegment.values()) {
        expect(words).toBeGreaterThan(0);
        if (words > 1) expect(chosen).toBeLessThanOrEqual(Math.ceil(candidates * 0.3));
      }
    }),
  );
});

test("static masks stay with their line, whatever the step, its row and its neighbours; copies differ", () => {
  const lines = Array.from({ length: 40 }, (_, i) =>
    Array.from({ length: 5 + (i % 9) }, (_, j) => 100 + 20 * i + j),
  );
  const tokenized = {
    ids: Int32Array.from(lines.flatMap((line) => [CLS, ...line, SEP])),
    rowStarts: Int32Array.from(
      [0, ...lines].map((_, i) => lines.slice(0, i).reduce((n, line) => n + line.length + 2, 0)),
    ),
  };
  const masksOf = (epoch: number, step: number, copy: number | undefined): Map<number, string> => {
    const packed = packLines(tokenized, { rowLength: 32, seed: 1, epoch });
    const batch = cutBatch(tokenized, packed, {
      first: 0,
      count: packed.starts.length - 1,
      rowLength: 32,
      padId: PAD,
    });
    const masked = maskTokens(batch, {
      ...options,
      step,
      places: batch.inputIds.length,
      ...(copy === undefined ? {} : { copy }),
    });
    return new Map(
      Array.from(batch.lines, (line, i) => {
        const here = (at: number) => batch.segments[at] === i + 1;
        const ids = masked.inputIds.filter((_, at) => here(at));
        return [line, ids.join()] as const;
      }).sort(([a], [b]) => a - b),
    );
  };
  expect(masksOf(0, 0, 0)).toEqual(masksOf(3, 17, 0));
  expect(masksOf(0, 0, 0)).not.toEqual(masksOf(0, 0, 1));
  expect(masksOf(0, 0, undefined)).not.toEqual(masksOf(3, 17, undefined));
});

test("maskTokens() keeps to its places: thinned where they are few, ignored where they are many", () => {
  const batch = batchOf([[10, 11, 12, 13, 14, 15, 16, 17, 18, 19], [20], [21]], 16);
  const wide = maskTokens(batch, { ...options, places: 64, probability: 0.5 });
  expect([wide.labels.length, wide.predictions]).toEqual([64, 7]);
  expect([...wide.labels.subarray(7)]).toEqual(Array(57).fill(IGNORED_LABEL));
  const narrow = maskTokens(batch, { ...options, places: 3, probability: 0.5 });
  expect([narrow.labels.length, narrow.predictions]).toEqual([3, 3]);
  const segments = Array.from(narrow.maskedPositions, (position) => batch.segments[position]);
  expect(segments).toEqual([...new Set(segments)]); // one of each line: the last to be given up
  expect(narrow.maskedPositions.every((position) => wide.maskedPositions.includes(position))).toBe(true);
});

test("a batch of padding has nothing to predict", () => {
  const batch = batchOf([[10]], 8);
  const empty = { ...batch, inputIds: new Int32Array(8), segments: new Int32Array(8) };
  expect(maskTokens(empty, options)).toMatchObject({ predictions: 0, inputIds: empty.inputIds });
});

test.each([0, 1, -1, NaN])("a probability of %d is refused", (probability) => {
  expect(() => maskTokens(batchOf([[10]], 8), { ...options, probability })).toThrow(RangeError);
});

test("placesFor() is enough for batches of real lengths, and wastes little", () => {
  const lines = Array.from({ length: 600 }, (_, i) =>
    Array.from({ length: 3 + ((i * 31) % 27) }, (_, j) => 10 + j),
  );
  const { labels, predictions, inputIds } = maskTokens(batchOf(lines, 32), options);
  expect(labels.length).toBe(placesFor(inputIds.length, 0.15));
  expect(predictions).toBeLessThan(labels.length);
  expect(predictions).toBeGreaterThan(0.8 * labels.length);
});
