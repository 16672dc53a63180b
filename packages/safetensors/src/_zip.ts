import { quote } from "./_header.ts";
import type { Seekable } from "./_seekable.ts";
import { CheckpointError } from "./checkpoint_error.ts";

/** A stored record of a zip file. */
export interface ZipRecord {
  readonly name: string;
  /** Where its bytes lie in the file. */
  readonly start: number;
  readonly end: number;
  readonly crc32: number;
}

/**
 * The records of a zip file, by name.
 *
 * Reads what `torch.save` writes: records that are stored, not compressed, with 64-bit sizes where needed. Names are
 * names only, nothing is ever written anywhere.
 */
export function readZipDirectory(file: Seekable): Map<string, ZipRecord> {
  const { start, entries } = readZipEntries(file);
  return new Map([...entries].map(([name, entry]) => [name, locate(file, entry, start)]));
}

/** What the directory says, by name, and where it begins. Of the file, only the end is looked at. */
export function readZipEntries(file: Seekable): { start: number; entries: Map<string, ZipEntry> } {
  const { start, end, count } = findDirectory(file);
  const bytes = file.slice(start, end);
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    const entry = readEntry(bytes, at, start);
    if (entries.has(entry.name)) throw broken(`record ${quote(entry.name)} must occur once`, start + at);
    entries.set(entry.name, entry);
    at = entry.next;
  }
  return { start, entries };
}

/** The bytes of a record, checked against its checksum. */
export function readZipRecord(file: Seekable, record: ZipRecord): Uint8Array {
  return checked(record, file.slice(record.start, record.end));
}

/** The same for the last time; see {@link Seekable.take}. */
export function takeZipRecord(file: Seekable, record: ZipRecord): Uint8Array {
  return checked(record, file.take(record.start, record.end));
}

// --- internal ---

const endSignature = 0x06054b50;
const endLength = 22;
const maxComment = 0xffff;

interface Directory {
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

function findDirectory(file: Seekable): Directory {
  const tailStart = Math.max(0, file.length - endLength - maxComment);
  const tail = file.slice(tailStart, file.length);
  const view = viewOf(tail);
  for (let at = tail.length - endLength; at >= 0; at--) {
    if (view.getUint32(at, true) !== endSignature) continue;
    const short = {
      count: view.getUint16(at + 10, true),
      length: view.getUint32(at + 12, true),
      start: view.getUint32(at + 16, true),
    };
    const { count, length, start } = findDirectory64(file, tailStart + at) ?? short;
    const end = start + length;
    if (!Number.isSafeInteger(end) || end > tailStart + at || count * 46 > length) {
      throw broken("the directory must lie before its end record", tailStart + at);
    }
    return { start, end, count };
  }
  throw broken("the file must end with a zip directory: it may be cut off", file.length);
}

/** The end record for files above 4 GiB, which `torch.save` always writes. */
function findDirectory64(
  file: Seekable,
  end: number,
): { count: number; length: number; start: number } | undefined {
  if (end < 20) return undefined;
  const locator = viewOf(file.slice(end - 20, end));
  if (locator.getUint32(0, true) !== 0x07064b50) return undefined;
  const at = Number(locator.getBigUint64(8, true));
  if (!Number.isSafeInteger(at) || at + 56 > end)
    throw broken("the 64-bit end record must lie in the file", end - 20);
  const record = viewOf(file.slice(at, at + 56));
  if (record.getUint32(0, true) !== 0x06064b50)
    throw broken("the 64-bit end record must be in its place", at);
  const number = (offset: number): number => Number(record.getBigUint64(offset, true));
  return { count: number(32), length: number(40), start: number(48) };
}

/** An entry of the directory. */
export interface ZipEntry {
  readonly name: string;
  readonly length: number;
  /** Where the record's own header begins. */
  readonly header: number;
  readonly crc32: number;
  readonly next: number;
}

/** An entry of the directory, which begins at `directory` in the file. */
function readEntry(bytes: Uint8Array, at: number, directory: number): ZipEntry {
  const where = directory + at;
  const view = viewOf(bytes);
  if (at + 46 > bytes.length || view.getUint32(at, true) !== 0x02014b50)
    throw broken("the directory must be whole", where);
  const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
  const nameEnd = at + 46 + view.getUint16(at + 28, true);
  const extraEnd = nameEnd + view.getUint16(at + 30, true);
  const next = extraEnd + view.getUint16(at + 32, true);
  if (next > bytes.length) throw broken("the directory must be whole", where);
  const name = new TextDecoder().decode(bytes.subarray(at + 46, nameEnd));
  if ((flags & 1) !== 0) throw broken(`records must not be encrypted: ${quote(name)} is`, where);
  if (method !== 0)
    throw broken(`records must be stored, as torch.save does: ${quote(name)} is compressed`, where);
  const [packed, length, header] = longSizes(view, nameEnd, extraEnd, [
    view.getUint32(at + 20, true),
    view.getUint32(at + 24, true),
    view.getUint32(at + 42, true),
  ]);
  if (packed !== length)
    throw broken(`a stored record must have one size: ${quote(name)} has ${packed} and ${length}`, where);
  return { name, length, header, crc32: view.getUint32(at + 16, true), next };
}

/** The sizes and the place of an entry, with those taken from the 64-bit extra field that are FFFFFFFF. */
function longSizes(
  view: DataView,
  start: number,
  end: number,
  short: [packed: number, length: number, header: number],
): typeof short {
  let at = start;
  while (at + 4 <= end && view.getUint16(at, true) !== 1) at += 4 + view.getUint16(at + 2, true);
  at += 4;
  const read = (value: number): number => {
    if (value !== 0xffffffff || at + 8 > end) return value;
    at += 8;
    return Number(view.getBigUint64(at - 8, true));
  };
  const [packed, length, header] = short;
  const long = read(length); // in the extra field, the length comes first
  return [read(packed), long, read(header)];
}

/** Where the bytes of an entry lie: after its local header, and before the directory. */
function locate(file: Seekable, { name, length, header, crc32 }: ZipEntry, directory: number): ZipRecord {
  if (!Number.isSafeInteger(header + length) || header + 30 > directory) {
    throw broken(`record ${quote(name)} must lie before the directory`, directory);
  }
  const local = viewOf(file.slice(header, header + 30));
  if (local.getUint32(0, true) !== 0x04034b50)
    throw broken(`record ${quote(name)} must be in its place`, header);
  const start = header + 30 + local.getUint16(26, true) + local.getUint16(28, true);
  if (start + length > directory) throw broken(`record ${quote(name)} must lie before the directory`, header);
  return { name, start, end: start + length, crc32 };
}

function checked({ name, start, crc32 }: ZipRecord, bytes: Uint8Array): Uint8Array {
  const actual = crc32Of(bytes);
  if (actual === crc32) return bytes;
  const hex = (value: number): string => value.toString(16).padStart(8, "0");
  throw broken(
    `record ${quote(name)} must have its CRC-32: directory says ${hex(crc32)}, bytes have ${hex(actual)}`,
    start,
  );
}

const crcTables = /* @__PURE__ */ makeCrcTables();

/** Four bytes at a time, by four tables. */
export function crc32Of(bytes: Uint8Array): number {
  const [t0, t1, t2, t3] = crcTables;
  let crc = -1;
  let at = 0;
  for (const whole = bytes.length - 3; at < whole; at += 4) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc = t3[crc & 255]! ^ t2[(crc >>> 8) & 255]! ^ t1[(crc >>> 16) & 255]! ^ t0[crc >>> 24]!;
  }
  for (; at < bytes.length; at++) crc = t0[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

function makeCrcTables(): [Int32Array, Int32Array, Int32Array, Int32Array] {
  const first = Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0xedb88320;
    return crc;
  });
  const next = (table: Int32Array): Int32Array => table.map((crc) => first[crc & 255]! ^ (crc >>> 8));
  const [second, third] = [next(first), next(next(first))];
  return [first, second, third, next(third)];
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function broken(problem: string, offset: number): CheckpointError {
  return new CheckpointError(`Cannot read the zip container: ${problem}, at byte ${offset}`, offset);
}
