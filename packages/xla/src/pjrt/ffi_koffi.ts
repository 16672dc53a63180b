import type { Ffi, NativeFunction } from "./ffi.ts";

/**
 * Foreign functions through the package `koffi`, in Node and Bun.
 *
 * @throws {Error} If koffi is not installed, or has no build for this machine; `cause` holds the reason.
 */
export async function koffiFfi(): Promise<Ffi> {
  const koffi = await importKoffi();
  return (made ??= bind(koffi));
}

// --- internal ---

type Koffi = typeof import("koffi");

/** koffi's settings and type names are one set in a process, and so is what we make of it. */
let made: Ffi | undefined;

async function importKoffi(): Promise<Koffi> {
  try {
    const module = (await import("koffi")) as Koffi & { default?: Koffi };
    return module.default ?? module;
  } catch (cause) {
    throw new Error(
      "Cannot call shared libraries as the package koffi cannot be loaded: npm install koffi@3.3.4",
      { cause },
    );
  }
}

function bind(koffi: Koffi): Ffi {
  enlargeStacks(koffi);
  const call = koffi.proto("void *(void *)");
  const pin = pinner(koffi);
  const fn = (address: bigint): NativeFunction => {
    const native = koffi.decode(address, call);
    const later = promisify(native.async);
    return Object.assign((argument: bigint): bigint => native(argument) ?? 0n, { async: later });
  };
  return {
    name: "koffi",
    open(path) {
      const library = koffi.load(path);
      pin(path);
      return {
        fn(name) {
          try {
            return fn(library.symbol(name));
          } catch {
            return undefined;
          }
        },
      };
    },
    fn,
    onExit(work) {
      const { process } = globalThis as unknown as { process: Emitter };
      process.on("exit", work);
      return () => process.off("exit", work);
    },
    addressOf: (view) => koffi.address(view),
    read: (address, length) => new Uint8Array(koffi.view(address, length)).slice(),
  };
}

/** The part of Node's and Bun's `process` that is used here. */
interface Emitter {
  on(event: "exit", listener: () => void): void;
  off(event: "exit", listener: () => void): void;
}

type Callback = (error: unknown, result: bigint | null) => void;

function promisify(call: (argument: bigint, done: Callback) => void): NativeFunction["async"] {
  return (argument) =>
    new Promise((resolve, reject) => {
      call(argument, (error, result) => {
        if (error) reject(error as Error);
        else resolve(result ?? 0n);
      });
    });
}

/**
 * koffi runs native code on stacks of its own, 128 KiB for a call on another thread: a compiler needs what it has
 * elsewhere. The pages are only taken when they are used.
 */
function enlargeStacks(koffi: Koffi): void {
  const bytes = 16 << 20;
  try {
    koffi.config({ sync_stack_size: bytes, async_stack_size: bytes, resident_async_pools: 2 });
  } catch {
    // Somebody called through koffi before, and the sizes are settled: most programs compile all the same.
  }
}

/**
 * koffi unloads its libraries at exit, and a compiler whose threads still run goes down with a segmentation fault: take
 * a second hold on the library that is never let go (`RTLD_NODELETE`).
 */
function pinner(koffi: Koffi): (path: string) => void {
  try {
    const dlopen = koffi.load(null).func("void *dlopen(const char *path, int flags)");
    const lazy = 1;
    const nodelete = koffi.extension === ".dylib" ? 0x80 : 0x1000;
    return (path) => void dlopen(path, lazy | nodelete);
  } catch {
    return () => {}; // no dlopen: Windows, where nothing is unloaded
  }
}
