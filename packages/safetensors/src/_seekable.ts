/** Bytes that can be looked at in any order. */
export interface Seekable {
  readonly length: number;
  /** The bytes from `start` to `end`, which must lie within. */
  slice(start: number, end: number): Uint8Array;
  /** The same for the last time: nothing before `end` will be asked for again, and is freed if that can be done. */
  take(start: number, end: number): Uint8Array;
}

/** An array as it is; it is the caller's, so nothing is freed. */
export function seekableArray(bytes: Uint8Array): Seekable {
  const slice = (start: number, end: number): Uint8Array => bytes.subarray(start, end);
  return { length: bytes.length, slice, take: slice };
}

/** All of a stream, in blocks that are let go one by one as their bytes are taken. */
export async function seekableStream(stream: ReadableStream<Uint8Array>): Promise<Seekable> {
  const { blocks, length } = await readBlocks(stream);
  return {
    length,
    slice: (start, end) => join(blocks, start, end),
    take(start, end) {
      free(blocks, 0, Math.floor(start / blockLength));
      return join(blocks, start, end, true);
    },
  };
}

// --- internal ---

const blockLength = 2 ** 20;

type Blocks = (Uint8Array<ArrayBuffer> | undefined)[];

/** Copies a stream into blocks of our own, which may be freed: its chunks belong to whoever made them. */
async function readBlocks(stream: ReadableStream<Uint8Array>): Promise<{ blocks: Blocks; length: number }> {
  const blocks: Blocks = [];
  let length = 0;
  const reader = stream.getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    if (!(value instanceof Uint8Array)) {
      const problem = new TypeError(
        `Cannot read a stream as its chunks must be Uint8Arrays: chunk is ${typeof value}`,
      );
      await reader.cancel(problem).catch(() => {}); // the first error is the one to tell
      throw problem;
    }
    for (let at = 0; at < value.length;) {
      const filled = length % blockLength;
      if (filled === 0) blocks.push(new Uint8Array(blockLength));
      const part = value.subarray(at, at + blockLength - filled);
      blocks.at(-1)!.set(part, filled);
      at += part.length;
      length += part.length;
    }
  }
  return { blocks, length };
}

/** A copy of the bytes from `start` to `end`; with `last`, frees each block that has been copied to its end. */
function join(blocks: Blocks, start: number, end: number, last = false): Uint8Array {
  const bytes = new Uint8Array(end - start);
  for (let at = start; at < end;) {
    const index = Math.floor(at / blockLength);
    const from = at % blockLength;
    const part = blocks[index]!.subarray(from, from + end - at);
    bytes.set(part, at - start);
    at += part.length;
    if (last && from + part.length === blockLength) free(blocks, index, index + 1);
  }
  return bytes;
}

/** Gives memory back at once where `transfer` is known (not in Node 20), else to the garbage collector. */
function free(blocks: Blocks, start: number, end: number): void {
  for (let index = end - 1; index >= start && blocks[index] !== undefined; index--) {
    const { buffer } = blocks[index]! as { buffer: { transfer?(length: number): ArrayBuffer } };
    buffer.transfer?.(0);
    blocks[index] = undefined;
  }
}
