import { createReadStream } from "node:fs";
import process from "node:process";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { CliError, errorCode, fileError } from "../failure.ts";
import type { Input } from "./inputs.ts";

/** How reading goes on. */
export interface ReadOptions {
  /** Stops the reading; its reason is thrown. */
  readonly signal?: AbortSignal;
  /** Called with the number of bytes just taken from the input as it lies on disk (compressed, if it is). */
  readonly onRead?: (bytes: number) => void;
}

/** What reading gives: the bytes of the text, and whether they came out of gzip. */
export interface ByteSource {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly compressed: boolean;
}

/**
 * Open an input, decompressing it if its first two bytes say that it is gzip (whatever its name).
 *
 * @throws {CliError} While opening, if the input is missing, unreadable, empty or, named `.gz`, not gzip; while
 * iterating, if it cannot be read on or its gzip is corrupt or ends too early.
 */
export async function readBytes(input: Input, options: ReadOptions = {}): Promise<ByteSource> {
  const stream = input.path === undefined ? standardInput() : createReadStream(input.path, FILE_OPTIONS);
  const raw = rawChunks(stream, input, options);
  const start = await firstBytes(raw);
  if (start.length === 0) throw new CliError(`Cannot read ${input.name}: it is empty`);
  const compressed = start[0] === 0x1f && start[1] === 0x8b;
  if (compressed) return { chunks: gunzip(prepend(start, raw), stream, input), compressed };
  if (input.path?.endsWith(".gz")) {
    stream.destroy();
    throw new CliError(`Cannot read ${input.name}: its name ends in .gz, but its content is not gzip`);
  }
  return { chunks: prepend(start, raw), compressed };
}

// --- internal ---

const CHUNK_BYTES = 1 << 20;
const FILE_OPTIONS = { highWaterMark: CHUNK_BYTES };

/** Standard input; somebody who sits before it is told that the program waits for them. */
function standardInput(): Readable {
  if (process.stdin.isTTY) process.stderr.write("Reading from the keyboard: Ctrl-D ends it\n");
  return process.stdin;
}

async function* rawChunks(
  stream: Readable,
  input: Input,
  { signal, onRead }: ReadOptions,
): AsyncGenerator<Uint8Array> {
  const stop = () => stream.destroy(signal!.reason as Error);
  signal?.throwIfAborted();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      onRead?.(chunk.length);
      yield chunk;
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw fileError(`read ${input.name}`, error);
  } finally {
    signal?.removeEventListener("abort", stop);
    stream.destroy();
  }
}

/** The first chunk, or the first two together where a pipe gave a single byte first. */
async function firstBytes(chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let start: Uint8Array = new Uint8Array();
  while (start.length < 2) {
    const { value, done } = await chunks.next();
    if (done === true) break;
    start = start.length === 0 ? value : Buffer.concat([start, value]);
  }
  return start;
}

async function* prepend(start: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield start;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}

async function* gunzip(
  chunks: AsyncGenerator<Uint8Array>,
  source: Readable,
  input: Input,
): AsyncGenerator<Uint8Array> {
  const stream = createGunzip({ chunkSize: CHUNK_BYTES });
  const feeding = feed(chunks, stream);
  let bytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      yield chunk;
    }
  } catch (error) {
    if (errorCode(error)?.startsWith("Z_") !== true) throw error;
    const cut = errorCode(error) === "Z_BUF_ERROR";
    const what = cut ? "ends too early, it is truncated or corrupt" : "is corrupt";
    throw new CliError(`Cannot read ${input.name}: its gzip data ${what} (after ${bytes} bytes of text)`, {
      cause: error,
    });
  } finally {
    source.destroy(); // a pipe that says nothing more must not keep us waiting
    stream.destroy();
    await feeding;
  }
  if (bytes === 0) throw new CliError(`Cannot read ${input.name}: it is empty once decompressed`);
}

/** Push chunks into a stream at the pace at which it takes them; a failed source fails the stream. */
async function feed(
  chunks: AsyncGenerator<Uint8Array>,
  stream: ReturnType<typeof createGunzip>,
): Promise<void> {
  try {
    for await (const chunk of chunks) {
      if (stream.destroyed) return;
      if (!stream.write(chunk)) await drained(stream);
    }
    stream.end();
  } catch (error) {
    stream.destroy(error as Error);
  }
}

function drained(stream: ReturnType<typeof createGunzip>): Promise<void> {
  return new Promise((resolve) => {
    const ready = () => {
      stream.off("drain", ready);
      stream.off("close", ready);
      resolve();
    };
    stream.on("drain", ready);
    stream.on("close", ready);
  });
}
