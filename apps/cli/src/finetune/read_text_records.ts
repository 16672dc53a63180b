/** Datasets of texts: tables with a header, JSON objects a line, and 2runo's curse detection. */
import { CliError } from "../failure.ts";
import type { Input } from "../io/inputs.ts";
import { linesOf, readLineBlocks, withoutCarriageReturn } from "../io/read_lines.ts";
import type { TextRecords } from "./labelled_records.ts";
import type { LineProblems, Place } from "./line_problems.ts";

/** Where in a line text and labels stand. */
export interface TextColumns {
  /** The column, or key, of the text. */
  readonly text: string;
  /** That of the second text of a pair. */
  readonly pair?: string;
  /** That of the label, or of each of several labels. */
  readonly labels: readonly string[];
}

/** How a reader reads. */
export interface ReadRecordsOptions {
  /** Where lines that are wrong are noted. */
  readonly problems: LineProblems;
  /**
   * Whether a text may be empty: kept where every line of a published split is to be counted, left out of what is learnt.
   */
  readonly keepEmpty: boolean;
  readonly signal: AbortSignal;
}

/**
 * The number of a label as it is written, or `undefined` if it is none.
 *
 * @param column Which of the labels it is.
 */
export type ParseLabel = (written: string, column: number) => number | undefined;

/**
 * Read a table: a header, then a line for each text, columns between tabs. Quotes are characters like others; a text that
 * looks quoted as in a CSV file, as some of NSMC's do, is kept as it is and noted.
 *
 * @throws {CliError} If the header lacks a column, or with `--strict` a line is wrong.
 */
export async function readTable(
  input: Input,
  columns: TextColumns,
  parseLabel: ParseLabel,
  options: ReadRecordsOptions,
): Promise<TextRecords> {
  const records = emptyRecords(columns);
  let header: { readonly width: number; readonly at: ColumnPlaces } | undefined;
  for await (const { text: line, place } of linesIn(input, options)) {
    const cells = line.split("\t");
    if (header === undefined) {
      header = { width: cells.length, at: placesOf(cells, columns, input.name) };
      continue;
    }
    const { width, at } = header;
    if (cells.length !== width) {
      options.problems.add(`they have other columns than the header's ${width}`, place, { kept: false });
      continue;
    }
    const written = at.labels.map((column) => cells[column]!);
    take(records, cells[at.text]!, at.pair === undefined ? undefined : cells[at.pair]!, {
      labels: written.map(parseLabel),
      written,
      place,
      ...options,
    });
  }
  if (header === undefined) throw new CliError(`Cannot read ${input.name}: it has no header line`);
  return records;
}

/** Read a JSON object a line. */
export async function readJsonl(
  input: Input,
  columns: TextColumns,
  parseLabel: ParseLabel,
  options: ReadRecordsOptions,
): Promise<TextRecords> {
  const records = emptyRecords(columns);
  for await (const { text: line, place } of linesIn(input, options)) {
    const object = parseObject(line);
    if (object === undefined) {
      options.problems.add("they are no JSON object", place, { kept: false });
      continue;
    }
    const valueOf = (key: string): unknown => (Object.hasOwn(object, key) ? object[key] : undefined);
    const [text, pair] = [
      valueOf(columns.text),
      columns.pair === undefined ? undefined : valueOf(columns.pair),
    ];
    if (typeof text !== "string" || (columns.pair !== undefined && typeof pair !== "string")) {
      options.problems.add(
        `they have no string ${columns.text}${columns.pair === undefined ? "" : ` and ${columns.pair}`}`,
        place,
        { kept: false },
      );
      continue;
    }
    const written = columns.labels.map((key) => writtenLabel(valueOf(key)));
    take(records, text, pair as string | undefined, {
      labels: written.map(parseLabel),
      written,
      place,
      ...options,
    });
  }
  return records;
}

/**
 * Read 2runo's curse detection: a text, a vertical bar, 0 or 1. A text may hold bars itself: the last one counts.
 */
export async function readBarSeparated(
  input: Input,
  parseLabel: ParseLabel,
  options: ReadRecordsOptions,
): Promise<TextRecords> {
  const records = emptyRecords({ text: "", labels: [""] });
  for await (const { text: line, place } of linesIn(input, options)) {
    const bar = line.lastIndexOf("|");
    if (bar < 0) {
      options.problems.add("they have no | between text and label", place, { kept: false });
      continue;
    }
    const written = line.slice(bar + 1);
    take(records, line.slice(0, bar), undefined, {
      labels: [parseLabel(written, 0)],
      written: [written],
      place,
      ...options,
    });
  }
  return records;
}

/**
 * The lines of a file but for blank ones, without the CR that files from Windows leave. A line of tabs is not blank: it has
 * columns, empty ones.
 */
async function* linesIn(
  input: Input,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<{ text: string; place: Place }> {
  for await (const block of readLineBlocks(input, { signal })) {
    for (const { text: line, number } of linesOf(block)) {
      const text = withoutCarriageReturn(line);
      if (text.trim() !== "" || text.includes("\t"))
        yield { text, place: { file: input.name, line: number } };
    }
  }
}

// --- internal ---

interface ColumnPlaces {
  readonly text: number;
  readonly pair: number | undefined;
  readonly labels: readonly number[];
}

interface Taken extends ReadRecordsOptions {
  readonly labels: readonly (number | undefined)[];
  readonly written: readonly string[];
  readonly place: Place;
}

function emptyRecords({ pair }: TextColumns): TextRecords {
  return { kind: "texts", texts: [], ...(pair === undefined ? {} : { pairs: [] }), labels: [] };
}

/** Keep a line, or note why not. */
function take(records: TextRecords, text: string, pair: string | undefined, taken: Taken): void {
  const { labels, written, place, problems, keepEmpty } = taken;
  const unknown = labels.indexOf(undefined);
  if (unknown >= 0) {
    problems.add(`their label is ${written[unknown] === "" ? "empty" : "none that is known"}`, place, {
      kept: false,
    });
    return;
  }
  if (text.trim() === "" || pair?.trim() === "") {
    problems.add("they have an empty text", place, { kept: keepEmpty });
    if (!keepEmpty) return;
  }
  for (const one of [text, pair ?? ""]) {
    const doubt = doubtOf(one);
    if (doubt === undefined) continue;
    problems.add(doubt, place, { kept: true });
    break;
  }
  records.texts.push(text);
  if (pair !== undefined) records.pairs!.push(pair);
  records.labels.push(...(labels as number[]));
}

/** What makes a text look as if it were none of its file's, or not all of it. */
function doubtOf(text: string): string | undefined {
  if (CONTROL.test(text)) return "their text holds control characters";
  const [begins, ends] = [text.startsWith('"'), text.endsWith('"')];
  if (begins && ends && text.length > 1) return "their text is quoted as in a CSV file";
  const isHalf = (begins || ends) && text.split('"').length % 2 === 0;
  return isHalf ? "their text begins or ends with a quote that has no other half" : undefined;
}

/** Such as the NULs of UTF-16, or the CRs of files whose lines end so. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
export const CONTROL: RegExp = /[\u0000-\u0008\u000b-\u001f\u007f]/;

function placesOf(header: readonly string[], columns: TextColumns, file: string): ColumnPlaces {
  const names = header.map((name) => name.trim());
  const place = (name: string): number => {
    const at = names.indexOf(name);
    if (at !== names.lastIndexOf(name))
      throw new CliError(`Cannot read ${file}: its header has the column ${name} more than once`);
    if (at >= 0) return at;
    throw new CliError(
      `Cannot read ${file}: its header has no column ${name}, but ${names
        .map((other) => JSON.stringify(other))
        .join(", ")
        .slice(0, 200)}`,
    );
  };
  return {
    text: place(columns.text),
    pair: columns.pair === undefined ? undefined : place(columns.pair),
    labels: columns.labels.map(place),
  };
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function writtenLabel(value: unknown): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : "";
}
