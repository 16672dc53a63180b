import * as fc from "fast-check";
import { expect, test } from "vitest";
import { scatter, type Trie, TrieBuilder } from "./_trie.ts";

/** Id of a token, by walking. */
function find({ first, next, check, nodes }: Trie, token: string, start: number): number {
  let node = (start === 0 ? first : next)[token.charCodeAt(start)]!;
  for (let i = start + 1; i < token.length && node !== 0; i++) {
    const slot = nodes[2 * node]! + scatter(token.charCodeAt(i));
    node = check[slot] === node ? slot : 0;
  }
  return node === 0 ? -1 : nodes[2 * node + 1]! - 1;
}

function build(tokens: readonly string[]): Trie {
  const builder = new TrieBuilder(tokens.reduce((sum, token) => sum + token.length, 0));
  for (const [id, token] of tokens.entries()) expect(builder.add(token, 0, id)).toBe(-1);
  return builder.build();
}

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
      const trie = build(tokens);
      for (const each of [...tokens, ...others]) expect(find(trie, each, 0)).toBe(tokens.indexOf(each));
    }),
  );
});

test("starting and continuing tokens are apart", () => {
  const builder = new TrieBuilder(10);
  expect(builder.add("가나", 0, 0)).toBe(-1);
  expect(builder.add("##가나", 2, 1)).toBe(-1);
  expect(builder.add("##가나", 2, 2)).toBe(1);
  const trie = builder.build();
  expect([find(trie, "가나", 0), find(trie, "##가나", 2), find(trie, "##가", 2)]).toEqual([0, 1, -1]);
});

test("parents with so many children that they cannot share a stretch get room of their own", () => {
  const tokens: string[] = [];
  for (const parent of ["a", "b", "c"]) {
    for (let unit = 0x100; unit < 0x10000; unit += 2) {
      // Every second unit, in an order that no shift makes disjoint.
      tokens.push(parent + String.fromCharCode(unit + ((unit * 7919) % 3 === 0 ? 1 : 0)));
    }
  }
  const trie = build(tokens);
  for (const [id, token] of tokens.entries()) if (find(trie, token, 0) !== id) expect.unreachable(token);
  expect(find(trie, "d\u0100", 0)).toBe(-1);
});
