import * as fc from "fast-check";
import { expect, test } from "vitest";
import { cutBatch } from "./batches.ts";
import { packLines } from "./packing.ts";
import type { TokenizedLines } from "./tokenized_lines.ts";

const CLS = 2;
const SEP = 3;

/** Lines of the given numbers of tokens between their special ones; every token is different. */
function linesOf(lengths: readonly number[]): TokenizedLines {
  const ids: number[] = [];
  const rowStarts = [0];
  let next = 10;
  for (const length of lengths) {
    ids.push(CLS, ...Array.from({ length }, () => next++), SEP);
    rowStarts.push(ids.length);
  }
  return { ids: Int32Array.from(ids), rowStarts: Int32Array.from(rowStarts) };
}

const lengths = fc.array(fc.nat(40), { maxLength: 60 });
const rowLengths = fc.integer({ min: 3, max: 32 });

test("packLines() puts every line that has tokens into exactly one row, and no row overflows", () => {
  fc.assert(
    fc.property(lengths, rowLengths, fc.nat(), (lengths, rowLength, seed) => {
      const lines = linesOf(lengths);
      const { lines: order, starts } = packLines(lines, { rowLength, seed, epoch: 0 });
      const wanted = lengths.flatMap((length, line) => (length > 0 ? [line] : []));
      expect([...order].sort((a, b) => a - b)).toEqual(wanted);
      for (let row = 0; row + 1 < starts.length; row++) {
        const inRow = order.subarray(starts[row], starts[row + 1]);
        const used = inRow.reduce((sum, line) => sum + Math.min(lengths[line]! + 2, rowLength), 0);
        expect(used).toBeGreaterThan(0);
        expect(used).toBeLessThanOrEqual(rowLength);
      }
    }),
  );
});

test("packLines() leaves little padding on lines as short as comments", () => {
  const lines = linesOf(Array.from({ length: 2000 }, (_, i) => 1 + ((i * 7919) % 25)));
  const rowLength = 32;
  const { starts } = packLines(lines, { rowLength, seed: 1, epoch: 0 });
  const filled = lines.ids.length / ((starts.length - 1) * rowLength);
  expect(filled).toBeGreaterThan(0.97);
});

test("packLines() gives another order with another seed or epoch, and the same with the same", () => {
  const lines = linesOf(Array.from({ length: 50 }, (_, i) => 1 + (i % 9)));
  const pack = (seed: number, epoch: number) => packLines(lines, { rowLength: 16, seed, epoch });
  expect(pack(1, 0)).toEqual(pack(1, 0));
  expect(pack(1, 0)).not.toEqual(pack(2, 0));
  expect(pack(1, 0)).not.toEqual(pack(1, 1));
});

test("packLines() refuses rows without room for a token", () => {
  expect(() => packLines(linesOf([1]), { rowLength: 2, seed: 0, epoch: 0 })).toThrow(RangeError);
});

test("cutBatch() lays every line out whole, with positions of its own and a segment of its own", () => {
  fc.assert(
    fc.property(lengths, rowLengths, fc.nat(), (lengths, rowLength, seed) => {
      const lines = linesOf(lengths);
      const packed = packLines(lines, { rowLength, seed, epoch: 0 });
      const rows = packed.starts.length - 1;
      const batch = cutBatch(lines, packed, { first: 0, count: rows + 1, rowLength, padId: 0 });
      const found = new Map<number, number[]>();
      batch.segments.forEach((segment, at) => {
        if (segment === 0) {
          expect([batch.inputIds[at], batch.positionIds[at]]).toEqual([0, 0]);
          return;
        }
        const line = found.get(segment) ?? [];
        expect(batch.positionIds[at]).toBe(line.length);
        found.set(segment, [...line, batch.inputIds[at]!]);
      });
      expect(batch.tokens).toBe([...found.values()].flat().length);
      [...found.values()].forEach((ids, i) => {
        const line = packed.lines[i]!;
        const whole = [...lines.ids.subarray(lines.rowStarts[line], lines.rowStarts[line + 1])];
        expect(ids).toEqual(whole.length > rowLength ? [...whole.slice(0, rowLength - 1), SEP] : whole);
      });
    }),
  );
});

test("cutBatch() takes rows from where it is told, and pads past the end", () => {
  const lines = linesOf([4, 4, 4]);
  const packed = packLines(lines, { rowLength: 6, seed: 3, epoch: 0 });
  const all = cutBatch(lines, packed, { first: 0, count: 4, rowLength: 6, padId: 9 });
  const tail = cutBatch(lines, packed, { first: 2, count: 2, rowLength: 6, padId: 9 });
  expect(tail.inputIds).toEqual(all.inputIds.subarray(12));
  expect([...tail.inputIds.subarray(6)]).toEqual([9, 9, 9, 9, 9, 9]);
  expect(tail.tokens).toBe(6);
});
