import { countCodePoints } from "@kcbert/normalizer";
import { cleanVariant } from "../clean_variant.ts";
import { unquotedVariants } from "../unquoted_variants.ts";
import { dayOf } from "./day.ts";
import { type Fields, type FoundRecord, type LineProblem, readRecord } from "./records.ts";
import { RowWriter, type WrittenRows } from "./row_writer.ts";

/** What is done to every line. */
export interface CleanSettings {
  /** A version of `clean`, or `none`. */
  readonly clean: string;
  /** Texts of fewer code points go. */
  readonly minLength: number;
  /** Texts of more code points go. */
  readonly maxLength: number;
  readonly seed: number;
  readonly partitions: number;
}

/** Some whole lines of an input. */
export interface LineBlockTask {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly fields: Fields;
  /** The first line names columns. */
  readonly header: boolean;
  /** A byte order mark may stand before the first line. */
  readonly first: boolean;
  /** The number that the first line has among all lines of the corpus; -1 for texts that shall stay out of it. */
  readonly row: number;
}

/** What became of the lines. */
export interface CleanCounts {
  /** Lines, without headers and blank lines between JSON objects. */
  lines: number;
  changed: number;
  short: number;
  long: number;
  problems: Record<LineProblem, number>;
}

/** The rows of a block, and what became of the other lines. */
export interface CleanedBlock extends WrittenRows {
  readonly counts: CleanCounts;
  /** The first lines with a problem: numbers in the block, from 0. */
  readonly examples: readonly { readonly line: number; readonly problem: LineProblem }[];
}

/** Counts that are all zero. */
export function noCounts(): CleanCounts {
  const problems = { columns: 0, json: 0, key: 0, date: 0, encoding: 0 };
  return { lines: 0, changed: 0, short: 0, long: 0, problems };
}

/** Add counts to others. */
export function addCounts(to: CleanCounts, more: CleanCounts): void {
  for (const name of ["lines", "changed", "short", "long"] as const) to[name] += more[name];
  for (const name of Object.keys(to.problems) as LineProblem[]) to.problems[name] += more.problems[name];
}

/** Make the function that cleans blocks of lines and divides them into partitions. */
export async function blockCleaner(settings: CleanSettings): Promise<(task: LineBlockTask) => CleanedBlock> {
  const clean = settings.clean === "none" ? oneLine : await cleanVariant(settings.clean, "clean");
  return (task) => cleanBlock(task, settings, clean);
}

// --- internal ---

const MOST_EXAMPLES = 3;
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

/** Rows are lines of tab-separated columns, so a text that is not cleaned must have neither. */
function oneLine(text: string): string {
  return text.replaceAll(/[\t\n\r]+/g, " ").trim();
}

function cleanBlock(
  task: LineBlockTask,
  { minLength, maxLength, seed, partitions }: CleanSettings,
  clean: (text: string) => string,
): CleanedBlock {
  const counts = noCounts();
  const examples: { line: number; problem: LineProblem }[] = [];
  const writer = new RowWriter(seed, partitions, Math.ceil(task.bytes.length * 1.3));
  const found: FoundRecord = { text: "", date: undefined };
  let known: { date: string; day: number | undefined } = { date: "", day: undefined }; // dates come in runs
  let number = -1;
  for (const line of linesOf(task)) {
    number++;
    if (number === 0 && task.header) continue;
    let day: number | undefined;
    let problem = line === undefined ? "encoding" : readRecord(line, task.fields, found);
    if (problem === "blank") continue;
    counts.lines++;
    if (problem === undefined && task.fields.date !== undefined) {
      if (found.date !== known.date) known = { date: found.date!, day: dayOf(found.date!) };
      ({ day } = known);
      if (day === undefined) problem = "date";
    }
    if (problem !== undefined) {
      counts.problems[problem]++;
      if (examples.length < MOST_EXAMPLES) examples.push({ line: number, problem });
      continue;
    }
    const row = task.row < 0 ? task.row : task.row + number;
    const variants = task.row < 0 ? unquotedVariants(found.text) : [found.text];
    for (const variant of variants) {
      const text = clean(variant);
      if (text !== variant) counts.changed++;
      const length = lengthWithin(text, minLength, maxLength);
      if (length < minLength) counts.short++;
      else if (length > maxLength) counts.long++;
      else writer.add(text, row, day);
    }
  }
  return { ...writer.finish(), counts, examples };
}

/** The lines, `undefined` for one that is not UTF-8. */
function* linesOf({ bytes, first }: LineBlockTask): Generator<string | undefined> {
  const mark = first && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  let text: string;
  try {
    text = strict.decode(bytes.subarray(mark));
  } catch {
    yield* linesOneByOne(bytes.subarray(mark));
    return;
  }
  for (let start = 0; start < text.length;) {
    const feed = text.indexOf("\n", start);
    const end = feed < 0 ? text.length : feed;
    yield text.slice(start, end);
    start = end + 1;
  }
}

function* linesOneByOne(bytes: Uint8Array): Generator<string | undefined> {
  for (let start = 0; start < bytes.length;) {
    const feed = bytes.indexOf(0x0a, start);
    const end = feed < 0 ? bytes.length : feed;
    const line = bytes.subarray(start, end);
    const text = lenient.decode(line);
    yield text.includes("\uFFFD") && !isUtf8(line) ? undefined : text;
    start = end + 1;
  }
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** The text's code points, counted only where its UTF-16 units leave open whether it is within the limits. */
function lengthWithin(text: string, minLength: number, maxLength: number): number {
  const { length } = text;
  if (length < minLength || (length >= minLength * 2 && length <= maxLength)) return length;
  return countCodePoints(text);
}
