import { CheckpointError } from "./checkpoint_error.ts";

/** Takes a stream in pieces of the sizes that are asked for, and never holds more of it than one chunk. */
export class ByteReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();
  /** What comes after the chunk, the next one last. */
  readonly #later: Uint8Array[] = [];
  /** How many bytes have been taken. */
  offset = 0;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** The next `length` bytes in a buffer of their own; fewer at the end of the stream. */
  async read(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = allocate(length, this.offset);
    let filled = 0;
    while (filled < length && (await this.#fill())) {
      const part = this.#take(length - filled);
      bytes.set(part, filled);
      filled += part.length;
    }
    return bytes.subarray(0, filled);
  }

  /** Drops `length` bytes; gives how many there were. */
  async skip(length: number): Promise<number> {
    let skipped = 0;
    while (skipped < length && (await this.#fill())) skipped += this.#take(length - skipped).length;
    return skipped;
  }

  /** Puts bytes back in front, to be taken again. */
  unread(bytes: Uint8Array): void {
    this.#later.push(this.#chunk);
    this.#chunk = bytes;
    this.offset -= bytes.length;
  }

  /** Whether all has been taken. */
  async atEnd(): Promise<boolean> {
    return !(await this.#fill());
  }

  /** The rest as a stream. */
  rest(): ReadableStream<Uint8Array> {
    return new ReadableStream({
      pull: async (controller) => {
        if (await this.#fill()) controller.enqueue(this.#take(this.#chunk.length));
        else controller.close();
      },
      cancel: (reason) => this.cancel(reason),
    });
  }

  /** Gives the stream up; the source may stop sending. */
  async cancel(reason?: unknown): Promise<void> {
    await this.#reader.cancel(reason);
  }

  /** Makes sure that a chunk is at hand; `false` at the end. */
  async #fill(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const later = this.#later.pop();
      if (later !== undefined) {
        this.#chunk = later;
        continue;
      }
      const { done, value } = await this.#reader.read();
      if (done) return false;
      if (!(value instanceof Uint8Array)) {
        throw new TypeError(
          `Cannot read a stream as its chunks must be Uint8Arrays: chunk is ${typeof value}`,
        );
      }
      this.#chunk = value;
    }
    return true;
  }

  #take(length: number): Uint8Array {
    const part = this.#chunk.subarray(0, length);
    this.#chunk = this.#chunk.subarray(part.length);
    this.offset += part.length;
    return part;
  }
}

// --- internal ---

function allocate(length: number, offset: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    const problem = `Cannot read a checkpoint as ${length} bytes do not fit in memory`;
    throw new CheckpointError(problem, offset, { cause });
  }
}
