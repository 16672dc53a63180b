/** What the module exports. Addresses are bytes in TensorFlow.js's memory; this module has none of its own. */
export { activate, geluGrad } from "./activation";
export { adamW, sumOfSquares } from "./adam";
export { attention, attentionGrad, attentionScratch } from "./attention";
export { dropout } from "./dropout";
export { layerNorm, layerNormGrad } from "./layer_norm";
export { matMul, matMulScratch } from "./mat_mul";
export { quantize, quantizedBytes } from "./quantize";
export { quantizedLinear, quantizedScratch } from "./quantized";
export {
  packedBytes,
  packInt4,
  packInt8,
  packScales,
  unpackInt4,
  unpackInt8,
  unpackInt8Scales,
  unpackScales,
} from "./quantized_pack";
export { crossEntropy, crossEntropyGrad } from "./softmax";
export { segmentSum, sumRows } from "./sums";
