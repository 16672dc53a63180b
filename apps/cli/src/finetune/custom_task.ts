/** A task of the user's own: a table with a header, or JSON objects a line, of texts and labels. */
import { CliError } from "../failure.ts";
import { resolveInputs } from "../io/inputs.ts";
import { LineProblems } from "./line_problems.ts";
import { type ParseLabel, readJsonl, readTable } from "./read_text_records.ts";
import { TASKS, type Task, type TaskHead } from "./tasks.ts";

/** What the labels of a user's task are. */
export const PROBLEMS = ["classes", "number", "labels"] as const;

/** What a user says of a task. */
export interface CustomTaskOptions {
  /** The training set, of which the names of classes are taken. */
  readonly train: string;
  /** The column, or key, of the text. */
  readonly text: string;
  readonly pair: string | undefined;
  /** That of the label; those of several, separated by commas. */
  readonly label: string;
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
  const { text, pair, label, problem } = options;
  const columns = label.split(",").map((name) => name.trim());
  const classes = problem === "classes" ? await classesIn(options) : undefined;
  const head: TaskHead =
    classes !== undefined
      ? { kind: "texts", labels: classes, problemType: "single_label_classification" }
      : problem === "number"
        ? { kind: "texts", labels: ["value"], problemType: "regression" }
        : { kind: "texts", labels: columns, problemType: "multi_label_classification" };
  const { recipe, smallEpochs } = TASKS.get("hate-speech")!;
  return {
    name: "custom",
    title: "a task of one's own",
    head,
    format: {
      reader: "table",
      text,
      ...(pair === undefined ? {} : { pair }),
      label: problem === "labels" ? columns : label,
      ...(classes === undefined ? {} : { values: classes }),
    },
    folders: [],
    files: {},
    metric: { classes: "macroF1", number: "spearman", labels: "lrap" }[problem],
    recipe: { ...recipe, epochs: 5 },
    smallEpochs,
  };
}

// --- internal ---

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
