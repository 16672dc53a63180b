import process from "node:process";
import { stripVTControlCharacters } from "node:util";
import type { FillMaskAnswer, FillMaskPipeline, FillMaskResult } from "@kcbert/pipelines";
import type { ArgsDef } from "citty";
import { commonArgs, oneOf, wholeNumber } from "../arguments.ts";
import { BACKENDS, startBackend } from "../backend.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { CliError, sentence } from "../failure.ts";
import { resolveModel } from "../hub/resolve_model.ts";
import { Interrupted } from "../interrupt.ts";
import { resolveInputs } from "../io/inputs.ts";
import { type Output, withOutput } from "../io/output.ts";
import { type Line, linesOf, readLineBlocks, withoutCarriageReturn } from "../io/read_lines.ts";
import { loadTokenizerPath } from "../load_tokenizer_path.ts";
import { modelFolder } from "../model_folder.ts";
import { tell } from "../report.ts";
import { padToWidth, type Screen, styled } from "../terminal.ts";

const args = {
  text: {
    type: "positional",
    required: false,
    description: "Texts with [MASK] in them; lines of standard input if there is none",
  },
  model: {
    type: "string",
    alias: "m",
    required: true,
    valueHint: "model",
    description: "A model folder, or the name of a downloaded model",
  },
  "top-k": { type: "string", default: "5", valueHint: "n", description: "How many candidates a mask gets" },
  targets: { type: "string", valueHint: "words", description: "The only candidates, separated by commas" },
  backend: { type: "string", default: "wasm", description: `What computes: ${BACKENDS.join(", ")}` },
  output: {
    type: "string",
    alias: "o",
    valueHint: "file",
    description: "Where to write; standard output by default",
  },
  ...commonArgs,
} as const satisfies ArgsDef;

/** `kcbert-cli fill-mask`. */
export const fillMaskCommand: Command = defineExampledCommand(
  {
    meta: { description: "Guess the words behind [MASK]" },
    args,
    async run({ args, data }) {
      const { signal } = data as CommandData;
      const topK = wholeNumber(args["top-k"], "top-k", { min: 1 })!;
      const targets = args.targets?.split(",").map((word) => word.trim());
      const backend = oneOf(args.backend, "backend", BACKENDS);
      const source = modelFolder(resolveModel(args.model));
      await startBackend(backend);
      const { loadFillMask } = await import("@kcbert/pipelines");
      const pipeline = await loadFillMask(source, { signal }).catch((error: unknown) => {
        throw modelError(args.model, error);
      });
      if (targets !== undefined && !args.quiet) await noteUnknown(targets, args.model);
      const options = { topK, signal, ...(targets === undefined ? {} : { targets }) };
      const ask = (texts: readonly Line[]) => askAll(pipeline, texts, options);
      const screen = args.output === undefined || args.output === "-" ? process.stdout : undefined;
      const format = args.json
        ? jsonLine
        : (text: string, result: FillMaskResult) => table(text, result, screen);
      try {
        await withOutput(args.output, (output) => answerAll(args._, { ask, format, output, signal }));
      } finally {
        pipeline.dispose();
      }
    },
  },
  [
    ["kcbert-cli fill-mask --model model '이 영화 정말 [MASK]'", "The five best words, as a table"],
    [
      "kcbert-cli fill-mask --model model --top-k 1 --json < masked.txt > filled.jsonl",
      "A result for every line",
    ],
    [
      "kcbert-cli fill-mask --model model --targets 재밌다,별로다 '이 영화 정말 [MASK]'",
      "Compare some words",
    ],
  ],
);

// --- internal ---

/** Of a candidate that is no token, its first token stands for it, as in Hugging Face's pipeline. */
async function noteUnknown(words: readonly string[], model: string): Promise<void> {
  const tokenizer = await loadTokenizerPath(model);
  for (const word of words) {
    if (tokenizer.tokenToId(word) !== undefined) continue;
    const [first] = tokenizer.encode(word, { addSpecialTokens: false }).tokens;
    if (first !== undefined) tell(`The vocabulary has no token ${word}: ${first} stands for it`);
  }
}

type Options = Parameters<FillMaskPipeline["run"]>[1];

interface AnswerOptions {
  readonly ask: (texts: readonly Line[]) => Promise<FillMaskResult[]>;
  readonly format: (text: string, result: FillMaskResult) => string;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** Answer the texts of the command line, or standard input as it comes; blank lines are passed over. */
async function answerAll(
  words: readonly string[],
  { ask, format, output, signal }: AnswerOptions,
): Promise<void> {
  const answer = async (lines: readonly Line[]) => {
    const results = await ask(lines);
    await output.write(lines.map(({ text }, i) => `${format(text, results[i]!)}\n`).join(""));
  };
  if (words.length > 0) return answer(words.map((text, i) => ({ text, number: i + 1 })));
  for (const input of resolveInputs([])) {
    for await (const block of readLineBlocks(input, { signal })) {
      const lines = Array.from(linesOf(block), ({ text, number }) => ({
        text: withoutCarriageReturn(text),
        number,
      }));
      const full = lines.filter(({ text }) => text.trim() !== "");
      for (let i = 0; i < full.length; i += LINES_TOGETHER) await answer(full.slice(i, i + LINES_TOGETHER));
    }
  }
  signal.throwIfAborted();
}

const LINES_TOGETHER = 64;

/** Ask for all texts at once; if that fails, one by one, to say which it was. */
async function askAll(
  pipeline: FillMaskPipeline,
  lines: readonly Line[],
  options: Options,
): Promise<FillMaskResult[]> {
  try {
    return await pipeline.runAll(
      lines.map(({ text }) => text),
      options,
    );
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    if (lines.length === 1) throw lineError(lines[0]!, error);
    for (const line of lines) await askAll(pipeline, [line], options);
    throw error;
  }
}

function lineError({ number }: Line, error: unknown): CliError {
  return new CliError(number === 1 ? sentence(error) : `${sentence(error)} (text ${number})`, {
    cause: error,
  });
}

function modelError(folder: string, error: unknown): unknown {
  if (error instanceof CliError || error instanceof Interrupted) return error;
  return new CliError(`Cannot load the model ${folder}: ${sentence(error)}`, { cause: error });
}

/** Hugging Face's JSON: a list for one mask, a list of lists for several. */
function jsonLine(_: string, result: FillMaskResult): string {
  const wire = ({ score, token, tokenStr, sequence }: FillMaskAnswer) => ({
    score,
    token,
    token_str: tokenStr,
    sequence,
  });
  return JSON.stringify(result.map((each) => (Array.isArray(each) ? each.map(wire) : wire(each))));
}

/** A table for people: share, token, and the text with the token in it. */
function table(text: string, result: FillMaskResult, screen: Screen | undefined): string {
  const lists = result.map((each) => (Array.isArray(each) ? each : [each]));
  const masks = Array.isArray(result[0]) ? lists : [lists.flat()];
  const blocks = masks.map((answers, i) => {
    const title = masks.length === 1 ? "" : `  (mask ${i + 1} of ${masks.length})`;
    const heading = stripVTControlCharacters(text) + title; // a stranger's text steers no terminal
    return [styled("bold", heading, screen), ...answers.map(row)].join("\n");
  });
  return `${blocks.join("\n")}\n`;
}

function row({ score, tokenStr, sequence }: FillMaskAnswer): string {
  return `${(score * 100).toFixed(2).padStart(7)} %  ${padToWidth(tokenStr, 14)}  ${sequence}`;
}
