import type { ByteReader } from "./_byte_reader.ts";
import { quote } from "./_header.ts";
import type { Seekable } from "./_seekable.ts";
import { maxPickleLength, stateDict, storages, unreadable } from "./_state_dict.ts";
import { type PickledStorage, type PickledTensor, unpickle } from "./_unpickle.ts";
import { crc32Of, readZipEntries } from "./_zip.ts";
import { CheckpointError } from "./checkpoint_error.ts";
import { dtypeSize } from "./dtype.ts";

/** A zip file that begins with its pickle, as `torch.save` writes it, so that it can be read as it arrives. */
export interface ZipHead {
  readonly tensors: ReadonlyMap<string, PickledTensor>;
  /** The folder that all records are in, with its slash. */
  readonly root: string;
  /** The record of the pickle, which has been passed. */
  readonly pickle: StreamedRecord;
}

/** A record as it stood in the stream. */
interface StreamedRecord {
  readonly name: string;
  /** Where its header began. */
  readonly header: number;
  /** Whether its checksum and length follow it, rather than stand in its header. */
  readonly trailing: boolean;
  /** What its header says; 0 if they follow. */
  readonly stated: { readonly crc32: number; readonly length: number };
  readonly length: number;
  /** The checksum of the bytes; `undefined` if they were skipped. */
  readonly crc32: number | undefined;
}

/**
 * Reads the pickle off the start of a stream, if it is there; else puts all back and gives nothing, for the reader of
 * whole files to do it, and to say what is wrong.
 */
export async function readZipHead(reader: ByteReader): Promise<ZipHead | undefined> {
  for (let length = 2 ** 20; ; length *= 2) {
    const bytes = await reader.read(length);
    reader.unread(bytes);
    try {
      const { head, end } = parseHead(bytes);
      await reader.skip(end);
      return head;
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      if (bytes.length < length || length >= maxPickleLength) return undefined;
    }
  }
}

/** The storages in the order of the file: their bytes, or nothing for those that are not wanted. */
export async function* readZipStorages(
  reader: ByteReader,
  { tensors, root, pickle }: ZipHead,
  wanted: (key: string) => boolean,
): AsyncGenerator<readonly [key: string, bytes: Uint8Array]> {
  const awaited = new Map([...storages(tensors)].map((storage) => [`${root}data/${storage.key}`, storage]));
  const seen = new Map([[pickle.name, await checkTrailer(reader, pickle)]]);
  for (let header = await nextHeader(reader); header !== undefined; header = await nextHeader(reader)) {
    const { name } = header;
    if (seen.has(name)) throw unreadable(`record ${quote(name)} must occur once`, header.header);
    if (!name.startsWith(root) || name.split("/").includes("..")) {
      throw unreadable(`all records must be in the folder ${root}: found ${quote(name)}`, header.header);
    }
    const storage = awaited.get(name);
    awaited.delete(name);
    const length = await lengthOf(reader, header, storage);
    const keep = storage === undefined ? name === `${root}byteorder` : wanted(storage.key);
    const bytes = keep ? await reader.read(length) : undefined;
    if ((bytes?.length ?? (await reader.skip(length))) < length) {
      throw unreadable(`the file ends inside record ${quote(name)}`, reader.offset);
    }
    const crc32 = bytes === undefined ? undefined : crc32Of(bytes);
    seen.set(name, await checkTrailer(reader, { ...header, length, crc32 }));
    if (bytes === undefined) continue;
    if (storage !== undefined) yield [storage.key, bytes];
    else if (new TextDecoder().decode(bytes).trim() !== "little") {
      throw unreadable("the byte order must be little-endian", header.header);
    }
  }
  for (const { key } of awaited.values()) throw unreadable(`there is no record for storage ${quote(key)}`);
  await checkDirectory(reader, seen);
}

// --- internal ---

const local = 0x04034b50;
const trailer = 0x08074b50;
const directory = 0x02014b50;
const endings: ReadonlySet<number> = new Set([directory, 0x06064b50, 0x06054b50]);
/** Records of a few bytes (`version`, `byteorder`) do not state their length in front; it is looked for so far. */
const maxSmallRecord = 2 ** 16;

type Header = Omit<StreamedRecord, "length" | "crc32">;

function parseHead(bytes: Uint8Array): { head: ZipHead; end: number } {
  const header = parseHeader(bytes.subarray(0, 30), 0);
  const start = 30 + header.nameLength + header.extraLength;
  const name = new TextDecoder().decode(bytes.subarray(30, 30 + header.nameLength));
  if (!/^[^/]+\/data\.pkl$/.test(name)) throw unreadable("data.pkl must come first");
  const { value, end } = unpickle(bytes, start, 0);
  const length = end - start;
  if (!header.trailing && header.stated.length !== length) throw unreadable("data.pkl must be one pickle");
  const pickle = { ...header, name, length, crc32: crc32Of(bytes.subarray(start, end)) };
  return { head: { tensors: stateDict(value), root: name.slice(0, -"data.pkl".length), pickle }, end };
}

/** The fixed part of a record's header. */
function parseHeader(
  bytes: Uint8Array,
  offset: number,
): Omit<Header, "name"> & { nameLength: number; extraLength: number } {
  if (bytes.length < 30) throw unreadable("the file ends inside a header", offset);
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== local) throw unreadable("a record must begin with its header", offset);
  const [flags, method] = [view.getUint16(6, true), view.getUint16(8, true)];
  if ((flags & 1) !== 0 || method !== 0)
    throw unreadable("records must be stored, as torch.save does", offset);
  const [crc32, packed, length] = [
    view.getUint32(14, true),
    view.getUint32(18, true),
    view.getUint32(22, true),
  ];
  if (packed !== length || length === 0xffffffff)
    throw unreadable("a stored record must have one size", offset);
  const lengths = { nameLength: view.getUint16(26, true), extraLength: view.getUint16(28, true) };
  return { header: offset, trailing: (flags & 8) !== 0, stated: { crc32, length }, ...lengths };
}

/** The header of the next record; nothing where the directory begins. */
async function nextHeader(reader: ByteReader): Promise<Header | undefined> {
  const offset = reader.offset;
  const start = await reader.read(30);
  if (start.length >= 4 && endings.has(viewOf(start).getUint32(0, true))) {
    reader.unread(start);
    return undefined;
  }
  const { nameLength, extraLength, ...header } = parseHeader(start, offset);
  const name = new TextDecoder().decode(await reader.read(nameLength));
  await reader.skip(extraLength);
  return { name, ...header };
}

/** How long a record is: as its header says, as the pickle says, or up to what follows it. */
async function lengthOf(
  reader: ByteReader,
  header: Header,
  storage: PickledStorage | undefined,
): Promise<number> {
  const { name, stated, trailing } = header;
  if (storage !== undefined) {
    const expected = storage.length * dtypeSize(storage.dtype);
    if (trailing || stated.length === expected) return expected;
    throw unreadable(
      `a storage must have the size that the pickle says: ${quote(name)} has ${stated.length} bytes, expected ${expected}`,
      header.header,
    );
  }
  if (!trailing) return stated.length;
  const bytes = await reader.read(maxSmallRecord);
  reader.unread(bytes);
  const view = viewOf(bytes);
  for (let at = 0; at + 12 <= bytes.length; at++) {
    if (view.getUint32(at, true) === trailer && view.getUint32(at + 8, true) === at) return at;
  }
  throw unreadable(`record ${quote(name)} must be a storage of the pickle, or small`, header.header);
}

/** Passes what follows a record, and compares it. */
async function checkTrailer(reader: ByteReader, record: StreamedRecord): Promise<StreamedRecord> {
  let { crc32, length } = record.stated;
  if (record.trailing) {
    const bytes = await reader.read(28);
    const view = viewOf(bytes);
    const word = (at: number): number => (at + 4 <= bytes.length ? view.getUint32(at, true) : 0);
    const next = (at: number): boolean => word(at) === local || endings.has(word(at));
    if (word(0) !== trailer)
      throw unreadable(`record ${quote(record.name)} must end where it says`, reader.offset);
    const end = word(8) === word(12) && next(16) ? 16 : 24; // sizes of 32 or 64 bits
    crc32 = word(4);
    length = end === 16 ? word(8) : word(8) + word(12) * 2 ** 32;
    reader.unread(bytes.subarray(Math.min(end, bytes.length)));
  }
  if (length !== record.length)
    throw unreadable(`record ${quote(record.name)} must end where it says`, reader.offset);
  if (record.crc32 === undefined || record.crc32 === crc32) return { ...record, crc32 };
  throw unreadable(`record ${quote(record.name)} must have its CRC-32`, record.header);
}

/** Refuses a directory that says anything else than the stream did. */
async function checkDirectory(reader: ByteReader, seen: ReadonlyMap<string, StreamedRecord>): Promise<void> {
  const start = reader.offset;
  const tail = await reader.read(maxPickleLength);
  const slice = (from: number, to: number): Uint8Array => {
    if (from >= start) return tail.subarray(from - start, to - start);
    const bytes = new Uint8Array(to - from); // what has been passed is zeros now
    if (to > start) bytes.set(tail.subarray(0, to - start), start - from);
    return bytes;
  };
  const file: Seekable = { length: start + tail.length, slice, take: slice };
  const { entries, start: found } = readZipEntries(file);
  const same = [...entries.values()].every(({ name, length, header, crc32 }) => {
    const record = seen.get(name);
    return record?.length === length && record.header === header && record.crc32 === crc32;
  });
  if (!same || entries.size !== seen.size || found !== start) {
    throw unreadable("the directory must agree with the records", start);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
