import { CliError } from "../failure.ts";
import type { Input } from "./inputs.ts";
import { readBytes, type ReadOptions } from "./read_bytes.ts";
import { firstInvalidUtf8 } from "./utf8.ts";

/** Consecutive lines of an input, decoded at once. */
export interface LineBlock {
  /** The lines, separated by LF; the last one has lost its LF. A CR before an LF is part of its line. */
  readonly text: string;
  /** The number of the first line in its input, counted from 1. */
  readonly firstLine: number;
}

/** How lines are read. */
export interface LineOptions extends ReadOptions {
  /** The longest line allowed, in bytes; 256 MiB by default, so that a string can always hold it. */
  readonly maxLineBytes?: number;
}

/**
 * Read an input as UTF-8 lines, many at a time, in memory that does not grow with the input.
 *
 * Lines end at LF alone: U+2028, U+0085 and a lone CR are characters like others. A byte order mark at the very
 * beginning is skipped. The last line need not end in LF.
 *
 * @throws {CliError} As `readBytes`, and if the input is not UTF-8 or a line is longer than allowed.
 */
export async function* readLineBlocks(
  input: Input,
  { maxLineBytes = 2 ** 28, ...options }: LineOptions = {},
): AsyncGenerator<LineBlock> {
  const { chunks, compressed } = await readBytes(input, options);
  const place: Place = { name: compressed ? `${input.name}, decompressed,` : input.name, offset: 0, line: 1 };
  let rest = new Pending();
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(LF) + 1;
    if (end === 0) {
      rest.push(chunk);
      if (rest.length > maxLineBytes) throw tooLong(place, maxLineBytes);
      continue;
    }
    const bytes = rest.take(chunk.subarray(0, end));
    yield decodeBlock(bytes, bytes.length - 1, place);
    rest = new Pending();
    if (end < chunk.length) rest.push(chunk.subarray(end));
  }
  if (rest.length > 0) {
    const bytes = rest.take();
    yield decodeBlock(bytes, bytes.length, place);
  }
}

/** A line, and where it stands. */
export interface Line {
  readonly text: string;
  /** The number of the line in its input, counted from 1. */
  readonly number: number;
}

/** The lines of one block. */
export function* linesOf({ text, firstLine }: LineBlock): Generator<Line> {
  let number = firstLine;
  let start = 0;
  for (;;) {
    const end = text.indexOf("\n", start);
    if (end < 0) break;
    yield { text: text.slice(start, end), number: number++ };
    start = end + 1;
  }
  yield { text: text.slice(start), number };
}

/** A line as it is shown: without the CR that files from Windows leave at its end. */
export function withoutCarriageReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

// --- internal ---

const LF = 0x0a;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

interface Place {
  readonly name: string;
  /** Bytes read so far. */
  offset: number;
  /** The number of the next line. */
  line: number;
}

/** The beginning of a line whose end is still to come, in the pieces in which it came. */
class Pending {
  readonly #pieces: Uint8Array[] = [];
  length = 0;

  push(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.length += piece.length;
  }

  take(last?: Uint8Array): Uint8Array {
    if (last !== undefined) this.push(last);
    return this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces, this.length);
  }
}

function decodeBlock(bytes: Uint8Array, end: number, place: Place): LineBlock {
  const mark = place.offset === 0 && hasByteOrderMark(bytes) ? 3 : 0;
  const firstLine = place.line;
  const text = decode(bytes, mark, end, place);
  place.offset += bytes.length;
  place.line += countLines(bytes, end);
  return { text, firstLine };
}

function decode(bytes: Uint8Array, start: number, end: number, place: Place): string {
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch (cause) {
    const at = firstInvalidUtf8(bytes, end);
    if (at < 0) throw cause;
    const line = place.line + countLines(bytes.subarray(0, at), at) - 1;
    const byte = `0x${bytes[at]!.toString(16).padStart(2, "0")}`;
    throw new CliError(
      `Cannot read ${place.name} as UTF-8: byte ${place.offset + at} (${byte}, in line ${line}) is not part of a character; ` +
        `if the file is in CP949, convert it with iconv -f cp949 -t utf-8`,
      { cause },
    );
  }
}

function hasByteOrderMark(bytes: Uint8Array): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}

/** LFs before `end`, and one for the line that `end` closes. */
function countLines(bytes: Uint8Array, end: number): number {
  let lines = 1;
  for (let at = bytes.indexOf(LF); at >= 0 && at < end; at = bytes.indexOf(LF, at + 1)) lines++;
  return lines;
}

function tooLong({ name, line }: Place, maxLineBytes: number): CliError {
  return new CliError(
    `Cannot read ${name}: line ${line} is longer than ${maxLineBytes.toLocaleString("en")} bytes, ` +
      `the most that a line may have`,
  );
}
