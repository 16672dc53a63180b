import process from "node:process";
import { type ArgDef, type ArgsDef, parseArgs, renderUsage, runCommand } from "citty";
import { checkArguments, commonArgs } from "./arguments.ts";
import type { Command, CommandData, CommandEntry } from "./command.ts";
import { asConfig, withConfigFile, withConfigFlag } from "./config_file.ts";
import { CliError, EXIT_FAILED, sentence, UsageError } from "./failure.ts";
import { Interrupted, interruptSignal } from "./interrupt.ts";
import { openOutput, ReaderGone } from "./io/output.ts";
import { localized } from "./locale/translate.ts";
import { suggest } from "./suggest.ts";
import { fitting, styled } from "./terminal.ts";
import { version } from "./version.ts";

/**
 * Run a command line.
 *
 * @param argv The words after the program's name.
 * @returns The exit status: 0 for success, 1 for a failure, 2 for a command line that makes no sense, 130 after Ctrl-C.
 */
export async function run(argv: readonly string[]): Promise<number> {
  process.stderr.on("error", () => {}); // nobody reads our messages any more; the work goes on
  process.on("uncaughtException", (error) => process.exit(report(error)));
  try {
    const signal = interruptSignal();
    await dispatch(argv, { signal, commands: COMMANDS });
    return 0;
  } catch (error) {
    return report(error);
  }
}

/** Run a command line inside another command: `kcbert-cli launch task`. */
export async function dispatch(argv: readonly string[], data: CommandData): Promise<void> {
  const [name, ...rest] = argv;
  if (name === undefined) throw new UsageError(`No command given: see ${NAME} --help`);
  if (name === "--version" || name === "-v") return print(`${version()}\n`);
  if (name === "--help" || name === "-h") return print(await overview());
  if (name === "help") return dispatch([...rest.slice(0, 1), "--help"], data);
  const command = await findCommand(name);
  if (asksForHelp(rest)) return print(await help(name, command));
  const argsDef = (command.definition.args ?? {}) as ArgsDef;
  const own = argsDef["config"] !== commonArgs.config; // it reads the file itself
  const words = withConfigFlag(rest, argsDef);
  const rawArgs = own ? words : await withConfigFile(words, argsDef);
  checkArguments(rawArgs, argsDef);
  if (isOnlyChecked(rawArgs, argsDef))
    return print(`${JSON.stringify(asConfig(parseArgs(rawArgs, argsDef), argsDef))}\n`);
  await runCommand(command.definition, { rawArgs, data });
}

// --- internal ---

const NAME = "kcbert-cli";

/** The commands; each is loaded only when it is called. */
const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  clean: {
    description: "Clean comments as KcBERT's own corpus was cleaned",
    load: async () => (await import("./commands/clean.ts")).cleanCommand,
  },
  datasets: {
    description: "List and download the public data sets: corpora, NSMC, KorNLI, KorQuAD and others",
    load: async () => (await import("./commands/datasets.ts")).datasetsCommand,
  },
  corpus: {
    description: "Prepare a corpus to pre-train on: clean, de-duplicate, sample, shuffle, tokenise",
    load: async () => (await import("./commands/corpus.ts")).corpusCommand,
  },
  "train-tokenizer": {
    description: "Train a WordPiece vocabulary on lines of text",
    load: async () => (await import("./commands/train_tokenizer.ts")).trainTokenizerCommand,
  },
  tokenize: {
    description: "Turn text into tokens or ids",
    load: async () => (await import("./commands/tokenize.ts")).tokenizeCommand,
  },
  pretrain: {
    description: "Train a BERT on lines of text, from nothing",
    load: async () => (await import("./commands/pretrain.ts")).pretrainCommand,
  },
  finetune: {
    description: "Teach a pretrained BERT a task, and score it",
    load: async () => (await import("./commands/finetune.ts")).finetuneCommand,
  },
  "finetune-all": {
    description: "Teach a model many tasks with several seeds each, in one process",
    load: async () => (await import("./commands/finetune_all.ts")).finetuneAllCommand,
  },
  evaluate: {
    description: "Score a fine-tuned model on a task's data",
    load: async () => (await import("./commands/evaluate.ts")).evaluateCommand,
  },
  calibrate: {
    description: "Make a classifier's probabilities true, and find below which it is unsure",
    load: async () => (await import("./commands/calibrate.ts")).calibrateCommand,
  },
  predict: {
    description: "Say what a fine-tuned model says of texts",
    load: async () => (await import("./commands/predict.ts")).predictCommand,
  },
  table: {
    description: "Put the scores of runs beside those that others published",
    load: async () => (await import("./commands/table.ts")).tableCommand,
  },
  launch: {
    description: "Write a job of another command for Slurm or Kubernetes",
    load: async () => (await import("./commands/launch.ts")).launchCommand,
  },
  report: {
    description: "Show a training run as one HTML page",
    load: async () => (await import("./commands/report.ts")).reportCommand,
  },
  "fill-mask": {
    description: "Guess the word behind [MASK]",
    load: async () => (await import("./commands/fill_mask.ts")).fillMaskCommand,
  },
  download: {
    description: "Bring a model from the Hugging Face hub into the cache",
    load: async () => (await import("./commands/download.ts")).downloadCommand,
  },
  export: {
    description: "Write a model as a folder for Hugging Face, with a model card",
    load: async () => (await import("./commands/export.ts")).exportCommand,
  },
  quantize: {
    description: "Make a smaller copy of a model: weights in 8 or 4 bits",
    load: async () => (await import("./commands/quantize.ts")).quantizeCommand,
  },
  edge: {
    description: "Say where a model fits: Cloudflare Workers, Deno Deploy, Node",
    load: async () => (await import("./commands/edge.ts")).edgeCommand,
  },
  plugin: {
    description: "Install and list the XLA plugins that drive accelerators",
    load: async () => (await import("./commands/plugin.ts")).pluginCommand,
  },
  doctor: {
    description: "Say which accelerators work here, and what to do about the rest",
    load: async () => (await import("./commands/doctor.ts")).doctorCommand,
  },
  completions: {
    description: "Print a script that completes commands and flags in a shell",
    load: async () => (await import("./commands/completions.ts")).completionsCommand,
  },
};

/** `--dry-run`, of a command that has no plan of its own to tell. */
function isOnlyChecked(rawArgs: readonly string[], argsDef: ArgsDef): boolean {
  return argsDef["dry-run"] === commonArgs["dry-run"] && rawArgs.includes("--dry-run");
}

async function findCommand(name: string): Promise<Command> {
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry !== undefined) return entry.load();
  const near = suggest(name, Object.keys(COMMANDS));
  const hint = near === undefined ? `see ${NAME} --help` : `did you mean ${near}?`;
  const kind = name.startsWith("-") ? "flag" : "command";
  throw new UsageError(`Unknown ${kind} ${name}: ${hint}`);
}

function asksForHelp(rest: readonly string[]): boolean {
  const end = rest.indexOf("--");
  return rest.slice(0, end < 0 ? rest.length : end).some((word) => word === "--help" || word === "-h");
}

async function overview(): Promise<string> {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const lines = Object.entries(COMMANDS).map(
    ([name, { description }]) =>
      `  ${styled("cyan", name.padEnd(width), process.stdout)}  ${localized(description)}`,
  );
  return [
    localized(`${NAME} ${version()}: KcBERT, a BERT for Korean comments, on the command line`),
    "",
    heading("USAGE"),
    `  ${localized(`${NAME} <command> [options]`)}`,
    "",
    heading("COMMANDS"),
    ...lines,
    "",
    heading("EXAMPLE"),
    `  echo '안녕하세요ㅋㅋㅋㅋㅋ♡' | ${NAME} clean`,
    "",
    heading("EXIT STATUS"),
    `  ${localized("0 success, 1 failure, 2 a command line that makes no sense, 130 after Ctrl-C")}`,
    "",
    localized(`${NAME} <command> --help says more about a command.`),
    "",
  ].join("\n");
}

async function help(name: string, { definition, examples }: Command): Promise<string> {
  const description = localized((definition.meta as { description: string }).description);
  const args = Object.entries((definition.args ?? {}) as ArgsDef).map(([flag, definition]) => [
    flag,
    inOwnLanguage(definition),
  ]);
  const usage = await renderUsage({
    ...definition,
    meta: { name: `${NAME} ${name}`, description },
    args: Object.fromEntries(args) as ArgsDef,
  });
  const lines = examples.flatMap(([command, meaning]) => [`  # ${localized(meaning)}`, `  ${command}`, ""]);
  const headings = /\b(?:USAGE|ARGUMENTS|OPTIONS)\b/g;
  const trimmed = fitting(usage, process.stdout)
    .replaceAll(/ +$/gm, "")
    .replaceAll(headings, (word) => localized(word))
    .replaceAll(/\(Default: |\(Required\)/g, (words) => localized(words));
  return `${trimmed}\n${heading("EXAMPLES")}\n\n${lines.join("\n")}`;
}

function inOwnLanguage(definition: ArgDef): ArgDef {
  const translated: Record<string, unknown> = { ...definition };
  for (const key of ["description", "negativeDescription"]) {
    if (typeof translated[key] === "string") translated[key] = localized(translated[key]);
  }
  return translated as ArgDef;
}

function heading(text: string): string {
  return styled(["underline", "bold"], localized(text), process.stdout);
}

async function print(text: string): Promise<void> {
  await openOutput(undefined).write(text);
}

/** Tell a person what went wrong, in one sentence; return the exit status. */
function report(error: unknown): number {
  if (error instanceof ReaderGone) return 0;
  if (error instanceof Interrupted) return error.exitCode;
  if (error instanceof Error && error.cause instanceof Interrupted) return error.cause.exitCode;
  const stack = process.env.KCBERT_DEBUG !== undefined && process.env.KCBERT_DEBUG !== "";
  const text = stack && error instanceof Error ? (error.stack ?? error.message) : localized(sentence(error));
  process.stderr.write(`${styled("red", `${NAME}:`, process.stderr)} ${text}\n`);
  return error instanceof CliError ? error.exitCode : EXIT_FAILED;
}
