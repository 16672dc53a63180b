import { CliError, UsageError } from "../failure.ts";
import type { Input } from "../io/inputs.ts";
import { readBytes, type ReadOptions } from "../io/read_bytes.ts";
import type { Layout } from "./corpus_settings.ts";
import { type Engine, quoted } from "./duckdb.ts";
import type { Fields } from "./records.ts";

/** Some whole lines of an input. */
export interface SourceBlock {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly fields: Fields;
  /** Whether the first line of the bytes names columns. */
  readonly header: boolean;
  /** Where the block begins in the input's text, in bytes. */
  readonly offset: number;
  /** The number of the first line, from 1. */
  readonly firstLine: number;
  readonly lines: number;
}

/**
 * Read an input as blocks of whole lines, whatever its format; the rows of a Parquet file become JSON, one object a line.
 *
 * @throws {CliError} If it cannot be read, or does not have what the layout names.
 */
export async function* sourceBlocks(
  input: Input,
  layout: Layout,
  options: ReadOptions & { readonly engine: () => Promise<Engine> },
): AsyncGenerator<SourceBlock> {
  const format = formatOf(input, layout);
  const parquet = format === "parquet";
  const chunks = parquet ? parquetLines(input, layout, options) : (await readBytes(input, options)).chunks;
  let fields: Fields | undefined;
  let [offset, firstLine] = [0, 1];
  for await (const bytes of wholeLines(chunks, input)) {
    const header = firstLine === 1 && hasHeader(format, layout);
    fields ??= fieldsOf(format, layout, input, bytes);
    const lines = countLines(bytes);
    const { length } = bytes; // before they are given away
    yield { bytes, fields, header, offset, firstLine, lines };
    offset += length;
    firstLine += lines;
  }
}

/** The format of an input, by the layout or by its name. */
export function formatOf({ name }: Input, { format, text }: Layout): Exclude<Layout["format"], "auto"> {
  if (format !== "auto") return format;
  const plain = name.replace(/\.(gz|zst)$/i, "");
  if (/\.parquet$/i.test(plain)) return "parquet";
  if (/\.(jsonl|ndjson)$/i.test(plain)) return "jsonl";
  return text !== undefined || /\.tsv$/i.test(plain) ? "tsv" : "lines";
}

// --- internal ---

const BLOCK_BYTES = 4 << 20;
const MOST_LINE_BYTES = 2 ** 28;
const LF = 0x0a;

/** A name instead of a number needs the line that names columns. */
function hasHeader(format: string, { text, date, header }: Layout): boolean {
  return format === "tsv" && (header || !isNumber(text) || (date !== undefined && !isNumber(date)));
}

function isNumber(column: string | undefined): boolean {
  return column !== undefined && /^[1-9]\d{0,6}$/.test(column);
}

function fieldsOf(format: string, layout: Layout, input: Input, first: Uint8Array): Fields {
  const { text, date } = layout;
  if (format === "lines") {
    if (text === undefined && date === undefined) return { format, text: 1, date: undefined };
    throw new UsageError(
      `Cannot take columns out of ${input.name} as its lines are texts: use --format tsv or jsonl`,
    );
  }
  if (format !== "tsv") return { format: "jsonl", text: text ?? "text", date };
  if (text === undefined) {
    throw new UsageError(
      `Cannot take texts out of ${input.name} as it is a table: name its column with --text-column`,
    );
  }
  const names = hasHeader(format, layout) ? columnNames(first) : [];
  const column = (name: string) => (isNumber(name) ? Number(name) : columnNamed(name, names, input));
  return { format, text: column(text), date: date === undefined ? undefined : column(date) };
}

function columnNames(bytes: Uint8Array): string[] {
  const end = bytes.indexOf(LF);
  const line = new TextDecoder().decode(bytes.subarray(0, end < 0 ? bytes.length : end)); // without a byte order mark
  return line.replace(/\r$/, "").split("\t");
}

function columnNamed(name: string, names: readonly string[], input: Input): number {
  const at = names.indexOf(name);
  if (at >= 0) return at + 1;
  const known = names.map((each) => each.slice(0, 40)).join(", ");
  throw new CliError(
    `Cannot take column ${name} of ${input.name}: its first line names ${known.slice(0, 200)}`,
  );
}

/** The rows of a Parquet file, as JSON. */
async function* parquetLines(
  input: Input,
  { text = "text", date }: Layout,
  { engine, signal, onRead }: ReadOptions & { readonly engine: () => Promise<Engine> },
): AsyncGenerator<Uint8Array> {
  if (input.path === undefined) {
    throw new CliError("Cannot read Parquet from standard input: write it to a file, and name that");
  }
  const file = `read_parquet(${quoted(input.path)})`;
  const database = await engine();
  const names = (await database.rows(`SELECT column_name FROM (DESCRIBE SELECT * FROM ${file})`)).flat();
  for (const name of [text, date ?? text]) {
    if (names.includes(name)) continue;
    throw new CliError(`Cannot take column ${name} of ${input.name}: it has ${names.join(", ")}`);
  }
  const key = (name: string) => `"${name.replaceAll('"', '""')}"`;
  const dated = date === undefined ? "" : `, ${quoted(date)}: CAST(${key(date)} AS VARCHAR)`;
  const query = `SELECT CAST(to_json({${quoted(text)}: CAST(${key(text)} AS VARCHAR)${dated}}) AS VARCHAR) FROM ${file}`;
  const encoder = new TextEncoder();
  const total = Number((await database.rows(`SELECT count(*) FROM ${file}`))[0]![0]);
  for await (const rows of database.texts(query)) {
    signal?.throwIfAborted();
    onRead?.(((input.size ?? 0) * rows.length) / total);
    yield encoder.encode(`${rows.join("\n")}\n`);
  }
}

/** Chunks cut anew so that each ends with a line. */
async function* wholeLines(
  chunks: AsyncIterable<Uint8Array>,
  input: Input,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let pieces: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    pieces.push(chunk);
    length += chunk.length;
    if (length < BLOCK_BYTES) continue;
    const end = chunk.lastIndexOf(LF) + 1;
    if (end === 0) {
      if (length <= MOST_LINE_BYTES) continue;
      throw new CliError(
        `Cannot read ${input.name}: a line is longer than ${MOST_LINE_BYTES} bytes, the most that a line may have`,
      );
    }
    const rest = chunk.subarray(end);
    yield joined(pieces, length - rest.length);
    pieces = rest.length === 0 ? [] : [rest];
    length = rest.length;
  }
  if (length > 0) yield joined(pieces, length);
}

/** The first `length` bytes of the pieces, in memory of their own that can be given away. */
function joined(pieces: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece.subarray(0, length - at), at);
    at = Math.min(length, at + piece.length);
  }
  return bytes;
}

function countLines(bytes: Uint8Array): number {
  let lines = bytes.at(-1) === LF ? 0 : 1;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) lines++;
  return lines;
}
