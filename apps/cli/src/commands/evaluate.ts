import type { ArgsDef } from "citty";
import { commonArgs, oneOf } from "../arguments.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { CliError } from "../failure.ts";
import { taskOfModel } from "../finetune/custom_task.ts";
import {
  backendArgs,
  customArgs,
  dataArgs,
  readColumnFlags,
  readBackendFlags,
  readDataFlags,
  readRecipe,
  readRunFlags,
  recipeArgs,
  taskNamed,
} from "../finetune/finetune_flags.ts";
import { formatScores } from "../finetune/finetune_progress.ts";
import { recordCount } from "../finetune/labelled_records.ts";
import { LineProblems } from "../finetune/line_problems.ts";
import { loadSplit } from "../finetune/load_records.ts";
import { openSession } from "../finetune/open_session.ts";
import { openOutput } from "../io/output.ts";
import { loadModelConfig } from "../load_model_config.ts";
import { tell } from "../report.ts";

const args = {
  task: {
    type: "positional",
    required: true,
    description: "What the model was taught; custom for a task of one's own",
  },
  model: {
    type: "string",
    alias: "m",
    required: true,
    valueHint: "model",
    description: "The fine-tuned model: a folder, or the name of a downloaded model",
  },
  data: dataArgs.data,
  split: { type: "string", default: "test", valueHint: "name", description: "What to score on: test or dev" },
  file: {
    type: "string",
    valueHint: "file",
    description: "A file of the task's format, in place of the published one",
  },
  ...customArgs,
  strict: dataArgs.strict,
  "max-length": recipeArgs["max-length"],
  "evaluation-batch-size": recipeArgs["evaluation-batch-size"],
  widths: recipeArgs.widths,
  ...backendArgs,
  ...commonArgs,
} as const satisfies ArgsDef;

/** `kcbert-cli evaluate`. */
export const evaluateCommand: Command = defineExampledCommand(
  {
    meta: { description: "Score a fine-tuned model on a task's data" },
    args,
    async run({ args, data }) {
      const { signal } = data as CommandData;
      const task =
        args.task === "custom"
          ? taskOfModel(await loadModelConfig(args.model), readColumnFlags(args))
          : taskNamed(args.task);
      const split = oneOf(args.split, "split", ["test", "dev"]);
      const backend = readBackendFlags(args);
      const { maxLength } = readRecipe(task, args);
      const problems = new LineProblems({ strict: args.strict });
      const files = args.file === undefined ? {} : { [split]: args.file };
      const records = await loadSplit(task, split, { ...readDataFlags(args), files, problems, signal });
      if (records === undefined) {
        throw new CliError(
          `Cannot score ${task.name} as there is no ${split} set: --data names a folder, --file a file`,
        );
      }
      if (!args.quiet) for (const line of problems.describe()) tell(line);
      const { session } = await openSession(args.model, { backend, signal });
      try {
        const taken = { train: records, [split]: records, incomparable: [] };
        const prepared = session.prepare(task, taken, { maxLength, problems: problems.list });
        const scores = await session.score(prepared, split, readRunFlags(args));
        const count = recordCount(records);
        const text = args.json
          ? JSON.stringify({ task: task.name, split, examples: count, scores })
          : `${task.name}, ${split} (${count.toLocaleString("en")}): ${formatScores(scores)}`;
        await openOutput(undefined).write(`${text}\n`);
      } finally {
        session.dispose();
      }
    },
  },
  [
    ["kcbert-cli evaluate nsmc --model nsmc-model --data data", "Accuracy on the published test set"],
    [
      "kcbert-cli evaluate korsts --model korsts-model --file my-pairs.tsv --json",
      "On a file of one's own, as JSON",
    ],
    [
      "kcbert-cli evaluate custom --model spam --file test.tsv --text-column comment --label-column spam",
      "A model of a task of one's own",
    ],
  ],
);
