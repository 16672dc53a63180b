import type { DataType, TensorInfo } from "@tensorflow/tfjs-core";

/**
 * What the kernels here use of `BackendWasm`: the tensors' places on the heap, and the module that owns it.
 *
 * Spelt out because the published declaration leans on ambient Emscripten types, and names no C function.
 */
export interface WasmBackend {
  readonly wasm: WasmModule;
  readonly dataIdMap: { get(dataId: object): { readonly id: number; readonly memoryOffset: number } };
  makeOutput(shape: number[], dtype: DataType): TensorInfo;
  disposeData(dataId: object): boolean;
  incRef(dataId: object): void;
  /** A view of the tensor's values; any later allocation may grow the memory and detach it. */
  typedArrayFromHeap(tensor: TensorInfo): Float32Array | Int32Array | Uint8Array;
}

/** The Emscripten module of TensorFlow.js's WASM backend. Sizes are in elements, offsets in bytes. */
interface WasmModule {
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(offset: number): void;
  /** Shapes are pointers to int32 `[batch, rows, columns]`; tensors are ids given to `registerTensor`. */
  _BatchMatMul(
    a: number,
    aShape: number,
    aRank: number,
    b: number,
    bShape: number,
    bRank: number,
    transposeA: number,
    transposeB: number,
    out: number,
  ): void;
  readonly tfjs: {
    registerTensor(id: number, size: number, offset: number): void;
    /** Forgets the id and what was cached for it (XNNPACK's packed weights); frees no memory. */
    disposeData(id: number): void;
  };
}
