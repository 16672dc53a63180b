import { createReadStream, statSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { PretrainedSource } from "@kcbert/bert";
import { CliError, errorCode, fileError } from "./failure.ts";

/**
 * A folder in Hugging Face's layout, as the loaders of the packages take it.
 *
 * @param folder The folder.
 * @returns A source that gives a file's bytes, a part of them where a range is asked for, and `undefined` for a file
 * that is not there.
 * @throws {CliError} If there is no such folder; while reading, if a file cannot be read.
 */
export function modelFolder(folder: string): PretrainedSource {
  checkFolder(folder);
  return async (name, { signal, range } = {}) => {
    const path = join(folder, name);
    signal?.throwIfAborted();
    try {
      return range === undefined ? await readWhole(path) : await readRange(path, range);
    } catch (error) {
      if (errorCode(error) === "ENOENT") return undefined;
      throw fileError(`read ${path}`, error);
    }
  };
}

// --- internal ---

function checkFolder(folder: string): void {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) return;
  const why = found === undefined ? "there is no such folder" : "it is a file, not a folder";
  throw new CliError(`Cannot open the model ${folder}: ${why}`);
}

/** Small files at once; what does not fit into one buffer as a stream. */
async function readWhole(path: string): Promise<Uint8Array | ReadableStream<Uint8Array>> {
  const { size } = statSync(path);
  if (size < 2 ** 31) return readFile(path);
  return Readable.toWeb(createReadStream(path, { highWaterMark: 1 << 20 })) as ReadableStream<Uint8Array>;
}

/** The bytes from `start` up to, not including, `end`; fewer if the file ends before. */
async function readRange(path: string, [start, end]: readonly [number, number]): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const bytes = new Uint8Array(end - start);
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  } finally {
    await file.close();
  }
}
