import { type KernelConfig, type TensorInfo, UnsortedSegmentSum, util } from "@tensorflow/tfjs-core";
import type { WasmBackend } from "./_wasm_backend.ts";

/**
 * `UnsortedSegmentSum` for the WASM backend, which lacks it: the gradient of `tf.gather`.
 *
 * Row `i` of `x` is added to row `segmentIds[i]` of the output, in order of `i`, so results repeat bit for bit.
 * As in the `cpu` backend, ids that are negative or `>= numSegments` are left out.
 */
export const unsortedSegmentSumConfig: KernelConfig = {
  kernelName: UnsortedSegmentSum,
  backendName: "wasm",
  kernelFunc: ({ inputs, backend, attrs }) =>
    unsortedSegmentSum(
      inputs["x"] as TensorInfo, // [S, ...]
      inputs["segmentIds"] as TensorInfo, // [S]
      (attrs as unknown as { numSegments: number }).numSegments,
      backend as WasmBackend,
    ),
};

// --- internal ---

function unsortedSegmentSum(
  x: TensorInfo,
  segmentIds: TensorInfo,
  numSegments: number,
  backend: WasmBackend,
): TensorInfo {
  const rowShape = x.shape.slice(segmentIds.shape.length);
  const out = backend.makeOutput([numSegments, ...rowShape], x.dtype); // [numSegments, ...]
  // Views come after the allocation, which may have moved the memory.
  const sums = backend.typedArrayFromHeap(out);
  const rows = backend.typedArrayFromHeap(x);
  const ids = backend.typedArrayFromHeap(segmentIds);
  const width = util.sizeFromShape(rowShape);
  sums.fill(0);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (id < 0 || id >= numSegments) continue;
    const to = id * width;
    const from = i * width;
    for (let j = 0; j < width; j++) sums[to + j]! += rows[from + j]!;
  }
  return out;
}
