/**
 * Read the checkpoints that `torch.save` writes, without running anything in them.
 *
 * @module
 */
import { mistakenFile, quote } from "./_header.ts";
import { type Seekable, seekableArray, seekableStream } from "./_seekable.ts";
import { gather, isContiguous } from "./_strided.ts";
import {
  describePickled,
  type Pickled,
  type PickledStorage,
  type PickledTensor,
  unpickle,
} from "./_unpickle.ts";
import { readZipDirectory, readZipRecord, type ZipRecord } from "./_zip.ts";
import { CheckpointError } from "./checkpoint_error.ts";
import { type Dtype, dtypeSize, type SafetensorsTensor } from "./dtype.ts";

export { CheckpointError };
export type { Dtype, SafetensorsTensor };

/** A checkpoint that has arrived, and is let go as it is read. */
export interface PytorchStream {
  /** What is in it. */
  readonly tensors: ReadonlyMap<string, { readonly dtype: Dtype; readonly shape: readonly number[] }>;
  /**
   * The tensors in the order of the file. Can be used once: what has been passed is freed.
   *
   * @param wanted Which of them to give. Default all.
   * @throws {CheckpointError} If a record's checksum is wrong.
   */
  read(wanted?: (name: string) => boolean): Generator<readonly [name: string, tensor: SafetensorsTensor]>;
}

/**
 * Read a `pytorch_model.bin`: a state_dict, in the zip container of today or the one before PyTorch 1.6.
 *
 * A pickle is a program. This one is read by a machine that knows the opcodes a state_dict needs and three names,
 * `_rebuild_tensor_v2`, `_rebuild_parameter` and `OrderedDict`, besides the types of storages, and carries those out
 * itself; whatever else is named is refused, and nothing is ever called. Its work is bounded by the file's length.
 *
 * From bytes, tensors that lie in row-major order are views of `bytes`, others (transposed, strided) copies. From a
 * stream, the file is kept in the chunks in which it came, and these are freed as the tensors are read.
 *
 * Refused besides what PyTorch refuses: compressed records, wrong checksums, other byte order, keys that occur twice,
 * values that are not tensors, and views with more elements than their storage.
 *
 * @returns The tensors by name, in the order of the state_dict.
 * @throws {CheckpointError} If the file is broken, or holds what is not on the list.
 * @throws {TypeError} If `source` is neither bytes nor a stream.
 *
 * @example
 * ```ts
 * import { CheckpointError, readPytorchBin } from "@kcbert/safetensors/pytorch";
 * import assert from "node:assert/strict";
 *
 * const hostile = new TextEncoder().encode("cos\nsystem\n.");
 * assert.throws(() => readPytorchBin(hostile), (error) => error instanceof CheckpointError && /os.system/.test(error.message));
 * ```
 */
export function readPytorchBin(source: Uint8Array): Map<string, SafetensorsTensor>;
/** Read a `pytorch_model.bin` from a stream, and let it go tensor by tensor. */
export function readPytorchBin(source: ReadableStream<Uint8Array>): Promise<PytorchStream>;
export function readPytorchBin(
  source: Uint8Array | ReadableStream<Uint8Array>,
): Map<string, SafetensorsTensor> | Promise<PytorchStream> {
  if (source instanceof Uint8Array) return readAll(open(seekableArray(source)));
  if (source instanceof ReadableStream) return readStream(source);
  throw new TypeError(
    `Cannot read a PyTorch checkpoint as source must be a Uint8Array or a ReadableStream: source is ${typeof source}`,
  );
}

// --- internal ---

/** A file of which the pickle has been read. */
interface Checkpoint {
  readonly file: Seekable;
  readonly tensors: ReadonlyMap<string, PickledTensor>;
  /** Where a storage lies in the file. */
  readonly places: ReadonlyMap<string, { readonly start: number; readonly end: number }>;
  /** The bytes of a storage. */
  storage(key: string): Uint8Array;
}

/** Pickles of real checkpoints take 100 bytes a tensor. */
const maxPickleLength = 64 * 2 ** 20;
const legacyMagic = 0x1950a86a20f9469cfc6cn;

function readAll(checkpoint: Checkpoint): Map<string, SafetensorsTensor> {
  const budget = { left: 4 * checkpoint.file.length };
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, tensor] of checkpoint.tensors)
    tensors.set(name, materialise(checkpoint, name, tensor, budget));
  return tensors;
}

async function readStream(stream: ReadableStream<Uint8Array>): Promise<PytorchStream> {
  const checkpoint = open(await seekableStream(stream));
  const tensors = new Map<string, { dtype: Dtype; shape: readonly number[] }>();
  for (const [name, { storage, shape }] of checkpoint.tensors)
    tensors.set(name, { dtype: storage.dtype, shape });
  return { tensors, read: (wanted = () => true) => readInOrder(checkpoint, wanted) };
}

function* readInOrder(
  checkpoint: Checkpoint,
  wanted: (name: string) => boolean,
): Generator<readonly [string, SafetensorsTensor]> {
  const budget = { left: 4 * checkpoint.file.length };
  const place = (tensor: PickledTensor): number => checkpoint.places.get(tensor.storage.key)!.start;
  const order = [...checkpoint.tensors]
    .filter(([name]) => wanted(name))
    .sort(([, a], [, b]) => place(a) - place(b));
  for (const [name, tensor] of order) {
    checkpoint.file.release(place(tensor));
    yield [name, materialise(checkpoint, name, tensor, budget)];
  }
  checkpoint.file.release(checkpoint.file.length);
}

/** A tensor in row-major order; copies are taken from a budget, so that a small file cannot ask for much memory. */
function materialise(
  checkpoint: Checkpoint,
  name: string,
  { storage, offset, shape, strides }: PickledTensor,
  budget: { left: number },
): SafetensorsTensor {
  const size = dtypeSize(storage.dtype);
  const count = shape.reduce((product, size) => product * size, 1);
  const bytes = checkpoint.storage(storage.key);
  if (isContiguous(shape, strides)) {
    return { dtype: storage.dtype, shape, bytes: bytes.subarray(offset * size, (offset + count) * size) };
  }
  budget.left -= count * size;
  if (budget.left < 0)
    throw unreadable(`views must not take more than four times the file: ${quote(name)} does`);
  return { dtype: storage.dtype, shape, bytes: gather(bytes, offset, shape, strides, size) };
}

function open(file: Seekable): Checkpoint {
  const start = file.slice(0, Math.min(8, file.length));
  const mistaken = mistakenFile(start);
  if (mistaken !== undefined) throw unreadable(`the file is ${mistaken}`, 0);
  if (file.length === 0) throw unreadable("the file is empty", 0);
  const isZip = start[0] === 0x50 && start[1] === 0x4b && start[2] === 3 && start[3] === 4;
  return isZip ? openZip(file) : openLegacy(file);
}

/** `ROOT/data.pkl`, `ROOT/data/KEY` for each storage, `ROOT/byteorder`, and what does not matter. */
function openZip(file: Seekable): Checkpoint {
  const records = readZipDirectory(file);
  const [pickle, ...more] = [...records.values()].filter(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined || more.length > 0)
    throw unreadable("the zip file must have one folder with a data.pkl");
  const root = pickle.name.slice(0, -"data.pkl".length);
  for (const name of records.keys()) {
    if (!name.startsWith(root) || name.split("/").includes("..")) {
      throw unreadable(`all records must be in the folder ${root}: found ${quote(name)}`);
    }
  }
  const order = records.get(`${root}byteorder`);
  if (
    order !== undefined &&
    new TextDecoder().decode(file.slice(order.start, order.end)).trim() !== "little"
  ) {
    throw unreadable("the byte order must be little-endian", order.start);
  }
  if (pickle.end - pickle.start > maxPickleLength)
    throw unreadable("data.pkl must not exceed 64 MiB", pickle.start);
  const tensors = stateDict(unpickle(readZipRecord(file, pickle), 0, pickle.start).value);
  const places = new Map<string, ZipRecord>();
  for (const { key, dtype, length } of storages(tensors)) {
    const place = records.get(`${root}data/${key}`);
    if (place === undefined) throw unreadable(`there is no record for storage ${quote(key)}`);
    if (place.end - place.start !== length * dtypeSize(dtype)) {
      throw unreadable(
        `a storage must have the size that the pickle says: ${quote(place.name)} has ${place.end - place.start} bytes, expected ${length * dtypeSize(dtype)}`,
        place.start,
      );
    }
    places.set(key, place);
  }
  return { file, tensors, places, storage: cached((key) => readZipRecord(file, places.get(key)!)) };
}

/** Five pickles (magic, version, system, state_dict, keys), then for each key the length of its storage, and the storage. */
function openLegacy(file: Seekable): Checkpoint {
  const head = file.slice(0, Math.min(file.length, maxPickleLength));
  let at = 0;
  const next = (): Pickled => {
    const { value, end } = unpickle(head, at, 0);
    at = end;
    return value;
  };
  const [magic, version, system] = [next(), next(), next()];
  if (magic !== legacyMagic)
    throw unreadable(
      `the file must be a zip file or begin with PyTorch's number: found ${describePickled(magic)}`,
      0,
    );
  if (version !== 1001)
    throw unreadable(`the version of the container must be 1001: it is ${describePickled(version)}`);
  if (isDict(system) && system.entries.get("little_endian") === false) {
    throw unreadable("the byte order must be little-endian");
  }
  const tensors = stateDict(next());
  const keys = next();
  const wanted = new Map([...storages(tensors)].map((storage) => [storage.key, storage]));
  const places = new Map<string, { start: number; end: number }>();
  for (const key of isList(keys) ? keys.items : []) {
    const storage = typeof key === "string" ? wanted.get(key) : undefined;
    if (storage === undefined)
      throw unreadable(`every storage must be of use: found ${describePickled(key)}`, at);
    if (at + 8 > file.length) throw unreadable(`the file ends before storage ${quote(storage.key)}`, at);
    const length = viewOf(file.slice(at, at + 8)).getBigInt64(0, true);
    const start = at + 8;
    const end = start + storage.length * dtypeSize(storage.dtype);
    if (length !== BigInt(storage.length)) {
      throw unreadable(
        `a storage must have the size that the pickle says: ${quote(storage.key)} has ${length} elements, expected ${storage.length}`,
        at,
      );
    }
    if (end > file.length)
      throw unreadable(`the file ends inside storage ${quote(storage.key)}`, file.length);
    places.set(storage.key, { start, end });
    at = end;
  }
  for (const key of wanted.keys())
    if (!places.has(key)) throw unreadable(`there is no storage ${quote(key)}`);
  const read = (key: string): Uint8Array => file.slice(places.get(key)!.start, places.get(key)!.end);
  return { file, tensors, places, storage: cached(read) };
}

/** The tensors of a state_dict, by name. */
function stateDict(value: Pickled): Map<string, PickledTensor> {
  if (!isDict(value))
    throw unreadable(`the file must hold a dict of tensors: it holds ${describePickled(value)}`);
  const tensors = new Map<string, PickledTensor>();
  for (const [name, tensor] of value.entries) {
    if (typeof name !== "string") throw unreadable(`names must be strings: found ${describePickled(name)}`);
    if (typeof tensor !== "object" || tensor?.kind !== "tensor") {
      throw unreadable(`values must be tensors: ${quote(name)} is ${describePickled(tensor)}`);
    }
    tensors.set(name, tensor);
  }
  return tensors;
}

/** Every storage once. */
function storages(tensors: ReadonlyMap<string, PickledTensor>): Iterable<PickledStorage> {
  const found = new Map<string, PickledStorage>();
  for (const { storage } of tensors.values()) {
    const { key, dtype, length } = found.get(storage.key) ?? storage;
    if (dtype !== storage.dtype || length !== storage.length) {
      throw unreadable(
        `a storage must have one type and size: ${quote(key)} is ${dtype} and ${storage.dtype}`,
      );
    }
    found.set(key, storage);
  }
  return found.values();
}

/** Keeps the last result: tensors of one storage follow one another. */
function cached(read: (key: string) => Uint8Array): (key: string) => Uint8Array {
  let last: { key: string; bytes: Uint8Array } | undefined;
  return (key) => {
    if (last?.key !== key) {
      last = undefined; // frees it before the next is read
      last = { key, bytes: read(key) };
    }
    return last.bytes;
  };
}

function isDict(value: Pickled): value is Extract<Pickled, { kind: "dict" }> {
  return typeof value === "object" && value?.kind === "dict";
}

function isList(value: Pickled): value is Extract<Pickled, { kind: "tuple" | "list" }> {
  return typeof value === "object" && value?.kind === "list";
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function unreadable(problem: string, offset?: number): CheckpointError {
  return new CheckpointError(`Cannot read the PyTorch checkpoint as ${problem}`, offset);
}
