import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type WordCounts, WordTable } from "./_train_words.ts";
import { CharClasses, CHINESE, PLAIN, PUNCTUATION, REMOVED, WHITESPACE } from "./char_classes.ts";

const classes = new CharClasses();
/** Characters of every class, astral ones and lone surrogates among them. */
const characters = fc.constantFrom(
  ...Array.from("가나ab1!？ \t\n漢\u0301\u200d\u000b\u0085\u2028"),
  "😀",
  "\u{20000}",
  "\u{1f1e6}",
  "\u{e0061}",
  "\u{11047}",
  "\ud83d",
  "\ude00",
);
const texts = fc.array(characters, { maxLength: 60 }).map((units) => units.join(""));

test("WordTable counts the words of a line", () => {
  expect(entries(count(["정말 재밌다!! 정말, 漢字"]))).toEqual([
    ["정말", 2],
    ["재밌다", 1],
    ["!", 2],
    [",", 1],
    ["漢", 1],
    ["字", 1],
  ]);
});

test("WordTable lets removed characters join their neighbours, and drops lone surrogates", () => {
  expect(entries(count(["가\u200b나 가\ud83d나 \ude00가나\ud83d"]))).toEqual([["가나", 3]]);
});

test("WordTable counts what the obvious implementation counts", () => {
  fc.assert(
    fc.property(fc.array(texts, { maxLength: 30 }), (lines) => {
      const counts = count(lines);
      expect(entries(counts)).toEqual([...obviousCounts(lines)]);
      expect(counts.words).toBe(counts.counts.reduce((sum, each) => sum + each, 0));
    }),
    { numRuns: 500 },
  );
});

test("WordTable keeps a word open from piece to piece", () => {
  fc.assert(
    fc.property(fc.array(texts, { maxLength: 10 }), (pieces) => {
      const table = new WordTable(classes);
      const wellFormed = pieces.map((piece) => piece.toWellFormed());
      for (const piece of wellFormed) table.add(piece);
      table.endWord();
      expect(entries(table.take())).toEqual([...obviousCounts([wellFormed.join("")])]);
    }),
  );
});

test("WordTable cuts no surrogate pair where it cuts a long line", () => {
  for (const offset of [2045, 2046, 2047, 2048]) {
    const line = `${"가".repeat(offset)}😀${"나".repeat(5000)}😀`;
    expect(entries(count([line]))).toEqual([[line, 1]]);
  }
});

test("WordTable finds all of 100,000 words again after growing", () => {
  const words = Array.from({ length: 100_000 }, (_, i) => i.toString(36));
  const counts = count([words.join(" "), words.toReversed().join(" ")]);
  expect(entries(counts)).toEqual(words.map((word) => [word, 2]));
});

test("WordTable within a byte budget drops rare words, keeps frequent ones exactly and tells", () => {
  const maxBytes = 1 << 18;
  const table = new WordTable(classes, maxBytes);
  let total = 0;
  for (let i = 0; i < 100_000; i++) {
    table.add(`rare${i}`);
    table.endWord();
    table.add(`frequent${i % 50}`);
    table.endWord();
    total += 2;
    expect(table.bytes).toBeLessThanOrEqual(maxBytes);
  }
  const counts = table.take();
  expect(counts.words).toBe(total);
  expect(counts.prunedWords).toBeGreaterThan(90_000);
  expect(counts.prunedFrequency).toBeGreaterThan(0);
  expect(counts.prunedFrequency).toBeLessThan(1000);
  const kept = new Map(entries(counts));
  expect(counts.counts.length + counts.prunedWords).toBe(100_050);
  for (let i = 0; i < 50; i++) expect(kept.get(`frequent${i}`)).toBe(2000);
  for (const [word, times] of kept) if (word.startsWith("rare")) expect(times).toBe(1);
});

test("WordTable takes one word that is larger than its budget", () => {
  const table = new WordTable(classes, 65_536);
  const word = "가".repeat(300_000);
  table.add("나 나");
  table.endWord();
  table.add(word);
  table.endWord();
  table.add("다");
  table.endWord();
  const kept = entries(table.take()).map(([each]) => each);
  expect(kept).toContain(word);
  expect(kept).toContain("다");
});

test("WordTable adds what other tables counted", () => {
  fc.assert(
    fc.property(fc.array(texts, { maxLength: 10 }), fc.array(texts, { maxLength: 10 }), (a, b) => {
      const table = new WordTable(classes);
      table.addCounts(count(a));
      table.addCounts(count(b));
      expect(table.take()).toEqual(count([...a, ...b]));
    }),
  );
});

// --- internal ---

function count(lines: string[]): WordCounts {
  const table = new WordTable(classes);
  for (const line of lines) {
    table.add(line);
    table.endWord();
    table.lines++;
  }
  return table.take();
}

function entries({ units, starts, counts }: WordCounts): [word: string, times: number][] {
  return Array.from(counts, (times, word) => {
    let text = "";
    for (let i = starts[word]!; i < starts[word + 1]!; i++) text += String.fromCharCode(units[i]!);
    return [text, times];
  });
}

/** Words in order of first occurrence, with a `Map` and strings. */
function obviousCounts(lines: string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of lines) {
    let spaced = "";
    for (const character of line) {
      const codePoint = character.codePointAt(0)!;
      if (codePoint >= 0xd800 && codePoint <= 0xdfff) continue;
      const charClass = classes.of(codePoint);
      if (charClass === PLAIN) spaced += character;
      else if (charClass === WHITESPACE) spaced += " ";
      else if (charClass === PUNCTUATION || charClass === CHINESE) spaced += ` ${character} `;
      else expect(charClass).toBe(REMOVED);
    }
    for (const word of spaced.split(" ")) {
      if (word !== "") counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return counts;
}
