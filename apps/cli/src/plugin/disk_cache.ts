import { mkdir, open, readdir, readFile, rename, stat, unlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import type { CompileCache } from "@kcbert/xla";

/**
 * Compiled programs in files, one each, named by their key. They are written beside and renamed, so that a reader sees
 * all of one or nothing; the ones that were not used for longest go when there are too many.
 */
export class DiskCompileCache implements CompileCache {
  readonly build: string;
  readonly #folder: string;
  readonly #room: number;
  #counter = 0;

  /**
   * @param folder Where the files go; it is made when the first is written.
   * @param build What the compiled code depends on besides the program.
   * @param room The bytes that all files together may take.
   */
  constructor(folder: string, build: string, room: number = 4e9) {
    this.#folder = folder;
    this.#room = room;
    this.build = build;
  }

  async read(key: string): Promise<Uint8Array> {
    const path = join(this.#folder, `${key}.xla`);
    const bytes = await readFile(path);
    const now = new Date();
    await utimes(path, now, now).catch(() => {}); // somebody else's file: it is of use all the same
    return bytes;
  }

  async write(key: string, bytes: Uint8Array): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const path = join(this.#folder, `${key}.xla`);
    const temporary = `${path}.${process.pid}-${this.#counter++}.tmp`;
    try {
      const file = await open(temporary, "wx");
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await unlink(temporary).catch(() => {}); // it may not be there
      throw error;
    }
    await this.#tidy();
  }

  /** Remove what was not used for longest, and what interrupted writers left a day ago. */
  async #tidy(): Promise<void> {
    const files: { path: string; size: number; used: number }[] = [];
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      const state = await stat(path).catch(() => undefined); // another process tidies too
      if (state !== undefined) files.push({ path, size: state.size, used: state.mtimeMs });
    }
    let room = this.#room;
    for (const { path, size, used } of files.sort((a, b) => b.used - a.used)) {
      room -= size;
      const left = path.endsWith(".tmp") && Date.now() - used > DAY;
      if (room < 0 || left) await unlink(path).catch(() => {}); // gone already
    }
  }
}

// --- internal ---

const DAY = 86_400_000;
