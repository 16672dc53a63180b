import { CheckpointError } from "./checkpoint_error.ts";
import { type Dtype, dtypes, isDtype, tensorByteLength } from "./dtype.ts";

/** Where a tensor lies: bytes `begin` to `end` of the data, which follows the header. */
interface Place {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** What a safetensors header says. The places follow one another without hole or overlap, in this order. */
export interface Header {
  readonly metadata: ReadonlyMap<string, string>;
  readonly places: ReadonlyMap<string, Place>;
  /** The bytes of data that follow the header. */
  readonly dataLength: number;
}

/** Bytes of the length field in front of the header. */
export const prefixLength = 8;

/** The reference implementation's limit, in bytes. */
const maxHeaderLength = 100_000_000;

/**
 * The length of the header, from the first eight bytes of a file.
 *
 * @param prefix The first eight bytes, or all of a shorter file.
 * @param fileLength The length of the file, if known.
 */
export function headerLength(prefix: Uint8Array, fileLength: number = Number.POSITIVE_INFINITY): number {
  const mistaken = mistakenFile(prefix);
  if (mistaken !== undefined)
    throw new CheckpointError(`Cannot read safetensors as the file is ${mistaken}`, 0);
  if (prefix.length < prefixLength) {
    throw new CheckpointError(
      `Cannot read safetensors as the file must hold at least the 8 bytes of the header length: file has ${prefix.length} bytes`,
      0,
    );
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset, prefixLength).getBigUint64(0, true);
  if (length > maxHeaderLength) {
    throw new CheckpointError(
      `Cannot read safetensors as the header must not exceed ${maxHeaderLength} bytes: length field says ${length}`,
      0,
    );
  }
  if (prefixLength + Number(length) > fileLength) {
    throw new CheckpointError(
      `Cannot read safetensors as the file ends inside the header: header ends at byte ${prefixLength + Number(length)}, file has ${fileLength} bytes`,
      0,
    );
  }
  return Number(length);
}

/** Reads a header, and refuses one whose tensors do not cover the data exactly, each byte once. */
export function parseHeader(bytes: Uint8Array): Header {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new CheckpointError("Cannot read safetensors as the header is not UTF-8", prefixLength, { cause });
  }
  const { metadata, entries } = new HeaderParser(text).parse();
  const ordered = entries.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let dataLength = 0;
  for (const [name, { begin, end }] of ordered) {
    if (begin !== dataLength) {
      const wrong = begin < dataLength ? "overlaps the one before it" : "leaves a hole before it";
      throw new CheckpointError(
        `Cannot read safetensors as tensor ${quote(name)} ${wrong}: begins at byte ${begin} of the data, expected ${dataLength}`,
      );
    }
    dataLength = end;
  }
  return { metadata, places: new Map(ordered), dataLength };
}

/** Refuses a file whose length is not what its header says. */
export function checkFileLength(header: Header, lengthOfHeader: number, fileLength: number): void {
  const expected = prefixLength + lengthOfHeader + header.dataLength;
  if (fileLength === expected) return;
  const wrong = fileLength < expected ? "the file is cut off" : "there are bytes after the last tensor";
  throw new CheckpointError(
    `Cannot read safetensors as ${wrong}: header asks for ${expected} bytes, file has ${fileLength}`,
    Math.min(fileLength, expected),
  );
}

/** A name for a message: in quotes, long ones cut. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
}

/** What a file that begins with these bytes is instead of a checkpoint, if that can be told. */
export function mistakenFile(start: Uint8Array): string | undefined {
  const text = String.fromCharCode(...start.subarray(0, prefixLength));
  if (text === "version ")
    return "a Git LFS pointer, not the checkpoint: run `git lfs pull`, or download it again";
  if (/^\s*<[!?a-z]/i.test(text)) return "an HTML page, not the checkpoint: download it again";
  return undefined;
}

// --- internal ---

/** An integer as the reference takes it: no sign, no fraction, no exponent. */
const integer = /(?:0|[1-9][0-9]{0,19})(?![0-9.eE+-])/y;

/** The most dimensions of a tensor, as in PyTorch and NumPy. */
const maxRank = 64;

/**
 * Reads the header's JSON. It is written out, as `JSON.parse` keeps the last of several equal names, gives `3.0` as
 * `3`, and has no limit of depth; this grammar has no recursion.
 */
class HeaderParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): { metadata: Map<string, string>; entries: [string, Place][] } {
    if (!this.#text.startsWith("{")) this.#fail("header must begin with {");
    let metadata: Map<string, string> | undefined;
    const entries = new Map<string, Place>();
    this.#members((name) => {
      if (name === "__metadata__") {
        if (metadata !== undefined) this.#fail("__metadata__ must occur once");
        metadata = this.#metadata();
      } else {
        if (entries.has(name)) this.#fail(`tensor ${quote(name)} must occur once`);
        entries.set(name, this.#place(name));
      }
    });
    if (this.#at < this.#text.length) this.#fail("header must end after its closing brace");
    return { metadata: metadata ?? new Map(), entries: [...entries] };
  }

  /** `"name": value, …` in braces; `member` reads the value. */
  #members(member: (name: string) => void): void {
    this.#expect("{");
    if (this.#accept("}")) return;
    do {
      const name = this.#string("a name in quotes");
      this.#expect(":");
      member(name);
    } while (this.#accept(","));
    this.#expect("}");
  }

  #metadata(): Map<string, string> {
    const metadata = new Map<string, string>();
    if (this.#accept("null")) return metadata; // as the reference does
    this.#members((key) => {
      if (metadata.has(key)) this.#fail(`metadata ${quote(key)} must occur once`);
      metadata.set(key, this.#string(`a string as metadata ${quote(key)}`));
    });
    return metadata;
  }

  #place(name: string): Place {
    const where = `of tensor ${quote(name)}`;
    let dtype: Dtype | undefined, shape: number[] | undefined, offsets: number[] | undefined;
    this.#members((field) => {
      if (field === "dtype" && dtype === undefined) dtype = this.#dtype(where);
      else if (field === "shape" && shape === undefined) shape = this.#integers(`shape ${where}`);
      else if (field === "data_offsets" && offsets === undefined)
        offsets = this.#integers(`data_offsets ${where}`);
      else if (["dtype", "shape", "data_offsets"].includes(field))
        this.#fail(`${field} ${where} must occur once`);
      else this.#fail(`fields ${where} must be dtype, shape and data_offsets, not ${quote(field)}`);
    });
    if (dtype === undefined) return this.#fail(`dtype ${where} is missing`);
    if (shape === undefined) return this.#fail(`shape ${where} is missing`);
    const [begin, end, ...more] = offsets ?? [];
    if (begin === undefined || end === undefined || more.length > 0) {
      return this.#fail(`data_offsets ${where} must be two: found ${offsets?.length ?? "none"}`);
    }
    const length = tensorByteLength(dtype, shape);
    if (length !== end - begin) {
      return this.#fail(
        `data_offsets ${where} must span what dtype and shape ask for: ${dtype} [${shape.join(", ")}] takes ${length ?? "more than 2^53"} bytes, data_offsets are ${begin} and ${end}`,
      );
    }
    return { dtype, shape, begin, end };
  }

  #dtype(where: string): Dtype {
    const name = this.#string(`a string as dtype ${where}`);
    if (isDtype(name)) return name;
    return this.#fail(`dtype ${where} must be one of ${dtypes().join(", ")}: found ${quote(name)}`);
  }

  #integers(what: string): number[] {
    this.#expect("[", what);
    const values: number[] = [];
    if (this.#accept("]")) return values;
    do {
      if (values.length === maxRank) this.#fail(`${what} must be at most ${maxRank} integers`);
      const value = this.#integer() ?? this.#fail(`${what} must be integers of 0 or more`);
      if (!Number.isSafeInteger(value)) this.#fail(`${what} must be less than 2^53`);
      values.push(value);
    } while (this.#accept(","));
    this.#expect("]", what);
    return values;
  }

  #integer(): number | undefined {
    integer.lastIndex = this.#at;
    const digits = integer.exec(this.#text)?.[0];
    this.#at += digits?.length ?? 0;
    return digits === undefined ? undefined : Number(digits);
  }

  #string(expected: string): string {
    if (this.#text[this.#at] !== '"') this.#fail(`expected ${expected}`);
    const end = this.#endOfString();
    try {
      const value: unknown = JSON.parse(this.#text.slice(this.#at, end));
      if (typeof value === "string" && value.isWellFormed()) {
        this.#at = end;
        return value;
      }
    } catch {
      // a control character or an unknown escape: told below
    }
    return this.#fail("expected a well-formed JSON string");
  }

  /** The place after the quote that closes the string that begins here. */
  #endOfString(): number {
    for (let quote = this.#at; ;) {
      quote = this.#text.indexOf('"', quote + 1);
      if (quote < 0) this.#fail("string must end");
      let escapes = 0;
      while (this.#text[quote - 1 - escapes] === "\\") escapes++;
      if (escapes % 2 === 0) return quote + 1;
    }
  }

  #accept(token: string): boolean {
    this.#skipSpace();
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    this.#skipSpace();
    return true;
  }

  #skipSpace(): void {
    for (let char = this.#text[this.#at]; char === " " || char === "\n" || char === "\r" || char === "\t";) {
      char = this.#text[++this.#at];
    }
  }

  #expect(token: string, where?: string): void {
    if (!this.#accept(token)) this.#fail(`expected ${token}${where === undefined ? "" : ` in ${where}`}`);
  }

  #fail(problem: string): never {
    const found = JSON.stringify(this.#text.slice(this.#at, this.#at + 20));
    const before = new TextEncoder().encode(this.#text.slice(0, this.#at)).length;
    const offset = prefixLength + before;
    throw new CheckpointError(
      `Cannot read safetensors: ${problem}, at byte ${offset}, before ${found}`,
      offset,
    );
  }
}
