import { expect, test } from "vitest";
// @boundaries-ignore the golden vectors are the repository's, not the package's
import { goldenBertFolder, goldenBertText } from "../../../tests/golden/bert.ts";
import { loadTokenizer } from "./load_tokenizer.ts";

const vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nbert\nBERT\n漢\n";

/** A folder of texts. */
function folder(files: Readonly<Record<string, string | Uint8Array>>) {
  return async (name: string) => {
    const content = files[name];
    return typeof content === "string" ? new TextEncoder().encode(content) : content;
  };
}

const tokensOf = async (files: Readonly<Record<string, string>>, text: string) =>
  (await loadTokenizer(folder(files))).encode(text, { addSpecialTokens: false }).tokens;

test("loadTokenizer() gives the same of tokenizer.json and of vocab.txt", async () => {
  const json = await loadTokenizer(goldenBertFolder("mlm/model"));
  const text = await loadTokenizer(folder({ "vocab.txt": goldenBertText("mlm/model/vocab.txt") }));
  const sentence = "이 영화 정말 좋다 ㅋㅋㅋ";
  expect(json.encode(sentence, { truncation: false }).ids).toEqual(text.encode(sentence).ids);
});

test("loadTokenizer() prefers tokenizer.json", async () => {
  const json = goldenBertText("mlm/model/tokenizer.json");
  const tokenizer = await loadTokenizer(folder({ "tokenizer.json": json, "vocab.txt": vocab }));
  expect(tokenizer.vocabSize).toBe(600);
});

test("loadTokenizer() follows tokenizer_config.json, and is cased without it", async () => {
  expect(await tokensOf({ "vocab.txt": vocab }, "BERT")).toEqual(["BERT"]);
  const lower = { "vocab.txt": vocab, "tokenizer_config.json": '{ "do_lower_case": true }' };
  expect(await tokensOf(lower, "BERT")).toEqual(["bert"]);
  const joined = { "vocab.txt": vocab, "tokenizer_config.json": '{ "tokenize_chinese_chars": false }' };
  expect(await tokensOf(joined, "漢漢")).toEqual(["[UNK]"]);
  expect(await tokensOf({ "vocab.txt": vocab }, "漢漢")).toEqual(["漢", "漢"]);
});

test("loadTokenizer() takes streams", async () => {
  const tokenizer = await loadTokenizer(async (name) =>
    name === "vocab.txt" ? new Blob([vocab]).stream() : undefined,
  );
  expect(tokenizer.vocabSize).toBe(8);
});

test("loadTokenizer() says what is wrong with a folder", async () => {
  const load = (files: Readonly<Record<string, string | Uint8Array>>) => loadTokenizer(folder(files));
  await expect(load({})).rejects.toThrow(/neither tokenizer.json nor vocab.txt/);
  await expect(load({ "vocab.txt": Uint8Array.of(0xff) })).rejects.toThrow(/vocab.txt as it is not UTF-8/);
  await expect(load({ "vocab.txt": vocab.replaceAll("\n", "\r\n") })).rejects.toThrow(SyntaxError);
  await expect(load({ "vocab.txt": `\uFEFF${vocab}` })).rejects.toThrow(/byte-order mark/);
  await expect(load({ "vocab.txt": `${vocab}bert\n` })).rejects.toThrow(/occurs twice/);
  await expect(load({ "vocab.txt": vocab, "tokenizer_config.json": "{" })).rejects.toThrow(SyntaxError);
  await expect(load({ "tokenizer.json": '{"model":{"type":"BPE"}}' })).rejects.toThrow(/BPE/);
});
