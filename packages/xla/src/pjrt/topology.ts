import { serializeCompileOptions, type CompileOptions } from "./compile_options.ts";
import { describeDevice } from "./client.ts";
import { readCost, readMemory, serialize, type ExecutableCost, type ExecutableMemory } from "./executable.ts";
import { setNamedValues } from "./named_values.ts";
import { NativeObjects, type Ownership } from "./native_objects.ts";
import type { PjrtPlugin } from "./plugin.ts";
import { programStruct } from "./program.ts";
import type { ClientOptions } from "./client.ts";
import { cString, readPointers, readString, Struct } from "./struct.ts";

/** A program that was compiled for devices that need not be there. */
export interface AheadOfTimeProgram {
  /** What it takes of each device's memory, or `undefined` where the plugin does not tell. */
  readonly memory: ExecutableMemory | undefined;
  /** What it costs to run once on one device, or `undefined` where the plugin does not tell. */
  readonly cost: ExecutableCost | undefined;
  /**
   * The program as bytes, for {@link PjrtClient.load} where the devices are.
   *
   * @throws {PjrtError} If the plugin cannot.
   */
  serialize(): Uint8Array<ArrayBuffer>;
}

/**
 * Devices by their name, whether they are there or not: what a program can be compiled for ahead of time.
 *
 * libtpu knows `v3:2x2` (a TPU v3-8: 4 chips of 2 cores), `v5e:2x4`, `v6e:2x4` and so on.
 *
 * @example
 * ```ts ignore
 * import { PjrtPlugin, PjrtTopology } from "@kcbert/xla";
 *
 * const topology = PjrtTopology.create(await PjrtPlugin.load("libtpu.so"), "v3:2x2");
 * const { memory, cost } = await topology.compile(program, { partitions: topology.devices.length });
 * ```
 */
export class PjrtTopology {
  /** The plugin that compiles for it. */
  readonly plugin: PjrtPlugin;
  /** What kind of device it has, such as `tpu`. */
  readonly platform: string;
  /** The devices, in the plugin's order. */
  readonly devices: readonly { readonly id: number; readonly kind: string }[];
  readonly #owned: Ownership;
  readonly #objects: NativeObjects;

  private constructor(plugin: PjrtPlugin, handle: bigint) {
    this.plugin = plugin;
    this.#objects = new NativeObjects(plugin);
    this.#owned = this.#objects.adoptOne(handle, "TopologyDescription_Destroy");
    const name = new Struct(plugin.ffi, 40).setPointer(16, handle);
    plugin.call("TopologyDescription_PlatformName", name, "Cannot describe the topology");
    this.platform = readString(plugin.ffi, name.pointer(24), name.size(32));
    const list = new Struct(plugin.ffi, 40).setPointer(16, handle);
    plugin.call("TopologyDescription_GetDeviceDescriptions", list, "Cannot list the topology's devices");
    this.devices = readPointers(plugin.ffi, list.pointer(24), list.size(32)).map((each) =>
      describeDevice(plugin, each),
    );
  }

  /**
   * Describe devices by a name that the plugin knows.
   *
   * @param name Such as `v3:2x2`.
   * @param options The plugin's own.
   * @throws {PjrtError} If the plugin does not know the name.
   */
  static create(plugin: PjrtPlugin, name: string, options: ClientOptions = {}): PjrtTopology {
    const bytes = cString(name);
    const args = new Struct(plugin.ffi, 56).setView(16, bytes).setSize(24, bytes.length - 1);
    setNamedValues(args, 32, options);
    plugin.call("TopologyDescription_Create", args, `Cannot describe the topology ${name}`);
    return new PjrtTopology(plugin, args.pointer(48));
  }

  /**
   * Compile a program for these devices, on another thread.
   *
   * @param stablehlo The program, as StableHLO's text with a function `main`, or as its bytecode.
   * @throws {PjrtError} If XLA refuses the program, for instance because it does not fit the devices' memory.
   */
  async compile(stablehlo: string | Uint8Array, options: CompileOptions = {}): Promise<AheadOfTimeProgram> {
    const { plugin } = this;
    const serialized = serializeCompileOptions(options);
    const args = new Struct(plugin.ffi, 64)
      .setPointer(16, this.#owned.handle())
      .setStruct(24, programStruct(plugin.ffi, stablehlo))
      .setView(32, serialized)
      .setSize(40, serialized.length);
    await plugin.callAsync("Compile", args, "Cannot compile the program");
    const executable = this.#objects.adoptOne(args.pointer(56), "Executable_Destroy");
    return {
      memory: readMemory(plugin, executable.handle()),
      cost: readCost(plugin, executable.handle()),
      serialize: () => serialize(plugin, executable.handle()),
    };
  }

  /** Let go of the description and of what was compiled for it; a second call does nothing. */
  dispose(): void {
    this.#objects.releaseAll();
  }

  /** As {@link PjrtTopology.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
