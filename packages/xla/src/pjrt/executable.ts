import { PjrtBuffer } from "./buffer.ts";
import type { PjrtClient, PjrtDevice } from "./client.ts";
import { dtypeOf, type ArrayType } from "./dtype.ts";
import type { Ffi } from "./ffi.ts";
import { readNamedValues } from "./named_values.ts";
import type { Ownership } from "./native_objects.ts";
import type { PjrtPlugin } from "./plugin.ts";
import { donatedArguments } from "./program.ts";
import { readPointers, readSizes, Struct } from "./struct.ts";

/** What a compiled program takes of a device's memory, in bytes. */
export interface ExecutableMemory {
  /** Its arguments, donated ones included. */
  arguments: number;
  /** Its results. */
  outputs: number;
  /** How much of the results lies in donated arguments. */
  aliased: number;
  /** What it needs besides while it runs. */
  temporary: number;
  /** Its code. */
  code: number;
  /** The most that is taken at once: the plugin's figure, or else the sum of the above. */
  peak: number;
}

/** What a compiled program costs to run once on one device, by the compiler's reckoning. */
export interface ExecutableCost {
  /** Floating-point operations. */
  flops: number;
  /** Bytes read and written. */
  bytesAccessed: number;
  /** All that the compiler tells, by its names. */
  properties: Readonly<Record<string, number>>;
}

/** A compiled program, on the devices it was compiled for. */
export class PjrtExecutable {
  /** The devices it runs on, in the order of the argument lists. */
  readonly devices: readonly PjrtDevice[];
  /** Its results on each device. */
  readonly outputs: readonly ArrayType[];
  /** The arguments that it reuses for results: a call takes them away. */
  readonly donated: readonly number[];
  /** Where it came from: the compiler, or bytes such as a cache keeps. */
  readonly source: "compiler" | "bytes";
  readonly #client: PjrtClient;
  readonly #loaded: Ownership;
  /** The `PJRT_Executable` that describes it. */
  readonly #description: Ownership;
  readonly #lists: ArgumentLists;

  /** @internal Executables come from {@link PjrtClient.compile} and {@link PjrtClient.load}. */
  constructor(
    client: PjrtClient,
    handle: bigint,
    stablehlo: string | Uint8Array,
    source: PjrtExecutable["source"],
  ) {
    this.#client = client;
    this.source = source;
    this.#loaded = client.objects.adoptOne(handle, "LoadedExecutable_Destroy");
    const args = new Struct(client.plugin.ffi, 32).setPointer(16, handle);
    client.plugin.call("LoadedExecutable_GetExecutable", args, "Cannot look at the program");
    this.#description = client.objects.adoptOne(args.pointer(24), "Executable_Destroy");
    this.devices = this.#readDevices();
    this.outputs = readOutputs(client.plugin, this.#described);
    this.donated = donatedArguments(stablehlo);
    this.#lists = new ArgumentLists(client.plugin.ffi, handle, this.devices.length, this.outputs.length);
  }

  /**
   * Start the program. It returns at once with arrays in the making; what fails later is told by whoever reads them.
   *
   * Donated arguments are gone afterwards: their memory holds results.
   *
   * @param args For each of {@link PjrtExecutable.devices} the arguments, on that device.
   * @returns For each device the results.
   * @throws {TypeError} If there is not one list a device, or the lists differ in length.
   * @throws {Error} If an argument or the program was disposed.
   * @throws {PjrtError} If XLA refuses the arguments, or the device has no room for the results.
   */
  execute(args: readonly (readonly PjrtBuffer[])[]): PjrtBuffer[][] {
    if (this.#loaded.handle() === 0n) throw new Error("Cannot run the program as it was disposed");
    const { plugin } = this.#client;
    plugin.call("LoadedExecutable_Execute", this.#lists.write(args), "Cannot run the program");
    const owned = this.#client.objects.adopt(this.#lists.results.slice(), "Buffer_Destroy");
    for (const list of args) for (const index of this.donated) list[index]!.dispose();
    return this.devices.map((device, row) => {
      const first = row * this.outputs.length;
      return this.outputs.map(
        (type, index) => new PjrtBuffer(this.#client, owned, first + index, type, device),
      );
    });
  }

  /** What it takes of each device's memory, or `undefined` where the plugin does not tell. */
  memory(): ExecutableMemory | undefined {
    return readMemory(this.#client.plugin, this.#described);
  }

  /** What it costs to run once on one device, or `undefined` where the plugin does not tell. */
  cost(): ExecutableCost | undefined {
    return readCost(this.#client.plugin, this.#described);
  }

  /**
   * The compiled program as bytes, for {@link PjrtClient.load} in another process.
   *
   * @throws {PjrtError} If the plugin cannot.
   */
  serialize(): Uint8Array<ArrayBuffer> {
    return serialize(this.#client.plugin, this.#described);
  }

  /** Free it; arrays that it makes are not touched. A second call does nothing. */
  dispose(): void {
    this.#description.release();
    this.#loaded.release();
  }

  /** As {@link PjrtExecutable.dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  // --- internal ---

  get #described(): bigint {
    const handle = this.#description.handle();
    if (handle === 0n) throw new Error("Cannot look at the program as it was disposed");
    return handle;
  }

  #readDevices(): PjrtDevice[] {
    const { plugin, devices } = this.#client;
    const args = new Struct(plugin.ffi, 40).setPointer(16, this.#loaded.handle());
    plugin.call("LoadedExecutable_AddressableDevices", args, "Cannot list the program's devices");
    return readPointers(plugin.ffi, args.pointer(24), args.size(32)).map((handle) =>
      devices.find((device) => device.handle === handle)!,
    );
  }
}

/** What a `PJRT_Executable` takes of memory. */
export function readMemory(plugin: PjrtPlugin, executable: bigint): ExecutableMemory | undefined {
  if (!plugin.has("Executable_GetCompiledMemoryStats")) return undefined;
  const args = new Struct(plugin.ffi, 144).setPointer(16, executable);
  try {
    plugin.call("Executable_GetCompiledMemoryStats", args, "Cannot read the program's memory");
  } catch {
    return undefined; // optional in the C API
  }
  const [code, inputs, outputs, aliased, temporary] = [24, 32, 40, 48, 56].map((at) => args.size(at)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const sum = inputs + outputs - aliased + temporary + code;
  return { arguments: inputs, outputs, aliased, temporary, code, peak: args.size(104) || sum };
}

/** What a `PJRT_Executable` costs. */
export function readCost(plugin: PjrtPlugin, executable: bigint): ExecutableCost | undefined {
  const args = new Struct(plugin.ffi, 40).setPointer(16, executable);
  try {
    plugin.call("Executable_GetCostAnalysis", args, "Cannot read the program's cost");
  } catch {
    return undefined; // optional in the C API
  }
  const values = readNamedValues(plugin.ffi, args.pointer(32), args.size(24));
  const properties = Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );
  return { flops: properties["flops"] ?? 0, bytesAccessed: properties["bytes accessed"] ?? 0, properties };
}

/** A `PJRT_Executable` as bytes. */
export function serialize(plugin: PjrtPlugin, executable: bigint): Uint8Array<ArrayBuffer> {
  const args = new Struct(plugin.ffi, 56).setPointer(16, executable);
  plugin.call("Executable_Serialize", args, "Cannot serialise the program");
  const bytes = plugin.ffi.read(args.pointer(24), args.size(32));
  plugin.ffi.fn(args.pointer(48))(args.pointer(40));
  return bytes;
}

// --- internal ---

/** `PJRT_LoadedExecutable_Execute_Args` with its lists, made once and filled anew for each call. */
class ArgumentLists {
  /** The handles of the last call's results, device by device. */
  readonly results: BigUint64Array<ArrayBuffer>;
  readonly #ffi: Ffi;
  readonly #args: Struct;
  readonly #devices: number;
  #arguments: BigUint64Array<ArrayBuffer> = pointers(0);
  #rows: BigUint64Array<ArrayBuffer> = pointers(0);

  constructor(ffi: Ffi, executable: bigint, devices: number, outputs: number) {
    this.#ffi = ffi;
    this.#devices = devices;
    this.results = pointers(devices * outputs);
    this.#args = new Struct(ffi, 80)
      .setPointer(16, executable)
      .setStruct(24, new Struct(ffi, 112))
      .setSize(40, devices)
      .setView(56, rowPointers(ffi, this.results, devices, outputs));
  }

  /** Write the arguments of a call. The struct is good until the next one. */
  write(args: readonly (readonly PjrtBuffer[])[]): Struct {
    const count = args[0]?.length ?? 0;
    if (args.length !== this.#devices || args.some((list) => list.length !== count)) {
      throw new TypeError(
        `Cannot run the program as it takes ${this.#devices} lists of arguments of one length: there are ${args.length}, of ${args.map((list) => list.length).join(", ")}`,
      );
    }
    if (this.#arguments.length !== args.length * count) this.#resize(count);
    let at = 0;
    for (const list of args) for (const buffer of list) this.#arguments[at++] = buffer.handle;
    return this.#args;
  }

  #resize(count: number): void {
    this.#arguments = pointers(this.#devices * count);
    this.#rows = rowPointers(this.#ffi, this.#arguments, this.#devices, count);
    this.#args.setSize(48, count).setPointer(32, this.#ffi.addressOf(this.#rows));
  }
}

/** Pointers to the rows of a table of pointers. */
function rowPointers(
  ffi: Ffi,
  table: BigUint64Array<ArrayBuffer>,
  rows: number,
  length: number,
): BigUint64Array<ArrayBuffer> {
  const start = ffi.addressOf(table);
  const list = pointers(rows);
  for (let row = 0; row < rows; row++) list[row] = start + BigInt(8 * row * length);
  return list;
}

/** An array of pointers, in memory that does not move. */
function pointers(count: number): BigUint64Array<ArrayBuffer> {
  return new BigUint64Array(new ArrayBuffer(8 * count));
}

function readOutputs(plugin: PjrtPlugin, executable: bigint): ArrayType[] {
  const { ffi } = plugin;
  const types = new Struct(ffi, 40).setPointer(16, executable);
  plugin.call("Executable_OutputElementTypes", types, "Cannot read the program's results");
  const dimensions = new Struct(ffi, 48).setPointer(16, executable);
  plugin.call("Executable_OutputDimensions", dimensions, "Cannot read the program's results");
  const count = types.size(32);
  if (count === 0) return [];
  const numbers = new Int32Array(ffi.read(types.pointer(24), 4 * count).buffer);
  const ranks = readSizes(ffi, dimensions.pointer(40), count);
  const sizes = readSizes(
    ffi,
    dimensions.pointer(32),
    ranks.reduce((sum, rank) => sum + rank, 0),
  );
  return Array.from(numbers, (number, index) => {
    const dtype = dtypeOf(number);
    if (dtype === undefined)
      throw new TypeError(
        `Cannot use the program as result ${index} is of a type that is not known here: number ${number} of PJRT_Buffer_Type`,
      );
    return { dtype, shape: sizes.splice(0, ranks[index]) };
  });
}
