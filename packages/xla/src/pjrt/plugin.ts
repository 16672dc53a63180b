import { loadFfi, type Ffi, type NativeFunction, type NativeLibrary } from "./ffi.ts";
import { readNamedValues, type NamedValue } from "./named_values.ts";
import { PjrtError, PjrtOutOfMemoryError } from "./pjrt_error.ts";
import { readString, Struct } from "./struct.ts";

/** The functions that are called here, and their places in the table of `PJRT_Api`, which only grows at its end. */
const FUNCTIONS = {
  Error_Destroy: 0,
  Error_Message: 1,
  Error_GetCode: 2,
  Plugin_Initialize: 3,
  Plugin_Attributes: 4,
  Event_Destroy: 5,
  Event_IsReady: 6,
  Event_Error: 7,
  Event_Await: 8,
  Client_Create: 10,
  Client_Destroy: 11,
  Client_PlatformName: 12,
  Client_PlatformVersion: 14,
  Client_AddressableDevices: 16,
  Client_Compile: 20,
  Client_BufferFromHostBuffer: 22,
  DeviceDescription_Id: 23,
  DeviceDescription_Kind: 26,
  Device_GetDescription: 29,
  Device_MemoryStats: 34,
  Executable_Destroy: 40,
  Executable_GetCostAnalysis: 46,
  Executable_Serialize: 49,
  LoadedExecutable_Destroy: 50,
  LoadedExecutable_GetExecutable: 51,
  LoadedExecutable_AddressableDevices: 52,
  LoadedExecutable_Execute: 55,
  Executable_DeserializeAndLoad: 56,
  Buffer_Destroy: 58,
  Buffer_ToHostBuffer: 70,
  Buffer_ReadyEvent: 72,
  TopologyDescription_Create: 82,
  TopologyDescription_Destroy: 83,
  TopologyDescription_PlatformName: 84,
  TopologyDescription_GetDeviceDescriptions: 86,
  Compile: 89,
  Executable_OutputElementTypes: 90,
  Executable_OutputDimensions: 91,
  Executable_GetCompiledMemoryStats: 96,
} as const;

/** A function of the PJRT C API, without its prefix. */
export type PjrtFunction = keyof typeof FUNCTIONS;

/** The oldest minor version whose table is laid out as here; 0.57 rearranged it. */
const OLDEST_MINOR = 60;

/** Options of {@link PjrtPlugin.load}. */
export interface PluginOptions {
  /**
   * Shared libraries that the plugin needs, loaded before it and in this order: NVIDIA's, where they lie in no place
   * that the system's loader searches.
   */
  libraries?: readonly string[];
}

/**
 * A loaded PJRT plugin: a shared library that compiles and runs StableHLO on one kind of device.
 *
 * A plugin stays loaded for the life of the process: its threads outlive any client.
 *
 * @example
 * ```ts ignore
 * import { PjrtPlugin } from "@kcbert/xla";
 *
 * const plugin = await PjrtPlugin.load("/opt/plugins/pjrt_c_api_cpu_plugin.so");
 * console.log(plugin.version, plugin.attributes);
 * ```
 */
export class PjrtPlugin {
  /** The library's path, as it was given. */
  readonly path: string;
  /** The version of the C API that the plugin was built with. */
  readonly version: { readonly major: number; readonly minor: number };
  /** What the plugin says of itself, such as `xla_version` and `stablehlo_current_version`. */
  readonly attributes: Readonly<Record<string, NamedValue>>;
  /** @internal The runtime's foreign functions. */
  readonly ffi: Ffi;
  /** @internal What a device's memory holds, for the messages of errors; set by a client. */
  memory: (() => { inUse: number; limit?: number } | undefined) | undefined;
  readonly #table: bigint;
  readonly #tableSize: number;
  readonly #functions = new Map<PjrtFunction, NativeFunction>();

  private constructor(ffi: Ffi, path: string, table: bigint) {
    this.ffi = ffi;
    this.path = path;
    this.#table = table;
    const head = new DataView(ffi.read(table, 40).buffer);
    this.#tableSize = Number(head.getBigUint64(0, true));
    this.version = { major: head.getInt32(32, true), minor: head.getInt32(36, true) };
    const { major, minor } = this.version;
    if (major !== 0 || minor < OLDEST_MINOR) {
      throw new RangeError(
        `Cannot use the plugin ${path} as it speaks version ${major}.${minor} of the PJRT C API: 0.${OLDEST_MINOR} or newer is needed, below 1.0`,
      );
    }
    this.call("Plugin_Initialize", new Struct(ffi, 16), "Cannot initialise the plugin");
    this.attributes = this.#readAttributes();
  }

  /**
   * Load a plugin.
   *
   * @param path The shared library's file.
   * @param options What to load before it.
   * @throws {Error} If this runtime cannot call shared libraries, or the library cannot be loaded or is no PJRT plugin.
   * @throws {RangeError} If it speaks a version of the C API that is too old or not known.
   * @throws {PjrtError} If it refuses to start.
   */
  static async load(path: string, { libraries = [] }: PluginOptions = {}): Promise<PjrtPlugin> {
    if (typeof path !== "string" || path === "") {
      throw new TypeError(`Cannot load a plugin as its path must be a string: it is ${JSON.stringify(path)}`);
    }
    const ffi = await loadFfi();
    for (const library of libraries) openLibrary(ffi, library);
    const entry = openLibrary(ffi, path).fn("GetPjrtApi");
    if (entry === undefined) {
      throw new Error(
        `Cannot use ${path} as a plugin as it does not export GetPjrtApi: it is another library`,
      );
    }
    const table = entry(0n);
    if (table === 0n) throw new Error(`Cannot use the plugin ${path} as its GetPjrtApi gives nothing`);
    return PjrtPlugin.fromTable(ffi, path, table);
  }

  /** @internal A plugin from the address of its `PJRT_Api`. */
  static fromTable(ffi: Ffi, path: string, table: bigint): PjrtPlugin {
    return new PjrtPlugin(ffi, path, table);
  }

  /** @internal Whether the plugin has a function: optional ones may be missing, and new ones in old plugins. */
  has(name: PjrtFunction): boolean {
    return this.#addressOf(name) !== 0n;
  }

  /**
   * @internal Call a function and throw what it reports.
   *
   * @param doing What could not be done if it fails, as a sentence without its end.
   * @throws {PjrtError} If the function reports an error, or is missing.
   */
  call(name: PjrtFunction, args: Struct, doing: string): void {
    const error = this.function(name, doing)(args.address);
    args.touch();
    if (error !== 0n) throw this.takeError(error, doing);
  }

  /** @internal As {@link PjrtPlugin.call}, on another thread: the event loop goes on. */
  async callAsync(name: PjrtFunction, args: Struct, doing: string): Promise<void> {
    const error = await this.function(name, doing).async(args.address);
    args.touch();
    if (error !== 0n) throw this.takeError(error, doing);
  }

  /** @internal A function by its name, for calls that are made very often. */
  function(name: PjrtFunction, doing: string): NativeFunction {
    let fn = this.#functions.get(name);
    if (fn === undefined) {
      const address = this.#addressOf(name);
      if (address === 0n) throw new PjrtError(doing, 12, `the plugin ${this.path} has no PJRT_${name}`);
      fn = this.ffi.fn(address);
      this.#functions.set(name, fn);
    }
    return fn;
  }

  /** @internal Turn a native error into one of ours, and free it. */
  takeError(error: bigint, doing: string): PjrtError {
    const message = new Struct(this.ffi, 40).setPointer(16, error);
    this.function("Error_Message", doing)(message.address);
    const code = new Struct(this.ffi, 32).setPointer(16, error);
    this.function("Error_GetCode", doing)(code.address);
    const text = readString(this.ffi, message.pointer(24), message.size(32));
    const destroy = new Struct(this.ffi, 24).setPointer(16, error);
    this.function("Error_Destroy", doing)(destroy.address);
    return code.int(24) === 8
      ? new PjrtOutOfMemoryError(doing, text, this.memory?.())
      : new PjrtError(doing, code.int(24), text);
  }

  // --- internal ---

  #addressOf(name: PjrtFunction): bigint {
    const offset = 40 + 8 * FUNCTIONS[name];
    if (offset + 8 > this.#tableSize) return 0n;
    return new DataView(this.ffi.read(this.#table + BigInt(offset), 8).buffer).getBigUint64(0, true);
  }

  #readAttributes(): Record<string, NamedValue> {
    if (!this.has("Plugin_Attributes")) return {};
    const args = new Struct(this.ffi, 32);
    this.call("Plugin_Attributes", args, "Cannot read the plugin's attributes");
    return readNamedValues(this.ffi, args.pointer(16), args.size(24));
  }
}

// --- internal ---

function openLibrary(ffi: Ffi, path: string): NativeLibrary {
  try {
    return ffi.open(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot load the shared library ${path}: ${reason}`, { cause });
  }
}
