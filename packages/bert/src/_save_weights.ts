import {
  dtypeSize,
  formatShardIndex,
  type SafetensorsLayout,
  splitIntoShards,
  writeSafetensorsStream,
} from "@kcbert/safetensors";
import type { PretrainedSink } from "./pretrained.ts";

/**
 * Save weights as `model.safetensors`, or as shards with an index. One file is in memory at a time.
 *
 * @param sink Where to.
 * @param layouts What the files hold, in the order in which it is distributed to shards.
 * @param bytesOf The elements of a tensor; asked for once each, when its turn comes.
 * @param maxShardBytes The most bytes of a file.
 * @param stem What the names begin with, in place of `model`.
 */
export async function saveWeights(
  sink: PretrainedSink,
  layouts: ReadonlyMap<string, SafetensorsLayout>,
  bytesOf: (name: string) => Uint8Array | Promise<Uint8Array>,
  maxShardBytes: number = Number.POSITIVE_INFINITY,
  stem = "model",
): Promise<void> {
  const shards = splitIntoShards(layouts, maxShardBytes);
  const weightMap = new Map<string, string>();
  let totalSize = 0;
  for (const [name, keys] of shards) {
    const file = name.replace(/^model/, stem);
    await sink(file, await weightFile(new Map(keys.map((key) => [key, layouts.get(key)!])), bytesOf));
    for (const key of keys) weightMap.set(key, file);
    totalSize += keys.reduce((sum, key) => sum + byteLength(layouts.get(key)!), 0);
  }
  if (shards.size > 1) {
    const index = formatShardIndex({ weightMap, totalSize });
    await sink(`${stem}.safetensors.index.json`, new TextEncoder().encode(index));
  }
}

// --- internal ---

/** A safetensors file in one buffer, filled tensor by tensor. */
async function weightFile(
  layouts: ReadonlyMap<string, SafetensorsLayout>,
  bytesOf: (name: string) => Uint8Array | Promise<Uint8Array>,
): Promise<Uint8Array> {
  let file: Uint8Array | undefined;
  let filled = 0;
  for await (const piece of writeSafetensorsStream(layouts, bytesOf, { format: "pt" })) {
    file ??= new Uint8Array(
      [...layouts.values()].reduce((sum, layout) => sum + byteLength(layout), piece.length),
    );
    file.set(piece, filled);
    filled += piece.length;
  }
  return file!;
}

function byteLength({ dtype, shape }: SafetensorsLayout): number {
  return shape.reduce((product, size) => product * size, dtypeSize(dtype));
}
