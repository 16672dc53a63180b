import type { DataType, TensorInfo } from "@tensorflow/tfjs-core";

/**
 * What the kernels here use of `BackendWasm`: the tensors' places on the heap, and the module that owns it.
 *
 * Spelt out because the published declaration leans on ambient Emscripten types.
 */
export interface WasmBackend {
  readonly wasm: {
    readonly HEAPU8: Uint8Array;
    _malloc(bytes: number): number;
    _free(offset: number): void;
  };
  readonly dataIdMap: { get(dataId: object): { readonly id: number; readonly memoryOffset: number } };
  makeOutput(shape: number[], dtype: DataType): TensorInfo;
  disposeData(dataId: object): boolean;
  incRef(dataId: object): void;
  /** A view of the tensor's values; any later allocation may grow the memory and detach it. */
  typedArrayFromHeap(tensor: TensorInfo): Float32Array | Int32Array | Uint8Array;
}
