import type { PretrainedSource } from "@kcbert/bert";
import { BertTokenizer, parseTokenizerConfig } from "@kcbert/tokenizer";
import { readText, type ReadSourceOptions } from "./_read_source.ts";

/**
 * Load the tokenizer of a model folder: `tokenizer.json` if there is one, else `vocab.txt` with what
 * `tokenizer_config.json` says about case, accents and Chinese characters (cased, as KcBERT is, if it says nothing).
 *
 * @param source Gives the folder's files by name.
 * @throws {RangeError} If the folder has neither file.
 * @throws {SyntaxError} If a file does not parse; other errors as `BertTokenizer` throws them.
 *
 * @example
 * ```ts
 * import { loadTokenizer } from "@kcbert/pipelines/load_tokenizer";
 * import assert from "node:assert/strict";
 *
 * const files = new Map([["vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n영화\n"]]);
 * const tokenizer = await loadTokenizer(async (name) => {
 *   const text = files.get(name);
 *   return text === undefined ? undefined : new TextEncoder().encode(text);
 * });
 * assert.deepEqual([...tokenizer.encode("영화").ids], [2, 5, 3]);
 * ```
 */
export async function loadTokenizer(
  source: PretrainedSource,
  options: ReadSourceOptions = {},
): Promise<BertTokenizer> {
  const json = await readText(source, "tokenizer.json", options);
  if (json !== undefined) return BertTokenizer.fromJson(json);
  const vocab = await readText(source, "vocab.txt", options);
  if (vocab === undefined) {
    throw new RangeError("Cannot load a tokenizer as the folder has neither tokenizer.json nor vocab.txt");
  }
  const config = await readText(source, "tokenizer_config.json", options);
  return BertTokenizer.fromVocab(vocab, config === undefined ? {} : parseTokenizerConfig(config));
}
