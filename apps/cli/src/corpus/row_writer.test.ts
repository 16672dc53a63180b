import * as fc from "fast-check";
import { expect, test } from "vitest";
import { partitionOf, writeKeyed } from "./row_key.ts";
import { RowWriter } from "./row_writer.ts";

test("rows are there once each, by partition, as text", () => {
  const row = fc.record({
    text: fc.string({ unit: "binary" }).map((text) => text.replaceAll(/[\t\n]/g, " ")),
    line: fc.integer({ min: -1, max: 2 ** 40 }),
    day: fc.option(fc.integer({ min: -100_000, max: 100_000 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 50 }), fc.integer({ min: 1, max: 9 }), (rows, partitions) => {
      const writer = new RowWriter(7, partitions, 0);
      const wanted: string[][] = Array.from({ length: partitions }, () => []);
      for (const { text, line, day } of rows) {
        writer.add(text, line, day);
        const keys = { place: 0, pick: 0 };
        writeKeyed(text, 7, new Uint8Array(text.length * 3), 0, keys);
        wanted[partitionOf(keys.place, partitions)]!.push(
          `${text}\t${line}\t${day ?? ""}\t${keys.place}\t${keys.pick}\n`,
        );
      }
      const written = writer.finish();
      for (const [i, lines] of wanted.entries()) {
        const bytes = written.bytes.subarray(i === 0 ? 0 : written.ends[i - 1], written.ends[i]);
        expect(new TextDecoder().decode(bytes)).toBe(lines.join(""));
        expect(written.rows[i]).toBe(lines.length);
      }
    }),
  );
});

test("thousands of rows fit", () => {
  const writer = new RowWriter(1, 3, 16);
  for (let i = 0; i < 10_000; i++) writer.add(`댓글 ${i}`, i, undefined);
  const { rows, bytes } = writer.finish();
  expect(rows.reduce((sum, count) => sum + count, 0)).toBe(10_000);
  expect(new TextDecoder().decode(bytes).split("\n").length).toBe(10_001);
});
