/**
 * The golden vectors of the BERT models: what Hugging Face transformers and PyTorch compute for tiny models of KcBERT's
 * architecture. Packed in `tests/golden/bert/`; its README says what is in them.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";

const packs = new Map<string, ReadonlyMap<string, Uint8Array>>();

/**
 * The bytes of one golden file.
 *
 * @param path As in the README there, such as `mlm/model/model.safetensors` or `formats-manifest.json`.
 * @returns The bytes, in a buffer of their own (a copy, so a test may write into it).
 * @throws {RangeError} If there is no such file.
 */
export function goldenBert(path: string): Uint8Array<ArrayBuffer> {
  const bytes = pack(path).get(path);
  if (bytes === undefined) {
    throw new RangeError(`Cannot read golden vectors as there is no such file: path is ${JSON.stringify(path)}`);
  }
  return Uint8Array.from(bytes);
}

/** The text of one golden file, as UTF-8. Throws as {@link goldenBert}. */
export function goldenBertText(path: string): string {
  return new TextDecoder().decode(goldenBert(path));
}

/**
 * The paths of all golden files whose path begins with `prefix`, in alphabetical order.
 *
 * @param prefix Begins with the name of a top folder: `malformed/pickle/`, not ``.
 */
export function goldenBertPaths(prefix: string): string[] {
  return [...pack(prefix).keys()].filter((path) => path.startsWith(prefix));
}

/**
 * A folder of golden files as a model source: answers with the bytes of `folder/name`, or `undefined`.
 *
 * @param folder Such as `mlm/model`.
 */
export function goldenBertFolder(
  folder: string,
): (name: string, options?: { range?: [number, number] }) => Promise<Uint8Array | undefined> {
  return async (name, { range } = {}) => {
    const bytes = pack(folder).get(`${folder}/${name}`);
    return bytes === undefined ? undefined : Uint8Array.from(range === undefined ? bytes : bytes.subarray(...range));
  };
}

// --- internal ---

/** The files of the pack in which `path` would be, by path. */
function pack(path: string): ReadonlyMap<string, Uint8Array> {
  const name = path === "formats-manifest.json" ? "manifest" : path.split("/")[0]!;
  let files = packs.get(name);
  if (files === undefined) {
    const url = new URL(`./bert/${name}.tar.br`, import.meta.url);
    files = existsSync(url) ? untar(brotliDecompressSync(readFileSync(url))) : new Map();
    packs.set(name, files);
  }
  return files;
}

/** The regular files of a ustar archive. */
function untar(archive: Uint8Array): Map<string, Uint8Array> {
  const text = (start: number, length: number): string =>
    new TextDecoder().decode(archive.subarray(start, start + length)).replace(/\0.*$/s, "");
  const files = new Map<string, Uint8Array>();
  for (let at = 0; archive[at] !== 0 && at < archive.length;) {
    const [prefix, name, size] = [text(at + 345, 155), text(at, 100), Number.parseInt(text(at + 124, 12), 8)];
    const isFile = text(at + 156, 1) === "0";
    if (isFile) files.set(prefix === "" ? name : `${prefix}/${name}`, archive.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
