import { wholeNumber } from "../arguments.ts";
import { CliError, UsageError } from "../failure.ts";
import { withoutCarriageReturn } from "./read_lines.ts";

/** Where the text stands in a line: everywhere, in one column of a table, or under one key of a JSON object. */
export interface TextField {
  /** The text in a line. */
  read(line: string, at: () => string): string;
  /** The line with another text in the same place. */
  replace(line: string, text: string): string;
  /** Whether a line holds no text and is passed over: a blank line between JSON objects. */
  skips(line: string): boolean;
}

/** The flags that say where the text stands. */
export const fieldArgs = {
  column: {
    type: "string",
    valueHint: "n",
    description: "Take the text from this tab-separated column, from 1",
  },
  jsonl: {
    type: "string",
    valueHint: "key",
    description: "Take the text from this key of one JSON object a line",
  },
  header: { type: "boolean", description: "Pass over the first line of each file, which names its columns" },
} as const;

/** `--column` and `--jsonl`, as they were given. */
export interface TextFieldFlags {
  readonly column?: string | undefined;
  readonly jsonl?: string | undefined;
}

/**
 * Choose where the text stands.
 *
 * @throws {UsageError} If both a column and a key are given, or the column is no number.
 */
export function textField({ column: columnText, jsonl }: TextFieldFlags): TextField {
  const column = wholeNumber(columnText, "column", { min: 1 });
  if (column !== undefined && jsonl !== undefined) {
    throw new UsageError("Cannot use --column and --jsonl together: a file is one or the other");
  }
  if (column !== undefined) return tabColumn(column);
  if (jsonl !== undefined) return jsonKey(jsonl);
  return LINE;
}

// --- internal ---

const LINE: TextField = { read: (line) => line, replace: (_, text) => text, skips: () => false };

function tabColumn(column: number): TextField {
  return {
    skips: () => false,
    read(line, at) {
      const [start, end] = columnSpan(line, column);
      if (start >= 0) return line.slice(start, end);
      const columns = line.split("\t").length;
      throw new CliError(`Cannot take column ${column} of ${at()}: it has ${columns}, separated by tabs`);
    },
    replace(line, text) {
      const [start, end] = columnSpan(line, column);
      return line.slice(0, start) + text.replaceAll("\t", " ") + line.slice(end);
    },
  };
}

/** Where a column begins and ends, `[-1, -1]` if the line has fewer. */
function columnSpan(line: string, column: number): [number, number] {
  let start = 0;
  for (let passed = 1; passed < column; passed++) {
    const tab = line.indexOf("\t", start);
    if (tab < 0) return [-1, -1];
    start = tab + 1;
  }
  const tab = line.indexOf("\t", start);
  return [start, tab < 0 ? withoutCarriageReturn(line).length : tab];
}

function jsonKey(key: string): TextField {
  return {
    skips: (line) => line.trim() === "",
    read(line, at) {
      const value: unknown = parseObject(line, at)[key];
      if (typeof value === "string") return value;
      const found = value === undefined ? "it has none" : `it is ${JSON.stringify(value).slice(0, 40)}`;
      throw new CliError(`Cannot take the text "${key}" of ${at()}: ${found}`);
    },
    replace: (line, text) => JSON.stringify({ ...(JSON.parse(line) as object), [key]: text }),
  };
}

function parseObject(line: string, at: () => string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new CliError(`Cannot parse ${at()} as JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new CliError(`Cannot take a text of ${at()}: it is JSON, but not an object`);
}
