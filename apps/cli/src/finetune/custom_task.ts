/** A task of the user's own: a table with a header, or JSON objects a line, of texts and labels. */
import type { BertConfig, BertProblemType } from "@kcbert/bert";
import { CliError } from "../failure.ts";
import { resolveInputs } from "../io/inputs.ts";
import { LineProblems } from "./line_problems.ts";
import { type ParseLabel, readJsonl, readTable } from "./read_text_records.ts";
import { TASKS, type Task, type TaskHead } from "./tasks.ts";

/** What the labels of a user's task are. */
export const PROBLEMS = ["classes", "number", "labels"] as const;

/** Where a user's files have text and labels. */
export interface CustomColumns {
  /** The column, or key, of the text. */
  readonly text: string;
  readonly pair: string | undefined;
  /** That of the label; those of several, separated by commas. */
  readonly label: string;
}

/** What a user says of a task that is to be learnt. */
export interface CustomTaskOptions extends CustomColumns {
  /** The training set, of which the names of classes are taken. */
  readonly train: string;
  /** One of several classes, a number, or any of several labels, each a column of 0 and 1. */
  readonly problem: (typeof PROBLEMS)[number];
  readonly signal: AbortSignal;
}

/**
 * The task that a user describes. Classes are those that occur in the training set, in order of their names, numbers by
 * their value.
 *
 * @throws {CliError} If the training set cannot be read or has a single class.
 */
export async function customTask(options: CustomTaskOptions): Promise<Task> {
  const { label, problem } = options;
  if (problem === "classes") {
    const labels = await classesIn(options);
    return taskOf(options, { kind: "texts", labels, problemType: "single_label_classification" });
  }
  const [labels, problemType] =
    problem === "number"
      ? [["value"], "regression" as const]
      : [columnsOf(label), "multi_label_classification" as const];
  return taskOf(options, { kind: "texts", labels, problemType });
}

/**
 * The task that a model was taught, by its config, on files of a user's own.
 *
 * @throws {CliError} If it does not judge texts as a whole.
 */
export function taskOfModel(
  { architectures = [], id2label, numLabels, problemType = "single_label_classification" }: BertConfig,
  columns: CustomColumns,
): Task {
  if (!architectures.includes("BertForSequenceClassification")) {
    throw new CliError(
      `Cannot score the model on a file of one's own as it is a ${architectures[0] ?? "model of no kind that it tells"}: it takes a BertForSequenceClassification`,
    );
  }
  const labels = id2label ?? Array.from({ length: numLabels }, (_, id) => String(id));
  return taskOf(columns, { kind: "texts", labels, problemType });
}

// --- internal ---

function taskOf({ text, pair, label }: CustomColumns, head: TaskHead & { kind: "texts" }): Task {
  const { labels, problemType } = head;
  const { recipe, smallEpochs } = TASKS.get("hate-speech")!;
  return {
    name: "custom",
    title: "a task of one's own",
    head,
    format: {
      reader: "table",
      text,
      ...(pair === undefined ? {} : { pair }),
      label: problemType === "multi_label_classification" ? columnsOf(label) : label,
      ...(problemType === "single_label_classification" ? { values: labels } : {}),
    },
    folders: [],
    files: {},
    metric: METRICS[problemType],
    recipe: { ...recipe, epochs: 5 },
    smallEpochs,
  };
}

const METRICS: Readonly<Record<BertProblemType, string>> = {
  single_label_classification: "macroF1",
  regression: "spearman",
  multi_label_classification: "lrap",
};

function columnsOf(label: string): string[] {
  return label.split(",").map((name) => name.trim());
}

async function classesIn({ train, text, pair, label, signal }: CustomTaskOptions): Promise<string[]> {
  const names = new Set<string>();
  const collect: ParseLabel = (written) => {
    const name = written.trim();
    if (name === "") return undefined;
    names.add(name);
    return 0;
  };
  const columns = { text, ...(pair === undefined ? {} : { pair }), labels: [label] };
  const input = resolveInputs([train])[0]!;
  const read = /\.jsonl(?:\.gz)?$/.test(input.name) ? readJsonl : readTable;
  await read(input, columns, collect, { problems: new LineProblems(), keepEmpty: false, signal });
  if (names.size < 2) {
    throw new CliError(
      `Cannot learn classes from ${train} as its column ${label} holds ${names.size} of them`,
    );
  }
  return [...names].sort(byNumberThenName);
}

function byNumberThenName(a: string, b: string): number {
  const difference = Number(a) - Number(b);
  if (!Number.isNaN(difference) && difference !== 0) return difference;
  return a < b ? -1 : Number(a > b);
}
