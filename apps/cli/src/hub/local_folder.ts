import {
  copyFileSync,
  createReadStream,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileError } from "../failure.ts";
import type { Destination } from "./destination.ts";
import { hashOf } from "./download_file.ts";
import { type CachedModel, isFile } from "./hub_cache.ts";
import type { HubFile } from "./hub_client.ts";

/**
 * A folder of one's own with the model's files in it, not links. Beside them, in `.cache/huggingface/download`, stands
 * which version each file is, as `hf download --local-dir` writes it.
 */
export class LocalFolder implements Destination {
  readonly #path: string;
  readonly #cached: CachedModel;

  /**
   * @param path The folder; made if it is not there.
   * @param cached The model in the cache; what is there need not be downloaded.
   */
  constructor(path: string, cached: CachedModel) {
    this.#path = path;
    this.#cached = cached;
  }

  folder(): string {
    return this.#path;
  }

  known(commit: string, name: string): HubFile | undefined {
    const [known, etag] = this.#read(name);
    if (known !== commit || etag === undefined || !isFile(this.#file(name))) return undefined;
    return { name, commit, etag, size: statSync(this.#file(name)).size };
  }

  async find(file: HubFile): Promise<string | undefined> {
    const path = this.#file(file.name);
    if (isFile(path) && (this.#read(file.name)[1] === file.etag || (await hasHash(path, file)))) {
      this.#write(file);
      return path;
    }
    const cached = join(this.#cached.folder(file.commit), ...file.name.split("/"));
    if (!isFile(cached)) return undefined;
    const place = this.place(file);
    try {
      copyFileSync(cached, place);
    } catch (error) {
      throw fileError(`write ${place}`, error);
    }
    await this.keep(file);
    return path;
  }

  place({ name, etag }: HubFile): string {
    const path = `${this.#record(name)}.${etag}`;
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(join(this.#path, ".cache", "huggingface", ".gitignore"), "*\n");
    } catch (error) {
      throw fileError(`write to the folder ${this.#path}`, error);
    }
    return path;
  }

  async keep(file: HubFile): Promise<void> {
    const path = this.#file(file.name);
    try {
      mkdirSync(dirname(path), { recursive: true });
      renameSync(this.place(file), path);
    } catch (error) {
      throw fileError(`write ${path}`, error);
    }
    this.#write(file);
  }

  finish(): void {
    // Each file has its own record.
  }

  #file(name: string): string {
    return join(this.#path, ...name.split("/"));
  }

  #record(name: string): string {
    return join(this.#path, ".cache", "huggingface", "download", ...name.split("/"));
  }

  /** Commit and hash of a file by its record; nothing if the file was touched since. */
  #read(name: string): string[] {
    try {
      const [commit, etag, time] = readFileSync(`${this.#record(name)}.metadata`, "utf8").split("\n");
      return statSync(this.#file(name)).mtimeMs <= Number(time) * 1000 + 1000 ? [commit!, etag!] : [];
    } catch {
      return [];
    }
  }

  #write(file: HubFile): void {
    const path = `${this.#record(file.name)}.metadata`;
    const temporary = `${path}.${process.pid}.tmp`;
    this.place(file);
    try {
      writeFileSync(temporary, `${file.commit}\n${file.etag}\n${Date.now() / 1000}\n`);
      renameSync(temporary, path);
    } catch (error) {
      throw fileError(`write ${path}`, error);
    }
  }
}

// --- internal ---

/** Whether a file on the disk is the hub's. */
async function hasHash(path: string, file: HubFile): Promise<boolean> {
  if (file.size !== undefined && statSync(path).size !== file.size) return false;
  const kind = hashOf(file);
  if (kind === undefined) return false;
  const hash = kind.begin();
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex") === file.etag;
}
