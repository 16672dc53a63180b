/** The flags of `finetune`, `finetune-all` and `evaluate`. */
import type { ArgsDef } from "citty";
import { oneOf, wholeNumber } from "../arguments.ts";
import { type Backend, type BackendOptions, BACKENDS } from "../backend.ts";
import { decimalNumber } from "../decimal_number.ts";
import { UsageError } from "../failure.ts";
import { tell } from "../report.ts";
import { suggest } from "../suggest.ts";
import type { CustomColumns } from "./custom_task.ts";
import type { Split } from "./tasks.ts";
import { PRESETS, type Recipe, recipeOf, type Task, TASKS } from "./tasks.ts";

/** Which data. */
export const dataArgs = {
  data: {
    type: "string",
    valueHint: "folder",
    description: "A folder with the published files (.gz or not), or with a folder of them for each task",
  },
  carve: {
    type: "string",
    valueHint: "part",
    description: "Without a training set, learn from this part of the development or test set",
  },
  "dev-part": {
    type: "string",
    valueHint: "part",
    description: "Without a development set, set this part of the training set aside to choose the model by",
  },
  strict: { type: "boolean", description: "Refuse files with lines that are not as the format has them" },
} as const;

/** Which hyper-parameters. */
export const recipeArgs = {
  preset: {
    type: "string",
    default: "kcbert-base",
    valueHint: "name",
    description:
      "Whose hyper-parameters: kcbert-base, kcbert-large, or small for models of some million parameters",
  },
  epochs: { type: "string", valueHint: "n", description: "Times to go through the training set" },
  "batch-size": { type: "string", valueHint: "n", description: "Rows in a batch" },
  "learning-rate": { type: "string", valueHint: "x", description: "The peak learning rate" },
  warmup: { type: "string", valueHint: "part", description: "Part of the run that warms up" },
  "weight-decay": { type: "string", valueHint: "x", description: "Decoupled weight decay" },
  "layer-decay": {
    type: "string",
    valueHint: "x",
    description: "Factor by which each layer learns slower than the one above",
  },
  "train-layers": {
    type: "string",
    valueHint: "n",
    description:
      "Teach the head and so many of the uppermost layers only; what lies below stays as it is (default: all, and the embeddings)",
  },
  dropout: {
    type: "string",
    valueHint: "part",
    description:
      "Part of the hidden values and of the attention dropped out (default: as the model's config says)",
  },
  "max-length": { type: "string", valueHint: "n", description: "Tokens of a row; longer ones are cut" },
  "evaluate-every": { type: "string", valueHint: "n", description: "Steps from one scoring to the next" },
  balanced: { type: "boolean", description: "Let rare classes count for more, so that all weigh alike" },
  "from-scratch": { type: "boolean", description: "Begin from random weights of the model's dimensions" },
  "new-head": {
    type: "boolean",
    description: "Begin with a new head, even where the model has one for such a task",
  },
  keep: {
    type: "string",
    valueHint: "which",
    description: "Which model is written: devSelected (where there is a development set) or last",
  },
  patience: {
    type: "string",
    valueHint: "n",
    description: "End after so many scorings without a better one",
  },
  widths: {
    type: "string",
    valueHint: "n,…",
    description:
      "Tokens that rows are filled up to, more where rows are longer; each costs a compilation on xla",
  },
  "evaluation-batch-size": { type: "string", valueHint: "n", description: "Rows in a batch when scoring" },
  "max-train": {
    type: "string",
    valueHint: "n",
    description: "Learn from the first so many only, for a try",
  },
} as const;

/** How often a checkpoint is kept. */
export const checkpointArgs = {
  "checkpoint-minutes": {
    type: "string",
    default: "5",
    valueHint: "n",
    description: "Minutes from one checkpoint to the next: a run that was stopped goes on at its last one",
  },
} as const;

/** The seconds from one checkpoint to the next, from the flag. */
export function readCheckpointSeconds(flags: FlagValues<typeof checkpointArgs>): number {
  const minutes = flags["checkpoint-minutes"] as string;
  return 60 * decimalNumber(minutes, "checkpoint-minutes", { above: 0 })!;
}

/** Where the files of a task of one's own have text and labels. */
export const customArgs = {
  "text-column": {
    type: "string",
    default: "text",
    valueHint: "name",
    description: "For custom: the text's column, or key in JSON lines",
  },
  "pair-column": {
    type: "string",
    valueHint: "name",
    description: "For custom: that of a pair's second text",
  },
  "label-column": {
    type: "string",
    default: "label",
    valueHint: "name",
    description: "For custom: that of the label; those of several labels, separated by commas",
  },
} as const;

/** The columns of a task of one's own, from the flags. */
export function readColumnFlags(flags: FlagValues<typeof customArgs>): CustomColumns {
  return {
    text: flags["text-column"] as string,
    pair: flags["pair-column"] as string | undefined,
    label: flags["label-column"] as string,
  };
}

/** What computes. */
export const backendArgs = {
  backend: {
    type: "string",
    default: "wasm",
    valueHint: "name",
    description: `What computes: ${BACKENDS.join(", ")}` as string,
  },
  plugin: {
    type: "string",
    valueHint: "name",
    description: "With xla: cpu, cuda, tpu, or the path of a PJRT plugin (default: the best that is there)",
  },
  precision: {
    type: "string",
    default: "fp32",
    valueHint: "name",
    description: "With xla: fp32, or bf16 for products of matrices in bfloat16",
  },
  devices: {
    type: "string",
    default: "1",
    valueHint: "n",
    description: "With xla: over how many devices a batch is divided",
  },
} as const;

/** What computes, from the flags. */
export function readBackendFlags(flags: FlagValues<typeof backendArgs>): ChosenBackend {
  const text = (name: keyof typeof backendArgs) => flags[name] as string | undefined;
  return {
    name: oneOf(text("backend")!, "backend", BACKENDS),
    options: {
      plugin: text("plugin"),
      precision: oneOf(text("precision")!, "precision", ["fp32", "bf16"]),
      devices: wholeNumber(text("devices"), "devices", { min: 1 }),
      say: flags["quiet" as keyof typeof flags] === true ? undefined : tell,
    },
  };
}

/** A backend with its options. */
export interface ChosenBackend {
  readonly name: Backend;
  readonly options: BackendOptions;
}

/** The values of some flags. */
export type FlagValues<Args extends ArgsDef> = {
  readonly [Name in keyof Args]?: string | boolean | undefined;
};

/**
 * The task that a word names.
 *
 * @throws {UsageError} If there is none.
 */
export function taskNamed(name: string): Task {
  const task = TASKS.get(name);
  if (task !== undefined) return task;
  const near = suggest(name, TASKS.keys());
  const hint = near === undefined ? `the tasks are ${[...TASKS.keys()].join(", ")}` : `did you mean ${near}?`;
  throw new UsageError(`Unknown task ${name}: ${hint}`);
}

/** A task's hyper-parameters: the preset's, but for those that flags name. */
export function readRecipe(task: Task, flags: FlagValues<typeof recipeArgs>): Recipe {
  const text = (name: keyof typeof recipeArgs) => flags[name] as string | undefined;
  const whole = (name: keyof typeof recipeArgs) => wholeNumber(text(name), name, { min: 1 });
  const preset = recipeOf(task, oneOf(text("preset") ?? "kcbert-base", "preset", PRESETS));
  const evaluateEvery = whole("evaluate-every") ?? preset.evaluateEvery;
  const trainLayers = wholeNumber(text("train-layers"), "train-layers", { min: 0 });
  const dropout = decimalNumber(text("dropout"), "dropout", { min: 0, below: 1 }) ?? preset.dropout;
  return {
    epochs: decimalNumber(text("epochs"), "epochs", { above: 0 }) ?? preset.epochs,
    batchSize: whole("batch-size") ?? preset.batchSize,
    learningRate: decimalNumber(text("learning-rate"), "learning-rate", { above: 0 }) ?? preset.learningRate,
    warmup: decimalNumber(text("warmup"), "warmup", { min: 0, below: 1 }) ?? preset.warmup,
    weightDecay: decimalNumber(text("weight-decay"), "weight-decay", { min: 0 }) ?? preset.weightDecay,
    layerDecay: decimalNumber(text("layer-decay"), "layer-decay", { above: 0 }) ?? preset.layerDecay,
    maxLength: wholeNumber(text("max-length"), "max-length", { min: 8 }) ?? preset.maxLength,
    ...(trainLayers === undefined ? {} : { trainLayers }),
    ...(dropout === undefined ? {} : { dropout }),
    ...(evaluateEvery === undefined ? {} : { evaluateEvery }),
  };
}

/** What of a run is no hyper-parameter. */
export function readRunFlags(flags: FlagValues<typeof recipeArgs>): {
  balanced: boolean;
  fromScratch: boolean;
  newHead: boolean;
  keep: "devSelected" | "last" | undefined;
  patience: number | undefined;
  widths: readonly number[] | undefined;
  evaluationBatchSize: number | undefined;
  maxTrain: number | undefined;
} {
  const text = (name: keyof typeof recipeArgs) => flags[name] as string | undefined;
  const whole = (name: keyof typeof recipeArgs) => wholeNumber(text(name), name, { min: 1 });
  const widths = text("widths")
    ?.split(",")
    .map((width) => wholeNumber(width, "widths", { min: 1 })!)
    .sort((a, b) => a - b);
  return {
    balanced: flags.balanced === true,
    fromScratch: flags["from-scratch"] === true,
    newHead: flags["new-head"] === true,
    keep: text("keep") === undefined ? undefined : oneOf(text("keep")!, "keep", ["devSelected", "last"]),
    patience: whole("patience"),
    widths,
    evaluationBatchSize: whole("evaluation-batch-size"),
    maxTrain: whole("max-train"),
  };
}

/** Which data, from the flags. */
export function readDataFlags(
  flags: FlagValues<typeof dataArgs> & Readonly<Partial<Record<Split, string | undefined>>>,
): {
  data: string | undefined;
  files: Partial<Record<Split, string>>;
  carve: number | undefined;
  devPart: number | undefined;
} {
  const files = Object.fromEntries(
    (["train", "dev", "test"] as const).flatMap((split) => {
      const file = flags[split];
      return file === undefined ? [] : [[split, file]];
    }),
  );
  const part = (name: "carve" | "dev-part") =>
    decimalNumber(flags[name] as string | undefined, name, { above: 0, below: 1 });
  return { data: flags.data as string | undefined, files, carve: part("carve"), devPart: part("dev-part") };
}
