import * as fc from "fast-check";
import { expect, test } from "vitest";
import { pieceStart, Trie } from "./_trie.ts";

/** Id of the longest token that a piece begins with and how many of its units are left over, by walking. */
function longest(trie: Trie, piece: string): [id: number, rest: number] {
  const start = pieceStart(piece);
  let node = trie.root(piece.charCodeAt(start), start === 0);
  let end = start + 1;
  for (; end < piece.length; end++) {
    const child = trie.nodes[node + 1]! + trie.units[4 * piece.charCodeAt(end)]!;
    if (trie.nodes[child] !== node) break;
    node = child;
  }
  const id = trie.nodes[node + 2]! - 1;
  return id < 0 ? [-1, piece.length] : [id, piece.length - end + trie.nodes[node + 3]!];
}

const all = (): boolean => true;

test("a trie finds the longest token, in whatever order it is asked", () => {
  const token = fc.string({
    unit: fc.constantFrom("a", "b", "가", "힣", "\uffff", "\0"),
    minLength: 1,
    maxLength: 6,
  });
  const piece = fc.tuple(fc.constantFrom("", "##"), token).map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.uniqueArray(piece), fc.array(piece), (tokens, others) => {
      const trie = new Trie(tokens, all);
      for (const each of [...others, ...tokens]) {
        const start = pieceStart(each);
        let id = -1;
        let end = each.length;
        for (; end > start && id < 0; end--) id = tokens.indexOf(each.slice(0, end));
        expect(longest(trie, each)).toEqual([id, id < 0 ? each.length : each.length - end - 1]);
      }
    }),
  );
});

test("starting and continuing tokens are apart, and `##` alone is a token that starts a word", () => {
  const trie = new Trie(["가나", "##가나", "##"], all);
  expect(["가나", "##가나", "##가", "##"].map((token) => longest(trie, token)[0])).toEqual([0, 1, -1, 2]);
});

test("leaves out what is not admitted", () => {
  const trie = new Trie(["가", "가?", "가?나", "?"], (token) => !token.endsWith("?"));
  expect(["가", "가?", "가?나", "?"].map((token) => longest(trie, token))).toEqual([
    [0, 0],
    [0, 1],
    [2, 0],
    [-1, 1],
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
  const trie = new Trie(tokens, all);
  for (const [id, token] of tokens.entries()) if (longest(trie, token)[0] !== id) expect.unreachable(token);
  expect(longest(trie, "d\u0100")[0]).toBe(-1);
});

test("grows for a long token", () => {
  const token = "가나".repeat(150_000);
  expect(longest(new Trie([token, "가"], all), token)).toEqual([0, 0]);
});

test("children whose codes lie as far apart as can be find room, however few tokens there are", () => {
  const units = Array.from({ length: 0xff00 }, (_, i) => String.fromCharCode(0x100 + i));
  const tokens = [units.join("")]; // gives every unit its code
  for (let i = 1; i < 300; i++) tokens.push(`a${units[i]!}${units[0]!}`, `a${units[i]!}${units.at(-i)!}`);
  const trie = new Trie(tokens, all);
  for (const [id, token] of tokens.entries()) expect(longest(trie, token)).toEqual([id, 0]);
});
