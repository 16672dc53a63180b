import { ByteReader } from "./_byte_reader.ts";
import { type Header, headerLength, parseHeader, prefixLength, quote } from "./_header.ts";
import { CheckpointError } from "./checkpoint_error.ts";
import type { Dtype, SafetensorsTensor } from "./dtype.ts";

/** A safetensors file that is still arriving. */
export interface SafetensorsStream {
  /** The `__metadata__` of the header. */
  readonly metadata: ReadonlyMap<string, string>;
  /** What will arrive, in this order. */
  readonly tensors: ReadonlyMap<string, { readonly dtype: Dtype; readonly shape: readonly number[] }>;
  /**
   * The tensors as they arrive, each in a buffer of its own. Can be used once; leaving the loop cancels the stream.
   *
   * @param wanted Which of them to keep; the others are skipped without being put together. Default all.
   * @throws {CheckpointError} If the stream ends before the last tensor does, or goes on after it.
   */
  read(
    wanted?: (name: string) => boolean,
  ): AsyncGenerator<readonly [name: string, tensor: SafetensorsTensor]>;
  /** Gives the rest up, for who looked at the header only. */
  cancel(reason?: unknown): Promise<void>;
}

/** Reads the header off a stream. */
export async function readSafetensorsStream(stream: ReadableStream<Uint8Array>): Promise<SafetensorsStream> {
  const reader = new ByteReader(stream);
  try {
    const length = headerLength(await reader.read(prefixLength));
    const bytes = await reader.read(length);
    if (bytes.length < length) throw cut("the header", bytes.length, length, reader);
    const header = parseHeader(bytes);
    return {
      metadata: header.metadata,
      tensors: header.places,
      read: (wanted = () => true) => readTensors(reader, header, length, wanted),
      cancel: (reason) => reader.cancel(reason),
    };
  } catch (error) {
    await reader.cancel(error).catch(() => {}); // the first error is the one to tell
    throw error;
  }
}

// --- internal ---

async function* readTensors(
  reader: ByteReader,
  header: Header,
  length: number,
  wanted: (name: string) => boolean,
): AsyncGenerator<readonly [string, SafetensorsTensor]> {
  if (reader.offset !== prefixLength + length) {
    throw new TypeError("Cannot read a stream of safetensors twice: keep what the first pass gives");
  }
  let complete = false;
  try {
    for (const [name, { dtype, shape, begin, end }] of header.places) {
      const size = end - begin;
      const bytes = wanted(name) ? await reader.read(size) : undefined;
      const arrived = bytes === undefined ? await reader.skip(size) : bytes.length;
      if (arrived < size) throw cut(`tensor ${quote(name)}`, arrived, size, reader);
      if (bytes !== undefined) yield [name, { dtype, shape, bytes }];
    }
    if (!(await reader.atEnd())) {
      throw new CheckpointError(
        `Cannot read safetensors as there are bytes after the last tensor: header asks for ${reader.offset} bytes`,
        reader.offset,
      );
    }
    complete = true;
  } finally {
    if (!complete) await reader.cancel().catch(() => {}); // what ended the loop is the error to tell
  }
}

function cut(what: string, arrived: number, size: number, { offset }: ByteReader): CheckpointError {
  const problem = `Cannot read safetensors as the stream ends inside ${what}: ${arrived} of its ${size} bytes arrived`;
  return new CheckpointError(problem, offset);
}
