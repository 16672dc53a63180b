import type { Calibration, TextExamples, UnsureBand } from "@kcbert/trainer";
import type { ArgsDef } from "citty";
import { commonArgs } from "../arguments.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { decimalNumber } from "../decimal_number.ts";
import { CliError } from "../failure.ts";
import { calibratedFiles } from "../finetune/calibrated_folder.ts";
import { taskOfModel } from "../finetune/custom_task.ts";
import {
  backendArgs,
  customArgs,
  dataArgs,
  readBackendFlags,
  readColumnFlags,
  readDataFlags,
  readRecipe,
  recipeArgs,
  taskNamed,
} from "../finetune/finetune_flags.ts";
import type { LabelledRecords } from "../finetune/labelled_records.ts";
import { LineProblems } from "../finetune/line_problems.ts";
import { type DataOptions, loadRecords, loadSplit } from "../finetune/load_records.ts";
import { openSession, tokenizerFiles } from "../finetune/open_session.ts";
import type { Task } from "../finetune/tasks.ts";
import { resolveModel } from "../hub/resolve_model.ts";
import { makeFolder, refuseFull } from "../io/fresh_folder.ts";
import { writeFiles } from "../io/output.ts";
import { loadModelConfig } from "../load_model_config.ts";
import { modelFolder } from "../model_folder.ts";
import { writeReport } from "../report.ts";

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
  output: { type: "string", alias: "o", required: true, valueHint: "folder", description: "Where to write" },
  data: dataArgs.data,
  dev: {
    type: "string",
    valueHint: "file",
    description: "What to calibrate by, in place of the published development set",
  },
  test: { type: "string", valueHint: "file", description: "What to say the result of, too" },
  "dev-part": {
    type: "string",
    valueHint: "part",
    description: "Calibrate by the part of the training set that finetune --dev-part set aside",
  },
  accuracy: {
    type: "string",
    default: "0.95",
    valueHint: "part",
    description: "How many of the answers that count as sure must be right",
  },
  ...customArgs,
  strict: dataArgs.strict,
  "max-length": recipeArgs["max-length"],
  overwrite: { type: "boolean", description: "Replace files of the same names in a folder that has files" },
  ...backendArgs,
  ...commonArgs,
} as const satisfies ArgsDef;

/** `kcbert-cli calibrate`. */
export const calibrateCommand: Command = defineExampledCommand(
  {
    meta: { description: "Make a classifier's probabilities true, and find below which it is unsure" },
    args,
    async run({ args, data }) {
      const { signal } = data as CommandData;
      const accuracy = decimalNumber(args.accuracy, "accuracy", { above: 0, below: 1 })!;
      refuseFull(args.output, args.overwrite === true);
      const source = modelFolder(resolveModel(args.model));
      const task =
        args.task === "custom"
          ? taskOfModel(await loadModelConfig(args.model), readColumnFlags(args))
          : taskNamed(args.task);
      if (task.head.kind !== "texts" || task.head.problemType !== "single_label_classification") {
        throw new CliError(`Cannot calibrate ${task.name} as it does not choose one class for each text`);
      }
      const problems = new LineProblems({ strict: args.strict });
      const sets = await readSets(task, { ...readDataFlags(args), problems, signal });
      const { session, tokenizer, jit } = await openSession(args.model, {
        backend: readBackendFlags(args),
        signal,
      });
      try {
        const trainer = await import("@kcbert/trainer");
        const { maxLength } = readRecipe(task, args);
        const facts = { maxLength, problems: problems.list };
        const prepared = session.prepare(task, { train: sets.dev, ...sets, incomparable: [] }, facts);
        const model = await session.load(task.head);
        const judge = async (split: "dev" | "test"): Promise<Judgement | undefined> => {
          const examples = prepared[split] as TextExamples | undefined;
          if (examples === undefined) return undefined;
          const { values } = await trainer.predict(model, examples, { signal, ...(jit && { jit }) });
          return { logits: values as Float32Array, labels: examples.labels };
        };
        const judged = { dev: (await judge("dev"))!, test: await judge("test") };
        model.dispose();
        const found = calibrateBy(judged, { classes: model.config.numLabels, accuracy, trainer });
        if (found === undefined) throw tooSure(task, accuracy);
        const files = new Map([
          ...(await tokenizerFiles(source, tokenizer, model.config.maxPositionEmbeddings)),
          ...(await calibratedFiles(source, found)),
        ]);
        makeFolder(args.output);
        await writeFiles(args.output, files);
        const told = { task: task.name, ...found };
        await writeReport(`${describe(told)}: ${args.output}`, told, { ...args, stdoutTaken: false });
      } finally {
        session.dispose();
      }
    },
  },
  [
    [
      "kcbert-cli calibrate nsmc --model nsmc-model --data nsmc --dev-part 0.05 -o nsmc-calibrated",
      "By the part of the training set that finetune --dev-part 0.05 did not learn from",
    ],
    [
      "kcbert-cli calibrate custom --model spam --dev dev.tsv --test test.tsv --text-column comment --label-column spam --accuracy 0.99 -o spam-calibrated",
      "A model of a task of one's own, sure where 99 of 100 answers are right",
    ],
  ],
);

// --- internal ---

/** What a model says of examples with their labels. */
interface Judgement {
  readonly logits: Float32Array;
  readonly labels: ArrayLike<number>;
}

/** How a set fares before and after. */
interface SplitReport {
  readonly examples: number;
  readonly before: Calibration;
  readonly after: Calibration;
  /** Of the answers that are not unsure. */
  readonly beyond: UnsureBand;
}

interface CalibrationReport {
  readonly task: string;
  readonly temperature: number;
  readonly unsureBelow: number;
  readonly dev: SplitReport;
  readonly test?: SplitReport;
}

/** A temperature and a band by the development set, and what they do; nothing if no band is enough. */
function calibrateBy(
  { dev, test }: { readonly dev: Judgement; readonly test: Judgement | undefined },
  {
    classes,
    accuracy,
    trainer,
  }: { classes: number; accuracy: number; trainer: typeof import("@kcbert/trainer") },
): Omit<CalibrationReport, "task"> | undefined {
  const temperature = trainer.fitTemperature(dev.logits, dev.labels, classes);
  const divided = ({ logits }: Judgement): Float32Array => logits.map((logit) => logit / temperature);
  const band = trainer.unsureBand(divided(dev), dev.labels, classes, accuracy);
  if (band === undefined) return undefined;
  const report = (set: Judgement): SplitReport => ({
    examples: set.labels.length,
    before: trainer.calibration(set.logits, set.labels, classes),
    after: trainer.calibration(set.logits, set.labels, classes, temperature),
    beyond: trainer.beyond(divided(set), set.labels, classes, band.below),
  });
  const tested = test === undefined ? {} : { test: report(test) };
  return { temperature, unsureBelow: band.below, dev: report(dev), ...tested };
}

async function readSets(
  task: Task,
  options: DataOptions,
): Promise<{ dev: LabelledRecords; test?: LabelledRecords }> {
  const dev =
    options.devPart === undefined
      ? await loadSplit(task, "dev", options)
      : (await loadRecords(task, options)).dev;
  if (dev === undefined) {
    throw new CliError(
      `Cannot calibrate ${task.name} as there is no development set: --dev names a file, --dev-part the part of the training set that finetune set aside`,
    );
  }
  const test = await loadSplit(task, "test", options);
  return { dev, ...(test === undefined ? {} : { test }) };
}

function tooSure(task: Task, accuracy: number): CliError {
  return new CliError(
    `Cannot calibrate ${task.name} so that ${percent(accuracy)} of its sure answers are right: no probability is enough for it; ask for less with --accuracy`,
  );
}

function describe({ task, temperature, unsureBelow, dev, test }: CalibrationReport): string {
  const line = (name: string, { examples, before, after, beyond }: SplitReport): string =>
    `  ${name} (${examples.toLocaleString("en")}): calibration error ${percent(before.ece)} → ${percent(after.ece)}; sure of ${percent(beyond.coverage)}, right in ${percent(beyond.accuracy)} of them`;
  const lines = [line("dev", dev), ...(test === undefined ? [] : [line("test", test)])];
  return `${lines.join("\n")}\nCalibrated ${task}, temperature ${temperature.toFixed(3)}, unsure below ${unsureBelow}`;
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}
