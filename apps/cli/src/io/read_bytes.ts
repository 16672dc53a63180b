import { createReadStream } from "node:fs";
import process from "node:process";
import type { Readable } from "node:stream";
import * as zlib from "node:zlib";
import { CliError, errorCode, fileError } from "../failure.ts";
import { localized } from "../locale/translate.ts";
import type { Input } from "./inputs.ts";

/** How reading goes on. */
export interface ReadOptions {
  /** Stops the reading; its reason is thrown. */
  readonly signal?: AbortSignal;
  /** Called with the number of bytes just taken from the input as it lies on disk (compressed, if it is). */
  readonly onRead?: (bytes: number) => void;
}

/** What reading gives: the bytes of the text, and whether they came out of gzip or Zstandard. */
export interface ByteSource {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly compressed: boolean;
}

/**
 * Open an input, decompressing it if its first bytes say that it is gzip or Zstandard (whatever its name).
 *
 * @throws {CliError} While opening, if the input is missing, unreadable, empty or, named `.gz` or `.zst`, not what its
 * name says; while iterating, if it cannot be read on or what is compressed is corrupt or ends too early.
 */
export async function readBytes(input: Input, options: ReadOptions = {}): Promise<ByteSource> {
  const stream = input.path === undefined ? standardInput() : createReadStream(input.path, FILE_OPTIONS);
  const raw = rawChunks(stream, input, options);
  const start = await firstBytes(raw);
  if (start.length === 0) throw new CliError(`Cannot read ${input.name}: it is empty`);
  const found = COMPRESSIONS.find(({ magic }) => magic.every((byte, i) => start[i] === byte));
  if (found !== undefined) {
    return { chunks: decompress(prepend(start, raw), stream, input, found), compressed: true };
  }
  const named = COMPRESSIONS.find(({ ending }) => input.path?.endsWith(ending));
  if (named !== undefined) {
    stream.destroy();
    const { ending, name } = named;
    throw new CliError(
      `Cannot read ${input.name}: its name ends in ${ending}, but its content is not ${name}`,
    );
  }
  return { chunks: prepend(start, raw), compressed: false };
}

// --- internal ---

const CHUNK_BYTES = 1 << 20;
const FILE_OPTIONS = { highWaterMark: CHUNK_BYTES };

/** A way of compressing. */
interface Compression {
  readonly name: string;
  readonly ending: string;
  /** What compressed data begin with. */
  readonly magic: readonly number[];
  readonly open: () => Decompressor;
}

type Decompressor = zlib.Gunzip | zlib.ZstdDecompress;

const COMPRESSIONS: readonly Compression[] = [
  {
    name: "gzip",
    ending: ".gz",
    magic: [0x1f, 0x8b],
    open: () => zlib.createGunzip({ chunkSize: CHUNK_BYTES }),
  },
  {
    name: "zstd",
    ending: ".zst",
    magic: [0x28, 0xb5, 0x2f, 0xfd],
    open: () => zlib.createZstdDecompress({ chunkSize: CHUNK_BYTES }),
  },
];

/** Standard input; somebody who sits before it is told that the program waits for them. */
function standardInput(): Readable {
  if (process.stdin.isTTY)
    process.stderr.write(`${localized("Reading from the keyboard: Ctrl-D ends it")}\n`);
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

/** The first chunk; more of them only where a pipe gave so little that it may yet become compressed data. */
async function firstBytes(chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let start: Uint8Array = new Uint8Array();
  while (COMPRESSIONS.some(({ magic }) => start.length < magic.length && begins(magic, start))) {
    const { value, done } = await chunks.next();
    if (done === true) break;
    start = start.length === 0 ? value : Buffer.concat([start, value]);
  }
  return start;
}

function begins(magic: readonly number[], start: Uint8Array): boolean {
  return start.every((byte, i) => byte === magic[i]);
}

async function* prepend(start: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield start;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}

async function* decompress(
  chunks: AsyncGenerator<Uint8Array>,
  source: Readable,
  input: Input,
  { name, open }: Compression,
): AsyncGenerator<Uint8Array> {
  const stream = open();
  const feeding = feed(chunks, stream);
  let bytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      yield chunk;
    }
  } catch (error) {
    if (errorCode(error)?.startsWith("Z") !== true) throw error; // Z_DATA_ERROR, ZSTD_error_…
    const cut = errorCode(error) === "Z_BUF_ERROR" || errorCode(error) === "ZSTD_error_srcSize_wrong";
    const what = cut ? "ends too early, it is truncated or corrupt" : "is corrupt";
    throw new CliError(`Cannot read ${input.name}: its ${name} data ${what} (after ${bytes} bytes of text)`, {
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
async function feed(chunks: AsyncGenerator<Uint8Array>, stream: Decompressor): Promise<void> {
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

function drained(stream: Decompressor): Promise<void> {
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
