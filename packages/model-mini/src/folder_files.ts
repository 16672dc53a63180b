/** Gives the files of a model's folder by name, as `PretrainedSource` of `@kcbert/bert`. */
export type ModelSource = (
  name: string,
  options?: { signal?: AbortSignal; range?: [number, number] },
) => Promise<Uint8Array | undefined>;

/** What a folder holds, and whose it is. */
export interface FolderFilesOptions {
  /** The files of the folder: no other is asked for, so that no server is asked for what is not there. */
  readonly names: readonly string[];
  /** The package that they belong to, for the message where they cannot be reached. */
  readonly of: string;
}

/**
 * The files of a folder, wherever it is: on disk, where the runtime reads files, or at an address.
 *
 * For packages of models; who uses a model calls `modelMini`.
 *
 * @param folder The address of the folder: `https:`, `http:` or `file:`, with or without its last slash.
 * @returns A source: bytes of a file, or `undefined` for a file that the folder does not have. It rejects if a file cannot be
 * reached.
 * @throws {TypeError} If `folder` is no address.
 *
 * @example
 * ```ts
 * import { folderFiles } from "@kcbert/model-mini";
 * import assert from "node:assert/strict";
 *
 * const source = folderFiles("https://example.com/hate", { names: ["config.json"], of: "a-package" });
 * assert.equal(await source("vocab.txt"), undefined);
 * ```
 */
export function folderFiles(folder: URL | string, { names, of }: FolderFilesOptions): ModelSource {
  const base = new URL(folder);
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  const known: ReadonlySet<string> = new Set(names);
  return async (name, { signal, range } = {}) => {
    if (!known.has(name)) return undefined;
    const address = new URL(name, base);
    signal?.throwIfAborted();
    const read = address.protocol === "file:" ? readFile : fetchFile;
    const bytes = await read(address, of, signal);
    return range === undefined ? bytes : bytes.subarray(...range);
  };
}

// --- internal ---

async function fetchFile(address: URL, of: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const response = await fetch(address, signal === undefined ? {} : { signal });
  if (response.ok) return new Uint8Array(await response.arrayBuffer());
  throw new Error(
    `Cannot load the model from ${address.href}: ${response.status} ${response.statusText} (copy the files of ${of} there, or pass base)`,
  );
}

/** Node's `fetch` knows no files; whoever has them offers Node's way. */
async function readFile(address: URL, of: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): FileSystem } };
  const files = process?.getBuiltinModule?.("node:fs/promises");
  if (files === undefined) return fetchFile(address, of, signal);
  const bytes = await files.readFile(address, { signal });
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** What is used of `node:fs/promises`. */
interface FileSystem {
  readFile(address: URL, options: { signal: AbortSignal | undefined }): Promise<Uint8Array<ArrayBuffer>>;
}
