import { checkFileLength, headerLength, parseHeader, prefixLength } from "./_header.ts";
import type { SafetensorsTensor } from "./dtype.ts";
import { readSafetensorsBlob, type SafetensorsBlob } from "./_read_blob.ts";
import { readSafetensorsStream, type SafetensorsStream } from "./_read_stream.ts";

/** A safetensors file in memory. */
export interface SafetensorsFile {
  /** The `__metadata__` of the header; `format` is `pt` in files for Hugging Face transformers. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The tensors by name, in the order in which they lie in the file. */
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
}

/**
 * Read a safetensors file: bytes at once, a blob lazily, a stream tensor by tensor.
 *
 * From bytes, the tensors are views of `bytes`, nothing is copied, and it takes as long as the header is. From a `Blob`
 * (a `File`, or `fs.openAsBlob` of Node) only the header is read, then each tensor when it is asked for. From a stream
 * the header is read, then the tensors one after another, so that no more than one of them needs to be in memory.
 *
 * Follows the reference implementation (safetensors 0.8.0), and refuses besides: names that occur twice, fields that
 * it does not know, space before the header, more than 64 dimensions, and the dtypes of less than a byte (`F4`, `F6_…`).
 *
 * @throws {CheckpointError} If the file is broken; the message says what is wrong, where, and with which tensor.
 * @throws {TypeError} If `source` is none of these.
 *
 * @example
 * ```ts
 * import { readSafetensors, toFloat32, writeSafetensors } from "@kcbert/safetensors";
 * import assert from "node:assert/strict";
 *
 * const bytes = writeSafetensors([["bias", { dtype: "BF16", shape: [2], bytes: Uint8Array.of(128, 63, 0, 192) }]]);
 * const { tensors } = readSafetensors(bytes);
 * assert.deepEqual(toFloat32(tensors.get("bias")!), Float32Array.of(1, -2));
 *
 * const lazy = await readSafetensors(new Blob([bytes]));
 * assert.deepEqual(await lazy.tensors.get("bias")!.bytes(), Uint8Array.of(128, 63, 0, 192));
 *
 * const stream = await readSafetensors(new Blob([bytes]).stream());
 * for await (const [name, { shape }] of stream.read()) assert.deepEqual([name, shape], ["bias", [2]]);
 * ```
 */
export function readSafetensors(source: Uint8Array): SafetensorsFile;
/** Read a safetensors file lazily, tensor by tensor, from a blob. */
export function readSafetensors(source: Blob): Promise<SafetensorsBlob>;
/** Read a safetensors file as it arrives. */
export function readSafetensors(source: ReadableStream<Uint8Array>): Promise<SafetensorsStream>;
export function readSafetensors(
  source: Uint8Array | Blob | ReadableStream<Uint8Array>,
): SafetensorsFile | Promise<SafetensorsBlob> | Promise<SafetensorsStream> {
  if (source instanceof Uint8Array) return readBytes(source);
  if (source instanceof Blob) return readSafetensorsBlob(source);
  if (source instanceof ReadableStream) return readSafetensorsStream(source);
  throw new TypeError(
    `Cannot read safetensors as source must be a Uint8Array, a Blob or a ReadableStream: source is ${describe(source)}`,
  );
}

// --- internal ---

function readBytes(bytes: Uint8Array): SafetensorsFile {
  const length = headerLength(bytes.subarray(0, prefixLength), bytes.length);
  const start = prefixLength + length;
  const header = parseHeader(bytes.subarray(prefixLength, start));
  checkFileLength(header, length, bytes.length);
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, { dtype, shape, begin, end }] of header.places) {
    tensors.set(name, { dtype, shape, bytes: bytes.subarray(start + begin, start + end) });
  }
  return { metadata: header.metadata, tensors };
}

function describe(value: unknown): string {
  return value === null
    ? "null"
    : typeof value === "object"
      ? Object.prototype.toString.call(value)
      : typeof value;
}
