import type { ArgsDef } from "citty";
import { commonArgs, oneOf, wholeNumber } from "../arguments.ts";
import { cleanVariant } from "../clean_variant.ts";
import { excludedTexts } from "../excluded_texts.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { UsageError } from "../failure.ts";
import { resolveInputs } from "../io/inputs.ts";
import { withOutput } from "../io/output.ts";
import { readLineBlocks } from "../io/read_lines.ts";
import { totalSize } from "../io/read_texts.ts";
import { fieldArgs, textField } from "../io/text_field.ts";
import { LineCleaner, type LineCounts } from "../line_cleaner.ts";
import { formatBytes, formatDuration, startProgress } from "../progress.ts";
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
    valueHint: "file",
    description: "Where to write, compressed if it ends in .gz; standard output by default",
  },
  variant: {
    type: "string",
    default: "2021",
    description: "Which clean: 2021, 2020 (wide Hangul), 2022 (no emoji) or latest (newer emoji)",
  },
  "min-run": {
    type: "string",
    valueHint: "n",
    description: "The shortest run that is collapsed: 4 by default, or 3",
  },
  ...fieldArgs,
  "whole-row": {
    type: "boolean",
    description: "With --column or --jsonl, write the whole row, its text cleaned",
  },
  "min-length": {
    type: "string",
    valueHint: "n",
    description: "Drop cleaned texts of fewer characters (code points)",
  },
  "min-length-reading": {
    type: "string",
    valueHint: "rule",
    description:
      "Drop short texts by KcBERT's own rule, as either reading has it: at-least-10 or at-least-11",
  },
  dedupe: { type: "boolean", description: "Drop cleaned texts that came before" },
  exclude: {
    type: "string",
    valueHint: "files",
    description: "Drop the texts of these files, such as a test set; a table needs a column: FILE:2",
  },
  ...commonArgs,
} as const satisfies ArgsDef;

/** `kcbert-cli clean`. */
export const cleanCommand: Command = defineExampledCommand(
  {
    meta: { description: "Clean comments, line by line, as KcBERT's corpus was cleaned" },
    args,
    async run({ args, data }) {
      const { signal } = data as CommandData;
      const field = textField(args);
      const variant = await cleanVariant(args.variant, "variant", minRun(args["min-run"]));
      const cleaner = new LineCleaner({
        clean: variant,
        field,
        header: args.header,
        wholeRow: args["whole-row"],
        minLength: minLength(args["min-length"], args["min-length-reading"]),
        dedupe: args.dedupe,
        excluded: await excludedTexts(args.exclude, variant, signal),
      });
      const start = performance.now();
      const read = await cleanFiles({
        words: args._,
        cleaner,
        output: args.output,
        quiet: args.quiet,
        signal,
      });
      const milliseconds = performance.now() - start;
      await writeReport(
        describe(cleaner.counts, read, milliseconds),
        { ...cleaner.counts, bytes: read, milliseconds: Math.round(milliseconds) },
        { ...args, stdoutTaken: args.output === undefined || args.output === "-" },
      );
    },
  },
  [
    ["echo '안녕하세요ㅋㅋㅋㅋㅋ♡' | kcbert-cli clean", "One line from standard input"],
    [
      "kcbert-cli clean 'comments/*.txt.gz' --min-length 10 --dedupe -o corpus.txt.gz",
      "A corpus to pre-train on",
    ],
    [
      "kcbert-cli clean reviews.tsv.gz --column 3 --dedupe --exclude ratings_test.txt:2 -o corpus.txt.gz",
      "A corpus without the texts of a test set",
    ],
    [
      "kcbert-cli clean ratings.txt --column 2 --header --whole-row -o ratings.clean.txt",
      "One column of a table",
    ],
  ],
);

// --- internal ---

interface CleanFilesOptions {
  readonly words: readonly string[];
  readonly cleaner: LineCleaner;
  readonly output: string | undefined;
  readonly quiet: boolean | undefined;
  readonly signal: AbortSignal;
}

/** Clean inputs into an output, a block at a time; gives the bytes read. */
async function cleanFiles({ words, cleaner, output, quiet, signal }: CleanFilesOptions): Promise<number> {
  const inputs = resolveInputs(words);
  const progress = startProgress({ title: "Cleaning", total: totalSize(inputs), quiet });
  let bytes = 0;
  const onRead = (read: number) => {
    bytes += read;
    progress.advance(read);
  };
  try {
    await withOutput(output, async (to) => {
      let writing = Promise.resolve(); // a block is written while the next one is cleaned
      for (const input of inputs) {
        for await (const block of readLineBlocks(input, { signal, onRead })) {
          const text = cleaner.cleanBlock(block, input.name);
          await writing;
          writing = to.write(text);
          writing.catch(() => {}); // thrown by the next await
        }
      }
      await writing;
      signal.throwIfAborted();
    });
  } finally {
    progress.done();
  }
  return bytes;
}

/** KcBERT's README says "ten characters or fewer go" in its heading and "fewer than ten" in its text. */
function minLength(given: string | undefined, reading: string | undefined): number | undefined {
  if (reading === undefined) return wholeNumber(given, "min-length");
  if (given !== undefined) throw new UsageError("Cannot use --min-length and --min-length-reading together");
  return oneOf(reading, "min-length-reading", ["at-least-10", "at-least-11"]) === "at-least-10" ? 10 : 11;
}

function minRun(given: string | undefined): { minRun?: 3 | 4 } {
  const run = wholeNumber(given, "min-run", { min: 3, max: 4 });
  return run === undefined ? {} : { minRun: run === 3 ? 3 : 4 };
}

function describe(counts: LineCounts, bytes: number, milliseconds: number): string {
  const { lines, kept, changed, short, duplicate, excluded } = counts;
  const numbers = [`${count(changed)} changed`, `${count(short)} too short`, `${count(duplicate)} repeated`];
  if (excluded > 0) numbers.push(`${count(excluded)} left out`);
  const read = `${count(lines)} ${lines === 1 ? "line" : "lines"}`;
  const speed = `${formatBytes(bytes)} in ${formatDuration(milliseconds)}`;
  return `Cleaned ${read}, ${numbers.join(", ")}: ${count(kept)} written (${speed})`;
}

function count(number: number): string {
  return number.toLocaleString("en");
}
