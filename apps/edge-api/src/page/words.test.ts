import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { duration, fill, words } from "./words.ts";

test("both languages say the same things with the same values", () => {
  expect(Object.keys(words.ko).sort()).toEqual(Object.keys(words.en).sort());
  for (const [key, sentence] of Object.entries(words.en)) {
    const names = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
    expect(names(words.ko[key as keyof typeof words.ko]), key).toEqual(names(sentence));
  }
});

test("every word that the page asks for is there", async () => {
  const html = await readFile(new URL("index.html", import.meta.url), "utf8");
  const asked = [...html.matchAll(/data-word(?:-\w+)?="(\w+)"/g)].map(([, key]) => key!);
  expect(asked.length).toBeGreaterThan(15);
  for (const key of asked) expect(words.ko, key).toHaveProperty(key);
});

test("fill() and duration() speak", () => {
  expect(fill("{a} of {b}", { a: "1" })).toBe("1 of –");
  expect(duration(1_400, words.en)).toBe("1 s");
  expect(duration(83_000, words.ko)).toBe("1분 23초");
  expect(duration(3_725_000, words.en)).toBe("1 h 2 min");
});
