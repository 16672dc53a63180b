import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { BertTokenizer } from "./bert_tokenizer.ts";
import type { BertTokenizerOptions } from "./bert_tokenizer.ts";

const SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const TOKENS = [...SPECIALS, "가", "##나", "2", "10", "__proto__", "é", "i"];

// oxlint-disable-next-line typescript/no-explicit-any -- files are taken apart at will here
type Json = any;

/** A file of ours, changed. */
function changed(change: (file: Json) => void, options: BertTokenizerOptions = {}): Json {
  const file = JSON.parse(BertTokenizer.fromVocab(TOKENS, options).toJson());
  change(file);
  return file;
}

function read(change: (file: Json) => void): BertTokenizer {
  return BertTokenizer.fromJson(changed(change));
}

describe("toJson() and fromJson()", () => {
  test.each<[name: string, options: BertTokenizerOptions]>([
    ["as it comes", {}],
    ["lowercase", { lowercase: true }],
    ["accents kept", { lowercase: true, stripAccents: false }],
    ["nothing cleaned", { cleanText: false, handleChineseChars: false }],
    ["composed", { nfc: true }],
    ["short words, no clean-up", { maxInputCharsPerWord: 3, cleanup: false }],
    ["more special tokens", { additionalSpecialTokens: ["<a>", "가"] }],
    [
      "truncation",
      { defaults: { maxLength: 8, truncation: "only_first", truncationSide: "left", stride: 2 } },
    ],
    ["padding", { defaults: { padding: true, padToMultipleOf: 8, paddingSide: "left" } }],
    ["padding to a number", { defaults: { padding: 16 } }],
    ["no special tokens added", { defaults: { addSpecialTokens: false } }],
  ])("%s: what was written is read, and does the same", (_, options) => {
    const tokenizer = BertTokenizer.fromVocab(TOKENS, options);
    const again = BertTokenizer.fromJson(tokenizer.toJson());
    expect(again.toJson()).toBe(tokenizer.toJson());
    for (const text of [
      "가나 2 10 É<a>İ",
      "漢 \u0000 가나나나나 [MASK]",
      "가 가 가 가 가 가 가 가 가 가",
      "e\u0301",
    ]) {
      const [ours, theirs] = [tokenizer.encode(text), again.encode(text)];
      expect([...theirs.ids]).toEqual([...ours.ids]);
      expect([...theirs.offsets]).toEqual([...ours.offsets]);
      expect(theirs.overflowing.length).toBe(ours.overflowing.length);
      expect(again.decode(theirs.ids)).toBe(tokenizer.decode(ours.ids));
    }
  });

  test("takes an object as well as a text", () => {
    expect(read(() => undefined).vocabText()).toBe(`${TOKENS.join("\n")}\n`);
  });

  test("has a vocabulary of any names", () => {
    const { model } = changed(() => undefined);
    expect(Object.keys(model.vocab).length).toBe(TOKENS.length);
    expect(read(() => undefined).tokenToId("__proto__")).toBe(9);
  });

  test("reads what Hugging Face tokenizers wrote, of BertProcessing too, and without what is usual", () => {
    const tokenizer = read((file) => {
      file.post_processor = { type: "BertProcessing", sep: ["[SEP]", 3], cls: ["[CLS]", 2] };
      delete file.model.type;
      delete file.decoder.cleanup;
      file.added_tokens.reverse();
    });
    expect([...tokenizer.encode("가나").ids]).toEqual([2, 5, 6, 3]);
  });

  test("gives added tokens the ids that the file gives them", () => {
    const tokenizer = read((file) => {
      file.added_tokens.push({ ...file.added_tokens[0], id: 12, content: "<b>" });
    });
    expect(tokenizer.tokenToId("<b>")).toBe(12);
  });
});

describe("a file that is not BERT's", () => {
  const wordLevel = { type: "Whitespace" };
  test.each<[where: string, change: (file: Json) => void]>([
    [`model.type must be "WordPiece" for a BERT tokenizer: it is "BPE"`, (file) => (file.model.type = "BPE")],
    [
      `model.type must be "WordPiece" for a BERT tokenizer: it is absent`,
      ({ model }) => delete model.type && (model.merges = []),
    ],
    [
      `model.continuing_subword_prefix must be "##" for a BERT tokenizer: it is "@@"`,
      (file) => (file.model.continuing_subword_prefix = "@@"),
    ],
    [
      `normalizer.type must be "BertNormalizer" for a BERT tokenizer: it is "NFKC"`,
      (file) => (file.normalizer = { type: "NFKC" }),
    ],
    ["normalizer", (file) => (file.normalizer = null)],
    [
      `normalizer`,
      (file) => (file.normalizer = { type: "Sequence", normalizers: [{ type: "NFKC" }, file.normalizer] }),
    ],
    [
      `pre_tokenizer.type must be "BertPreTokenizer" for a BERT tokenizer: it is "Whitespace"`,
      (file) => (file.pre_tokenizer = wordLevel),
    ],
    [
      `pre_tokenizer must be {"type":"BertPreTokenizer"} for a BERT tokenizer: it is null`,
      (file) => delete file.pre_tokenizer,
    ],
    ["decoder", (file) => (file.decoder = null)],
    [
      `decoder.type must be "WordPiece" for a BERT tokenizer: it is "ByteLevel"`,
      (file) => (file.decoder.type = "ByteLevel"),
    ],
    [
      "post_processor.type",
      (file) => (file.post_processor = { type: "RobertaProcessing", sep: ["[SEP]", 3], cls: ["[CLS]", 2] }),
    ],
    [
      "post_processor.sep.1 must be 3 for a BERT tokenizer: it is 4",
      (file) => (file.post_processor = { type: "BertProcessing", sep: ["[SEP]", 4], cls: ["[CLS]", 2] }),
    ],
    [
      "post_processor.pair.3.Sequence.type_id must be 1 for a BERT tokenizer: it is 0",
      (file) => (file.post_processor.pair[3].Sequence.type_id = 0),
    ],
    [
      "post_processor.single.length",
      (file) => file.post_processor.single.push({ SpecialToken: { id: "[SEP]", type_id: 0 } }),
    ],
    [
      "post_processor.special_tokens.[CLS].ids.0",
      (file) => (file.post_processor.special_tokens["[CLS]"].ids = [7]),
    ],
    [
      "padding.pad_type_id must be 0",
      (file) =>
        (file.padding = {
          strategy: "BatchLongest",
          direction: "Right",
          pad_to_multiple_of: null,
          pad_id: 0,
          pad_type_id: 1,
          pad_token: "[PAD]",
        }),
    ],
    [
      "padding.pad_id must be 0",
      (file) =>
        (file.padding = {
          strategy: "BatchLongest",
          direction: "Right",
          pad_to_multiple_of: null,
          pad_id: 5,
          pad_type_id: 0,
          pad_token: "[PAD]",
        }),
    ],
    [
      "truncation.strategy",
      (file) => (file.truncation = { strategy: "Random", direction: "Right", max_length: 5, stride: 0 }),
    ],
    ["added_tokens[4].lstrip must be false", (file) => (file.added_tokens[4].lstrip = true)],
    ["added_tokens[4].special must be true", (file) => (file.added_tokens[4].special = false)],
    ["added_tokens[4].id must be 4", (file) => (file.added_tokens[4].id = 40)],
    [
      `model.vocab["i"] must be an id from 0 to 11 that no other token has for a BERT tokenizer: it is 12`,
      (file) => (file.model.vocab["i"] = 12),
    ],
    [
      `model.vocab["i"] must be an id from 0 to 11 that no other token has for a BERT tokenizer: it is 10`,
      (file) => (file.model.vocab["i"] = 10),
    ],
    [`model.vocab["i"]`, (file) => (file.model.vocab["i"] = 1.5)],
    [`model.vocab["i"]`, (file) => (file.model.vocab["i"] = "11")],
    [`model.vocab["i"]`, (file) => (file.model.vocab["i"] = -1)],
  ])("%s", (where, change) => {
    const run = (): unknown => read(change);
    expect(run).toThrow(RangeError);
    expect(run).toThrow(`Cannot read tokenizer.json as ${where}`);
  });

  test("a vocabulary without a special token", () => {
    expect(() => read((file) => (file.model.unk_token = "<unk>"))).toThrow(/it has no "<unk>"/);
  });

  test.each(["", "{", "[PAD]\n[UNK]\n"])("text that is no JSON: %j", (text) => {
    expect(() => BertTokenizer.fromJson(text)).toThrow(SyntaxError);
    expect(() => BertTokenizer.fromJson(text)).toThrow(/^Cannot read tokenizer.json: /);
  });

  test.each(["null", "5", "[]", "{}", '"x"', '{"model":5}', '{"model":{"type":"WordPiece"}}'])(
    "JSON that is something else: %s",
    (text) => {
      expect(() => BertTokenizer.fromJson(text)).toThrow(RangeError);
    },
  );
});

test("longest_first_google has no word in the file", () => {
  const tokenizer = BertTokenizer.fromVocab(TOKENS, {
    defaults: { maxLength: 8, truncation: "longest_first_google" },
  });
  expect(() => tokenizer.toJson()).toThrow(/no word for truncation "longest_first_google"/);
});

test("KcBERT's vocabulary survives tokenizer.json", () => {
  const vocab = readFileSync(
    new URL("../../../tests/golden/tokenizer/kcbert.vocab.txt", import.meta.url),
    "utf8",
  );
  expect(BertTokenizer.fromJson(BertTokenizer.fromVocab(vocab).toJson()).vocabText()).toBe(vocab);
});
