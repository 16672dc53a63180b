import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { clean } from "@kcbert/normalizer";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { linesOf } from "./io/read_lines.ts";
import { textField } from "./io/text_field.ts";
import { LineCleaner, type LineCleanerOptions } from "./line_cleaner.ts";

const field = textField({});

function cleanText(text: string, options: Partial<LineCleanerOptions> = {}): string {
  return new LineCleaner({ clean, field, ...options }).cleanBlock({ text, firstLine: 1 }, "test");
}

interface FilterVectors {
  readonly lines: string[];
  readonly keepAtLeast10: number[];
  readonly keepAtLeast11: number[];
}

const filter = JSON.parse(
  gunzipSync(
    readFileSync(new URL("../../../tests/golden/normalizer/filter.json.gz", import.meta.url)),
  ).toString(),
) as FilterVectors;

test.each([
  ["keepAtLeast10", 10],
  ["keepAtLeast11", 11],
] as const)("LineCleaner keeps what the reference keeps: %s", (name, minLength) => {
  // The reference's lines may hold separators that are no LF; none holds an LF.
  const kept = cleanText(filter.lines.join("\n"), { minLength, dedupe: true });
  const expected = filter[name].map((index) => `${clean(filter.lines[index]!)}\n`);
  expect(kept).toBe(expected.join(""));
});

test("LineCleaner without filters writes a line for each line", () => {
  const line = fc.string({ unit: fc.constantFrom("ㅋ", "가", "a", " ", "♡", "\t", "😂"), maxLength: 12 });
  fc.assert(
    fc.property(fc.array(line, { minLength: 1 }), (lines) => {
      expect(cleanText(lines.join("\n"))).toBe(lines.map((each) => `${clean(each)}\n`).join(""));
    }),
  );
});

test("LineCleaner with filters writes what a line-by-line filter writes", () => {
  const line = fc.string({ unit: fc.constantFrom("ㅋ", "가", "♡", "😂"), maxLength: 6 });
  fc.assert(
    fc.property(fc.array(line, { minLength: 1 }), fc.nat(4), (lines, minLength) => {
      const cleaned = lines.map((each) => clean(each)).filter((each) => Array.from(each).length >= minLength);
      const expected = [...new Set(cleaned)].map((each) => `${each}\n`).join("");
      expect(cleanText(lines.join("\n"), { minLength, dedupe: true })).toBe(expected);
    }),
  );
});

test("LineCleaner counts what became of the lines, over all blocks", () => {
  const cleaner = new LineCleaner({ clean, field, minLength: 2, dedupe: true });
  cleaner.cleanBlock({ text: "최고♡\n최고\n굿", firstLine: 1 }, "test");
  cleaner.cleanBlock({ text: "최고\n별로", firstLine: 4 }, "test");
  expect(cleaner.counts).toEqual({ lines: 5, kept: 2, changed: 1, short: 1, duplicate: 2, excluded: 0 });
});

test("LineCleaner takes a column of a table, and can write the whole row", () => {
  const table = "id\ttext\tlabel\n1\t최고♡\t1\r\n2\t\t0";
  const column = textField({ column: "2" });
  expect(cleanText(table, { field: column, header: true })).toBe("최고\n\n");
  expect(cleanText(table, { field: column, header: true, wholeRow: true })).toBe(
    "id\ttext\tlabel\n1\t최고\t1\r\n2\t\t0\n",
  );
  expect(() => cleanText("a\tb\nc", { field: column })).toThrow(
    "Cannot take column 2 of line 2 of test: it has 1, separated by tabs",
  );
});

test("LineCleaner takes a key of JSON objects, and can write the whole object", () => {
  const objects = '{"id":1,"text":"최고♡"}\n\n{"text":"굿","id":2}\r';
  const jsonl = textField({ jsonl: "text" });
  expect(cleanText(objects, { field: jsonl })).toBe("최고\n굿\n");
  expect(cleanText(objects, { field: jsonl, wholeRow: true })).toBe(
    '{"id":1,"text":"최고"}\n{"text":"굿","id":2}\n',
  );
  expect(() => cleanText('{"text":1}', { field: jsonl })).toThrow(
    /the text "text" of line 1 of test: it is 1/,
  );
  expect(() => cleanText('{"a":1}', { field: jsonl })).toThrow(/it has none/);
  expect(() => cleanText("[]", { field: jsonl })).toThrow(/JSON, but not an object/);
  expect(() => cleanText("{", { field: jsonl })).toThrow(/Cannot parse line 1 of test as JSON/);
});

test("linesOf() and cleanBlock() see the same lines", () => {
  const text = "가\n\n나\n";
  const lines = Array.from(linesOf({ text, firstLine: 5 }));
  expect(lines).toEqual([
    { text: "가", number: 5 },
    { text: "", number: 6 },
    { text: "나", number: 7 },
    { text: "", number: 8 },
  ]);
  expect(cleanText(text)).toBe("가\n\n나\n\n");
});

test("LineCleaner leaves out the texts it is told to, as they are when cleaned", () => {
  const cleaner = new LineCleaner({ clean, field, excluded: new Set(["최고 ㅋㅋ"]) });
  expect(cleaner.cleanBlock({ text: "최고♡ㅋㅋㅋㅋㅋ\n최고\n최고 ㅋㅋ", firstLine: 1 }, "test")).toBe(
    "최고\n",
  );
  expect(cleaner.counts).toMatchObject({ lines: 3, kept: 1, excluded: 2 });
});
