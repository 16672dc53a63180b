import { Identity, type KernelConfig, type TensorInfo } from "@tensorflow/tfjs-core";
import type { WasmBackend } from "./_wasm_backend.ts";

/**
 * `Identity` for the WASM backend without a copy: tensors never change, so the clone shares the data, as on the other
 * backends. Every tensor that the backward pass will need is a clone, so this decides how much memory training takes.
 */
export const identityConfig: KernelConfig = {
  kernelName: Identity,
  backendName: "wasm",
  kernelFunc: ({ inputs, backend }) => {
    const { dataId, shape, dtype } = inputs["x"] as TensorInfo;
    (backend as WasmBackend).incRef(dataId);
    return { dataId, shape, dtype };
  },
};
