/**
 * Read and write safetensors, and read PyTorch checkpoints (`@kcbert/safetensors/pytorch`), without Python.
 *
 * @example
 * ```ts
 * import { fromFloat32, readSafetensors, toFloat32, writeSafetensors } from "@kcbert/safetensors";
 * import assert from "node:assert/strict";
 *
 * const file = writeSafetensors([["weight", fromFloat32(Float32Array.of(1, 2, 3, 4), [2, 2])]], { format: "pt" });
 * assert.deepEqual(toFloat32(readSafetensors(file).tensors.get("weight")!), Float32Array.of(1, 2, 3, 4));
 * ```
 *
 * @module
 */
export { CheckpointError } from "./checkpoint_error.ts";
export { type Dtype, dtypeSize, type SafetensorsTensor } from "./dtype.ts";
export { readSafetensors, type SafetensorsFile } from "./read_safetensors.ts";
export type { SafetensorsBlob, SafetensorsBlobTensor } from "./_read_blob.ts";
export type { SafetensorsStream } from "./_read_stream.ts";
export { fromFloat32, toFloat32, toInt32 } from "./to_float32.ts";
export { type SafetensorsLayout, writeSafetensors, writeSafetensorsStream } from "./write_safetensors.ts";
export { formatShardIndex, parseShardIndex, type ShardIndex, splitIntoShards } from "./shards.ts";
