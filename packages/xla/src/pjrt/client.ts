import { PjrtBuffer } from "./buffer.ts";
import { cacheKey, readEntry, writeEntry, type CompileCache } from "./compile_cache.ts";
import { serializeCompileOptions, type CompileOptions } from "./compile_options.ts";
import { dtypeBytes, dtypeNumber, sizeOf, type PjrtDtype } from "./dtype.ts";
import { Events } from "./events.ts";
import { PjrtExecutable } from "./executable.ts";
import { setNamedValues, type Float, type NamedValue } from "./named_values.ts";
import { NativeObjects } from "./native_objects.ts";
import { programStruct } from "./program.ts";
import type { PjrtPlugin } from "./plugin.ts";
import { int64s, readPointers, readString, Struct } from "./struct.ts";

/** One device that a client runs programs on. */
export interface PjrtDevice {
  /** Its number among all devices of its kind. */
  readonly id: number;
  /** What it is, in its maker's words, such as `cpu` or `NVIDIA H200`. */
  readonly kind: string;
  /** Its native address. */
  readonly handle: bigint;
}

/** What a device's memory holds, in bytes; what the plugin does not tell is left out. */
export interface DeviceMemory {
  /** Taken now. */
  inUse: number;
  /** The most that was taken at once. */
  peak?: number;
  /** What may be taken. */
  limit?: number;
}

/** Options of {@link PjrtClient.create}: what the plugin itself takes, by its names. */
export type ClientOptions = Readonly<Record<string, NamedValue | Float>>;

/**
 * The devices of one plugin, ready to hold arrays and run programs.
 *
 * @example Add one to two numbers on the CPU
 * ```ts ignore
 * import { PjrtClient, PjrtPlugin } from "@kcbert/xla";
 *
 * const client = PjrtClient.create(await PjrtPlugin.load(path));
 * const program = await client.compile(`
 *   func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
 *     %one = stablehlo.constant dense<1.0> : tensor<2xf32>
 *     %sum = stablehlo.add %x, %one : tensor<2xf32>
 *     return %sum : tensor<2xf32>
 *   }`);
 * const x = client.toDevice(Float32Array.of(1, 2), "float32", [2]);
 * const [[sum]] = program.execute([[x]]);
 * console.log(new Float32Array((await sum.toHost()).buffer)); // [2, 3]
 * client.dispose();
 * ```
 */
export class PjrtClient {
  /** The plugin it came from. */
  readonly plugin: PjrtPlugin;
  /** What kind of device it drives: `cpu`, `cuda`, `tpu`. */
  readonly platform: string;
  /** The version of the platform, in the plugin's words. */
  readonly platformVersion: string;
  /** The devices of this process. */
  readonly devices: readonly PjrtDevice[];
  /** Flags of XLA for every program. */
  readonly flags: NonNullable<CompileOptions["flags"]>;
  /** Where compiled programs are kept from one process to the next, if anywhere. */
  cache: CompileCache | undefined;
  /** @internal The native objects that are alive. */
  readonly objects: NativeObjects;
  /** @internal Those who wait for the devices. */
  readonly events: Events;
  /** Devices at work while the process ends take it down with a segmentation fault: they are waited for. */
  readonly #keepFromExit: () => void;
  #compiling = 0;
  /** Whether it is to be disposed once nothing is being compiled any more. */
  #ending = false;
  #handle: bigint;

  private constructor(plugin: PjrtPlugin, handle: bigint, flags: CompileOptions["flags"]) {
    this.plugin = plugin;
    this.flags = { ...flags };
    this.#handle = handle;
    this.objects = new NativeObjects(plugin);
    this.events = new Events(plugin);
    this.platform = this.#string("Client_PlatformName");
    this.platformVersion = this.#string("Client_PlatformVersion");
    this.devices = this.#readDevices();
    this.#keepFromExit = plugin.ffi.onExit(() => this.dispose());
    plugin.memory = () => (this.#handle === 0n ? undefined : this.memory());
  }

  /**
   * Take hold of the plugin's devices.
   *
   * This may take seconds, and the event loop stands still meanwhile.
   *
   * @param options The plugin's own, such as `cpu_device_count` (a CPU has 4 devices without it), or
   * `memory_fraction` and `preallocate` on a GPU.
   * @param flags Flags of XLA for every program, such as `xla_gpu_cuda_data_dir`.
   * @throws {PjrtError} If there is no such device, its driver is missing, or another process holds it.
   */
  static create(
    plugin: PjrtPlugin,
    options: ClientOptions = {},
    flags: CompileOptions["flags"] = {},
  ): PjrtClient {
    const args = new Struct(plugin.ffi, 88);
    setNamedValues(args, 16, options);
    plugin.call("Client_Create", args, `Cannot start the devices of the plugin ${plugin.path}`);
    return new PjrtClient(plugin, args.pointer(64), flags);
  }

  /**
   * @internal Its native address.
   *
   * @throws {Error} If it was disposed.
   */
  get handle(): bigint {
    if (this.#handle === 0n || this.#ending)
      throw new Error(`Cannot use the ${this.platform} client as it was disposed`);
    return this.#handle;
  }

  /** How many programs are being compiled on other threads. Nothing can stop them but the end of the process. */
  get compiling(): number {
    return this.#compiling;
  }

  /**
   * Compile a program, on another thread, or take it from {@link PjrtClient.cache}.
   *
   * @param stablehlo The program, as StableHLO's text with a function `main`, or as its bytecode.
   * @throws {PjrtError} If XLA refuses the program; the message says where and why.
   */
  async compile(stablehlo: string | Uint8Array, options: CompileOptions = {}): Promise<PjrtExecutable> {
    this.#compiling++;
    try {
      const { cache } = this;
      if (cache === undefined) return await this.#compile(stablehlo, options);
      const key = await this.#cacheKey(cache, stablehlo, options);
      const entry = await readEntry(cache, key);
      const cached = entry && (await this.load(entry, stablehlo).catch(() => undefined));
      if (cached !== undefined) return cached;
      const program = await this.#compile(stablehlo, options);
      await this.#keep(cache, key, program);
      return program;
    } finally {
      this.#compiling--;
      if (this.#ending && this.#compiling === 0) this.dispose();
    }
  }

  /**
   * As {@link PjrtClient.compile}, here and now and past the cache: the event loop stands still. For programs of a few
   * operations.
   *
   * @throws {PjrtError} If XLA refuses the program.
   */
  compileSync(stablehlo: string | Uint8Array, options: CompileOptions = {}): PjrtExecutable {
    const args = this.#compilation(stablehlo, options);
    this.plugin.call("Client_Compile", args, "Cannot compile the program");
    return new PjrtExecutable(this, args.pointer(48), stablehlo, "compiler");
  }

  /**
   * Load a program that {@link PjrtExecutable.serialize} gave, on the same platform and plugin.
   *
   * @param stablehlo The text it was compiled from, which says which arguments it reuses.
   * @throws {PjrtError} If the plugin refuses it, for instance because another version of it wrote it.
   */
  async load(serialized: Uint8Array, stablehlo: string | Uint8Array): Promise<PjrtExecutable> {
    const bytes = still(serialized);
    const args = new Struct(this.plugin.ffi, 64)
      .setPointer(16, this.handle)
      .setView(24, bytes)
      .setSize(32, bytes.length);
    await this.plugin.callAsync("Executable_DeserializeAndLoad", args, "Cannot load the compiled program");
    return new PjrtExecutable(this, args.pointer(40), stablehlo, "bytes");
  }

  /**
   * Copy an array to a device. The data may change as soon as this returns.
   *
   * @param data The elements in row-major order and the machine's byte order; `bool` takes a byte each.
   * @param shape The dimensions, `[]` for a scalar.
   * @param device Where to. Default the first device.
   * @throws {TypeError} If the bytes are not those that dtype and shape call for.
   * @throws {PjrtError} If the device has no room for it.
   */
  toDevice(
    data: ArrayBufferView,
    dtype: PjrtDtype,
    shape: readonly number[],
    device: PjrtDevice = this.devices[0]!,
  ): PjrtBuffer {
    const number = dtypeNumber(dtype);
    const expected = sizeOf(shape) * dtypeBytes(dtype);
    if (data.byteLength !== expected) {
      throw new TypeError(
        `Cannot copy ${data.byteLength} bytes to the device as ${dtype}[${shape.join(", ")}] takes ${expected}`,
      );
    }
    const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    const args = new Struct(this.plugin.ffi, 120)
      .setPointer(16, this.handle)
      .setView(24, expected === 0 ? new Uint8Array(new ArrayBuffer(8)) : bytes)
      .setInt(32, number)
      .setView(40, int64s(shape))
      .setSize(48, shape.length)
      .setInt(72, IMMUTABLE_ONLY_DURING_CALL)
      .setPointer(80, device.handle);
    this.plugin.call("Client_BufferFromHostBuffer", args, `Cannot copy ${expected} bytes to the device`);
    this.events.drop(args.pointer(104));
    const owned = this.objects.adoptOne(args.pointer(112), "Buffer_Destroy");
    return new PjrtBuffer(this, owned, 0, { dtype, shape }, device);
  }

  /**
   * What a device's memory holds, or `undefined` where the plugin does not tell.
   */
  memory(device: PjrtDevice = this.devices[0]!): DeviceMemory | undefined {
    const args = new Struct(this.plugin.ffi, 192).setPointer(16, device.handle);
    try {
      this.plugin.call("Device_MemoryStats", args, "Cannot read the device's memory");
    } catch {
      return undefined; // the CPU's plugin counts nothing
    }
    return {
      inUse: args.size(24),
      ...(args.bool(40) && { peak: args.size(32) }),
      ...(args.bool(88) && { limit: args.size(80) }),
    };
  }

  /**
   * Free all its arrays and programs, and let go of the devices, once what is being compiled is done; a second call does
   * nothing.
   */
  dispose(): void {
    if (this.#handle === 0n) return;
    this.#ending = true;
    if (this.#compiling > 0) return; // the compiler is using it
    this.#keepFromExit();
    this.objects.releaseAll();
    const args = new Struct(this.plugin.ffi, 24).setPointer(16, this.#handle);
    this.#handle = 0n;
    this.plugin.call("Client_Destroy", args, "Cannot let go of the devices");
  }

  /** As {@link PjrtClient.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  // --- internal ---

  async #compile(stablehlo: string | Uint8Array, options: CompileOptions): Promise<PjrtExecutable> {
    const args = this.#compilation(stablehlo, options);
    await this.plugin.callAsync("Client_Compile", args, "Cannot compile the program");
    return new PjrtExecutable(this, args.pointer(48), stablehlo, "compiler");
  }

  #compilation(stablehlo: string | Uint8Array, options: CompileOptions): Struct {
    const { ffi } = this.plugin;
    const serialized = this.#serializedOptions(options);
    return new Struct(ffi, 56)
      .setPointer(16, this.handle)
      .setStruct(24, programStruct(ffi, stablehlo))
      .setView(32, serialized)
      .setSize(40, serialized.length);
  }

  #serializedOptions(options: CompileOptions): Uint8Array<ArrayBuffer> {
    return serializeCompileOptions({ ...options, flags: { ...this.flags, ...options.flags } });
  }

  #cacheKey(cache: CompileCache, stablehlo: string | Uint8Array, options: CompileOptions): Promise<string> {
    const { version, attributes } = this.plugin;
    const kinds = this.devices.map(({ kind }) => kind);
    const facts = [cache.build, this.platform, this.platformVersion, version, attributes, kinds];
    return cacheKey([stablehlo, this.#serializedOptions(options), JSON.stringify(facts)]);
  }

  /** Keep a program for the next process, where the plugin can write it down. */
  async #keep(cache: CompileCache, key: string, program: PjrtExecutable): Promise<void> {
    let bytes: Uint8Array;
    try {
      bytes = program.serialize();
    } catch {
      return; // optional in the C API
    }
    await writeEntry(cache, key, bytes);
  }

  #string(name: "Client_PlatformName" | "Client_PlatformVersion"): string {
    const args = new Struct(this.plugin.ffi, 40).setPointer(16, this.#handle);
    this.plugin.call(name, args, "Cannot ask for the platform");
    return readString(this.plugin.ffi, args.pointer(24), args.size(32));
  }

  #readDevices(): PjrtDevice[] {
    const args = new Struct(this.plugin.ffi, 40).setPointer(16, this.#handle);
    this.plugin.call("Client_AddressableDevices", args, "Cannot list the devices");
    return readPointers(this.plugin.ffi, args.pointer(24), args.size(32)).map((handle) => {
      const description = new Struct(this.plugin.ffi, 32).setPointer(16, handle);
      this.plugin.call("Device_GetDescription", description, "Cannot describe a device");
      return { ...describeDevice(this.plugin, description.pointer(24)), handle };
    });
  }
}

/** What a `PJRT_DeviceDescription` says. */
export function describeDevice(plugin: PjrtPlugin, description: bigint): { id: number; kind: string } {
  const id = new Struct(plugin.ffi, 32).setPointer(16, description);
  plugin.call("DeviceDescription_Id", id, "Cannot describe a device");
  const kind = new Struct(plugin.ffi, 40).setPointer(16, description);
  plugin.call("DeviceDescription_Kind", kind, "Cannot describe a device");
  return { id: id.int(24), kind: readString(plugin.ffi, kind.pointer(24), kind.size(32)) };
}

// --- internal ---

/** `PJRT_HostBufferSemantics_kImmutableOnlyDuringCall`: the plugin copies before it returns. */
const IMMUTABLE_ONLY_DURING_CALL = 0;

/** The bytes in memory that does not move: engines may keep small arrays among their objects. */
function still(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(new ArrayBuffer(Math.max(1, bytes.length)));
  copy.set(bytes);
  return copy.subarray(0, bytes.length);
}
