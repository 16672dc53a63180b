/**
 * `tokenizer_config.json`, the file of Hugging Face transformers beside `vocab.txt`.
 *
 * @module
 */
import type { BertTokenizer, BertTokenizerOptions, SpecialTokenRole } from "./bert_tokenizer.ts";

/**
 * Read a `tokenizer_config.json`: what it says about case, accents, Chinese characters, length and special tokens.
 *
 * What it does not say stays KcBERT's: cased. (transformers would lower the case then; every file it writes itself says.)
 *
 * @param json The file's text, or what `JSON.parse` makes of it.
 * @returns Options for `BertTokenizer.fromVocab`. `defaults.maxLength` is set only if the file limits the length.
 * @throws {SyntaxError} If the text is not JSON.
 * @throws {RangeError} If the file is for a tokenizer of another kind.
 *
 * @example
 * ```ts
 * import { parseTokenizerConfig } from "@kcbert/tokenizer";
 * import assert from "node:assert/strict";
 *
 * const options = parseTokenizerConfig('{ "do_lower_case": false, "model_max_length": 300 }');
 * assert.deepEqual(options, { lowercase: false, defaults: { maxLength: 300 } });
 * ```
 */
export function parseTokenizerConfig(json: string | object): BertTokenizerOptions {
  const config = (typeof json === "string" ? parseJson(json) : json) as Record<string, unknown>;
  const kind = config["tokenizer_class"];
  if (
    typeof kind === "string" &&
    !/^(Bert|Electra|DistilBert)Tokenizer(Fast)?$|^PreTrainedTokenizerFast$|^TokenizersBackend$/.test(kind)
  ) {
    throw new RangeError(
      `Cannot use tokenizer_config.json as tokenizer_class must be "BertTokenizer": it is ${JSON.stringify(kind)}`,
    );
  }
  const {
    do_lower_case: lowercase,
    strip_accents: stripAccents,
    tokenize_chinese_chars: handleChineseChars,
    model_max_length: maxLength,
  } = config;
  const specialTokens: Partial<Record<SpecialTokenRole, string>> = {};
  for (const role of ROLES) {
    const token = config[`${role}_token`];
    // transformers writes a string, or an object with the string as its content.
    const content = typeof token === "object" && token !== null && "content" in token ? token.content : token;
    if (typeof content === "string") specialTokens[role] = content;
  }
  return {
    ...(typeof lowercase === "boolean" && { lowercase }),
    ...(typeof stripAccents === "boolean" && { stripAccents }),
    ...(typeof handleChineseChars === "boolean" && { handleChineseChars }),
    ...(Object.keys(specialTokens).length > 0 && { specialTokens }),
    // Without a limit transformers writes 1e30.
    ...(typeof maxLength === "number" && maxLength < 2 ** 31 && { defaults: { maxLength } }),
  };
}

/**
 * Write a `tokenizer_config.json` with which transformers and transformers.js load the folder.
 *
 * @param tokenizer The tokenizer.
 * @param maxLength Most tokens that the model takes, 300 for KcBERT.
 *
 * @example
 * ```ts
 * import { BertTokenizer, formatTokenizerConfig } from "@kcbert/tokenizer";
 * import assert from "node:assert/strict";
 *
 * const tokenizer = BertTokenizer.fromVocab(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]);
 * assert.equal(JSON.parse(formatTokenizerConfig(tokenizer, 300)).do_lower_case, false);
 * ```
 */
export function formatTokenizerConfig(tokenizer: BertTokenizer, maxLength: number): string {
  const { lowercase = false, stripAccents = null, handleChineseChars = true } = tokenizer.options;
  const config = {
    tokenizer_class: "BertTokenizer",
    do_lower_case: lowercase,
    strip_accents: stripAccents,
    tokenize_chinese_chars: handleChineseChars,
    model_max_length: maxLength,
    pad_token: tokenizer.idToToken(tokenizer.padId),
    unk_token: tokenizer.idToToken(tokenizer.unkId),
    cls_token: tokenizer.idToToken(tokenizer.clsId),
    sep_token: tokenizer.idToToken(tokenizer.sepId),
    mask_token: tokenizer.idToToken(tokenizer.maskId),
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

// --- internal ---

const ROLES: readonly SpecialTokenRole[] = ["pad", "unk", "cls", "sep", "mask"];

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(
      `Cannot read tokenizer_config.json as it is not JSON: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}
