/**
 * What a runtime must offer to call a shared library: its memory, by address, and functions of one pointer.
 *
 * Every function of the PJRT C API takes the address of one struct and gives back the address of an error or nothing,
 * so this is all there is to it.
 */
export interface Ffi {
  /** Which runtime's foreign functions these are, for messages: `koffi` or `Deno`. */
  readonly name: string;
  /**
   * Load a shared library and keep it for the life of the process.
   *
   * @param path The library's file, or its name where the system's loader finds it.
   * @throws {Error} If the loader refuses; the message is the loader's.
   */
  open(path: string): NativeLibrary;
  /** The function that lies at an address. */
  fn(address: bigint): NativeFunction;
  /** The address of a view's first byte, for as long as its `ArrayBuffer` lives. */
  addressOf(view: ArrayBufferView): bigint;
  /**
   * Have something done when the process ends by itself or is told to, but not when it is killed.
   *
   * @returns Takes it back.
   */
  onExit(work: () => void): () => void;
  /** A copy of `length` bytes of native memory. */
  read(address: bigint, length: number): Uint8Array<ArrayBuffer>;
}

/** A loaded shared library. */
export interface NativeLibrary {
  /** An exported function, or `undefined` if the library has none of that name. */
  fn(name: string): NativeFunction | undefined;
}

/** A native function of one pointer that gives back a pointer; 0 is null either way. */
export interface NativeFunction {
  /** Call it here and now: the event loop stands still until it returns. */
  (argument: bigint): bigint;
  /** Call it on another thread; the event loop goes on. The memory behind `argument` must outlive the call. */
  async(argument: bigint): Promise<bigint>;
}

/**
 * The foreign functions of this runtime: `Deno.dlopen` in Deno, the package `koffi` in Node and Bun.
 *
 * @throws {Error} If koffi is not installed, or cannot be loaded.
 */
export async function loadFfi(): Promise<Ffi> {
  if ("Deno" in globalThis) return (await import("./ffi_deno.ts")).denoFfi();
  return (await import("./ffi_koffi.ts")).koffiFfi();
}
