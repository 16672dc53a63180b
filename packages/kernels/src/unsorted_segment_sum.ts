import { type KernelConfig, UnsortedSegmentSum, util } from "@tensorflow/tfjs-core";
import { defineKernel } from "./_define_kernel.ts";

/**
 * `UnsortedSegmentSum` for the WASM backend, which lacks it: the gradient of `tf.gather`.
 *
 * Row `i` of `x` is added to row `segmentIds[i]` of the output, in order of `i`, so results repeat bit for bit.
 * As in the `cpu` backend, ids that are negative or `>= numSegments` are left out.
 */
export const unsortedSegmentSumConfig: KernelConfig = defineKernel(UnsortedSegmentSum, (call) => {
  const x = call.input("x", "float32", "int32"); // [S, ...]
  const segmentIds = call.input("segmentIds", "int32"); // [S]
  const segments = Number(call.attributes["numSegments"]);
  const rowShape = x.shape.slice(segmentIds.shape.length);
  const [from, ids] = [call.at(x), call.at(segmentIds)];
  const out = call.output([segments, ...rowShape], x.dtype); // [numSegments, ...]
  const count = util.sizeFromShape(segmentIds.shape);
  const width = util.sizeFromShape(rowShape);
  call.module.segmentSum(from, ids, call.at(out), count, width, segments, x.dtype === "float32");
  return out;
});
