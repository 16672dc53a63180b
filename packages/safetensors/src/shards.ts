import { quote } from "./_header.ts";
import { CheckpointError } from "./checkpoint_error.ts";
import { tensorByteLength } from "./dtype.ts";
import type { SafetensorsLayout } from "./write_safetensors.ts";

/** What a `model.safetensors.index.json` (or `pytorch_model.bin.index.json`) says. */
export interface ShardIndex {
  /** The file that holds each tensor, by the tensor's name. */
  readonly weightMap: ReadonlyMap<string, string>;
  /** Bytes of all tensors together, if it is said. */
  readonly totalSize?: number | undefined;
}

/**
 * Read the index of a checkpoint in several files.
 *
 * @param json The text of `model.safetensors.index.json`.
 * @throws {CheckpointError} If it is no index, or names a file that is not beside it: no path may leave the folder.
 *
 * @example
 * ```ts
 * import { parseShardIndex } from "@kcbert/safetensors";
 * import assert from "node:assert/strict";
 *
 * const { weightMap } = parseShardIndex('{"weight_map": {"a": "model-00001-of-00002.safetensors"}}');
 * assert.equal(weightMap.get("a"), "model-00001-of-00002.safetensors");
 * assert.throws(() => parseShardIndex('{"weight_map": {"a": "../model.safetensors"}}'), /beside the index/);
 * ```
 */
export function parseShardIndex(json: string): ShardIndex {
  let index: unknown;
  try {
    index = JSON.parse(json);
  } catch (cause) {
    throw new CheckpointError("Cannot read the index of the shards as it is not JSON", undefined, { cause });
  }
  const weightMap = entriesOf(entriesOf(index)?.get("weight_map"));
  if (weightMap === undefined) {
    throw new CheckpointError(
      "Cannot read the index of the shards as it must be an object with an object weight_map",
    );
  }
  for (const [name, file] of weightMap) {
    if (typeof file !== "string" || !/^[^/\\:\0]+$/.test(file) || /^\.+$/.test(file)) {
      throw new CheckpointError(
        `Cannot read the index of the shards as every shard must be a file beside the index: ${quote(name)} is in ${quote(JSON.stringify(file) ?? "")}`,
      );
    }
  }
  const totalSize = entriesOf(entriesOf(index)?.get("metadata"))?.get("total_size");
  return {
    weightMap: weightMap as Map<string, string>,
    totalSize: typeof totalSize === "number" ? totalSize : undefined,
  };
}

/** The text of an index, as Hugging Face writes it. */
export function formatShardIndex({ weightMap, totalSize = 0 }: ShardIndex): string {
  const sorted = [...weightMap].sort(([a], [b]) => (a < b ? -1 : 1));
  const index = { metadata: { total_size: totalSize }, weight_map: Object.fromEntries(sorted) };
  return `${JSON.stringify(index, null, 2)}\n`;
}

/**
 * Distribute tensors to files of at most `maxBytes` each, in the given order, under Hugging Face's names.
 *
 * @param layouts Name, dtype and shape of every tensor.
 * @param maxBytes The most bytes of tensors in a file; a tensor that is larger gets a file of its own.
 * @returns The names of the tensors by file: `model.safetensors` if all fit, else `model-00001-of-00003.safetensors`, ….
 * @throws {RangeError} If `maxBytes` is not above 0, or a size is out of its range.
 *
 * @example
 * ```ts
 * import { splitIntoShards } from "@kcbert/safetensors";
 * import assert from "node:assert/strict";
 *
 * const layout = { dtype: "F32", shape: [100] } as const;
 * const shards = splitIntoShards([["a", layout], ["b", layout], ["c", layout]], 800);
 * assert.deepEqual([...shards.values()], [["a", "b"], ["c"]]);
 * ```
 */
export function splitIntoShards(
  layouts: Iterable<readonly [name: string, layout: SafetensorsLayout]>,
  maxBytes: number,
): Map<string, string[]> {
  if (!(maxBytes > 0))
    throw new RangeError(`Cannot split as maxBytes must be above 0: maxBytes is ${maxBytes}`);
  const shards: string[][] = [[]];
  let filled = 0;
  for (const [name, { dtype, shape }] of layouts) {
    const size = tensorByteLength(dtype, shape);
    if (size === undefined)
      throw new RangeError(`Cannot split as a size is out of range: [${shape.join(", ")}]`);
    if (filled > 0 && filled + size > maxBytes) {
      shards.push([]);
      filled = 0;
    }
    shards.at(-1)!.push(name);
    filled += size;
  }
  const number = (value: number): string => String(value).padStart(5, "0");
  const file = (index: number): string =>
    shards.length === 1
      ? "model.safetensors"
      : `model-${number(index + 1)}-of-${number(shards.length)}.safetensors`;
  return new Map(shards.map((names, index) => [file(index), names]));
}

// --- internal ---

/** The own entries of an object, `__proto__` among them; `undefined` of anything else. */
function entriesOf(value: unknown): Map<string, unknown> | undefined {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? new Map(Object.entries(value)) : undefined;
}
