import { existsSync, mkdirSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  BertTokenizer,
  formatTokenizerConfig,
  trainWordPiece,
  type TrainProgress,
  type TrainReport,
} from "@kcbert/tokenizer";
import type { ArgsDef } from "citty";
import { commonArgs, wholeNumber } from "../arguments.ts";
import { cleanVariant } from "../clean_variant.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { CliError, fileError } from "../failure.ts";
import { resolveInputs } from "../io/inputs.ts";
import { writeFiles } from "../io/output.ts";
import { readTexts, totalSize } from "../io/read_texts.ts";
import { fieldArgs, textField } from "../io/text_field.ts";
import { formatDuration, startProgress } from "../progress.ts";
import { writeReport } from "../report.ts";

const args = {
  files: {
    type: "positional",
    required: false,
    description: "Files or patterns of UTF-8 lines, plain or gzip; standard input if there is none",
  },
  output: {
    type: "string",
    alias: "o",
    required: true,
    valueHint: "folder",
    description: "The folder to write",
  },
  "vocab-size": {
    type: "string",
    default: "30000",
    valueHint: "n",
    description: "How many tokens, special ones included",
  },
  "min-frequency": {
    type: "string",
    default: "2",
    valueHint: "n",
    description: "How often a pair must occur to be merged",
  },
  "limit-alphabet": {
    type: "string",
    default: "1000",
    valueHint: "n",
    description: "How many single characters to keep",
  },
  "max-length": {
    type: "string",
    default: "300",
    valueHint: "n",
    description: "The longest input of the model to come, in tokens",
  },
  clean: {
    type: "string",
    valueHint: "variant",
    description: "Clean each text first: 2021, 2020, 2022 or latest",
  },
  ...fieldArgs,
  overwrite: { type: "boolean", description: "Replace a tokenizer that is in the folder already" },
  ...commonArgs,
} as const satisfies ArgsDef;

/** `kcbert-cli train-tokenizer`. */
export const trainTokenizerCommand: Command = defineExampledCommand(
  {
    meta: { description: "Train a WordPiece vocabulary on lines of text, as Hugging Face tokenizers does" },
    args,
    async run({ args, data }) {
      const { signal } = data as CommandData;
      const settings = {
        vocabSize: wholeNumber(args["vocab-size"], "vocab-size", { min: 6 })!,
        minFrequency: wholeNumber(args["min-frequency"], "min-frequency")!,
        limitAlphabet: wholeNumber(args["limit-alphabet"], "limit-alphabet")!,
        signal,
      };
      const maxLength = wholeNumber(args["max-length"], "max-length", { min: 3 })!;
      const clean = args.clean === undefined ? undefined : await cleanVariant(args.clean, "clean");
      const field = textField(args);
      checkFolder(args.output, args.overwrite);
      const inputs = resolveInputs(args._);
      const start = performance.now();
      const progress = trainingProgress(totalSize(inputs), settings.vocabSize, args.quiet);
      const texts = readTexts(inputs, { field, header: args.header, clean, signal, onRead: progress.onRead });
      const { tokens, report } = await trainWordPiece(texts, {
        ...settings,
        onProgress: progress.onProgress,
      }).finally(progress.done);
      await writeTokenizer(args.output, tokens, maxLength);
      const milliseconds = Math.round(performance.now() - start);
      await writeReport(
        describe(report, tokens.length, args.output, milliseconds),
        { output: args.output, tokens: tokens.length, ...report, milliseconds },
        args,
      );
    },
  },
  [
    [
      "kcbert-cli train-tokenizer corpus.txt.gz -o model",
      "A vocabulary of 30,000 tokens from a cleaned corpus",
    ],
    [
      "kcbert-cli train-tokenizer reviews.tsv.gz --column 3 --clean 2021 --vocab-size 8000 -o model",
      "From a column of a table, cleaning on the way",
    ],
  ],
);

// --- internal ---

const FILES = ["vocab.txt", "tokenizer.json", "tokenizer_config.json"];

interface TrainingProgress {
  readonly onRead: (bytes: number) => void;
  readonly onProgress: (progress: TrainProgress) => void;
  readonly done: () => void;
}

/** First the bytes read, then the tokens made. */
function trainingProgress(
  bytes: number | undefined,
  vocabSize: number,
  quiet: boolean | undefined,
): TrainingProgress {
  let shown = startProgress({ title: "Reading", total: bytes, quiet });
  let merged: number | undefined;
  return {
    onRead: (read) => shown.advance(read),
    onProgress({ phase, tokens }) {
      if (phase !== "merge") return;
      if (merged === undefined) {
        shown.done();
        shown = startProgress({ title: "Merging", total: vocabSize, format: formatTokens, quiet });
      }
      shown.advance(tokens - (merged ?? 0));
      merged = tokens;
    },
    done: () => shown.done(),
  };
}

function formatTokens(tokens: number): string {
  return `${Math.round(tokens).toLocaleString("en")} tokens`;
}

function describe(report: TrainReport, tokens: number, output: string, milliseconds: number): string {
  const read = `${report.lines.toLocaleString("en")} lines, ${report.words.toLocaleString("en")} words`;
  const made = `${tokens.toLocaleString("en")} tokens of ${report.alphabetSize.toLocaleString("en")} characters`;
  const notes = report.warnings.map((warning) => `\nNote: ${warning}`).join("");
  return `Trained ${made} on ${read} in ${formatDuration(milliseconds)}: ${output}${notes}`;
}

/** Look before the work whether the folder can take its result. */
function checkFolder(folder: string, overwrite: boolean | undefined): void {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found !== undefined && !found.isDirectory()) {
    throw new CliError(`Cannot write the folder ${folder}: it is a file`);
  }
  const present = FILES.find((name) => existsSync(join(folder, name)));
  if (present === undefined || overwrite === true) return;
  throw new CliError(`Cannot write to ${folder}: it has a ${present} already, --overwrite would replace it`);
}

async function writeTokenizer(folder: string, tokens: readonly string[], maxLength: number): Promise<void> {
  const tokenizer = BertTokenizer.fromVocab(tokens, {
    lowercase: false,
    stripAccents: false,
    handleChineseChars: true,
  });
  const made = makeFolder(folder);
  try {
    await writeFiles(
      folder,
      new Map([
        ["vocab.txt", tokenizer.vocabText()],
        ["tokenizer.json", tokenizer.toJson()],
        ["tokenizer_config.json", formatTokenizerConfig(tokenizer, maxLength)],
      ]),
    );
  } catch (error) {
    if (made !== undefined) removeEmpty(folder);
    throw error;
  }
}

/** Make a folder with those above it; gives the first that was made, `undefined` if all were there. */
function makeFolder(folder: string): string | undefined {
  try {
    return mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw fileError(`make the folder ${folder}`, error);
  }
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Somebody else put something into it.
  }
}
