import * as fc from "fast-check";
import { expect, test } from "vitest";
import { firstInvalidUtf8 } from "./utf8.ts";

test("firstInvalidUtf8() finds nothing in what TextEncoder writes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(firstInvalidUtf8(new TextEncoder().encode(text))).toBe(-1);
    }),
  );
});

test("firstInvalidUtf8() agrees with TextDecoder on random bytes", () => {
  const byte = fc.oneof(
    fc.integer({ min: 0, max: 255 }),
    fc.constantFrom(0xe0, 0xed, 0xf0, 0xf4, 0x80, 0x9f, 0xa0, 0xbf),
  );
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 12 }), (values) => {
      const bytes = Uint8Array.from(values);
      expect(firstInvalidUtf8(bytes)).toBe(longestValidPrefix(bytes));
    }),
    { numRuns: 5000 },
  );
});

test("firstInvalidUtf8() names the first byte of a sequence that is cut off", () => {
  expect(firstInvalidUtf8(Uint8Array.of(0x61, 0xea, 0xb0))).toBe(1);
  expect(firstInvalidUtf8(Uint8Array.of(0x61, 0xea, 0xb0, 0x80), 3)).toBe(1);
});

/** The length of the longest prefix that decodes and ends where the reference stops, or -1 for all of it. */
function longestValidPrefix(bytes: Uint8Array): number {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for (let end = bytes.length; end >= 0; end--) {
    try {
      decoder.decode(bytes.subarray(0, end));
      return end === bytes.length ? -1 : end;
    } catch {
      // Shorter, then.
    }
  }
  return -1;
}
