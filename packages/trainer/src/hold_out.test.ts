import * as fc from "fast-check";
import { expect, test } from "vitest";
import { holdOut } from "./hold_out.ts";
import { lineCount, type TokenizedLines } from "./tokenized_lines.ts";

function linesOf(texts: readonly (readonly number[])[]): TokenizedLines {
  const rowStarts = [0];
  for (const text of texts) rowStarts.push(rowStarts.at(-1)! + text.length);
  return { ids: Uint16Array.from(texts.flat()), rowStarts: Int32Array.from(rowStarts) };
}

function textsOf({ ids, rowStarts }: TokenizedLines): number[][] {
  return Array.from({ length: rowStarts.length - 1 }, (_, i) => [
    ...ids.subarray(rowStarts[i], rowStarts[i + 1]),
  ]);
}

test("holdOut() parts the lines, whole and in order, as many as asked for", () => {
  const texts = fc.array(fc.array(fc.nat(65_535), { maxLength: 6 }), { minLength: 2, maxLength: 30 });
  fc.assert(
    fc.property(texts, fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(), (texts, part, seed) => {
      const named = texts.map((text, i) => [i, ...text]); // so that every line is different
      const count = 1 + Math.floor(part * (named.length - 2));
      const { train, heldOut } = holdOut(linesOf(named), count, seed);
      expect(lineCount(heldOut)).toBe(count);
      const together = [...textsOf(train), ...textsOf(heldOut)].sort((a, b) => a[0]! - b[0]!);
      expect(together).toEqual(named);
      expect(textsOf(train)).toEqual(named.filter(([i]) => textsOf(train).some((text) => text[0] === i)));
    }),
  );
});

test("holdOut() draws by the seed alone", () => {
  const lines = linesOf(Array.from({ length: 100 }, (_, i) => [i]));
  const drawn = (seed: number) => textsOf(holdOut(lines, 10, seed).heldOut).join();
  expect(drawn(1)).toBe(drawn(1));
  expect(drawn(1)).not.toBe(drawn(2));
});

test.each([0, 3, 1.5, NaN])("holding out %d of 3 lines is refused", (count) => {
  expect(() => holdOut(linesOf([[1], [2], [3]]), count, 0)).toThrow(RangeError);
});
