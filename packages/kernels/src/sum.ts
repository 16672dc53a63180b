import { type KernelConfig, type KernelFunc, Sum, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { defineKernel } from "./_define_kernel.ts";

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
    const axes = util.parseAxisParam(params.attrs?.["axis"] as number[], x.shape);
    const isFast =
      x.dtype === "float32" && axes.length < x.shape.length && axes.every((axis) => axis < axes.length);
    return isFast ? sumOfRows.kernelFunc(params) : stock.kernelFunc(params);
  };
  return { ...stock, kernelFunc };
}

// --- internal ---

const sumOfRows: KernelConfig = defineKernel(Sum, (call) => {
  const x = call.input("x");
  const axes = util.parseAxisParam(call.attributes["axis"] as number, x.shape);
  const kept = x.shape.slice(axes.length);
  const rows = util.sizeFromShape(x.shape.slice(0, axes.length));
  const from = call.at(x);
  const out = call.output(call.attributes["keepDims"] === true ? [...axes.map(() => 1), ...kept] : kept);
  call.module.sumRows(from, rows, util.sizeFromShape(kept), call.at(out));
  return out;
});
