/** What the module exports. Addresses are bytes in TensorFlow.js's memory; this module has none of its own. */
export { activate, geluGrad } from "./activation";
export { matMul, matMulScratch } from "./mat_mul";
export {
  packedBytes,
  packInt4,
  packInt8,
  packScales,
  quantize,
  quantizedBytes,
  quantizedLinear,
  unpackInt4,
  unpackInt8,
  unpackScales,
} from "./quantized";
