/** Results beside what others published, as a table. */
import type { ScoredStep, Selection } from "@kcbert/trainer";
import type { FinetuneResults } from "./finetune_results.ts";
import { PUBLISHED_MODELS, PUBLISHED_TASKS } from "./published_scores.ts";
import { TASKS } from "./tasks.ts";

/** The ways to choose a model, and how a table calls them. */
const SELECTIONS: Readonly<Record<keyof Selection, string>> = {
  last: "last",
  devSelected: "chosen on dev",
  bestOnTest: "best on test",
};

/** One model with one way of choosing. */
export interface TableRow {
  readonly model: string;
  readonly size: string;
  readonly selection: string;
  /** By the task's column. */
  readonly cells: ReadonlyMap<string, TableCell>;
}

/** The scores of some seeds, in percent. */
interface TableCell {
  readonly mean: number;
  /** The sample's deviation; absent for a single seed. */
  readonly deviation?: number;
  readonly seeds: number;
  /** Of KorQuAD, exact match; the mean is F1's. */
  readonly exactMatch?: number;
  /** Whether it compares with what others published. */
  readonly comparable: boolean;
}

/** A table of results: ours first, then the published ones that share a column with them. */
export function scoreTable(results: readonly FinetuneResults[]): { columns: string[]; rows: TableRow[] } {
  const columns = columnsOf(results);
  const rows: TableRow[] = [];
  for (const group of Map.groupBy(results, modelKey).values()) {
    for (const selection of ["last", "devSelected", "bestOnTest"] as const) {
      const cells = cellsOf(group, selection);
      if (cells.size === 0) continue;
      rows.push({
        model: modelName(group[0]!),
        size: sizeOf(group),
        selection: SELECTIONS[selection],
        cells,
      });
    }
  }
  return { columns, rows: [...rows, ...publishedRows(columns)] };
}

/** The table in Markdown, with what must be known to read it below. */
export function formatTable(results: readonly FinetuneResults[]): string {
  const { columns, rows } = scoreTable(results);
  const head = ["model", "size", "selection", ...columns];
  const body = rows.map(({ model, size, selection, cells }) => [
    model,
    size,
    selection,
    ...columns.map((column) => formatCell(cells.get(column))),
  ]);
  const lines = [head, head.map((_, i) => (i < 3 ? "---" : "---:")), ...body].map(
    (cells) => `| ${cells.join(" | ")} |`,
  );
  return `${lines.join("\n")}\n\n${remarks(results, columns)
    .map((remark) => `- ${remark}\n`)
    .join("")}`;
}

// --- internal ---

/** Tasks with published scores first, in their usual order, then the others as they were asked for. */
function columnsOf(results: readonly FinetuneResults[]): string[] {
  const own = [...new Set(results.map(({ task }) => columnOf(task)))];
  const known = PUBLISHED_TASKS.filter((column) => own.includes(column));
  return [...known, ...own.filter((column) => !known.includes(column))];
}

function columnOf(task: string): string {
  return TASKS.get(task)?.published ?? task;
}

function modelKey({ model }: FinetuneResults): string {
  return `${model.from} ${model.sha256 ?? ""} ${model.name}`;
}

function modelName({ model }: FinetuneResults): string {
  return model.from === "scratch" ? `${model.name}, from random weights` : model.name;
}

function sizeOf(group: readonly FinetuneResults[]): string {
  const parameters = Math.max(...group.map(({ model }) => model.parameters));
  return `${((parameters * 4) / 1e6).toFixed(0)} MB`;
}

function cellsOf(group: readonly FinetuneResults[], selection: keyof Selection): Map<string, TableCell> {
  const cells = new Map<string, TableCell>();
  for (const [task, runs] of Map.groupBy(group, ({ task }) => task)) {
    const chosen = runs.flatMap((run) => {
      const step: ScoredStep | undefined = run.selection[selection];
      return step?.test === undefined ? [] : [{ scores: step.test, metric: run.metric, run }];
    });
    if (chosen.length === 0) continue;
    const values = chosen.map(({ scores, metric }) => scores[metric]! * 100);
    const exact = task === "korquad" ? chosen.map(({ scores }) => scores["exactMatch"]! * 100) : undefined;
    cells.set(columnOf(task), {
      mean: mean(values),
      ...(values.length < 2 ? {} : { deviation: deviation(values) }),
      seeds: values.length,
      ...(exact === undefined ? {} : { exactMatch: mean(exact) }),
      comparable: runs.every(({ incomparable }) => incomparable.length === 0),
    });
  }
  return cells;
}

function publishedRows(columns: readonly string[]): TableRow[] {
  return PUBLISHED_MODELS.map(({ name, size, selection, scores }) => {
    const cells = new Map<string, TableCell>();
    for (const column of columns) {
      const score = scores[column];
      if (score === undefined) continue;
      const [exactMatch, value] = typeof score === "number" ? [undefined, score] : score;
      cells.set(column, {
        mean: value,
        seeds: 1,
        comparable: true,
        ...(exactMatch === undefined ? {} : { exactMatch }),
      });
    }
    return { model: name, size, selection: `published (${selection})`, cells };
  }).filter(({ cells }) => cells.size > 0);
}

function formatCell(cell: TableCell | undefined): string {
  if (cell === undefined) return "–";
  const { mean, deviation, seeds, exactMatch, comparable } = cell;
  const score = exactMatch === undefined ? mean.toFixed(2) : `${exactMatch.toFixed(2)} / ${mean.toFixed(2)}`;
  const spread = deviation === undefined ? "" : ` ± ${deviation.toFixed(2)} (${seeds})`;
  return `${score}${spread}${comparable ? "" : " *"}`;
}

function remarks(results: readonly FinetuneResults[], columns: readonly string[]): string[] {
  const tasks = [...new Set(results.map(({ task }) => task))];
  const metrics = columns.map((column) => {
    const run = results.find(({ task }) => columnOf(task) === column)!;
    return `${column}: ${run.task === "korquad" ? "exact match / character F1" : run.metric}`;
  });
  const notes = tasks.flatMap((task) => {
    const note = TASKS.get(task)?.note;
    return note === undefined ? [] : [`${columnOf(task)}: ${note}`];
  });
  const why = new Set(
    results.flatMap(({ task, incomparable }) =>
      incomparable.map((reason) => `* ${columnOf(task)} is not comparable: ${reason}`),
    ),
  );
  const several = results.some(({ seed }) => seed !== results[0]!.seed);
  return [
    `All scores times 100. ${metrics.join("; ")}.`,
    ...(several ? ["Mean ± standard deviation over seeds, their number in parentheses."] : []),
    "last: the model at the end of the run. chosen on dev: the best on the development set. best on test: the best on the test set itself, as most published scores were chosen; it flatters.",
    ...notes,
    ...why,
  ];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}
