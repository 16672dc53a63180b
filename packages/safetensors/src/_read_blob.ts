import { checkFileLength, headerLength, parseHeader, prefixLength } from "./_header.ts";
import type { Dtype } from "./dtype.ts";

/** A safetensors file of which only the header has been read. */
export interface SafetensorsBlob {
  /** The `__metadata__` of the header. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The tensors by name, in the order in which they lie in the file. */
  readonly tensors: ReadonlyMap<string, SafetensorsBlobTensor>;
}

/** A tensor that has not been read yet. */
export interface SafetensorsBlobTensor {
  /** The type of the elements. */
  readonly dtype: Dtype;
  /** Sizes, outermost first; `[]` for a scalar. */
  readonly shape: readonly number[];
  /** The place in the file, for who wants single rows of a matrix. */
  readonly blob: Blob;
  /** Reads the elements, in row-major order, little-endian. Rejects as `Blob.arrayBuffer` does. */
  bytes(): Promise<Uint8Array>;
}

/** Reads the header of a blob. */
export async function readSafetensorsBlob(blob: Blob): Promise<SafetensorsBlob> {
  const read = async (start: number, end: number): Promise<Uint8Array> =>
    new Uint8Array(await blob.slice(start, end).arrayBuffer());
  const length = headerLength(await read(0, prefixLength), blob.size);
  const start = prefixLength + length;
  const header = parseHeader(await read(prefixLength, start));
  checkFileLength(header, length, blob.size);
  const tensors = new Map<string, SafetensorsBlobTensor>();
  for (const [name, { dtype, shape, begin, end }] of header.places) {
    const part = blob.slice(start + begin, start + end);
    tensors.set(name, {
      dtype,
      shape,
      blob: part,
      bytes: async () => new Uint8Array(await part.arrayBuffer()),
    });
  }
  return { metadata: header.metadata, tensors };
}
