/**
 * Read the checkpoints that `torch.save` writes, without running anything in them.
 *
 * @module
 */
import { ByteReader } from "./_byte_reader.ts";
import { mistakenFile } from "./_header.ts";
import { openLegacy, readLegacyHead, readLegacyStorage } from "./_pytorch_legacy.ts";
import { openZip } from "./_pytorch_zip.ts";
import { readZipHead, readZipStorages } from "./_pytorch_zip_stream.ts";
import { seekableArray, seekableStream } from "./_seekable.ts";
import { Materialiser, unreadable } from "./_state_dict.ts";
import type { PickledTensor } from "./_unpickle.ts";
import { CheckpointError } from "./checkpoint_error.ts";
import type { Dtype, SafetensorsTensor } from "./dtype.ts";

export { CheckpointError };
export type { Dtype, SafetensorsTensor };

/** A checkpoint that is still arriving, or is let go as it is read. */
export interface PytorchStream {
  /** What is in it. */
  readonly tensors: ReadonlyMap<string, { readonly dtype: Dtype; readonly shape: readonly number[] }>;
  /**
   * The tensors in the order of the file. Can be used once: what has been passed is freed.
   *
   * @param wanted Which of them to give. Default all.
   * @throws {CheckpointError} If a storage is cut off, or its size or checksum is wrong.
   */
  read(
    wanted?: (name: string) => boolean,
  ): AsyncGenerator<readonly [name: string, tensor: SafetensorsTensor]>;
}

/**
 * Read a `pytorch_model.bin`: a state_dict, in the zip container of today or the one before PyTorch 1.6.
 *
 * A pickle is a program. This one is read by a machine that knows the opcodes a state_dict needs and three names,
 * `_rebuild_tensor_v2`, `_rebuild_parameter` and `OrderedDict`, besides the types of storages, and carries those out
 * itself; whatever else is named is refused, and nothing is ever called. Its work is bounded by the file's length.
 *
 * From bytes, tensors that lie in row-major order are views of `bytes`, others (transposed, strided) copies. From a
 * stream, one storage is in memory at a time, for both containers; a zip file whose pickle does not come first, as no
 * `torch.save` writes it, is kept until its directory arrives. What the directory says is compared at the end.
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
  if (source instanceof Uint8Array) return readBytes(source);
  if (source instanceof ReadableStream) return readStream(source);
  throw new TypeError(
    `Cannot read a PyTorch checkpoint as source must be a Uint8Array or a ReadableStream: source is ${typeof source}`,
  );
}

// --- internal ---

type Tensors = AsyncGenerator<readonly [name: string, tensor: SafetensorsTensor]>;
type Wanted = (name: string) => boolean;

function readBytes(bytes: Uint8Array): Map<string, SafetensorsTensor> {
  const { tensors, take } = isZip(bytes) ? openZip(seekableArray(bytes)) : openLegacy(bytes);
  const materialiser = new Materialiser(bytes.length);
  const read = ([name, tensor]: [string, PickledTensor]) =>
    [name, materialiser.tensor(name, tensor, take(tensor.storage.key))] as const;
  return new Map([...tensors].map(read));
}

async function readStream(stream: ReadableStream<Uint8Array>): Promise<PytorchStream> {
  const reader = new ByteReader(stream);
  try {
    const start = await reader.read(8);
    reader.unread(start);
    return isZip(start) ? await readZip(reader) : await readLegacy(reader);
  } catch (error) {
    await reader.cancel(error).catch(() => {}); // the first error is the one to tell
    throw error;
  }
}

async function readZip(reader: ByteReader): Promise<PytorchStream> {
  const head = await readZipHead(reader);
  if (head !== undefined) {
    return once(head.tensors, reader, (users) => readZipStorages(reader, head, (key) => users.has(key)));
  }
  const { tensors, keys, take } = openZip(await seekableStream(reader.rest()));
  return once(tensors, reader, async function* (users) {
    for (const key of keys) if (users.has(key)) yield [key, take(key)];
  });
}

async function readLegacy(reader: ByteReader): Promise<PytorchStream> {
  const { tensors, storages } = await readLegacyHead(reader);
  return once(tensors, reader, async function* (users) {
    for (const storage of storages) {
      const bytes = await readLegacyStorage(reader, storage, users.has(storage.key));
      if (bytes !== undefined) yield [storage.key, bytes];
    }
  });
}

/** Gives the wanted tensors of the storages that `read` gives, and cancels the stream if that ends early. */
function once(
  tensors: ReadonlyMap<string, PickledTensor>,
  reader: ByteReader,
  read: (users: ReadonlyMap<string, string[]>) => AsyncGenerator<readonly [key: string, bytes: Uint8Array]>,
): PytorchStream {
  async function* readTensors(wanted: Wanted): Tensors {
    const users = byStorage(tensors, wanted);
    let complete = false;
    try {
      for await (const [key, bytes] of read(users)) {
        const materialiser = new Materialiser(bytes.length);
        for (const name of users.get(key) ?? []) {
          yield [name, materialiser.tensor(name, tensors.get(name)!, bytes)];
        }
      }
      complete = true;
    } finally {
      if (!complete) await reader.cancel().catch(() => {}); // what ended the loop is the error to tell
    }
  }
  const layouts = new Map<string, { dtype: Dtype; shape: readonly number[] }>();
  for (const [name, { storage, shape }] of tensors) layouts.set(name, { dtype: storage.dtype, shape });
  let taken = false;
  return {
    tensors: layouts,
    read(wanted = () => true) {
      if (taken) {
        throw new TypeError("Cannot read a stream of a checkpoint twice: keep what the first pass gives");
      }
      taken = true;
      return readTensors(wanted);
    },
  };
}

/** The wanted tensors by the storage that they are views of. */
function byStorage(tensors: ReadonlyMap<string, PickledTensor>, wanted: Wanted): Map<string, string[]> {
  const users = new Map<string, string[]>();
  for (const [name, { storage }] of tensors) {
    if (!wanted(name)) continue;
    const names = users.get(storage.key);
    if (names === undefined) users.set(storage.key, [name]);
    else names.push(name);
  }
  return users;
}

/** Whether a file that begins so is a zip file; refuses what is no checkpoint at all. */
function isZip(start: Uint8Array): boolean {
  const mistaken = mistakenFile(start);
  if (mistaken !== undefined) throw unreadable(`the file is ${mistaken}`, 0);
  if (start.length === 0) throw unreadable("the file is empty", 0);
  return start[0] === 0x50 && start[1] === 0x4b && start[2] === 3 && start[3] === 4;
}
