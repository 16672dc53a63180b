/**
 * `vocab.txt`: one token a line, its line number is its id.
 *
 * @module
 */

/**
 * Read a `vocab.txt`.
 *
 * White space at the end of a line is no part of the token, as in Hugging Face tokenizers.
 *
 * @param text The file's text, with LF line ends and without byte-order mark.
 * @returns The tokens, in the order of their ids.
 * @throws {SyntaxError} If the text starts with a byte-order mark, holds a carriage return, or is empty.
 *
 * @example
 * ```ts
 * import { parseVocab } from "@kcbert/tokenizer";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(parseVocab("[PAD]\n[UNK]\n가\n"), ["[PAD]", "[UNK]", "가"]);
 * ```
 */
export function parseVocab(text: string): string[] {
  if (text.charCodeAt(0) === 0xfeff) {
    throw new SyntaxError(
      `Cannot read the vocabulary as it starts with a byte-order mark (U+FEFF), which would become part of token 0: save it as UTF-8 without one`,
    );
  }
  const carriageReturn = text.indexOf("\r");
  if (carriageReturn !== -1) {
    const line = text.slice(0, carriageReturn).split("\n").length;
    throw new SyntaxError(
      `Cannot read the vocabulary as line ${line} holds a carriage return (U+000D): save it with LF line ends`,
    );
  }
  const tokens = text.split("\n");
  if (tokens.at(-1) === "") tokens.pop();
  if (tokens.length === 0) {
    throw new SyntaxError("Cannot read the vocabulary as it is empty: expected one token a line");
  }
  // One look at the whole text, since almost no vocabulary needs more. (`\s` lacks U+0085.)
  return /[^\S\n](?:\n|$)|\x85/.test(text) ? tokens.map(trimWhiteSpace) : tokens;
}

/**
 * Write a `vocab.txt`.
 *
 * @param tokens The tokens in the order of their ids.
 * @returns The file's text, with LF after every token.
 * @throws {RangeError} If a token holds a line break or ends in white space, so that it would not be read back.
 *
 * @example
 * ```ts
 * import { formatVocab } from "@kcbert/tokenizer";
 * import assert from "node:assert/strict";
 *
 * assert.equal(formatVocab(["[PAD]", "[UNK]", "가"]), "[PAD]\n[UNK]\n가\n");
 * ```
 */
export function formatVocab(tokens: readonly string[]): string {
  for (let id = 0; id < tokens.length; id++) {
    const token = tokens[id]!;
    if (/[\n\r]/.test(token) || trimWhiteSpace(token) !== token || (id === 0 && token.startsWith("\ufeff"))) {
      throw new RangeError(
        `Cannot write token ${id}, ${JSON.stringify(token)}, to a vocab.txt as it would be read back differently: use tokenizer.json`,
      );
    }
  }
  return tokens.length === 0 ? "" : `${tokens.join("\n")}\n`;
}

// --- internal ---

/** Trim White_Space of Unicode from the end; unlike `trimEnd`, U+0085 too and U+FEFF not. */
function trimWhiteSpace(token: string): string {
  return token.replace(/\p{White_Space}+$/u, "");
}
