import type { PretrainedSource } from "@kcbert/bert";
import type { ModelVersion, ServedModel } from "../models.ts";

/** Gives a file beside the bundle by its path there; undefined if there is none. */
export type ReadFile = (
  path: string,
  signal?: AbortSignal,
) => Promise<Uint8Array | ReadableStream<Uint8Array> | undefined>;

/** What `models.json` beside the bundle says. */
interface ModelManifest {
  /** The models, in the order in which they answer. */
  readonly models: readonly ManifestModel[];
}

/** A model of a {@link ModelManifest}. */
export interface ManifestModel {
  /** The name it is served under. */
  readonly id: string;
  /** Tells its state from another one. */
  readonly revision: string;
  /** Its files by name. */
  readonly files: Readonly<Record<string, ManifestFile>>;
}

/** A file of a model: in parts that a platform takes, one after the other. */
export interface ManifestFile {
  /** Bytes of the whole. */
  readonly size: number;
  /** Of the whole, hexadecimal. */
  readonly sha256: string;
  /** Where its parts lie. */
  readonly parts: readonly string[];
}

/**
 * The models that lie beside the bundle.
 *
 * @throws {Error} If `models.json` is not there.
 */
export async function bundledModels(read: ReadFile): Promise<ServedModel[]> {
  const file = await read("models.json");
  if (file === undefined) throw new Error("Cannot serve as models.json is missing beside the bundle");
  const { models }: ModelManifest = JSON.parse(await new Response(file as Uint8Array<ArrayBuffer>).text());
  return models.map((model): ServedModel => {
    const { id, revision } = model;
    const version: ModelVersion = {
      revision,
      state: "final",
      step: null,
      source: manifestSource(model, read),
      weights: weightsOf(model),
    };
    return { id, current: async () => version };
  });
}

/** The SHA-256 of bytes, hexadecimal. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// --- internal ---

/** The hashes of its files of weights, without what it has of its own in an overlay. */
function weightsOf({ files }: ManifestModel): string {
  const names = Object.keys(files).filter((name) => /^model.*\.safetensors$/.test(name));
  return names.map((name) => files[name]!.sha256).join();
}

/**
 * The files of a manifest's model.
 *
 * @returns A source that puts a file together from its parts, and refuses one whose hash is not the manifest's.
 */
function manifestSource({ files }: ManifestModel, read: ReadFile): PretrainedSource {
  return async (name, { range, signal } = {}) => {
    const file = Object.hasOwn(files, name) ? files[name] : undefined;
    if (file === undefined) return undefined;
    const bytes = await joined(name, file, read, signal);
    if ((await sha256(bytes)) !== file.sha256) {
      throw new Error(`Cannot read ${name} as it is not the file that was deployed: its hash differs`);
    }
    return range === undefined ? bytes : bytes.subarray(range[0], range[1]);
  };
}

/** A file of its parts; not copied where it is one that lies in memory. */
async function joined(
  name: string,
  { size, parts }: ManifestFile,
  read: ReadFile,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  let bytes: Uint8Array | undefined;
  let filled = 0;
  for (const part of parts) {
    const found = await read(part, signal);
    if (found === undefined) throw new Error(`Cannot read ${name} as its part ${part} is missing`);
    if (parts.length === 1 && found instanceof Uint8Array) return found;
    bytes ??= new Uint8Array(size);
    for await (const chunk of chunksOf(found)) {
      signal?.throwIfAborted();
      if (filled + chunk.length > size) throw new Error(`Cannot read ${name} as it is too long`);
      bytes.set(chunk, filled);
      filled += chunk.length;
    }
  }
  return (bytes ?? new Uint8Array()).subarray(0, filled);
}

async function* chunksOf(found: Uint8Array | ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (found instanceof Uint8Array) {
    yield found;
    return;
  }
  const reader = found.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
