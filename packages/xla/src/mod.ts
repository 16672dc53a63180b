/**
 * TensorFlow.js on TPU, NVIDIA GPU and CPU: XLA through the PJRT C API.
 *
 * @module
 */
export {
  jit,
  type CompiledProgram,
  type JitOptions,
  type JittedFunction,
  type TensorFunction,
} from "./jit/jit.ts";
export type { Precision } from "./kernels/lowering.ts";
export { PjrtBuffer } from "./pjrt/buffer.ts";
export { PjrtClient, type ClientOptions, type DeviceMemory, type PjrtDevice } from "./pjrt/client.ts";
export type { CompileCache } from "./pjrt/compile_cache.ts";
export type { CompileOptions } from "./pjrt/compile_options.ts";
export { stablehloType, type ArrayType, type PjrtDtype } from "./pjrt/dtype.ts";
export { PjrtExecutable, type ExecutableCost, type ExecutableMemory } from "./pjrt/executable.ts";
export type { Float, NamedValue } from "./pjrt/named_values.ts";
export { PjrtError, PjrtOutOfMemoryError, type PjrtErrorCode } from "./pjrt/pjrt_error.ts";
export { PjrtPlugin, type PluginOptions } from "./pjrt/plugin.ts";
export { PjrtTopology, type AheadOfTimeProgram } from "./pjrt/topology.ts";
export { registerXlaBackend, registerXlaBackendOn, type XlaBackendOptions } from "./register.ts";
