import { closeSync, fsyncSync, openSync, truncateSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { errorCode, fileError } from "../failure.ts";

/**
 * One growing file for each partition of the corpus. What is appended waits in memory until there is enough of it; files
 * are opened only to be written, so there can be more of them than a process may hold open.
 */
export class Buckets {
  readonly #folder: string;
  readonly #waiting: Uint8Array[][];
  readonly #waitingBytes: Float64Array;
  /** Bytes of each file, those that wait included. */
  readonly #lengths: Float64Array;
  readonly #rows: Float64Array;
  readonly #flushAt: number;
  #writing: Promise<void> = Promise.resolve();
  #inWork = 0;

  /**
   * Open the files, cut to what they had at a checkpoint.
   *
   * @throws {CliError} If one cannot be written, or is shorter than it was.
   */
  constructor(folder: string, { lengths, rows }: BucketSizes) {
    this.#folder = folder;
    this.#lengths = Float64Array.from(lengths);
    this.#rows = Float64Array.from(rows);
    this.#waiting = lengths.map(() => []);
    this.#waitingBytes = new Float64Array(lengths.length);
    this.#flushAt = Math.min(4 << 20, Math.max(64 << 10, Math.floor(MOST_WAITING / lengths.length)));
    for (const [i, length] of lengths.entries()) cutTo(bucketPath(folder, i), length);
  }

  /** Append rows; `bytes` stay as they are. Wait with more until the promise, if there is one, is done. */
  append(partition: number, bytes: Uint8Array, rows: number): Promise<void> | undefined {
    if (bytes.length === 0) return undefined;
    this.#waiting[partition]!.push(bytes);
    this.#waitingBytes[partition]! += bytes.length;
    this.#lengths[partition]! += bytes.length;
    this.#rows[partition]! += rows;
    if (this.#waitingBytes[partition]! >= this.#flushAt) this.#flush(partition);
    return this.#inWork > MOST_WAITING ? this.#writing : undefined;
  }

  /** Bring everything to the disk, and say how much that is. */
  async checkpoint(): Promise<BucketSizes> {
    for (let i = 0; i < this.#waiting.length; i++) this.#flush(i);
    await this.#writing;
    for (let i = 0; i < this.#waiting.length; i++) sync(bucketPath(this.#folder, i));
    return { lengths: [...this.#lengths], rows: [...this.#rows] };
  }

  #flush(partition: number): void {
    const pieces = this.#waiting[partition]!;
    if (pieces.length === 0) return;
    const bytes = this.#waitingBytes[partition]!;
    this.#waiting[partition] = [];
    this.#waitingBytes[partition] = 0;
    this.#inWork += bytes;
    this.#writing = this.#writeAfter(this.#writing, partition, pieces, bytes);
    this.#writing.catch(() => {}); // thrown by whoever waits for it
  }

  async #writeAfter(
    before: Promise<void>,
    partition: number,
    pieces: readonly Uint8Array[],
    bytes: number,
  ): Promise<void> {
    await before;
    await appendTo(bucketPath(this.#folder, partition), pieces);
    this.#inWork -= bytes;
  }
}

/** How much each bucket holds. */
export interface BucketSizes {
  readonly lengths: readonly number[];
  readonly rows: readonly number[];
}

/** Where the rows of a partition are. */
export function bucketPath(folder: string, partition: number): string {
  return join(folder, `rows-${String(partition).padStart(5, "0")}.tsv`);
}

// --- internal ---

const MOST_WAITING = 128 << 20;

function cutTo(path: string, length: number): void {
  try {
    closeSync(openSync(path, "a"));
    truncateSync(path, length);
  } catch (error) {
    throw fileError(`write ${path}`, error);
  }
}

async function appendTo(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  try {
    const file = await open(path, "a");
    try {
      await file.writeFile(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(`write ${path}`, error);
  }
}

function sync(path: string): void {
  try {
    const file = openSync(path, "r+");
    fsyncSync(file);
    closeSync(file);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw fileError(`write ${path}`, error);
  }
}
