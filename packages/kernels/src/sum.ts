import { type KernelConfig, type KernelFunc, type TensorInfo, util } from "@tensorflow/tfjs-core";
import type { WasmBackend } from "./_wasm_backend.ts";

/**
 * `Sum` for the WASM backend, fast where the summed axes come first: the gradient of a bias or a gain.
 *
 * The stock kernel transposes first; here rows are added up as they lie. Other sums go to the stock kernel.
 *
 * @param stock The kernel to fall back on.
 */
export function sumConfig(stock: KernelConfig): KernelConfig {
  const kernelFunc: KernelFunc = (params) => {
    const x = params.inputs["x"] as TensorInfo;
    const { axis, keepDims } = params.attrs as unknown as { axis: number | number[]; keepDims: boolean };
    const axes = util.parseAxisParam(axis, x.shape);
    const summed = util.sizeFromShape(x.shape.slice(0, axes.length));
    const isFast =
      x.dtype === "float32" && axes.length < x.shape.length && axes.every((a) => a < axes.length);
    if (!isFast) return stock.kernelFunc(params);
    const kept = x.shape.slice(axes.length);
    const shape = keepDims ? [...axes.map(() => 1), ...kept] : kept;
    return sumRows(x, summed, shape, params.backend as WasmBackend);
  };
  return { ...stock, kernelFunc };
}

// --- internal ---

/** The sum of the rows of `[rows, …shape]`; four at a time, which reads and writes the sums less often. */
function sumRows(x: TensorInfo, rows: number, shape: number[], backend: WasmBackend): TensorInfo {
  const out = backend.makeOutput(shape, "float32");
  const sums = backend.typedArrayFromHeap(out);
  const values = backend.typedArrayFromHeap(x);
  const width = sums.length;
  sums.fill(0);
  let row = 0;
  for (; row + 4 <= rows; row += 4) {
    const a = row * width;
    const b = a + width;
    const c = b + width;
    const d = c + width;
    for (let j = 0; j < width; j++)
      sums[j]! += values[a + j]! + values[b + j]! + values[c + j]! + values[d + j]!;
  }
  for (; row < rows; row++) {
    const a = row * width;
    for (let j = 0; j < width; j++) sums[j]! += values[a + j]!;
  }
  return out;
}
