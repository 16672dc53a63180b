/** What the backend keeps of a tensor's data. */
import type { DataId, DataType } from "@tensorflow/tfjs-core";
import type { Value } from "../hlo/graph.ts";
import { type ElementType, sizeOf } from "../hlo/types.ts";
import type { DeviceArray, HostValues } from "./device_array.ts";

/** The data of one tensor or of several that share it: on the host, on devices, or yet to be computed. */
export interface Stored {
  readonly dataId: DataId;
  readonly dtype: DataType;
  /** The shape in which it was written or made; a reshaped tensor may share it. */
  readonly shape: readonly number[];
  /** How many tensors share it. */
  refCount: number;
  /** How many programs that wait for their turn need it. */
  holds: number;
  /** Whether no tensor is left. */
  orphaned: boolean;
  /** On the host. */
  values?: HostValues | undefined;
  /** On devices. */
  array?: DeviceArray | undefined;
  /** Inside `jit`: what it is in the program. */
  traced?: Value | undefined;
  /** The recording that made it. */
  trace?: object | undefined;
  /** Why it could not be computed. */
  failure?: unknown;
}

/** The element type of a TensorFlow.js dtype on a device. */
export function elementTypeOf(dtype: DataType): ElementType {
  if (dtype === "float32") return "f32";
  if (dtype === "int32") return "i32";
  if (dtype === "bool") return "i1";
  throw new TypeError(`Cannot bring a tensor of ${dtype} to a device: float32, int32 and bool can be`);
}

/** The TensorFlow.js dtype of an element type: bfloat16 is hidden behind float32. */
export function dataTypeOf(dtype: ElementType): DataType {
  if (dtype === "i1") return "bool";
  return dtype === "f32" || dtype === "bf16" ? "float32" : "int32";
}

/** Values as a device wants them: TensorFlow.js takes any array for any dtype. */
export function asHostValues(values: ArrayLike<number | boolean>, dtype: DataType): HostValues {
  if (dtype === "float32") {
    return values instanceof Float32Array ? values : Float32Array.from(values as ArrayLike<number>);
  }
  if (dtype === "int32") {
    return values instanceof Int32Array ? values : Int32Array.from(values as ArrayLike<number>);
  }
  const bytes = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) bytes[i] = values[i] ? 1 : 0;
  return bytes;
}

/** Whether the numbers are all the same. */
export function isUniform(values: HostValues): boolean {
  const [first] = values;
  for (let i = 1; i < values.length; i++) if (values[i] !== first) return false;
  return true;
}

/** The type on a device of what is stored. */
export function arrayType({ dtype, shape }: Stored): { dtype: ElementType; shape: readonly number[] } {
  return { dtype: elementTypeOf(dtype), shape };
}

/** How many numbers are stored. */
export function storedSize({ shape }: Stored): number {
  return sizeOf(shape);
}
