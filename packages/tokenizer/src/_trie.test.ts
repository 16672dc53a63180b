import * as fc from "fast-check";
import { expect, test } from "vitest";
import { buildTrie, pieceStart, scatter, type Trie } from "./_trie.ts";

/** Id of a token, by walking. */
function find({ first, next, check, nodes }: Trie, token: string): number {
  const start = pieceStart(token);
  let node = (start === 0 ? first : next)[token.charCodeAt(start)]!;
  for (let i = start + 1; i < token.length && node !== 0; i++) {
    const slot = nodes[2 * node]! + scatter(token.charCodeAt(i));
    node = check[slot] === node ? slot : 0;
  }
  return node === 0 ? -1 : nodes[2 * node + 1]! - 1;
}

/** Every unit is plain but `?`. */
const units = new Uint8Array(0x10000).fill(1, 0x3f, 0x40);
const unexpected = {
  admits: (token: string): boolean => expect.unreachable(token),
  repeats: (token: string): void => expect.unreachable(token),
};

test("scatter() gives no two units the same number", () => {
  expect(new Set(Array.from({ length: 0x10000 }, (_, unit) => scatter(unit))).size).toBe(0x10000);
});

test("a trie finds what was added, and nothing else", () => {
  const token = fc.string({
    unit: fc.constantFrom("a", "b", "가", "힣", "\uffff", "\0"),
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(fc.uniqueArray(token), fc.array(token), (tokens, others) => {
      const trie = buildTrie(tokens, units, unexpected);
      for (const each of [...tokens, ...others]) expect(find(trie, each)).toBe(tokens.indexOf(each));
    }),
  );
});

test("starting and continuing tokens are apart, and `##` alone is a token that starts a word", () => {
  const trie = buildTrie(["가나", "##가나", "##"], units, unexpected);
  expect(["가나", "##가나", "##가", "##"].map((token) => find(trie, token))).toEqual([0, 1, -1, 2]);
});

test("tells of tokens that repeat, and asks about those that are not plain", () => {
  const told: unknown[] = [];
  const trie = buildTrie(["가", "가?", "", "가", "##?나", "나?", "?"], units, {
    admits(token, id) {
      told.push([token, id]);
      return token.endsWith("나");
    },
    repeats: (...repeated) => told.push(repeated),
  });
  expect(told).toEqual([
    ["가?", 1],
    ["", 2],
    ["가", 3, 0],
    ["##?나", 4],
    ["나?", 5],
    ["?", 6],
  ]);
  expect(["가", "가?", "##?나", "나?", "나", "?"].map((token) => find(trie, token))).toEqual([
    3, -1, 4, -1, -1, -1,
  ]);
});

test("parents with so many children that they cannot share a stretch get room of their own", () => {
  const tokens: string[] = [];
  for (const parent of ["a", "b", "c"]) {
    for (let unit = 0x100; unit < 0x10000; unit += 2) {
      // Every second unit, in an order that no shift makes disjoint.
      tokens.push(parent + String.fromCharCode(unit + ((unit * 7919) % 3 === 0 ? 1 : 0)));
    }
  }
  const trie = buildTrie(tokens, units, unexpected);
  for (const [id, token] of tokens.entries()) if (find(trie, token) !== id) expect.unreachable(token);
  expect(find(trie, "d\u0100")).toBe(-1);
});
