import type { BatchEncoding, BertTokenizer, EncodeBatchOptions } from "@kcbert/tokenizer";
import type { ArgsDef } from "citty";
import { commonArgs, oneOf, wholeNumber } from "../arguments.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { resolveInputs } from "../io/inputs.ts";
import { type Output, withOutput } from "../io/output.ts";
import { readLineBlocks, linesOf, withoutCarriageReturn } from "../io/read_lines.ts";
import { loadTokenizerPath } from "../load_tokenizer_path.ts";

const args = {
  text: {
    type: "positional",
    required: false,
    description: "Texts; lines of standard input if there is none",
  },
  tokenizer: {
    type: "string",
    alias: ["t", "model"],
    required: true,
    valueHint: "path",
    description: "A model folder, the name of a downloaded model, a tokenizer.json or a vocab.txt",
  },
  ids: { type: "boolean", description: "Print ids instead of tokens" },
  specials: {
    type: "boolean",
    default: true,
    description: "Add [CLS] and [SEP]",
    negativeDescription: "Leave out [CLS] and [SEP]",
  },
  "max-length": {
    type: "string",
    valueHint: "n",
    description: "Cut after this many tokens, special ones included",
  },
  "offset-unit": {
    type: "string",
    default: "utf16",
    valueHint: "unit",
    description: "What the offsets of --json count: utf16, codepoint or byte",
  },
  output: {
    type: "string",
    alias: "o",
    valueHint: "file",
    description: "Where to write; standard output by default",
  },
  ...commonArgs,
} as const satisfies ArgsDef;

/** `kcbert-cli tokenize`. */
export const tokenizeCommand: Command = defineExampledCommand(
  {
    meta: { description: "Turn text into tokens or ids, a line for a line" },
    args,
    async run({ args, data }) {
      const { signal } = data as CommandData;
      const options: EncodeBatchOptions = {
        addSpecialTokens: args.specials,
        offsetUnit: oneOf(args["offset-unit"], "offset-unit", OFFSET_UNITS),
        padding: false,
        ...lengthLimit(wholeNumber(args["max-length"], "max-length", { min: 1 })),
      };
      const print = args.json ? jsonLines : args.ids ? idLines : tokenLines;
      const tokenizer = await loadTokenizerPath(args.tokenizer);
      const tokenize = (texts: readonly string[]) => `${print(texts, tokenizer, options).join("\n")}\n`;
      await withOutput(args.output, (output) => tokenizeAll(args._, tokenize, output, signal));
    },
  },
  [
    ["kcbert-cli tokenize -t model '이 영화 정말 재밌다'", "The tokens of a text"],
    [
      "kcbert-cli tokenize -t model/vocab.txt --ids < corpus.txt > ids.txt",
      "The ids of every line of a file",
    ],
    ["kcbert-cli tokenize -t model --json '재밌다'", "Tokens, ids and where each stands in the text"],
  ],
);

// --- internal ---

const OFFSET_UNITS = ["utf16", "codepoint", "byte"] as const;

/** A tokenizer.json may cut by default; here only the flag does. */
function lengthLimit(maxLength: number | undefined): EncodeBatchOptions {
  return maxLength === undefined ? { truncation: false } : { maxLength, truncation: "longest_first" };
}

/** Tokenize the texts of the command line, or standard input as it comes. */
async function tokenizeAll(
  texts: readonly string[],
  tokenize: (texts: readonly string[]) => string,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  if (texts.length > 0) return output.write(tokenize(texts));
  for (const input of resolveInputs([])) {
    for await (const block of readLineBlocks(input, { signal })) {
      const lines = Array.from(linesOf(block), ({ text }) => withoutCarriageReturn(text));
      await output.write(tokenize(lines));
    }
  }
  signal.throwIfAborted();
}

type Printer = (texts: readonly string[], tokenizer: BertTokenizer, options: EncodeBatchOptions) => string[];

const idLines: Printer = (texts, tokenizer, options) =>
  rowsOf(tokenizer.encodeBatch(texts, options)).map((ids) => ids.join(" "));

const tokenLines: Printer = (texts, tokenizer, options) =>
  rowsOf(tokenizer.encodeBatch(texts, options)).map((ids) =>
    Array.from(ids, (id) => tokenizer.idToToken(id)).join(" "),
  );

/** The ids of each text: its first row, should a `tokenizer.json` ask for the windows that are cut off as well. */
function rowsOf({ ids, rowStarts, textIndexes }: BatchEncoding): Int32Array[] {
  const first = [...textIndexes.keys()].filter((row) => textIndexes[row] !== textIndexes[row - 1]);
  return first.map((row) => ids.subarray(rowStarts[row], rowStarts[row + 1]));
}

const jsonLines: Printer = (texts, tokenizer, options) =>
  texts.map((text) => {
    const { tokens, ids, typeIds, specialTokensMask, offsets } = tokenizer.encode(text, options);
    return JSON.stringify({
      text,
      tokens,
      ids: [...ids],
      type_ids: [...typeIds],
      special_tokens_mask: [...specialTokensMask],
      offsets: Array.from(ids, (_, i) => [offsets[2 * i], offsets[2 * i + 1]]),
    });
  });
