import type { ByteReader } from "./_byte_reader.ts";
import { quote } from "./_header.ts";
import type { Checkpoint } from "./_pytorch_zip.ts";
import { maxPickleLength, stateDict, storages, unreadable } from "./_state_dict.ts";
import {
  describePickled,
  isKind,
  type Pickled,
  type PickledStorage,
  type PickledTensor,
  unpickle,
} from "./_unpickle.ts";
import { dtypeSize } from "./dtype.ts";

/** The container before PyTorch 1.6: five pickles, then for each storage its length, and its bytes. */
export interface LegacyHead {
  readonly tensors: ReadonlyMap<string, PickledTensor>;
  /** The storages, in the order of the file. */
  readonly storages: readonly PickledStorage[];
  /** Where they begin. */
  readonly end: number;
}

/** Opens a file that is in memory. */
export function openLegacy(bytes: Uint8Array): Checkpoint {
  const head = parseLegacyHead(bytes.subarray(0, maxPickleLength));
  const places = new Map<string, Uint8Array>();
  let at = head.end;
  for (const storage of head.storages) {
    const size = storage.length * dtypeSize(storage.dtype);
    checkLegacyLength(storage, bytes.subarray(at, at + 8), at);
    const content = bytes.subarray(at + 8, at + 8 + size);
    if (content.length < size) throw cutOff(storage, bytes.length);
    places.set(storage.key, content);
    at += 8 + size;
  }
  return { tensors: head.tensors, keys: [...places.keys()], take: (key) => places.get(key)! };
}

/** Reads the pickles off a stream: off its first mebibyte, or off twice as much, until they are whole. */
export async function readLegacyHead(reader: ByteReader): Promise<LegacyHead> {
  for (let length = 2 ** 20; ; length *= 2) {
    const bytes = await reader.read(length);
    reader.unread(bytes);
    try {
      const head = parseLegacyHead(bytes);
      await reader.skip(head.end);
      return head;
    } catch (error) {
      if (bytes.length < length || length >= maxPickleLength) throw error;
    }
  }
}

/** The bytes of the next storage of a stream; nothing if they are not wanted. */
export async function readLegacyStorage(
  reader: ByteReader,
  storage: PickledStorage,
  wanted: boolean,
): Promise<Uint8Array | undefined> {
  const size = storage.length * dtypeSize(storage.dtype);
  checkLegacyLength(storage, await reader.read(8), reader.offset - 8);
  const bytes = wanted ? await reader.read(size) : undefined;
  const arrived = bytes === undefined ? await reader.skip(size) : bytes.length;
  if (arrived < size) throw cutOff(storage, reader.offset);
  return bytes;
}

// --- internal ---

const legacyMagic = 0x1950a86a20f9469cfc6cn;

/** Magic number, version, system, state_dict, keys. */
function parseLegacyHead(head: Uint8Array): LegacyHead {
  let at = 0;
  const next = (): Pickled => {
    const { value, end } = unpickle(head, at, 0);
    at = end;
    return value;
  };
  const [magic, version, system] = [next(), next(), next()];
  if (magic !== legacyMagic) {
    const found = describePickled(magic);
    throw unreadable(
      `the file must be a zip file or begin with PyTorch's number: it begins with ${found}`,
      0,
    );
  }
  if (version !== 1001) {
    throw unreadable(`the version of the container must be 1001: it is ${describePickled(version)}`);
  }
  if (isKind(system, "dict") && system.entries.get("little_endian") === false) {
    throw unreadable("the byte order must be little-endian");
  }
  const tensors = stateDict(next());
  const keys = next();
  return { tensors, storages: inOrder(tensors, isKind(keys, "list") ? keys.items : []), end: at };
}

/** The storages in the order of the list of keys, each once. */
function inOrder(tensors: ReadonlyMap<string, PickledTensor>, keys: readonly Pickled[]): PickledStorage[] {
  const wanted = new Map([...storages(tensors)].map((storage) => [storage.key, storage]));
  const ordered: PickledStorage[] = [];
  for (const key of keys) {
    const storage = typeof key === "string" ? wanted.get(key) : undefined;
    if (storage === undefined)
      throw unreadable(`every storage must be of use, once: found ${describePickled(key)}`);
    wanted.delete(storage.key);
    ordered.push(storage);
  }
  for (const key of wanted.keys()) throw unreadable(`there is no storage ${quote(key)}`);
  return ordered;
}

/** Refuses a storage whose length in front of it is not what the pickle says. */
function checkLegacyLength({ key, length }: PickledStorage, bytes: Uint8Array, offset: number): void {
  if (bytes.length < 8) throw unreadable(`the file ends before storage ${quote(key)}`, offset);
  const found = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0, true);
  if (found === BigInt(length)) return;
  throw unreadable(
    `a storage must have the size that the pickle says: ${quote(key)} has ${found} elements, expected ${length}`,
    offset,
  );
}

function cutOff({ key }: PickledStorage, offset: number): Error {
  return unreadable(`the file ends inside storage ${quote(key)}`, offset);
}
