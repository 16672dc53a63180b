import { randomUUID } from "node:crypto";
import { constants as fileModes, type Stats } from "node:fs";
import { accessSync, fchmodSync, lstatSync, realpathSync, statSync } from "node:fs";
import { closeSync, fsync, openSync, renameSync, unlinkSync, write } from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { constants, createGzip, type Gzip } from "node:zlib";
import { CliError, errorCode, fileError } from "../failure.ts";
import { removeOnExit } from "../interrupt.ts";

/**
 * Where a command's result goes. A file appears under its name only once it is whole: it is written beside under a
 * temporary name, flushed to the disk, then renamed, so a command that fails or is interrupted leaves the file that was
 * there before as it was. Standard output, devices and pipes are written directly.
 */
export interface Output {
  /** How messages call it. */
  readonly name: string;
  /** Append UTF-8 text; one call at a time. */
  write(text: string): Promise<void>;
  /** Append bytes; one call at a time, and the bytes stay as they are until it is done. */
  writeBytes(bytes: Uint8Array): Promise<void>;
  /** Bring everything to the disk; nothing may be written afterwards. */
  flush(): Promise<void>;
  /** Make the result final. */
  commit(): Promise<void>;
  /** Forget what was written, after a failure; harmless after `commit`. */
  discard(): Promise<void>;
}

/** The reader of our standard output has gone (`| head`): there is nothing more to do, and nothing wrong. */
export class ReaderGone extends Error {
  override name = "ReaderGone";
}

/**
 * Open an output.
 *
 * @param path The file; `undefined` or `-` is standard output. A name that ends in `.gz` is compressed.
 * @throws {CliError} If it cannot be written: a directory, a missing folder, no permission.
 */
export function openOutput(path: string | undefined): Output {
  if (path === undefined || path === "-") return new DirectOutput("standard output", STDOUT);
  const target = existing(path);
  if (target?.isDirectory()) throw new CliError(`Cannot write ${path}: it is a directory, not a file`);
  const output = target === undefined || target.isFile() ? new AtomicOutput(path, target) : openDevice(path);
  return path.endsWith(".gz") ? new GzipOutput(output) : output;
}

/**
 * Run something that writes an output; commit it if all went well, discard it otherwise.
 *
 * @returns What `body` returns.
 */
export async function withOutput<T>(
  path: string | undefined,
  body: (output: Output) => Promise<T>,
): Promise<T> {
  const output = openOutput(path);
  try {
    const result = await body(output);
    await output.commit();
    return result;
  } catch (error) {
    await output.discard();
    throw error;
  }
}

/** Write several files of one folder so that none appears before all are whole. */
export async function writeFiles(
  folder: string,
  files: ReadonlyMap<string, string | Uint8Array>,
): Promise<void> {
  const outputs: Output[] = [];
  try {
    for (const [name, content] of files) {
      const output = openOutput(join(folder, name));
      outputs.push(output);
      await (typeof content === "string" ? output.write(content) : output.writeBytes(content));
      await output.flush();
    }
    for (const output of outputs) await output.commit();
  } catch (error) {
    for (const output of outputs) await output.discard();
    throw error;
  }
}

// --- internal ---

const STDOUT = 1;
const SMALL_TEXT = 1 << 12;
const encoder = new TextEncoder();

/** Encodes into the same memory again and again: half the time of new memory for each text. */
class ReusedEncoder {
  #bytes = new Uint8Array();

  /** The text in UTF-8, until the next call. */
  encode(text: string): Uint8Array {
    const most = text.length * 3;
    if (most < SMALL_TEXT) return encoder.encode(text);
    if (most > this.#bytes.length) this.#bytes = new Uint8Array(most);
    return this.#bytes.subarray(0, encoder.encodeInto(text, this.#bytes).written);
  }
}
const writeAsync = promisify(write);
const fsyncAsync = promisify(fsync);

/** Writes to a descriptor as it is. */
class DirectOutput implements Output {
  readonly name: string;
  readonly #descriptor: number;
  readonly #encoder = new ReusedEncoder();

  constructor(name: string, descriptor: number) {
    this.name = name;
    this.#descriptor = descriptor;
  }

  async write(text: string): Promise<void> {
    await this.writeBytes(this.#encoder.encode(text));
  }

  async writeBytes(bytes: Uint8Array): Promise<void> {
    await writeAll(this.#descriptor, bytes, this.name);
  }

  async flush(): Promise<void> {
    // A pipe or a device is not ours to flush.
  }

  async commit(): Promise<void> {
    if (this.#descriptor !== STDOUT) closeSync(this.#descriptor);
  }

  async discard(): Promise<void> {
    // What went down a pipe cannot be taken back.
  }
}

/** Writes beside the target, and takes its place at the end. */
class AtomicOutput implements Output {
  readonly name: string;
  readonly #target: string;
  readonly #temporary: string;
  readonly #removal: { keep(): void };
  #descriptor: number | undefined;
  readonly #encoder = new ReusedEncoder();
  #writing: Promise<void> = Promise.resolve();
  #flushed = false;

  constructor(path: string, existing: Stats | undefined) {
    this.name = path;
    this.#target = existing === undefined ? path : realpathSync(path); // a symbolic link stays one
    this.#temporary = join(
      dirname(this.#target),
      `.${basename(this.#target)}.${randomUUID().slice(0, 8)}.tmp`,
    );
    this.#removal = removeOnExit(this.#temporary);
    try {
      if (existing !== undefined) accessSync(this.#target, fileModes.W_OK);
      this.#descriptor = openSync(this.#temporary, "wx");
      if (existing !== undefined) fchmodSync(this.#descriptor, existing.mode & 0o777);
    } catch (error) {
      this.#removal.keep();
      throw fileError(`write ${path}`, missingFolder(path, error));
    }
  }

  async write(text: string): Promise<void> {
    await this.writeBytes(this.#encoder.encode(text));
  }

  async writeBytes(bytes: Uint8Array): Promise<void> {
    this.#writing = writeAll(this.#descriptor!, bytes, this.name);
    await this.#writing;
  }

  async flush(): Promise<void> {
    if (this.#flushed) return;
    try {
      await fsyncAsync(this.#descriptor!);
      closeSync(this.#descriptor!);
      this.#descriptor = undefined;
      this.#flushed = true;
    } catch (error) {
      throw fileError(`write ${this.name}`, error);
    }
  }

  async commit(): Promise<void> {
    await this.flush();
    try {
      renameSync(this.#temporary, this.#target);
    } catch (error) {
      throw fileError(`write ${this.name}`, error);
    }
    this.#removal.keep();
  }

  async discard(): Promise<void> {
    await this.#writing.catch(() => {}); // a descriptor is not closed under a write
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
    try {
      unlinkSync(this.#temporary);
    } catch {
      // Renamed already, or removed by somebody else.
    }
    this.#removal.keep();
  }
}

/** Compresses on the way to another output. */
class GzipOutput implements Output {
  readonly name: string;
  readonly #inner: Output;
  readonly #gzip: Gzip = createGzip({ level: constants.Z_DEFAULT_COMPRESSION, chunkSize: 1 << 18 });
  readonly #copying: Promise<void>;

  constructor(inner: Output) {
    this.name = inner.name;
    this.#inner = inner;
    this.#copying = this.#copy();
    this.#copying.catch(() => {}); // reported by the next write, or by commit
  }

  async write(text: string): Promise<void> {
    await this.writeBytes(encoder.encode(text));
  }

  async writeBytes(bytes: Uint8Array): Promise<void> {
    if (this.#gzip.destroyed) return this.#copying;
    if (!this.#gzip.write(bytes)) await Promise.race([drained(this.#gzip), this.#copying]);
  }

  async flush(): Promise<void> {
    if (!this.#gzip.destroyed) this.#gzip.end();
    await this.#copying;
    await this.#inner.flush();
  }

  async commit(): Promise<void> {
    await this.flush();
    await this.#inner.commit();
  }

  async discard(): Promise<void> {
    this.#gzip.destroy();
    await this.#inner.discard();
  }

  async #copy(): Promise<void> {
    for await (const chunk of this.#gzip as AsyncIterable<Uint8Array>) await this.#inner.writeBytes(chunk);
  }
}

function existing(path: string): Stats | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined && lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
      throw new CliError(`Cannot write ${path}: it is a symbolic link to a file that does not exist`);
    }
    return found;
  } catch (error) {
    throw fileError(`write ${path}`, error);
  }
}

function openDevice(path: string): DirectOutput {
  try {
    return new DirectOutput(path, openSync(path, "w"));
  } catch (error) {
    throw fileError(`write ${path}`, error);
  }
}

function missingFolder(path: string, error: unknown): unknown {
  if (errorCode(error) !== "ENOENT") return error;
  return new CliError(`Cannot write ${path}: there is no folder ${dirname(path)}`, { cause: error });
}

/** Write every byte: a pipe may take a part, or nothing for the moment. */
async function writeAll(descriptor: number, bytes: Uint8Array, name: string): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    try {
      const { bytesWritten } = await writeAsync(descriptor, bytes, written, bytes.length - written, null);
      written += bytesWritten;
    } catch (error) {
      if (errorCode(error) === "EAGAIN") await pause(5);
      else if (errorCode(error) === "EPIPE" && descriptor === STDOUT) throw new ReaderGone();
      else throw fileError(`write ${name}`, error);
    }
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

function drained(stream: Gzip): Promise<void> {
  return new Promise((resolve) => {
    const ready = () => {
      stream.off("drain", ready);
      stream.off("close", ready);
      resolve();
    };
    stream.on("drain", ready);
    stream.on("close", ready);
  });
}
