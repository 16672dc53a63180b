import type { Ffi } from "./ffi.ts";
import { cString, int64s, readSizes, readString, type Struct } from "./struct.ts";

/** A value that PJRT passes by name: integers as numbers, or a list of them, as `int64_t` both ways. */
export type NamedValue = string | number | boolean | number[];

/** `sizeof(PJRT_NamedValue)`: its array has no slack between the elements. */
const STRIDE = 56;
const KIND = { string: 0, int64: 1, int64List: 2, float: 3, bool: 4 } as const;

/** Read an array of `PJRT_NamedValue`. */
export function readNamedValues(ffi: Ffi, address: bigint, count: number): Record<string, NamedValue> {
  const values: Record<string, NamedValue> = {};
  if (count === 0) return values;
  const view = new DataView(ffi.read(address, count * STRIDE).buffer);
  for (let at = 0; at < count * STRIDE; at += STRIDE) {
    const name = readString(ffi, view.getBigUint64(at + 16, true), Number(view.getBigUint64(at + 24, true)));
    const pointer = view.getBigUint64(at + 40, true);
    const size = Number(view.getBigUint64(at + 48, true));
    switch (view.getInt32(at + 32, true)) {
      case KIND.string:
        values[name] = readString(ffi, pointer, size);
        break;
      case KIND.int64:
        values[name] = Number(view.getBigInt64(at + 40, true));
        break;
      case KIND.int64List:
        values[name] = readSizes(ffi, pointer, size);
        break;
      case KIND.float:
        values[name] = view.getFloat32(at + 40, true);
        break;
      case KIND.bool:
        values[name] = view.getUint8(at + 40) !== 0;
        break;
      default: // a kind of a later version
    }
  }
  return values;
}

/**
 * Write named values as PJRT takes them, and point the struct to them: at `offset` the array, 8 bytes on its length.
 *
 * Numbers become `int64_t` if they are whole, `float` otherwise; a {@link Float} is a `float` in any case.
 */
export function setNamedValues(
  struct: Struct,
  offset: number,
  values: Readonly<Record<string, NamedValue | Float>>,
): void {
  const entries = Object.entries(values);
  if (entries.length === 0) return;
  const list = new NamedValueList(struct, entries.length);
  for (const [index, [name, value]] of entries.entries()) list.set(index, name, value);
  struct.setView(offset, list.view).setSize(offset + 8, entries.length);
}

/** A number that a plugin wants as a `float` though it may be whole, such as a fraction of the memory. */
export interface Float {
  /** The number. */
  float: number;
}

// --- internal ---

/** An array of `PJRT_NamedValue`. */
class NamedValueList {
  readonly view: DataView<ArrayBuffer>;
  readonly #owner: Struct;

  constructor(owner: Struct, count: number) {
    this.#owner = owner;
    this.view = new DataView(new ArrayBuffer(count * STRIDE));
  }

  set(index: number, name: string, value: NamedValue | Float): void {
    const at = index * STRIDE;
    this.#size(at, STRIDE);
    this.#size(at + 24, this.#text(at + 16, name));
    if (typeof value === "string") {
      this.#put(at, KIND.string, this.#text(at + 40, value));
    } else if (Array.isArray(value)) {
      this.view.setBigUint64(at + 40, this.#owner.keep(int64s(value)), true);
      this.#put(at, KIND.int64List, value.length);
    } else if (typeof value === "boolean") {
      this.view.setUint8(at + 40, value ? 1 : 0);
      this.#put(at, KIND.bool, 1);
    } else if (typeof value === "object" || !Number.isInteger(value)) {
      this.view.setFloat32(at + 40, typeof value === "object" ? value.float : value, true);
      this.#put(at, KIND.float, 1);
    } else {
      this.#size(at + 40, value);
      this.#put(at, KIND.int64, 1);
    }
  }

  #put(at: number, kind: number, size: number): void {
    this.view.setInt32(at + 32, kind, true);
    this.#size(at + 48, size);
  }

  #text(offset: number, text: string): number {
    const bytes = cString(text);
    this.view.setBigUint64(offset, this.#owner.keep(bytes), true);
    return bytes.length - 1;
  }

  #size(offset: number, value: number): void {
    this.view.setBigInt64(offset, BigInt(value), true);
  }
}
