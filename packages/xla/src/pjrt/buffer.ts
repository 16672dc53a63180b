import type { PjrtClient, PjrtDevice } from "./client.ts";
import { dtypeBytes, sizeOf, type ArrayType, type PjrtDtype } from "./dtype.ts";
import type { Ffi } from "./ffi.ts";
import type { Ownership } from "./native_objects.ts";
import { int64s, Struct } from "./struct.ts";

/**
 * An array in a device's memory.
 *
 * It may still be in the making: reading it, or running a program on it, waits for what makes it. It is freed by
 * {@link PjrtBuffer.dispose}; the garbage collector is only a net below that, for it does not see the device's memory.
 */
export class PjrtBuffer {
  /** The type of its elements. */
  readonly dtype: PjrtDtype;
  /** Its dimensions, `[]` for a scalar. */
  readonly shape: readonly number[];
  /** Where it lies. */
  readonly device: PjrtDevice;
  readonly #client: PjrtClient;
  readonly #owned: Ownership;
  readonly #index: number;

  /** @internal Buffers come from {@link PjrtClient.toDevice} and {@link PjrtExecutable.execute}. */
  constructor(
    client: PjrtClient,
    owned: Ownership,
    index: number,
    { dtype, shape }: ArrayType,
    device: PjrtDevice,
  ) {
    this.#client = client;
    this.#owned = owned;
    this.#index = index;
    this.dtype = dtype;
    this.shape = shape;
    this.device = device;
  }

  /** The bytes it takes on the host. */
  get byteLength(): number {
    return sizeOf(this.shape) * dtypeBytes(this.dtype);
  }

  /** Whether it was freed, or given away to a program that reused its memory. */
  get isDisposed(): boolean {
    return this.#owned.handle(this.#index) === 0n;
  }

  /**
   * @internal Its native address.
   *
   * @throws {Error} If it was disposed.
   */
  get handle(): bigint {
    const handle = this.#owned.handle(this.#index);
    if (handle === 0n) {
      throw new Error(
        `Cannot use a device buffer of ${this.dtype}[${this.shape.join(", ")}] as it was disposed, or donated to a program`,
      );
    }
    return handle;
  }

  /**
   * Copy it to the host, elements in row-major order and the machine's byte order.
   *
   * @throws {Error} If it was disposed.
   * @throws {PjrtError} If the copy failed, or the program that makes it.
   */
  async toHost(): Promise<Uint8Array<ArrayBuffer>> {
    const { bytes, event } = this.#startCopy();
    await this.#client.events.wait(event, READING);
    return bytes;
  }

  /** As {@link PjrtBuffer.toHost}, here and now: the event loop stands still until the device is done. */
  toHostSync(): Uint8Array<ArrayBuffer> {
    const { bytes, event } = this.#startCopy();
    this.#client.events.waitSync(event, READING);
    return bytes;
  }

  /**
   * Wait until it is made.
   *
   * @throws {PjrtError} If the program that makes it failed.
   */
  async ready(): Promise<void> {
    const { ffi } = this.#client.plugin;
    const args = new Struct(ffi, 32).setPointer(16, this.handle);
    this.#client.plugin.call("Buffer_ReadyEvent", args, "Cannot wait for a device buffer");
    await this.#client.events.wait(args.pointer(24), "Cannot run the program");
  }

  /** Free the device's memory, once nothing that was started needs it; a second call does nothing. */
  dispose(): void {
    this.#owned.release(this.#index);
  }

  /** As {@link PjrtBuffer.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  // --- internal ---

  #startCopy(): { bytes: Uint8Array<ArrayBuffer>; event: bigint } {
    const { plugin } = this.#client;
    const { byteLength } = this;
    const bytes = new Uint8Array(new ArrayBuffer(Math.max(1, byteLength)));
    const args = new Struct(plugin.ffi, 56)
      .setPointer(16, this.handle)
      .setStruct(24, rowMajor(plugin.ffi, this.shape.length))
      .setView(32, bytes)
      .setSize(40, byteLength);
    plugin.call("Buffer_ToHostBuffer", args, READING);
    return { bytes: bytes.subarray(0, byteLength), event: args.pointer(48) };
  }
}

const READING = "Cannot read a device buffer";

/** `PJRT_Buffer_MemoryLayout`, of the tiled kind without tiles: the last dimension varies fastest. */
function rowMajor(ffi: Ffi, rank: number): Struct {
  const order = int64s(Array.from({ length: rank }, (_, index) => rank - 1 - index));
  return new Struct(ffi, 80).setSize(16, 56).setView(32, order).setSize(40, rank);
}
