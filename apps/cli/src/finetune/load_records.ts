/** A task's splits, from its files. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { randomBits } from "@kcbert/bert";
import { CliError } from "../failure.ts";
import { type Input, resolveInputs } from "../io/inputs.ts";
import { type LabelledRecords, recordCount, selectRecords, type TextRecords } from "./labelled_records.ts";
import type { LineProblems } from "./line_problems.ts";
import { obfuscateAll } from "./obfuscate.ts";
import { readQuestions } from "./read_question_records.ts";
import { type ParseLabel, readBarSeparated, readJsonl, readTable } from "./read_text_records.ts";
import { readKmouEntities, readNaverEntities } from "./read_word_records.ts";
import type { Split, Task } from "./tasks.ts";

/** Where a task's data are, and how they are split. */
export interface DataOptions {
  /** A folder with the published files, or one with a folder of them for each task. */
  readonly data?: string | undefined;
  /** Files in the place of the published ones. */
  readonly files?: Readonly<Partial<Record<Split, string>>>;
  /** Part of the development set, or of the test set, to learn from where there is no training set. */
  readonly carve?: number | undefined;
  /** Part of the training set to choose models by, where there is no development set. */
  readonly devPart?: number | undefined;
  readonly problems: LineProblems;
  readonly signal: AbortSignal;
}

/** A task's records. */
export interface TaskRecords {
  readonly train: LabelledRecords;
  readonly dev?: LabelledRecords;
  readonly test?: LabelledRecords;
  /** Why scores do not compare with others', in words; empty if they do. */
  readonly incomparable: readonly string[];
}

/**
 * Read a task's files, and split them as it is done for the task.
 *
 * @throws {CliError} If a file is missing or not of the format, or there is nothing to learn from.
 */
export async function loadRecords(task: Task, options: DataOptions): Promise<TaskRecords> {
  const read = async (split: Split): Promise<LabelledRecords | undefined> => {
    const input = findFile(task, split, options);
    return input === undefined
      ? undefined
      : readFile(task, input, { ...options, keepEmpty: split !== "train" });
  };
  const [train, dev, test] = [await read("train"), await read("dev"), await read("test")];
  if (train !== undefined && dev === undefined && test === undefined && task.format.reader === "bar") {
    return splitCurses(task, train as TextRecords);
  }
  const records =
    train === undefined ? carved(task, dev, test, options) : { train, dev, test, incomparable: [] };
  return present(records.dev === undefined ? withDevPart(records, options.devPart) : records);
}

/**
 * Read one file of a task, such as one to be scored on.
 *
 * @throws {CliError} If it is missing or not of the format.
 */
export async function loadSplit(
  task: Task,
  split: Split,
  options: DataOptions,
): Promise<LabelledRecords | undefined> {
  if (task.format.reader === "bar" && options.files?.[split] === undefined) {
    const records = await loadRecords(task, options);
    return records[split];
  }
  const input = findFile(task, split, options);
  return input === undefined ? undefined : readFile(task, input, { ...options, keepEmpty: true });
}

// --- internal ---

/** The seed of splits that nobody published: the same for everybody, whatever the seed of a run. */
const SPLIT_SEED = 42;

interface MaybeSplits {
  readonly train: LabelledRecords;
  readonly dev: LabelledRecords | undefined;
  readonly test: LabelledRecords | undefined;
  readonly incomparable: readonly string[];
}

function present({ train, dev, test, incomparable }: MaybeSplits): TaskRecords {
  if (recordCount(train) === 0) throw new CliError("Cannot fine-tune as the training set holds nothing");
  return {
    train,
    ...(dev === undefined ? {} : { dev }),
    ...(test === undefined ? {} : { test }),
    incomparable,
  };
}

function findFile(task: Task, split: Split, { data, files }: DataOptions): Input | undefined {
  const given = files?.[split];
  if (given !== undefined) return resolveInputs([given])[0]!;
  const names = task.files[split];
  if (names === undefined || data === undefined) return undefined;
  if (!existsSync(data) || !statSync(data).isDirectory()) {
    throw new CliError(`Cannot read the data of ${task.name}: ${data} is no folder`);
  }
  const folders = [data, ...task.folders.map((folder) => join(data, folder))];
  const candidates = folders.flatMap((folder) =>
    names.flatMap((name) => [join(folder, name), join(folder, `${name}.gz`)]),
  );
  const path = candidates.find((candidate) => existsSync(candidate));
  return path === undefined ? undefined : resolveInputs([path])[0]!;
}

async function readFile(
  { head, format }: Task,
  input: Input,
  options: DataOptions & { readonly keepEmpty: boolean },
): Promise<LabelledRecords> {
  const known = new Set(head.kind === "tokens" ? head.labels : []);
  if (format.reader === "kmou") return readKmouEntities(input, { ...options, known });
  if (format.reader === "naver") return readNaverEntities(input, { ...options, known });
  if (format.reader === "squad") return readQuestions(input, options);
  if (format.reader === "bar") return readBarSeparated(input, classOf(["0", "1"]), options);
  const { text, pair, label, values, range } = format;
  const columns = {
    text,
    ...(pair === undefined ? {} : { pair }),
    labels: typeof label === "string" ? [label] : label,
  };
  const isChoice = head.kind === "texts" && head.problemType === "single_label_classification";
  const parse =
    typeof label !== "string"
      ? flag
      : isChoice
        ? classOf(values ?? head.labels.map((_, id) => String(id)))
        : numberWithin(range);
  const reader = /\.jsonl(?:\.gz)?$/.test(input.name) ? readJsonl : readTable;
  return reader(input, columns, parse, options);
}

function classOf(values: readonly string[]): ParseLabel {
  const ids = new Map(values.map((value, id) => [value, id]));
  return (written) => ids.get(written.trim());
}

const flag: ParseLabel = classOf(["0", "1"]);

/** A decimal number; of those that JavaScript knows besides, such as `0x10` and `Infinity`, none is a score. */
function numberWithin([least, most]: readonly [number, number] = [-Infinity, Infinity]): ParseLabel {
  return (written) => {
    const value = Number(written);
    return DECIMAL.test(written.trim()) && Number.isFinite(value) && value >= least && value <= most
      ? value
      : undefined;
  };
}

const DECIMAL = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/;

/** A part of the development set, or else of the test set, to learn from. */
function carved(
  task: Task,
  dev: LabelledRecords | undefined,
  test: LabelledRecords | undefined,
  { carve, data }: DataOptions,
): MaybeSplits {
  const source = dev ?? test;
  const where =
    data === undefined ? "--train names none" : `${data} has no ${task.files.train?.join(" or ")}`;
  if (source === undefined) {
    throw new CliError(`Cannot fine-tune ${task.name} as there are no files of it: ${where}`);
  }
  if (carve === undefined) {
    throw new CliError(
      `Cannot fine-tune ${task.name} without a training set: ${where}; --carve 0.8 would learn from a part of the ${dev === undefined ? "test" : "development"} set, and scores would not compare with published ones`,
    );
  }
  const [train, rest] = divide(source, carve, "carve");
  const from = dev === undefined ? "test" : "development";
  return {
    train,
    dev: dev === undefined ? undefined : rest,
    test: dev === undefined ? rest : test,
    incomparable: [
      `learnt from ${Math.round(carve * 100)} % of the ${from} set, for want of the training set`,
    ],
  };
}

function withDevPart(records: MaybeSplits, devPart: number | undefined): MaybeSplits {
  if (devPart === undefined) return records;
  const [dev, train] = divide(records.train, devPart, "dev");
  return { ...records, dev, train };
}

/** Two parts, drawn by the seed of splits; the order stays. */
function divide(records: LabelledRecords, part: number, stream: string): [LabelledRecords, LabelledRecords] {
  const count = recordCount(records);
  const first = new Set(
    drawnOrder(count, stream).slice(0, Math.max(1, Math.min(count - 1, Math.round(part * count)))),
  );
  const rows = Array.from({ length: count }, (_, row) => row);
  return [
    selectRecords(
      records,
      rows.filter((row) => first.has(row)),
    ),
    selectRecords(
      records,
      rows.filter((row) => !first.has(row)),
    ),
  ];
}

/** 80 : 10 : 10 of the distinct texts. */
function splitCurses(task: Task, all: TextRecords): TaskRecords {
  const seen = new Set<string>();
  const rows = all.texts.flatMap((text, row) => {
    const key = text.trim();
    if (seen.has(key)) return [];
    seen.add(key);
    return [row];
  });
  const order = drawnOrder(rows.length, "curse-detection").map((i) => rows[i]!);
  const [first, second] = [Math.floor(0.8 * order.length), Math.floor(0.9 * order.length)];
  const parts = [order.slice(0, first), order.slice(first, second), order.slice(second)];
  const [train, dev, test] = parts.map((part) => selectRecords(all, part) as TextRecords);
  const hidden: TextRecords =
    task.name === "curse-obfuscated" ? { kind: "texts", ...obfuscateAll(test!, SPLIT_SEED) } : test!;
  return { train: train!, dev: dev!, test: hidden, incomparable: [] };
}

/** The numbers below `count` in an order that depends on the stream alone. */
function drawnOrder(count: number, stream: string): number[] {
  const keys = randomBits(SPLIT_SEED, 0, stream, count);
  return Array.from({ length: count }, (_, i) => i).sort((a, b) => keys[a]! - keys[b]! || a - b);
}
