import type { ArgsDef } from "citty";
import { commonArgs, wholeNumber } from "../arguments.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { CliError } from "../failure.ts";
import { backendArgs, readBackendFlags } from "../finetune/finetune_flags.ts";
import { modelClasses } from "../finetune/task_model.ts";
import { openSession } from "../finetune/open_session.ts";
import { type AskedText, predictTexts } from "../finetune/prediction_reader.ts";
import { resolveInputs } from "../io/inputs.ts";
import { type Output, withOutput } from "../io/output.ts";
import { linesOf, readLineBlocks } from "../io/read_lines.ts";
import { totalSize } from "../io/read_texts.ts";
import { fieldArgs, textField } from "../io/text_field.ts";
import { startProgress } from "../progress.ts";

const args = {
  input: {
    type: "positional",
    required: false,
    description: "Files, patterns, or - for standard input: a text a line",
  },
  model: {
    type: "string",
    alias: "m",
    required: true,
    valueHint: "model",
    description: "The fine-tuned model: a folder, or the name of a downloaded model",
  },
  ...fieldArgs,
  pair: {
    type: "string",
    valueHint: "n|key",
    description: "The column, or with --jsonl the key, of a pair's second text, or of the text that answers",
  },
  "batch-lines": {
    type: "string",
    default: "4096",
    valueHint: "n",
    description: "Lines that are worked on together",
  },
  ...backendArgs,
  output: {
    type: "string",
    alias: "o",
    valueHint: "file",
    description: "Where to write; standard output by default",
  },
  quiet: commonArgs.quiet,
} as const satisfies ArgsDef;

/** `kcbert-cli predict`. */
export const predictCommand: Command = defineExampledCommand(
  {
    meta: { description: "Say what a fine-tuned model says of texts, a JSON object a line" },
    args,
    async run({ args, data }) {
      const { signal } = data as CommandData;
      const backend = readBackendFlags(args);
      const together = wholeNumber(args["batch-lines"], "batch-lines", { min: 1 })!;
      const read = lineReader(args);
      const inputs = resolveInputs(args._);
      const { session, source, tokenizer, clean, jit } = await openSession(args.model, { backend, signal });
      const { loadConfig } = await import("@kcbert/bert");
      const { architectures = [] } = await loadConfig(source);
      const Model = Object.values(await modelClasses()).find(({ name }) => architectures.includes(name));
      if (Model === undefined) {
        throw new CliError(
          `Cannot predict with the model ${args.model} as it is a ${architectures.join(" and a ") || "model of no kind that it tells"}: kcbert-cli finetune makes one that can`,
        );
      }
      const model = await session.loadAsItIs(Model);
      const progress = startProgress({ title: "Predicting", total: totalSize(inputs), quiet: args.quiet });
      const answer = async (asked: readonly AskedText[], output: Output): Promise<void> => {
        const said = await predictTexts(asked, { model, tokenizer, clean, jit, signal });
        await output.write(
          said.map((object, i) => `${JSON.stringify({ ...asked[i], ...object })}\n`).join(""),
        );
      };
      try {
        await withOutput(args.output, async (output) => {
          let asked: AskedText[] = [];
          for (const input of inputs) {
            for await (const block of readLineBlocks(input, { signal, onRead: progress.advance })) {
              for (const { text: line, number } of linesOf(block)) {
                if ((args.header && number === 1) || line.trim() === "") continue;
                asked.push(read(line, () => `line ${number} of ${input.name}`));
                if (asked.length < together) continue;
                await answer(asked, output);
                asked = [];
              }
            }
          }
          if (asked.length > 0) await answer(asked, output);
        });
      } finally {
        progress.done();
        model.dispose();
        session.dispose();
      }
    },
  },
  [
    ["echo '정말 재밌다' | kcbert-cli predict --model nsmc-model", "One text from standard input"],
    [
      "kcbert-cli predict --model korsts-model pairs.tsv --header --column 1 --pair 2 -o similar.jsonl",
      "Pairs from two columns of a table",
    ],
    [
      "kcbert-cli predict --model hate comments.jsonl --jsonl text > judged.jsonl",
      "The texts of JSON objects",
    ],
  ],
);

// --- internal ---

interface FieldFlags {
  readonly column?: string | undefined;
  readonly jsonl?: string | undefined;
  readonly pair?: string | undefined;
}

/** How a line becomes a text, or a pair of texts. */
function lineReader({ column, jsonl, pair }: FieldFlags): (line: string, at: () => string) => AskedText {
  const first = textField({ column, jsonl });
  if (pair === undefined) return (line, at) => ({ text: first.read(line, at).replace(/\r$/, "") });
  const second = textField(jsonl === undefined ? { column: pair } : { jsonl: pair });
  return (line, at) => ({ text: first.read(line, at), pair: second.read(line, at) });
}
