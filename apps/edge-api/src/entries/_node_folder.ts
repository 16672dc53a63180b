import type { PretrainedSource } from "@kcbert/bert";
import { open, readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ModelVersion } from "../models.ts";
import type { MetricsChunk, TrainingFolder } from "../training_run.ts";

/**
 * The files of a folder by name; no name leads out of it.
 *
 * @param shared Has the tokenizer's files where the folder lacks them: heads that were trained from one model share it.
 * @param weights Whether it has the weights too.
 */
export function folderSource(folder: string, shared?: string, weights = false): PretrainedSource {
  return async (name, { range, signal } = {}) => {
    if (!/^[\w][\w.-]*$/.test(name))
      throw new RangeError(`Cannot read "${name}" as it is not the name of a file`);
    signal?.throwIfAborted();
    const read = (path: string): Promise<Uint8Array | undefined> =>
      readRange(path, range?.[0] ?? 0, range?.[1] ?? Number.POSITIVE_INFINITY);
    const bytes = await read(join(folder, name));
    if (bytes !== undefined || shared === undefined || !(weights || tokenizerFiles.has(name))) return bytes;
    return read(join(shared, name));
  };
}

/** The model in `folder`, or undefined as long as a file of it is missing or still being written. */
export async function readModel(
  folder: string,
  { state = "final", step = null, shared }: ReadModelOptions = {},
): Promise<ModelVersion | undefined> {
  const [config, tokenizer, vocab] = await Promise.all(
    ["config.json", "tokenizer.json", "vocab.txt"].map((name) => sizeOf(join(folder, name))),
  );
  if (!config || !(tokenizer || vocab || shared !== undefined)) return undefined;
  const own = await wholeWeights(folder);
  const weights = own ?? (shared === undefined ? undefined : await wholeWeights(shared));
  if (weights === undefined) return undefined;
  const name = state === "final" ? "final" : basename(folder);
  const overlay = await wholeWeights(folder, overlayFiles);
  return {
    revision: [name, weights, ...(overlay === undefined ? [] : [overlay])].join("."),
    state,
    step,
    source: folderSource(folder, shared, own === undefined),
    weights: `${own === undefined ? shared : folder}.${weights}`,
  };
}

/** What {@link readModel} is told about a folder. */
export interface ReadModelOptions {
  readonly state?: ModelVersion["state"];
  readonly step?: number | null;
  /**
   * A folder with the tokenizer, where the model's own lacks it; and with the weights, where that holds no more than a
   * `config.json`, as a head that lies in the weights of the other, or what differs from them in an overlay.
   */
  readonly shared?: string | undefined;
}

/** A run's folder as `kcbert-cli pretrain --output` fills it. */
export function trainingFolder(folder: string): TrainingFolder {
  return {
    readMetrics: (offset) => orUndefined(readMetrics(join(folder, "metrics.jsonl"), offset)),
    readModels: async () => {
      const checkpoint = await newestCheckpoint(folder);
      const final = await orUndefined(readModel(folder));
      return { ...(checkpoint && { checkpoint }), ...(final && { final }) };
    },
  };
}

// --- internal ---

/** Bytes read at once from a growing file. */
const chunkBytes = 1 << 20;

/** Headers of safetensors files are smaller, by their definition. */
const maxHeaderBytes = 100_000_000;

async function readMetrics(path: string, offset: number): Promise<MetricsChunk> {
  await using file = await open(path);
  const { ino, birthtimeMs, size } = await file.stat();
  const buffer = new Uint8Array(Math.min(chunkBytes, Math.max(0, size - offset)));
  const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
  return { identity: `${ino}.${birthtimeMs}`, size, bytes: buffer.subarray(0, bytesRead) };
}

async function newestCheckpoint(folder: string): Promise<ModelVersion | undefined> {
  const names = (await orUndefined(readdir(folder))) ?? [];
  const steps = names.flatMap((name) => /^checkpoint-(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  for (const step of steps.sort((a, b) => b - a)) {
    const version = await orUndefined(
      readModel(join(folder, `checkpoint-${step}`), { state: "checkpoint", step }),
    );
    if (version !== undefined) return version;
  }
  return undefined;
}

const tokenizerFiles: ReadonlySet<string> = new Set(["tokenizer.json", "vocab.txt", "tokenizer_config.json"]);

/** Weights in one file, best first; the header of the first kind says how long the file is when it is whole. */
const safetensorsFiles = ["model.safetensors", "model.int8.safetensors", "model.int4.safetensors"];

/** What a head has of its own beside the weights of the model that it was made from. */
const overlayFiles = ["overlay.int8.safetensors", "overlay.int4.safetensors", "overlay.safetensors"];

/** Weights in several files, and those of the older kind, as `beomi/kcbert-base` has; such folders do not change while served. */
const otherFiles = [
  ...safetensorsFiles.map((name) => `${name}.index.json`),
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
];

/** Names the weights of a folder as they are now; undefined if there are none, or they are still being written. */
async function wholeWeights(folder: string, names = safetensorsFiles): Promise<string | undefined> {
  for (const name of names) {
    const path = join(folder, name);
    const size = await sizeOf(path);
    if (size === undefined) continue;
    if ((await safetensorsSize(path)) !== size) return undefined;
    return Math.round((await stat(path)).mtimeMs).toString(36);
  }
  for (const name of names === safetensorsFiles ? otherFiles : []) {
    const size = await sizeOf(join(folder, name));
    if (size) return size.toString(36);
  }
  return undefined;
}

/** Bytes that a safetensors file has once it is whole, as its header says; undefined if it says nothing yet. */
async function safetensorsSize(path: string): Promise<number | undefined> {
  const prefix = await readRange(path, 0, 8);
  if (prefix?.length !== 8) return undefined;
  const headerBytes = Number(new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true));
  if (headerBytes > maxHeaderBytes) return undefined;
  const header = await readRange(path, 8, 8 + headerBytes);
  try {
    const entries: Record<string, { data_offsets?: [number, number] }> = JSON.parse(
      new TextDecoder().decode(header),
    );
    const ends = Object.values(entries).map(({ data_offsets }) => data_offsets?.[1] ?? 0);
    return 8 + headerBytes + ends.reduce((a, b) => Math.max(a, b), 0);
  } catch {
    return undefined; // half a header
  }
}

async function readRange(path: string, start: number, end: number): Promise<Uint8Array | undefined> {
  return orUndefined(readAt(path, start, end));
}

async function readAt(path: string, start: number, end: number): Promise<Uint8Array> {
  await using file = await open(path);
  const { size } = await file.stat();
  const bytes = new Uint8Array(Math.max(0, Math.min(end, size) - start));
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await orUndefined(stat(path)))?.size;
}

/** What is not there is undefined; every other failure is one. */
async function orUndefined<Result>(result: Promise<Result>): Promise<Result | undefined> {
  try {
    return await result;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
