import type { BertTokenizer } from "@kcbert/tokenizer";
import type { ArgsDef } from "citty";
import { commonArgs, oneOf, wholeNumber } from "../arguments.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { decimalNumber } from "../decimal_number.ts";
import { UsageError } from "../failure.ts";
import { customTask, PROBLEMS } from "../finetune/custom_task.ts";
import {
  backendArgs,
  checkpointArgs,
  customArgs,
  dataArgs,
  type FlagValues,
  readColumnFlags,
  readBackendFlags,
  readCheckpointSeconds,
  readDataFlags,
  readRecipe,
  readRunFlags,
  recipeArgs,
  taskNamed,
} from "../finetune/finetune_flags.ts";
import { formatScores, startFinetuneProgress } from "../finetune/finetune_progress.ts";
import { type FinetuneResults, RESULTS } from "../finetune/finetune_results.ts";
import { recordCount, selectRecords } from "../finetune/labelled_records.ts";
import { joinedFolder } from "../joined_folder.ts";
import type { KeepMaskedLm } from "../finetune/kept_masked_lm.ts";
import { LineProblems } from "../finetune/line_problems.ts";
import { loadRecords, type TaskRecords } from "../finetune/load_records.ts";
import { openSession, tokenizerFiles } from "../finetune/open_session.ts";
import { TASKS, type Task } from "../finetune/tasks.ts";
import type { RunOptions } from "../finetune/finetune_session.ts";
import { openOutput } from "../io/output.ts";
import { modelFolder } from "../model_folder.ts";
import { adviseBatch } from "../plugin/out_of_memory.ts";
import { loadCorpus } from "../pretraining/corpus.ts";
import { tell, writeReport } from "../report.ts";
import { openRun, removeCheckpoints, type RunFolder } from "../run_folder.ts";

const args = {
  task: {
    type: "positional",
    required: true,
    description: `What to learn: ${[...TASKS.keys()].join(", ")}, or custom`,
  },
  model: {
    type: "string",
    alias: "m",
    required: true,
    valueHint: "model",
    description: "The pretrained model: a folder, or the name of a downloaded model",
  },
  ...dataArgs,
  train: {
    type: "string",
    valueHint: "file",
    description: "The training set, in place of the published file",
  },
  dev: { type: "string", valueHint: "file", description: "The development set" },
  test: { type: "string", valueHint: "file", description: "The test set" },
  output: {
    type: "string",
    alias: "o",
    required: true,
    valueHint: "folder",
    description: "The run's folder",
  },
  ...recipeArgs,
  ...checkpointArgs,
  seed: { type: "string", default: "0", valueHint: "n", description: "Seed of the head, order and dropout" },
  "keep-masked-lm": {
    type: "string",
    valueHint: "corpus",
    description:
      "Go on learning to fill masks, from these cleaned lines or shards: the folder then does both, in one set of weights",
  },
  "masked-lm-weight": {
    type: "string",
    default: "1",
    valueHint: "x",
    description: "How much filling masks counts beside the task",
  },
  "masked-lm-rows": {
    type: "string",
    default: "32",
    valueHint: "n",
    description: "Packed rows to fill masks in, in each step",
  },
  ...customArgs,
  problem: {
    type: "string",
    default: "classes",
    valueHint: "kind",
    description: "For custom: what a label is, one of classes, a number, or any of several labels",
  },
  ...backendArgs,
  ...commonArgs,
} as const satisfies ArgsDef;

/** `kcbert-cli finetune`. */
export const finetuneCommand: Command = defineExampledCommand(
  {
    meta: { description: "Teach a pretrained BERT a task, and score it" },
    args,
    async run({ args, data }) {
      const { signal } = data as CommandData;
      const task = await taskOf(args, signal);
      if (task.name === "custom" && !args.quiet) describeClasses(task);
      const recipe = readRecipe(task, args);
      const flags = readRunFlags(args);
      const seed = wholeNumber(args.seed, "seed")!;
      const backend = readBackendFlags(args);
      const checkpointSeconds = readCheckpointSeconds(args);
      const { folder, checkpoint } = openRun(args.output, tell);
      const problems = new LineProblems({ strict: args.strict });
      const records = atMost(
        await loadRecords(task, { ...readDataFlags(args), problems, signal }),
        flags.maxTrain,
      );
      if (!args.quiet) for (const line of problems.describe()) tell(line);
      const { session, source, tokenizer } = await openSession(args.model, { backend, floats: true, signal });
      const keepMaskedLm = await readKeepMaskedLm(args, tokenizer, { seed, signal });
      const progress = startFinetuneProgress(task.name, { quiet: args.quiet || args.json });
      try {
        const facts = { maxLength: recipe.maxLength, problems: problems.list };
        const prepared = session.prepare(task, records, facts);
        const sizes = { batchSize: recipe.batchSize, evaluationBatchSize: flags.evaluationBatchSize };
        const { results, interrupted, step, model, maskedLm } = await adviseBatch(sizes, () =>
          session.run(prepared, {
            ...flags,
            recipe,
            seed,
            keep: keepMaskedLm === undefined ? flags.keep : "last", // of two objectives, no score chooses for both
            keepMaskedLm,
            checkpoints: checkpointsIn(folder, checkpoint, checkpointSeconds),
            async onEvent(event) {
              if (event.event === "start") folder.begin();
              folder.append(event);
              progress.show(event);
              if (event.event === "start" && !args.quiet) hintAtPreset(event.parameters, args);
              if (args.json) await openOutput(undefined).write(`${JSON.stringify(event)}\n`);
            },
          }),
        );
        if (interrupted) {
          progress.done();
          await writeReport(describeStop(step, args.output), {}, { quiet: args.quiet || args.json });
          throw signal.reason;
        }
        const files = new Map<string, string | Uint8Array>(
          await tokenizerFiles(source, tokenizer, model.config.maxPositionEmbeddings),
        );
        const models = maskedLm === undefined ? [model] : [model, maskedLm];
        for (const [name, bytes] of await joinedFolder(models)) files.set(name, bytes);
        if (results !== undefined) files.set(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
        await folder.finish(files);
        removeCheckpoints(args.output);
        const told =
          results === undefined
            ? `Learnt ${task.name}, scored on nothing as it has neither a development nor a test set here: ${args.output}`
            : describe(task, results, args.output);
        await writeReport(told, {}, { quiet: args.quiet || args.json });
      } finally {
        progress.done();
        session.dispose();
        folder.close();
      }
    },
  },
  [
    [
      "kcbert-cli finetune nsmc --model beomi/kcbert-base --data nsmc -o nsmc-model",
      "KcBERT's protocol on the movie reviews; the folder is a model, and results.json says how good it is",
    ],
    [
      "kcbert-cli finetune korsts --model model --data data --preset small --seed 1 -o korsts-1",
      "A small model, with hyper-parameters for small ones; run again after Ctrl-C, it goes on",
    ],
    [
      "kcbert-cli finetune custom --model model --train train.tsv --test test.tsv --text-column comment --label-column spam -o spam",
      "A task of one's own",
    ],
  ],
);

/** The results in a few sentences, each choice by its name. */
export function describe(
  task: Task,
  { metric, selection, incomparable }: FinetuneResults,
  output: string,
): string {
  const choices = [
    ["last", selection.last],
    ["chosen on dev", selection.devSelected],
    ["best on test (as most published scores)", selection.bestOnTest],
  ] as const;
  const lines = choices.flatMap(([name, chosen]) => {
    const scores = chosen?.test ?? chosen?.dev;
    if (chosen === undefined || scores === undefined) return [];
    return [`  ${name}, step ${chosen.step.toLocaleString("en")}: ${formatScores(scores)}`];
  });
  const remarks = [
    ...(task.note === undefined ? [] : [task.note]),
    ...incomparable.map((why) => `not comparable: ${why}`),
  ];
  return [
    `Learnt ${task.name}, judged by ${metric}: ${output}`,
    ...lines,
    ...remarks.map((remark) => `  (${remark})`),
  ].join("\n");
}

/** The classes of a task of one's own are whatever its file holds: a label that is misspelt would be one. */
function describeClasses({ head }: Task): void {
  if (head.kind !== "texts" || head.problemType !== "single_label_classification") return;
  const { labels } = head;
  const names = [...labels.slice(0, 20), ...(labels.length > 20 ? ["…"] : [])].join(", ");
  tell(`Learning to tell ${labels.length} classes apart: ${names}`);
}

/** A small model with the hyper-parameters of a large one looks as if it could not learn. */
function hintAtPreset(
  parameters: number,
  flags: { readonly preset: string; readonly "learning-rate"?: string | undefined },
): void {
  if (parameters >= SMALL || flags.preset === "small" || flags["learning-rate"] !== undefined) return;
  const count = parameters.toLocaleString("en");
  tell(
    `A model of ${count} parameters learns little at the rates of ${flags.preset}: --preset small has those for small ones`,
  );
}

/** Parameters below which a model is a small one. */
const SMALL = 30e6;

/** A run's checkpoints, in its folder. */
export function checkpointsIn(
  folder: RunFolder,
  checkpoint: string | undefined,
  checkpointSeconds: number,
): NonNullable<RunOptions["checkpoints"]> {
  return {
    checkpointSeconds,
    checkpoint: (step, write) => folder.keep(step, write),
    ...(checkpoint === undefined ? {} : { resume: modelFolder(checkpoint) }),
  };
}

/** What is told of a run that was stopped. */
export function describeStop(step: number, output: string): string {
  return `Stopped after ${step.toLocaleString("en")} steps (run the same command again to go on: ${output})`;
}

/** The records, of the training set at most so many. */
export function atMost(records: TaskRecords, maxTrain: number | undefined): TaskRecords {
  if (maxTrain === undefined || recordCount(records.train) <= maxTrain) return records;
  const rows = Array.from({ length: maxTrain }, (_, row) => row);
  const incomparable = [
    ...records.incomparable,
    `learnt from the first ${maxTrain.toLocaleString("en")} examples only`,
  ];
  return { ...records, train: selectRecords(records.train, rows), incomparable };
}

// --- internal ---

async function readKeepMaskedLm(
  flags: Readonly<
    Record<"masked-lm-weight" | "masked-lm-rows", string> & {
      "keep-masked-lm"?: string | undefined;
      quiet?: boolean | undefined;
    }
  >,
  tokenizer: BertTokenizer,
  { seed, signal }: { seed: number; signal: AbortSignal },
): Promise<KeepMaskedLm | undefined> {
  const weight = decimalNumber(flags["masked-lm-weight"], "masked-lm-weight", { above: 0 })!;
  const rows = wholeNumber(flags["masked-lm-rows"], "masked-lm-rows", { min: 1 })!;
  const corpus = flags["keep-masked-lm"];
  if (corpus === undefined) return undefined;
  const { oneShard } = await import("@kcbert/trainer");
  const plain = { column: undefined, jsonl: undefined, header: false };
  const { train } = await loadCorpus({ corpus, ...plain, heldOut: 1, seed }, tokenizer, {
    signal,
    quiet: flags.quiet === true,
  });
  return { corpus: "shards" in train ? train : oneShard(train), weight, rows };
}

type CustomFlags = FlagValues<typeof customArgs> & {
  readonly task: string;
  readonly problem: string;
  readonly train?: string | undefined;
};

async function taskOf(flags: CustomFlags, signal: AbortSignal): Promise<Task> {
  if (flags.task !== "custom") return taskNamed(flags.task);
  if (flags.train === undefined) throw new UsageError("Cannot learn a task of one's own without --train");
  return customTask({
    train: flags.train,
    ...readColumnFlags(flags),
    problem: oneOf(flags.problem, "problem", PROBLEMS),
    signal,
  });
}
