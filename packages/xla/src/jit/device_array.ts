/** Arrays on one device or several, and how they get there and back. */
import type { Sharding } from "../hlo/module_text.ts";
import { type ElementType, sizeOf } from "../hlo/types.ts";
import type { PjrtBuffer } from "../pjrt/buffer.ts";
import type { PjrtClient, PjrtDevice } from "../pjrt/client.ts";
import type { PjrtDtype } from "../pjrt/dtype.ts";

/** The numbers of a tensor in JavaScript's memory. */
export type HostValues = Float32Array | Int32Array | Uint8Array;

/** A tensor's element type and shape. */
export interface ArrayType {
  readonly dtype: ElementType;
  readonly shape: readonly number[];
}

/** A tensor on devices: a copy on each, or the first dimension divided among them. */
export class DeviceArray {
  readonly dtype: ElementType;
  /** Of the whole tensor. */
  readonly shape: readonly number[];
  readonly buffers: readonly PjrtBuffer[];
  readonly sharding: Sharding;

  /** The array owns the buffers, one a device. */
  constructor({ dtype, shape }: ArrayType, buffers: readonly PjrtBuffer[], sharding: Sharding) {
    this.dtype = dtype;
    this.shape = shape;
    this.buffers = buffers;
    this.sharding = buffers.length === 1 ? "replicated" : sharding;
  }

  /** Copy values to devices. */
  static upload(
    client: PjrtClient,
    devices: readonly PjrtDevice[],
    values: HostValues,
    type: ArrayType,
    sharding: Sharding,
  ): DeviceArray {
    const dtype = DEVICE_TYPES[type.dtype];
    if (sharding === "replicated" || devices.length === 1) {
      const buffers = devices.map((device) => client.toDevice(values, dtype, type.shape, device));
      return new DeviceArray(type, buffers, "replicated");
    }
    const part = sizeOf(type.shape) / devices.length;
    const shape = type.shape.with(0, type.shape[0]! / devices.length);
    const buffers = devices.map((device, i) =>
      client.toDevice(values.subarray(i * part, (i + 1) * part), dtype, shape, device),
    );
    return new DeviceArray(type, buffers, "divided");
  }

  /** Whether it lies on exactly these devices, and so. */
  lies(devices: readonly PjrtDevice[], sharding: Sharding): boolean {
    const { buffers } = this;
    if (buffers.length !== devices.length) return false;
    const right = buffers.length === 1 || this.sharding === sharding;
    return right && buffers.every(({ device }, i) => device === devices[i]);
  }

  /** Copy it to JavaScript's memory once the device has made it. */
  async read(): Promise<HostValues> {
    const parts = this.sharding === "divided" ? this.buffers : this.buffers.slice(0, 1);
    return hostValues(this.dtype, await Promise.all(parts.map((buffer) => buffer.toHost())));
  }

  /** As `read`, waiting for the device. */
  readSync(): HostValues {
    const parts = this.sharding === "divided" ? this.buffers : this.buffers.slice(0, 1);
    return hostValues(
      this.dtype,
      parts.map((buffer) => buffer.toHostSync()),
    );
  }

  /** Free the devices' memory. */
  dispose(): void {
    for (const buffer of this.buffers) buffer.dispose();
  }
}

// --- internal ---

const DEVICE_TYPES: Readonly<Record<ElementType, PjrtDtype>> = {
  f32: "float32",
  bf16: "bfloat16",
  i32: "int32",
  u32: "uint32",
  i1: "bool",
};

function hostValues(dtype: ElementType, parts: readonly Uint8Array<ArrayBuffer>[]): HostValues {
  const bytes = parts.length === 1 ? parts[0]! : joined(parts);
  if (dtype === "i1") return bytes;
  const { buffer, byteOffset, byteLength } = bytes;
  const count = byteLength / 4;
  return dtype === "f32"
    ? new Float32Array(buffer, byteOffset, count)
    : new Int32Array(buffer, byteOffset, count);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
