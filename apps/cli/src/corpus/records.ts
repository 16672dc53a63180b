import { withoutCarriageReturn } from "../io/read_lines.ts";

/** How a line holds a text, and perhaps a date. */
export interface Fields {
  readonly format: "lines" | "tsv" | "jsonl";
  /** The column of a table, from 1, or the key of an object. */
  readonly text: number | string;
  readonly date: number | string | undefined;
}

/** Why a line gives no text. */
export type LineProblem = "columns" | "json" | "key" | "date" | "encoding";

/** What was found in a line. */
export interface FoundRecord {
  text: string;
  date: string | undefined;
}

/**
 * Take text and date out of a line.
 *
 * Tables are split at tabs and nothing else: quotes are characters like others, as NSMC's files need it.
 *
 * @param found Where they go.
 * @returns What is wrong with the line, or `undefined`; `"blank"` for an empty line between JSON objects.
 */
export function readRecord(
  line: string,
  fields: Fields,
  found: FoundRecord,
): LineProblem | "blank" | undefined {
  const whole = withoutCarriageReturn(line);
  if (fields.format === "tsv") return readColumns(whole, fields, found);
  if (fields.format === "jsonl") return readObject(whole, fields, found);
  found.text = whole;
  found.date = undefined;
  return undefined;
}

// --- internal ---

function readColumns(line: string, { text, date }: Fields, found: FoundRecord): "columns" | undefined {
  const value = columnOf(line, text as number);
  if (value === undefined) return "columns";
  found.text = value;
  found.date = date === undefined ? undefined : columnOf(line, date as number);
  return date !== undefined && found.date === undefined ? "columns" : undefined;
}

function columnOf(line: string, column: number): string | undefined {
  let start = 0;
  for (let passed = 1; passed < column; passed++) {
    start = line.indexOf("\t", start) + 1;
    if (start === 0) return undefined;
  }
  const end = line.indexOf("\t", start);
  return end < 0 ? line.slice(start) : line.slice(start, end);
}

function readObject(
  line: string,
  { text, date }: Fields,
  found: FoundRecord,
): LineProblem | "blank" | undefined {
  if (line.trim() === "") return "blank";
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return "json";
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "json";
  const record = value as Readonly<Record<string, unknown>>;
  const words = Object.hasOwn(record, text) ? record[text] : undefined;
  if (typeof words !== "string") return "key";
  found.text = words;
  const day = date !== undefined && Object.hasOwn(record, date) ? record[date] : undefined;
  found.date = typeof day === "string" || typeof day === "number" ? String(day) : undefined;
  return date !== undefined && found.date === undefined ? "date" : undefined;
}
