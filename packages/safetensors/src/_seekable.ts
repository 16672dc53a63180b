/** Bytes that can be looked at in any order. */
export interface Seekable {
  readonly length: number;
  /** The bytes from `start` to `end`, which must lie within; a view where possible. */
  slice(start: number, end: number): Uint8Array;
  /** Says that nothing before `end` will be asked for again. */
  release(end: number): void;
}

/** An array as it is. */
export function seekableArray(bytes: Uint8Array): Seekable {
  return { length: bytes.length, slice: (start, end) => bytes.subarray(start, end), release() {} };
}

/** All of a stream, in the chunks in which it came, so that they can be let go one by one. */
export async function seekableStream(stream: ReadableStream<Uint8Array>): Promise<Seekable> {
  const chunks: (Uint8Array | undefined)[] = [];
  const starts: number[] = [];
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
    if (value.length === 0) continue;
    chunks.push(value);
    starts.push(length);
    length += value.length;
  }
  return {
    length,
    slice: (start, end) => join(chunks, starts, start, end),
    release(end) {
      for (let i = chunkAt(starts, end) - 1; i >= 0 && chunks[i] !== undefined; i--) chunks[i] = undefined;
    },
  };
}

// --- internal ---

function join(
  chunks: readonly (Uint8Array | undefined)[],
  starts: readonly number[],
  start: number,
  end: number,
): Uint8Array {
  if (start >= end) return new Uint8Array();
  let index = chunkAt(starts, start);
  const first = chunks[index]!;
  const from = start - starts[index]!;
  if (from + end - start <= first.length) return first.subarray(from, from + end - start);
  const bytes = new Uint8Array(end - start);
  for (let filled = 0; filled < bytes.length; index++) {
    const part = chunks[index]!.subarray(filled === 0 ? from : 0).subarray(0, bytes.length - filled);
    bytes.set(part, filled);
    filled += part.length;
  }
  return bytes;
}

/** The index of the chunk that holds the byte at `offset`. */
function chunkAt(starts: readonly number[], offset: number): number {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
