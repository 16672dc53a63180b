import type { ArgsDef } from "citty";
import { commonArgs } from "../arguments.ts";
import { type Command, defineExampledCommand } from "../command.ts";
import { CliError } from "../failure.ts";
import { readResults } from "../finetune/finetune_results.ts";
import { formatTable, scoreTable } from "../finetune/score_table.ts";
import { withOutput } from "../io/output.ts";

const args = {
  results: {
    type: "positional",
    required: true,
    description: "Folders of runs, however deep, or their results.json",
  },
  output: {
    type: "string",
    alias: "o",
    valueHint: "file",
    description: "Where to write; standard output by default",
  },
  ...commonArgs,
} as const satisfies ArgsDef;

/** `kcbert-cli table`. */
export const tableCommand: Command = defineExampledCommand(
  {
    meta: { description: "Put the scores of runs beside those that others published" },
    args,
    async run({ args }) {
      const results = readResults(args._);
      if (results.length === 0) {
        throw new CliError(`Cannot make a table as there is no results.json in ${args._.join(", ")}`);
      }
      const text = args.json ? `${JSON.stringify(asJson(results))}\n` : formatTable(results);
      await withOutput(args.output, (output) => output.write(text));
    },
  },
  [
    [
      "kcbert-cli table runs",
      "Every run below a folder: mean and spread over seeds, by how the model was chosen",
    ],
    ["kcbert-cli table nsmc-0 nsmc-1 nsmc-2 -o table.md", "Three runs, as a Markdown file"],
  ],
);

// --- internal ---

function asJson(results: Parameters<typeof scoreTable>[0]): unknown {
  const { columns, rows } = scoreTable(results);
  return { columns, rows: rows.map(({ cells, ...row }) => ({ ...row, scores: Object.fromEntries(cells) })) };
}
