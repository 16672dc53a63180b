import type { Ffi } from "./ffi.ts";

/**
 * One argument struct of the PJRT C API: zeroed, with its size in front.
 *
 * The API grows by fields at the end. A plugin refuses a struct that is smaller than the one it was built with and
 * takes one that is larger, so each is made with {@link SLACK} bytes more than is known here and says so: fields that a
 * newer plugin looks for read as null.
 */
export class Struct {
  /** Where it lies. */
  readonly address: bigint;
  readonly #ffi: Ffi;
  readonly #view: DataView<ArrayBuffer>;
  readonly #kept: unknown[] = [];

  /** @param size Its size in bytes, as far as it is known here. */
  constructor(ffi: Ffi, size: number) {
    this.#ffi = ffi;
    this.#view = new DataView(new ArrayBuffer(size + SLACK));
    this.address = ffi.addressOf(this.#view);
    this.#view.setBigUint64(0, BigInt(size + SLACK), LITTLE);
  }

  setPointer(offset: number, value: bigint): this {
    this.#view.setBigUint64(offset, value, LITTLE);
    return this;
  }

  /** Point to a view's memory, which then lives as long as the struct. */
  setView(offset: number, view: ArrayBufferView): this {
    return this.setPointer(offset, this.keep(view));
  }

  /** Keep a view's memory for as long as the struct lives. Returns its address. */
  keep(view: ArrayBufferView): bigint {
    this.#kept.push(view);
    return this.#ffi.addressOf(view);
  }

  /** Point to another struct, which then lives as long as this one. */
  setStruct(offset: number, struct: Struct): this {
    this.#kept.push(struct);
    return this.setPointer(offset, struct.address);
  }

  /** A `size_t` or an `int64_t`. */
  setSize(offset: number, value: number): this {
    this.#view.setBigInt64(offset, BigInt(value), LITTLE);
    return this;
  }

  /** An `int` or an enum. */
  setInt(offset: number, value: number): this {
    this.#view.setInt32(offset, value, LITTLE);
    return this;
  }

  pointer(offset: number): bigint {
    return this.#view.getBigUint64(offset, LITTLE);
  }

  size(offset: number): number {
    return Number(this.#view.getBigInt64(offset, LITTLE));
  }

  int(offset: number): number {
    return this.#view.getInt32(offset, LITTLE);
  }

  bool(offset: number): boolean {
    return this.#view.getUint8(offset) !== 0;
  }

  /** Say that the native side was reading until here, so that the garbage collector does not come earlier. */
  touch(): void {
    this.#view.getUint8(0);
  }
}

/** Room for what later versions of the API append to a struct. */
const SLACK = 128;

/** Every platform that has a plugin is little-endian. */
const LITTLE = true;

/** Numbers as an array of `int64_t` or `size_t`, in memory that does not move. */
export function int64s(values: readonly number[]): BigInt64Array<ArrayBuffer> {
  const array = new BigInt64Array(new ArrayBuffer(8 * Math.max(1, values.length)));
  for (const [index, value] of values.entries()) array[index] = BigInt(value);
  return array;
}

/** Text as C has it: UTF-8 with a zero at the end, in memory that does not move. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  const encoded = new TextEncoder().encode(text);
  const bytes = new Uint8Array(new ArrayBuffer(encoded.length + 1));
  bytes.set(encoded);
  return bytes;
}

/** Read `count` pointers. */
export function readPointers(ffi: Ffi, address: bigint, count: number): bigint[] {
  if (count === 0) return [];
  return Array.from(new BigUint64Array(ffi.read(address, count * 8).buffer));
}

/** Read `count` values of `size_t` or `int64_t`. */
export function readSizes(ffi: Ffi, address: bigint, count: number): number[] {
  if (count === 0) return [];
  return Array.from(new BigInt64Array(ffi.read(address, count * 8).buffer), Number);
}

/** Read a string of a known number of bytes. */
export function readString(ffi: Ffi, address: bigint, length: number): string {
  return length === 0 ? "" : new TextDecoder().decode(ffi.read(address, length));
}
