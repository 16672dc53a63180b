/** Gives the files of a model's folder by name, as `PretrainedSource` of `@kcbert/bert`. */
export type ModelSource = (
  name: string,
  options?: { signal?: AbortSignal; range?: [number, number] },
) => Promise<Uint8Array | undefined>;

/** Where the files are. */
export interface ModelMiniOptions {
  /**
   * The address of the folder that holds them, for a bundle beside which they were copied: `https:`, `http:`, or `file:`
   * where the runtime reads files. By default the package itself, which is right wherever it is installed and not
   * bundled.
   */
  base?: URL | string;
}

/**
 * The folder of the model.
 *
 * @returns A source: bytes of a file, or `undefined` for a file that the folder does not have. It rejects if the files cannot
 * be reached.
 * @throws {TypeError} If `base` is no address.
 *
 * @example
 * ```ts
 * import { modelMini } from "@kcbert/model-mini";
 * import assert from "node:assert/strict";
 *
 * const source = modelMini();
 * const config = JSON.parse(new TextDecoder().decode(await source("config.json")));
 * assert.equal(config.model_type, "bert");
 * assert.equal(await source("pytorch_model.bin"), undefined);
 * ```
 */
export function modelMini({ base }: ModelMiniOptions = {}): ModelSource {
  const folder = base === undefined ? new URL("../", import.meta.url) : folderOf(base);
  return async (name, { signal, range } = {}) => {
    if (!FILES.has(name)) return undefined;
    const address = new URL(name, folder);
    signal?.throwIfAborted();
    const bytes =
      address.protocol === "file:" ? await readFile(address, signal) : await fetchFile(address, signal);
    return range === undefined ? bytes : bytes.subarray(...range);
  };
}

// --- internal ---

/** What the folder holds: nothing else is asked for, so that no server is asked for what is not there. */
const FILES: ReadonlySet<string> = new Set([
  "config.json",
  "model.int8.safetensors",
  "tokenizer.json",
  "tokenizer_config.json",
  "vocab.txt",
]);

function folderOf(base: URL | string): URL {
  const url = new URL(base);
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

async function fetchFile(address: URL, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const response = await fetch(address, signal === undefined ? {} : { signal });
  if (response.ok) return new Uint8Array(await response.arrayBuffer());
  throw new Error(
    `Cannot load the model from ${address.href}: ${response.status} ${response.statusText} (copy the files of @kcbert/model-mini there, or pass base)`,
  );
}

/** Node's `fetch` knows no files; whoever has them offers Node's way. */
async function readFile(address: URL, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): FileSystem } };
  const files = process?.getBuiltinModule?.("node:fs/promises");
  if (files === undefined) return fetchFile(address, signal);
  const bytes = await files.readFile(address, { signal });
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** What is used of `node:fs/promises`. */
interface FileSystem {
  readFile(address: URL, options: { signal: AbortSignal | undefined }): Promise<Uint8Array<ArrayBuffer>>;
}
