import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, open, type FileHandle, readdir, rename, stat, unlink } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { errorCode, fileError } from "../failure.ts";

/**
 * The part of a file that is there so far, beside its target: `<name>.<machine>-<process>.incomplete`.
 *
 * It belongs to one process, so that two never write to one. When a process has ended, however it ended, the next one
 * takes over what it left. Its bytes are hashed on the way.
 */
export class PartialFile {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #newHash: () => Hash;
  #hash: Hash;
  #length: number;

  private constructor(path: string, file: FileHandle, newHash: () => Hash) {
    this.path = path;
    this.#file = file;
    this.#newHash = newHash;
    this.#hash = newHash();
    this.#length = 0;
  }

  /**
   * Open the partial file of a target, with what is there of it already.
   *
   * @param target Where the file will be; its folder is there.
   * @param newHash Makes the hash of the file's bytes.
   * @throws {CliError} If it cannot be written.
   */
  static async open(target: string, newHash: () => Hash): Promise<PartialFile> {
    const path = `${target}.${MACHINE}-${process.pid}.incomplete`;
    try {
      await takeOver(target, path);
      const partial = new PartialFile(path, await open(path, "a"), newHash);
      for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }))
        partial.#count(chunk as Buffer);
      return partial;
    } catch (error) {
      throw fileError(`write ${path}`, error);
    }
  }

  /** Bytes that are there. */
  get length(): number {
    return this.#length;
  }

  async append(bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await this.#file.write(bytes, done);
        done += bytesWritten;
      }
      this.#count(bytes);
    } catch (error) {
      throw fileError(`write ${this.path}`, error);
    }
  }

  /** Begin anew. */
  async clear(): Promise<void> {
    try {
      await this.#file.truncate(0);
    } catch (error) {
      throw fileError(`write ${this.path}`, error);
    }
    this.#hash = this.#newHash();
    this.#length = 0;
  }

  /** The hash of the bytes that are there, in hexadecimal. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  /** The file is whole: bring it to the disk, and give it its name. */
  async finish(target: string): Promise<void> {
    try {
      await this.#file.sync();
      await this.#file.close();
      await rename(this.path, target);
    } catch (error) {
      throw fileError(`write ${target}`, error);
    }
  }

  /** Leave what is there for another time; nothing, if it is empty. */
  async leave(): Promise<void> {
    await this.#file.close().catch(() => {}); // closed already, after a failure to finish
    if (this.#length === 0) await this.#remove();
  }

  /** What is there is worth nothing. */
  async discard(): Promise<void> {
    await this.#file.close();
    await this.#remove();
  }

  #count(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#length += bytes.length;
  }

  async #remove(): Promise<void> {
    await unlink(this.path).catch(() => {}); // gone already
  }
}

/** Whether another process is at work on a target: it lives, and has written within the last minute. */
export async function isInWork(target: string): Promise<boolean> {
  const others = await partials(target);
  return others.some(({ owner, silence }) => owner !== "gone" && owner !== "self" && silence < A_MINUTE);
}

/** This machine, in the names of partial files. */
export const MACHINE: string = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);

// --- internal ---

const A_MINUTE = 60_000;

interface Partial {
  readonly path: string;
  readonly size: number;
  /** Milliseconds since it was written to. */
  readonly silence: number;
  readonly owner: "self" | "alive" | "gone" | "elsewhere";
}

/** The partial files of a target, the longest first. */
async function partials(target: string): Promise<Partial[]> {
  const found: Partial[] = [];
  for (const name of await readdir(dirname(target))) {
    const [, machine, process] = PARTIAL.exec(name.slice(basename(target).length)) ?? [];
    if (process === undefined || !name.startsWith(basename(target))) continue;
    const path = join(dirname(target), name);
    const state = await stat(path).catch(() => undefined); // it may be finished at this moment
    if (state === undefined) continue;
    const owner = ownerOf(machine!, Number(process));
    found.push({ path, size: state.size, silence: Date.now() - state.mtimeMs, owner });
  }
  return found.sort((a, b) => b.size - a.size);
}

const PARTIAL = /^\.([0-9a-f]{8})-(\d{1,9})\.incomplete$/;

function ownerOf(machine: string, id: number): Partial["owner"] {
  if (machine !== MACHINE) return "elsewhere";
  if (id === process.pid) return "self";
  try {
    process.kill(id, 0); // asks only
    return "alive";
  } catch (error) {
    return errorCode(error) === "ESRCH" ? "gone" : "alive";
  }
}

/**
 * Make what others left of a target our own. A file whose owner has ended is renamed, which only one process can do.
 * One from another machine, where nobody can be asked, is copied after ten minutes of silence.
 */
async function takeOver(target: string, path: string): Promise<void> {
  const all = await partials(target);
  if (all.some(({ owner }) => owner === "self")) return;
  const left = all.filter(
    ({ owner, silence }) => owner === "gone" || (owner === "elsewhere" && silence > 10 * A_MINUTE),
  );
  for (const [i, { path: from, owner }] of left.entries()) {
    try {
      if (i > 0) await unlink(from);
      else if (owner === "gone") await rename(from, path);
      else await copyFile(from, path).then(() => unlink(from));
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error; // another process was faster
    }
  }
}
