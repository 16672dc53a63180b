import { prefixLength, quote } from "./_header.ts";
import { type Dtype, dtypes, isDtype, type SafetensorsTensor, tensorByteLength } from "./dtype.ts";

/** What a tensor in a file will look like. */
export interface SafetensorsLayout {
  /** The type of the elements. */
  readonly dtype: Dtype;
  /** Sizes, outermost first; `[]` for a scalar. */
  readonly shape: readonly number[];
}

/**
 * Write a safetensors file.
 *
 * The bytes depend on nothing but the tensors, and are those of the reference implementation: tensors by dtype, widest
 * first, then by name; the header padded with spaces to a multiple of eight bytes.
 *
 * @param tensors Names and tensors, such as a `Map`, in any order.
 * @param metadata For `__metadata__`; Hugging Face transformers wants `{ format: "pt" }`.
 * @throws {TypeError} If a name or a metadata value is not a string, or `bytes` not a `Uint8Array`.
 * @throws {RangeError} If a name occurs twice, is `__metadata__` or is not well-formed Unicode, if a dtype is unknown, a
 * size is no integer in [0, 2^53), or the bytes are not as many as dtype and shape ask for.
 *
 * @example
 * ```ts
 * import { readSafetensors, writeSafetensors } from "@kcbert/safetensors";
 * import assert from "node:assert/strict";
 *
 * const ids = { dtype: "U8", shape: [3], bytes: Uint8Array.of(2, 5, 3) } as const;
 * const file = writeSafetensors(new Map([["ids", ids]]), { format: "pt" });
 * const { tensors, metadata } = readSafetensors(file);
 * assert.deepEqual(tensors.get("ids")!.bytes, ids.bytes);
 * assert.equal(metadata.get("format"), "pt");
 * ```
 */
export function writeSafetensors(
  tensors: Iterable<readonly [name: string, tensor: SafetensorsTensor]>,
  metadata?: Readonly<Record<string, string>> | ReadonlyMap<string, string>,
): Uint8Array<ArrayBuffer> {
  const all = [...tensors];
  const { header, places } = plan(all, metadata);
  const byName = new Map(all);
  const file = new Uint8Array(header.length + (places.at(-1)?.end ?? 0));
  file.set(header);
  for (const { name, begin, end } of places) {
    const { bytes } = byName.get(name)!;
    checkBytes(name, bytes, end - begin);
    file.set(bytes, header.length + begin);
  }
  return file;
}

/**
 * Write a safetensors file piece by piece, so that the file is never in memory as a whole.
 *
 * The pieces put together are what {@link writeSafetensors} gives: first the header, then the tensors one by one, in the
 * order of the file. `ReadableStream.from` makes a stream of it.
 *
 * @param layouts Name, dtype and shape of every tensor.
 * @param bytesOf Gives the elements of one tensor, in row-major order, little-endian; asked for once each, when its turn comes.
 * @param metadata For `__metadata__`.
 * @throws As {@link writeSafetensors} does; what concerns the layouts before the first piece.
 *
 * @example
 * ```ts
 * import { writeSafetensorsStream } from "@kcbert/safetensors";
 * import assert from "node:assert/strict";
 *
 * const layouts = new Map([["zeros", { dtype: "F32", shape: [1000, 1000] } as const]]);
 * let length = 0;
 * for await (const piece of writeSafetensorsStream(layouts, () => new Uint8Array(4e6))) length += piece.length;
 * assert.equal(length, 8 + 72 + 4e6);
 * ```
 */
export async function* writeSafetensorsStream(
  layouts: Iterable<readonly [name: string, layout: SafetensorsLayout]>,
  bytesOf: (name: string) => Uint8Array | Promise<Uint8Array>,
  metadata?: Readonly<Record<string, string>> | ReadonlyMap<string, string>,
): AsyncGenerator<Uint8Array> {
  const { header, places } = plan([...layouts], metadata);
  yield header;
  for (const { name, begin, end } of places) {
    const bytes = await bytesOf(name);
    checkBytes(name, bytes, end - begin);
    if (bytes.length > 0) yield bytes;
  }
}

// --- internal ---

interface Plan {
  /** The length field and the header. */
  readonly header: Uint8Array<ArrayBuffer>;
  readonly places: readonly { readonly name: string; readonly begin: number; readonly end: number }[];
}

function plan(
  layouts: readonly (readonly [string, SafetensorsLayout])[],
  metadata: Readonly<Record<string, string>> | ReadonlyMap<string, string> = {},
): Plan {
  const entries: string[] = [];
  const pairs = metadata instanceof Map ? [...metadata] : Object.entries(metadata as Record<string, string>);
  if (pairs.length > 0) entries.push(`"__metadata__":${metadataJson(pairs)}`);
  const places: { name: string; begin: number; end: number }[] = [];
  let begin = 0;
  for (const [name, { dtype, shape }] of inFileOrder(layouts)) {
    const end = begin + byteLength(name, dtype, shape);
    entries.push(
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(",")}],"data_offsets":[${begin},${end}]}`,
    );
    places.push({ name, begin, end });
    begin = end;
  }
  return { header: encodeHeader(`{${entries.join(",")}}`), places };
}

/** Checks all names, and sorts: by dtype, widest first, then by name. */
function inFileOrder(
  layouts: readonly (readonly [string, SafetensorsLayout])[],
): (readonly [string, SafetensorsLayout])[] {
  const names = new Set<string>();
  for (const [name, { dtype }] of layouts) {
    if (typeof name !== "string")
      throw new TypeError(`Cannot write safetensors as a name must be a string: ${typeof name}`);
    if (name === "__metadata__") throw unwritable("no tensor can be called __metadata__");
    if (!name.isWellFormed()) throw unwritable(`name must be well-formed Unicode: name is ${quote(name)}`);
    if (names.has(name)) throw unwritable(`name must occur once: ${quote(name)} occurs twice`);
    if (!isDtype(dtype)) {
      throw unwritable(
        `dtype must be one of ${dtypes().join(", ")}: dtype of ${quote(name)} is ${quote(String(dtype))}`,
      );
    }
    names.add(name);
  }
  const order = new Map(dtypes().map((dtype, index) => [dtype, index]));
  return [...layouts].sort(
    ([a, left], [b, right]) => order.get(right.dtype)! - order.get(left.dtype)! || compareCodePoints(a, b),
  );
}

/** The order of UTF-8 bytes, which differs from that of UTF-16 units where surrogates meet U+E000 and above. */
function compareCodePoints(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  const [x, y] = [a.codePointAt(at) ?? -1, b.codePointAt(at) ?? -1];
  return x - y;
}

function byteLength(name: string, dtype: Dtype, shape: readonly number[]): number {
  const length = tensorByteLength(dtype, shape);
  if (length !== undefined) return length;
  throw unwritable(
    `sizes must be integers in [0, 2^53), also multiplied: shape of ${quote(name)} is [${shape.join(", ")}]`,
  );
}

function checkBytes(name: string, bytes: Uint8Array, length: number): void {
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(
      `Cannot write safetensors as bytes must be a Uint8Array: bytes of ${quote(name)} are not`,
    );
  }
  if (bytes.length !== length) {
    throw unwritable(
      `the bytes must be as many as dtype and shape ask for: ${quote(name)} has ${bytes.length}, expected ${length}`,
    );
  }
}

function metadataJson(pairs: readonly (readonly [string, string])[]): string {
  const written = [...pairs]
    .sort(([a], [b]) => compareCodePoints(a, b))
    .map(([key, value]) => {
      if (typeof key !== "string" || typeof value !== "string") {
        throw new TypeError(
          `Cannot write safetensors as metadata must be strings: ${quote(key)} is ${typeof value}`,
        );
      }
      if (!key.isWellFormed() || !value.isWellFormed()) {
        throw unwritable(`metadata must be well-formed Unicode: found ${quote(key)}: ${quote(value)}`);
      }
      return `${JSON.stringify(key)}:${JSON.stringify(value)}`;
    });
  return `{${written.join(",")}}`;
}

function encodeHeader(json: string): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(json);
  const length = Math.ceil(text.length / 8) * 8;
  const header = new Uint8Array(prefixLength + length).fill(0x20, prefixLength);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(text, prefixLength);
  return header;
}

function unwritable(problem: string): RangeError {
  return new RangeError(`Cannot write safetensors as ${problem}`);
}
