import type { Ffi, NativeFunction } from "./ffi.ts";

/** Foreign functions through `Deno.dlopen`; Deno asks for the permission `--allow-ffi`. */
export function denoFfi(): Ffi {
  const { Deno } = globalThis as unknown as { Deno: DenoFfi };
  const { UnsafePointer, UnsafePointerView, UnsafeFnPointer } = Deno;
  const pointerTo = (address: bigint) => UnsafePointer.create(address);
  return {
    name: "Deno",
    open(path) {
      const { symbols } = Deno.dlopen(path, {}); // what follows may name symbols; this one says whether it loads
      void symbols;
      return {
        fn(name) {
          try {
            const { symbols } = Deno.dlopen(path, {
              [name]: CALL,
              later: { ...CALL, name, nonblocking: true },
            });
            return asynchronous(symbols[name] as Call, symbols["later"] as AsyncCall);
          } catch {
            return undefined;
          }
        },
      };
    },
    fn(address) {
      const pointer = pointerTo(address);
      const now = new UnsafeFnPointer(pointer, CALL);
      const later = new UnsafeFnPointer(pointer, { ...CALL, nonblocking: true });
      return asynchronous(
        (argument) => now.call(argument) as bigint,
        (argument) => later.call(argument) as Promise<bigint>,
      );
    },
    onExit(work) {
      const listener = (event: Event): void => {
        if (!event.defaultPrevented) work();
      };
      for (const name of ENDINGS) addEventListener(name, listener);
      return () => {
        for (const name of ENDINGS) removeEventListener(name, listener);
      };
    },
    addressOf: (view) => UnsafePointer.value(UnsafePointer.of(view)),
    read: (address, length) =>
      new Uint8Array(UnsafePointerView.getArrayBuffer(pointerTo(address), length)).slice(),
  };
}

// --- internal ---

/** How a process ends; after an error that nobody catches, Deno does without `unload`. */
const ENDINGS = ["unload", "error", "unhandledrejection"];

type Call = (argument: bigint) => bigint;
type AsyncCall = (argument: bigint) => Promise<bigint>;

/** Addresses go as numbers of 64 bits, which every platform passes as it passes pointers. */
const CALL = { parameters: ["u64"], result: "u64" };

function asynchronous(now: Call, later: AsyncCall): NativeFunction {
  return Object.assign((argument: bigint) => now(argument), { async: later });
}

/** The part of Deno's interface that is used here; `Pointer` is opaque. */
interface DenoFfi {
  dlopen(path: string, symbols: Record<string, object>): { symbols: Record<string, unknown> };
  UnsafePointer: {
    create(address: bigint): Pointer;
    of(view: ArrayBufferView): Pointer;
    value(pointer: Pointer): bigint;
  };
  UnsafePointerView: { getArrayBuffer(pointer: Pointer, length: number): ArrayBuffer };
  UnsafeFnPointer: new (pointer: Pointer, definition: object) => { call(argument: bigint): unknown };
}

type Pointer = { readonly opaque: unique symbol } | null;
