import * as fc from "fast-check";
import { expect, test } from "vitest";
import { LineSet } from "./line_set.ts";

test("LineSet tells the same lines apart as a Set does", () => {
  const unit = fc.constantFrom(
    "a",
    "\0",
    "\x7f",
    "\x80",
    "ÿ",
    "가",
    "힣",
    "\ud7a4",
    "ㅋ",
    "\ud83d",
    "\udc4d",
    "\uffff",
    "þ",
  );
  fc.assert(
    fc.property(fc.array(fc.string({ unit, maxLength: 4 }), { maxLength: 200 }), (lines) => {
      const [ours, theirs] = [new LineSet(), new Set<string>()];
      for (const line of lines) {
        expect(ours.add(line)).toBe(!theirs.has(line));
        theirs.add(line);
        expect(ours.size).toBe(theirs.size);
      }
    }),
  );
});

test("LineSet tells every single unit apart, and every pair of some", () => {
  const set = new LineSet();
  for (let unit = 0; unit < 0x10000; unit++) expect(set.add(String.fromCharCode(unit))).toBe(true);
  for (let unit = 0; unit < 0x10000; unit++) expect(set.add(String.fromCharCode(unit))).toBe(false);
  for (let unit = 0; unit < 0x10000; unit++) expect(set.add(String.fromCharCode(unit, 0xfe))).toBe(true);
  expect(set.size).toBe(0x20000);
});

test("LineSet grows over many lines, and over lines longer than a chunk", () => {
  const set = new LineSet();
  const long = "가♡a".repeat(1e6);
  expect(set.add("")).toBe(true);
  for (let i = 0; i < 300_000; i++) {
    if (i % 100_000 === 5) expect(set.add(long + String(i))).toBe(true);
    if (!set.add(`같은 말 ${i % 200_000}`) !== i >= 200_000) throw new Error(`wrong at ${i}`);
  }
  expect(set.add("")).toBe(false);
  expect(set.add(`${long}5`)).toBe(false);
  expect(set.add(`${long}6`)).toBe(true);
  expect(set.size).toBe(200_005);
});

test("LineSet compares in full where hashes agree", () => {
  const set = new LineSet();
  const lines = Array.from({ length: 200_000 }, (_, i) => (i * 7919).toString(36)); // some 32-bit hashes agree
  expect(lines.every((line) => set.add(line))).toBe(true);
  expect(lines.some((line) => set.add(line))).toBe(false);
});

test("LineSet takes strings alone", () => {
  expect(() => new LineSet().add(3 as unknown as string)).toThrow(
    new TypeError("Cannot add to a set of lines a value that is not a string: current value is number 3"),
  );
});
