import { BertTokenizer } from "@kcbert/tokenizer";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { joinTokens } from "./_join_tokens.ts";

const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const WORDS = [
  "가",
  "##나",
  "##",
  ".",
  "?",
  "!",
  ",",
  "'",
  "##!",
  "n't",
  "'m",
  "do",
  "not",
  "do not",
  "'s",
  "'ve",
  "'re",
  "a .",
];

test("joinTokens() makes of known tokens what the tokenizer's decode() makes of them", () => {
  const tokenizer = BertTokenizer.fromVocab([...SPECIAL, ...WORDS]);
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...WORDS), { maxLength: 10 }), (tokens) => {
      const ids = tokens.map((token) => tokenizer.tokenToId(token)!);
      expect(joinTokens(tokens)).toBe(tokenizer.decode(ids));
    }),
  );
});

test("joinTokens() takes words that no vocabulary has", () => {
  expect(joinTokens(["뷁", "##을", "쀍"])).toBe("뷁을 쀍");
});
