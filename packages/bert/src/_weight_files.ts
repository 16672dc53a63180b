import {
  CheckpointError,
  parseShardIndex,
  readSafetensors,
  type SafetensorsTensor,
  toFloat32,
} from "@kcbert/safetensors";
import { readPytorchBin } from "@kcbert/safetensors/pytorch";
import type { PretrainedSource } from "./pretrained.ts";

/** What is known of a tensor before it is read. */
export type WeightTensor = Pick<SafetensorsTensor, "dtype" | "shape">;

/** A file of weights, of which the names are known and the values are still to come. */
export interface WeightFile {
  readonly tensors: ReadonlyMap<string, WeightTensor>;
  /** The wanted tensors one after another, each freed before the next if the source is a stream. */
  read(wanted: (name: string) => boolean): AsyncIterable<readonly [name: string, tensor: ReadableTensor]>;
}

/** A tensor that has been read. */
interface ReadableTensor extends SafetensorsTensor {
  values(): Float32Array;
}

/** The weight files of a Hugging Face folder, in its order of preference. */
const HUGGING_FACE_FILES: readonly string[] = ["model.safetensors", "pytorch_model.bin"];

/**
 * The weight files of a folder; a file of lower preference is never opened.
 *
 * @param names What they may be called, in order of preference; shards have an index with `.index.json` behind it.
 * @throws {CheckpointError} If there are none, or a shard is missing.
 */
export async function* openWeightFiles(
  source: PretrainedSource,
  signal?: AbortSignal,
  names: readonly string[] = HUGGING_FACE_FILES,
): AsyncGenerator<WeightFile> {
  for (const single of names) {
    const open = single.endsWith(".bin") ? openPytorch : openSafetensors;
    const content = await source(single, options(signal));
    if (content !== undefined) {
      yield await open(content);
      return;
    }
    const index = await readText(source, `${single}.index.json`, signal);
    if (index === undefined) continue;
    for (const shard of new Set(parseShardIndex(index).weightMap.values())) {
      const part = await source(shard, options(signal));
      if (part === undefined) {
        throw new CheckpointError(
          `Cannot load the weights as a shard is missing: ${single}.index.json names ${shard}`,
        );
      }
      yield await open(part);
    }
    return;
  }
  throw new CheckpointError(
    `Cannot load the weights as the folder must have ${names.join(" or ")}, or an index of shards: it has none`,
  );
}

/** The text of a file, or `undefined` if there is none. Bytes that are not UTF-8 become U+FFFD. */
export async function readText(
  source: PretrainedSource,
  name: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const content = await source(name, options(signal));
  return content === undefined ? undefined : new Response(content as BodyInit).text();
}

// --- internal ---

function options(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

async function openSafetensors(content: Uint8Array | ReadableStream<Uint8Array>): Promise<WeightFile> {
  if (content instanceof Uint8Array) return fileOf(readSafetensors(content).tensors);
  const stream = await readSafetensors(content);
  return {
    tensors: stream.tensors,
    async *read(wanted) {
      for await (const [name, tensor] of stream.read(wanted)) yield [name, readable(tensor)] as const;
    },
  };
}

async function openPytorch(content: Uint8Array | ReadableStream<Uint8Array>): Promise<WeightFile> {
  if (content instanceof Uint8Array) return fileOf(readPytorchBin(content));
  const stream = await readPytorchBin(content);
  return {
    tensors: stream.tensors,
    async *read(wanted) {
      for await (const [name, tensor] of stream.read(wanted)) yield [name, readable(tensor)] as const;
    },
  };
}

function fileOf(tensors: ReadonlyMap<string, SafetensorsTensor>): WeightFile {
  return {
    tensors,
    async *read(wanted) {
      for (const [name, tensor] of tensors) if (wanted(name)) yield [name, readable(tensor)] as const;
    },
  };
}

function readable(tensor: SafetensorsTensor): ReadableTensor {
  return { ...tensor, values: () => toFloat32(tensor) };
}
