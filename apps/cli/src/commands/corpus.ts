import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { tokenizerSha256 } from "@kcbert/trainer/shards";
import type { ArgsDef } from "citty";
import { commonArgs, oneOf, wholeNumber } from "../arguments.ts";
import { cleanVariant } from "../clean_variant.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { byteSize } from "../corpus/byte_size.ts";
import { PROBLEMS } from "../corpus/clean_stage.ts";
import type { CorpusReport } from "../corpus/corpus_report.ts";
import { type CorpusSettings, type Layout, type Source } from "../corpus/corpus_settings.ts";
import { expectedTextBytes, FORMATS, shardsFor } from "../corpus/corpus_settings.ts";
import { histogramText } from "../corpus/length_histogram.ts";
import { makeCorpus, type Stage } from "../corpus/make_corpus.ts";
import type { LineProblem } from "../corpus/records.ts";
import { formatOf } from "../corpus/source_blocks.ts";
import { removeCorpus } from "../corpus/work_folder.ts";
import { decimalNumber } from "../decimal_number.ts";
import { CliError, UsageError } from "../failure.ts";
import { resolveInputs } from "../io/inputs.ts";
import { loadTokenizerPath } from "../load_tokenizer_path.ts";
import { formatBytes, formatDuration, type Progress, startProgress } from "../progress.ts";
import { writeReport } from "../report.ts";

const args = {
  files: {
    type: "positional",
    required: false,
    description: "Files or patterns: text, .tsv, .jsonl, .parquet, plain, .gz or .zst; - is standard input",
  },
  output: {
    type: "string",
    alias: "o",
    required: true,
    valueHint: "folder",
    description: "The corpus' folder",
  },
  tokenizer: {
    type: "string",
    alias: "t",
    valueHint: "folder",
    description: "The tokenizer's folder or file; without it, the shards are text",
  },
  format: {
    type: "string",
    default: "auto",
    valueHint: "name",
    description: "How lines are laid out: lines, tsv, jsonl or parquet; auto goes by the names of files",
  },
  "text-column": {
    type: "string",
    valueHint: "column",
    description: "Where the text stands: a table's column by number or name, or a key (text by default)",
  },
  "date-column": {
    type: "string",
    valueHint: "column",
    description: "Where the date stands, for a sample by day",
  },
  header: { type: "boolean", description: "The first line of each table names its columns" },
  exclude: {
    type: "string",
    valueHint: "files",
    description: "Leave out the texts of these files, such as test sets; behind a colon the text's column",
  },
  clean: {
    type: "string",
    default: "2021",
    valueHint: "version",
    description: "Which clean: 2021, 2020, 2022, latest, or none",
  },
  "min-length": {
    type: "string",
    default: "10",
    valueHint: "n",
    description: "Drop cleaned texts of fewer characters (code points)",
  },
  "max-length": {
    type: "string",
    default: "100000",
    valueHint: "n",
    description: "Drop cleaned texts of more characters",
  },
  sample: {
    type: "string",
    default: "1",
    valueHint: "share",
    description: "Take this share of each day's texts: 0.1 is KcBERT's tenth",
  },
  seed: { type: "string", default: "1", valueHint: "n", description: "What sample and order are drawn from" },
  "max-tokens": {
    type: "string",
    default: "300",
    valueHint: "n",
    description: "Cut sequences to so many tokens, [CLS] and [SEP] included",
  },
  shards: {
    type: "string",
    valueHint: "n",
    description: "Number of shards; by default one for about 64 MB of text",
  },
  strict: { type: "boolean", description: "Refuse a line that gives no text, instead of counting it" },
  threads: { type: "string", valueHint: "n", description: "Threads; by default all of the machine" },
  memory: {
    type: "string",
    default: "2GB",
    valueHint: "size",
    description: "Memory for de-duplicating and sorting; what needs more goes to the disk",
  },
  checkpoint: {
    type: "string",
    default: "1GB",
    valueHint: "size",
    description: "Text to clean between two moments from which a killed run goes on",
  },
  overwrite: { type: "boolean", description: "Replace the corpus that is in the folder, finished or not" },
  ...commonArgs,
  "dry-run": { type: "boolean", description: "Say what would be done, and do nothing" },
} as const satisfies ArgsDef;

/** `kcbert-cli corpus`. */
export const corpusCommand: Command = defineExampledCommand(
  {
    meta: { description: "Prepare a corpus: clean, de-duplicate, sample, shuffle, tokenise, write shards" },
    args,
    async run({ args, data }) {
      const { signal } = data as CommandData;
      const settings = await settingsOf(args);
      if (args["dry-run"] === true) return tellPlan(settings, args);
      if (args.overwrite === true) removeCorpus(settings.output, settings.work);
      const report = await withProgress(args.quiet, (onStage, onProgress) =>
        makeCorpus(settings, { signal, onStage, onProgress }),
      );
      await writeReport(describe(report, settings), { output: settings.output, ...report }, args);
    },
  },
  [
    [
      "kcbert-cli corpus 'comments/*.txt.gz' --tokenizer tokenizer -o corpus",
      "Comments, one a line, as shards of token ids",
    ],
    [
      "kcbert-cli corpus reviews.tsv.gz --text-column 3 --date-column 1 --sample 0.1 -o tenth",
      "A tenth of each day's texts, as text: what KcBERT's vocabulary was trained on",
    ],
    [
      "kcbert-cli corpus reviews.tsv.gz --text-column 3 --exclude ratings_test.txt:document -t tokenizer -o corpus",
      "Without the texts of a test set",
    ],
    ["kcbert-cli corpus --config corpus/index.json -o again", "The same corpus again, by its recipe"],
  ],
);

// --- internal ---

/** The flags, as they were given. */
type CorpusFlag = Exclude<keyof typeof args, "files" | "quiet" | "json">;
type CorpusArgs = {
  readonly [name in CorpusFlag]?: string | boolean | undefined;
} & {
  readonly _: readonly string[];
  readonly quiet?: boolean | undefined;
  readonly json?: boolean | undefined;
};

/** Texts of more would not fit into a line of the files that DuckDB reads. */
const MOST_CODE_POINTS = 500_000;
const NAMES = {
  columns: "with too few columns",
  json: "not JSON",
  key: "without the text's key",
  date: "without a date",
  encoding: "not UTF-8",
} as const satisfies Record<LineProblem, string>;

async function settingsOf(args: CorpusArgs): Promise<CorpusSettings> {
  const text = (name: CorpusFlag) => args[name] as string | undefined;
  const whole = (name: CorpusFlag, min: number, max?: number) =>
    wholeNumber(text(name), name, max === undefined ? { min } : { min, max });
  const layout = {
    format: oneOf(text("format")!, "format", FORMATS),
    text: text("text-column"),
    date: text("date-column"),
    header: args.header === true,
  };
  const inputs = resolveInputs(args._).map((input) => ({ input, layout }));
  const clean = text("clean")!;
  if (clean !== "none") await cleanVariant(clean, "clean");
  const minLength = whole("min-length", 1, MOST_CODE_POINTS)!;
  const numbers = {
    minLength,
    maxLength: whole("max-length", minLength, MOST_CODE_POINTS)!,
    sample: decimalNumber(text("sample"), "sample", { above: 0, below: 1 + Number.EPSILON })!,
    seed: whole("seed", 0)!,
    shards: whole("shards", 1, 4096) ?? shardsFor(expectedTextBytes(inputs)),
  };
  const maxTokens = whole("max-tokens", 3, 65_535)!;
  const output = text("output")!;
  return {
    inputs,
    excluded: excludedSources(text("exclude")),
    clean,
    ...numbers,
    maxTokens,
    tokenizer: await tokenizerOf(text("tokenizer")),
    strict: args.strict === true,
    output,
    work: join(output, ".work"),
    threads: whole("threads", 1, 256) ?? availableParallelism(),
    memory: byteSize(text("memory")!, "memory", { min: 100e6 }),
    checkpoint: byteSize(text("checkpoint")!, "checkpoint", { min: 1e6 }),
    recipe: withoutUndefined({
      files: args._,
      tokenizer: text("tokenizer"),
      format: layout.format,
      textColumn: layout.text,
      dateColumn: layout.date,
      header: layout.header ? true : undefined,
      exclude: text("exclude"),
      clean,
      ...numbers,
      maxTokens: text("tokenizer") === undefined ? undefined : maxTokens,
    }),
  };
}

/** `--exclude`: files or patterns, separated by commas, each perhaps with a colon and a column behind it. */
function excludedSources(given: string | undefined): Source[] {
  return (given?.split(",") ?? []).flatMap((word) => {
    const [, files = word, column] = existsSync(word) ? [] : (/^(.+):([^:/\\]+)$/.exec(word) ?? []);
    const layout: Layout = { format: "auto", text: column, date: undefined, header: false };
    return resolveInputs([files]).map((input) => ({ input, layout }));
  });
}

async function tokenizerOf(path: string | undefined): Promise<CorpusSettings["tokenizer"]> {
  if (path === undefined) return undefined;
  const tokenizer = await loadTokenizerPath(path);
  const { vocabSize } = tokenizer;
  if (vocabSize > 65_536) {
    throw new CliError(
      `Cannot write the ids of ${path}: its vocabulary has ${vocabSize} tokens, and shards hold 16 bits, 65536 at most`,
    );
  }
  return { json: tokenizer.toJson(), sha256: await tokenizerSha256(tokenizer), vocabSize };
}

function withoutUndefined(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

async function tellPlan(settings: CorpusSettings, args: CorpusArgs): Promise<void> {
  const { inputs, excluded, output, shards, tokenizer, recipe } = settings;
  if (args._.length === 0) throw new UsageError("Cannot plan for standard input: name files");
  const bytes = expectedTextBytes([...inputs, ...excluded]);
  const told = ({ input, layout }: Source) => ({
    file: input.name,
    bytes: input.size,
    format: formatOf(input, layout),
  });
  const plan = {
    inputs: inputs.map(told),
    excluded: excluded.map(told),
    expectedTextBytes: bytes,
    expectedDiskBytes: bytes === undefined ? undefined : Math.ceil(bytes * 2.2),
    output,
    shards,
    kind: tokenizer === undefined ? "text" : "tokens",
    recipe,
  };
  const lines = [...plan.inputs, ...plan.excluded.map((each) => ({ ...each, file: `without ${each.file}` }))];
  const sizes = lines.map(
    ({ file, bytes, format }) => `${file}: ${format}${bytes === undefined ? "" : `, ${formatBytes(bytes)}`}`,
  );
  const sum =
    `About ${formatBytes(bytes ?? 0)} of text would become ${count(shards)} ${shards === 1 ? "shard" : "shards"} ` +
    `of ${plan.kind} in ${output}, with up to ${formatBytes(plan.expectedDiskBytes ?? 0)} of the disk on the way`;
  await writeReport([...sizes, sum, JSON.stringify(recipe)].join("\n"), plan, args);
}

const STAGES: Readonly<Record<Stage, string>> = {
  clean: "Cleaning",
  distinct: "De-duplicating",
  sample: "Drawing the sample",
  shards: "Writing shards",
};

/** Show a bar for each stage, one after the other. */
async function withProgress<T>(
  quiet: boolean | undefined,
  work: (
    onStage: (stage: Stage, total: number | undefined) => void,
    onProgress: (amount: number) => void,
  ) => Promise<T>,
): Promise<T> {
  let progress: Progress | undefined;
  try {
    return await work(
      (stage, total) => {
        progress?.done();
        const format = stage === "clean" ? {} : { format: (amount: number) => `${count(amount)} texts` };
        progress = startProgress({ title: STAGES[stage], total, quiet, ...format });
      },
      (amount) => progress?.advance(amount),
    );
  } finally {
    progress?.done();
  }
}

function describe(report: CorpusReport, { output, maxTokens, tokenizer }: CorpusSettings): string {
  const { lines, bytes, tokens, cost, shards } = report;
  const problems = Object.entries(lines.problems).map(([name, number]) => [
    NAMES[name as LineProblem],
    number,
  ]);
  const gone = [
    ...(problems as [string, number][]),
    ["too short", lines.short],
    ["too long", lines.long],
    ["left out by --exclude", lines.excluded],
    ["repeated", lines.repeated],
    ["not in the sample", lines.notSampled],
  ] as [string, number][];
  const why = gone.filter(([, number]) => number > 0).map(([name, number]) => `${count(number)} ${name}`);
  const size = `${formatBytes(bytes.read)} in ${formatDuration(cost.seconds * 1000)}`;
  const shardsText = `${count(shards)} ${shards === 1 ? "shard" : "shards"}`;
  const [example] = report.examples;
  return [
    `Prepared ${count(lines.read)} lines (${size}), ${count(lines.changed)} changed by cleaning`,
    `${why.length === 0 ? "" : `Dropped: ${why.join(", ")}\n`}Kept: ${count(lines.kept)} texts, ${formatBytes(bytes.kept)}`,
    ...(example === undefined
      ? []
      : [`Line ${example.line} of ${example.input} gave no text: ${PROBLEMS[example.problem]}`]),
    ...(tokens === undefined
      ? []
      : [
          `Tokens: ${count(tokens.total)}, ${(tokens.unknownRate * 100).toFixed(2)} % unknown, ${count(tokens.cut)} texts cut to ${maxTokens}`,
        ]),
    "",
    histogramText(report.lengths, tokenizer === undefined ? "characters" : "tokens"),
    "",
    `Wrote ${shardsText} to ${output}`,
  ].join("\n");
}

function count(number: number): string {
  return Math.round(number).toLocaleString("en");
}
