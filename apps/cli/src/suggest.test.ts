import { expect, test } from "vitest";
import { suggest } from "./suggest.ts";

const words = ["clean", "train-tokenizer", "tokenize", "fill-mask", "pretrain"];

test.each([
  ["claen", "clean"],
  ["cleen", "clean"],
  ["clea", "clean"],
  ["tokenise", "tokenize"],
  ["fillmask", "fill-mask"],
  ["train", "train-tokenizer"],
  ["pre-train", "pretrain"],
])("suggest() takes %s for %s", (typed, meant) => {
  expect(suggest(typed, words)).toBe(meant);
});

test.each(["x", "serve", "--", ""])("suggest() takes %j for nothing", (typed) => {
  expect(suggest(typed, words)).toBeUndefined();
});
