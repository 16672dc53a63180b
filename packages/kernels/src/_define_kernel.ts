import { type DataType, type KernelConfig, Tensor, type TensorInfo } from "@tensorflow/tfjs-core";
import type { KernelModule } from "./_kernel_module.ts";
import type { WasmBackend } from "./_wasm_backend.ts";

/** What a kernel has while it runs: its tensors as addresses, room for results and scratch, the module. */
export interface Call {
  readonly module: KernelModule;
  readonly backend: WasmBackend;
  /**
   * An input; of float32 if nothing else is said.
   *
   * @throws {TypeError} If it is missing, disposed, or of another dtype.
   */
  input(name: string, ...dtypes: DataType[]): TensorInfo;
  /** An input that may be left out. */
  optional(name: string, ...dtypes: DataType[]): TensorInfo | undefined;
  /** The attributes, as the caller of the kernel gave them. */
  readonly attributes: Readonly<Record<string, number | string | boolean | readonly number[] | undefined>>;
  /** Where a tensor lies. One of another backend is moved here; an address holds while the tensor lives. */
  at(tensor: TensorInfo): number;
  /** A number at an address, as float32 or int32. */
  read(at: number, dtype?: "float32" | "int32"): number;
  /** A float32 scalar of this value. */
  scalar(value: number): TensorInfo;
  /** A tensor for results, of any content. */
  output(shape: readonly number[], dtype?: DataType): TensorInfo;
  /** Bytes that are free again when the kernel ends. */
  scratch(bytes: number): number;
}

/**
 * A kernel of the WASM backend.
 *
 * @param kernelName The name under which TensorFlow.js finds it.
 * @param run Computes the results; a list of them if there are several.
 */
export function defineKernel(
  kernelName: string,
  run: (call: Call) => TensorInfo | TensorInfo[],
): KernelConfig {
  return {
    kernelName,
    backendName: "wasm",
    kernelFunc: ({ inputs, attrs, backend }) => {
      const wasmBackend = backend as WasmBackend;
      const taken: number[] = [];
      const optional = (name: string, ...dtypes: DataType[]): TensorInfo | undefined => {
        const tensor = inputs[name] as TensorInfo | undefined | null;
        return tensor == null ? undefined : checked(kernelName, name, tensor, dtypes);
      };
      const call: Call = {
        module: moduleOf(wasmBackend),
        backend: wasmBackend,
        optional,
        input: (name, ...dtypes) => {
          const tensor = optional(name, ...dtypes);
          if (tensor !== undefined) return tensor;
          throw new TypeError(`Cannot run ${kernelName} as its input ${name} is missing`);
        },
        attributes: (attrs ?? {}) as Call["attributes"],
        at: ({ dataId }) => wasmBackend.dataIdMap.get(dataId).memoryOffset,
        output: (shape, dtype = "float32") => wasmBackend.makeOutput([...shape], dtype),
        read: (at, dtype = "float32") => {
          const { buffer } = wasmBackend.wasm.HEAPU8;
          return (dtype === "float32" ? new Float32Array(buffer, at, 1) : new Int32Array(buffer, at, 1))[0]!;
        },
        scalar: (value) => {
          const out = wasmBackend.makeOutput([], "float32");
          wasmBackend.typedArrayFromHeap(out)[0] = value;
          return out;
        },
        scratch: (bytes) => {
          const offset = wasmBackend.wasm._malloc(bytes);
          taken.push(offset);
          return offset;
        },
      };
      try {
        return run(call);
      } finally {
        for (const offset of taken) wasmBackend.wasm._free(offset);
      }
    },
  };
}

/** Remember our module for a backend, and forget it with the backend. */
export function setModule(backend: object, module: KernelModule): void {
  modules.set(backend, module);
}

// --- internal ---

const modules = new WeakMap<object, KernelModule>();

function moduleOf(backend: WasmBackend): KernelModule {
  const module = modules.get(backend);
  if (module !== undefined) return module;
  throw new Error("Cannot run kernels on a WASM backend that createWasmBackend() did not make");
}

function checked(kernelName: string, name: string, tensor: TensorInfo, dtypes: DataType[]): TensorInfo {
  if (tensor instanceof Tensor && tensor.isDisposed) {
    throw new TypeError(`Cannot run ${kernelName} as its input ${name} is disposed`);
  }
  const wanted = dtypes.length === 0 ? ["float32"] : dtypes;
  if (wanted.includes(tensor.dtype)) return tensor;
  throw new TypeError(
    `Cannot run ${kernelName} as ${name} must be ${wanted.join(" or ")}: it is ${tensor.dtype}`,
  );
}
