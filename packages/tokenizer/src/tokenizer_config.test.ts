import { expect, test } from "vitest";
import { BertTokenizer } from "./bert_tokenizer.ts";
import { formatTokenizerConfig, parseTokenizerConfig } from "./tokenizer_config.ts";

test("parseTokenizerConfig() reads KcBERT's file", () => {
  expect(parseTokenizerConfig('{"do_lower_case": false, "model_max_length": 300}')).toEqual({
    lowercase: false,
    defaults: { maxLength: 300 },
  });
});

test("parseTokenizerConfig() reads what transformers writes", () => {
  const config = {
    tokenizer_class: "BertTokenizerFast",
    do_lower_case: true,
    strip_accents: null,
    tokenize_chinese_chars: false,
    model_max_length: 1e30,
    pad_token: "<pad>",
    mask_token: { __type: "AddedToken", content: "<mask>", lstrip: false },
  };
  expect(parseTokenizerConfig(config)).toEqual({
    lowercase: true,
    handleChineseChars: false,
    specialTokens: { pad: "<pad>", mask: "<mask>" },
  });
});

test("parseTokenizerConfig() stays cased where the file says nothing", () => {
  expect(parseTokenizerConfig("{}")).toEqual({});
});

test("formatTokenizerConfig() writes what parseTokenizerConfig() reads", () => {
  const tokenizer = BertTokenizer.fromVocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], {
    lowercase: true,
    stripAccents: false,
  });
  expect(parseTokenizerConfig(formatTokenizerConfig(tokenizer, 128))).toEqual({
    lowercase: true,
    stripAccents: false,
    handleChineseChars: true,
    specialTokens: { pad: "[PAD]", unk: "[UNK]", cls: "[CLS]", sep: "[SEP]", mask: "[MASK]" },
    defaults: { maxLength: 128 },
  });
});

test("a file of another kind, or no JSON", () => {
  expect(() => parseTokenizerConfig({ tokenizer_class: "GPT2Tokenizer" })).toThrow(
    new RangeError(
      `Cannot use tokenizer_config.json as tokenizer_class must be "BertTokenizer": it is "GPT2Tokenizer"`,
    ),
  );
  expect(() => parseTokenizerConfig("{")).toThrow(SyntaxError);
});
