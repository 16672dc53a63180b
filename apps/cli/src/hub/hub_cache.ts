import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import process from "node:process";
import { CliError, errorCode, fileError } from "../failure.ts";
import type { Destination } from "./destination.ts";
import type { HubFile } from "./hub_client.ts";
import { COMMIT } from "./model_id.ts";

/**
 * A model in the cache that `huggingface_hub`, transformers and others share: `models--beomi--kcbert-base` with `blobs`,
 * named after their hashes, `snapshots`, a folder for each commit with links to blobs, and `refs`, which tell the commits
 * of branches and tags.
 */
export class CachedModel implements Destination {
  /** Where it is; it need not be there. */
  readonly path: string;

  /**
   * @param cache The folder of the cache.
   * @param id The model's name, `beomi/kcbert-base`.
   */
  constructor(cache: string, id: string) {
    this.path = join(cache, ["models", ...id.split("/")].join("--"));
  }

  /** The commit that a revision stood for when it was last asked for. */
  commitOf(revision: string): string | undefined {
    if (COMMIT.test(revision)) return revision;
    try {
      const commit = readFileSync(join(this.path, "refs", ...revision.split("/")), "utf8").trim();
      return COMMIT.test(commit) ? commit : undefined;
    } catch {
      return undefined;
    }
  }

  /** The commits of which there are files. */
  commits(): string[] {
    return namesIn(join(this.path, "snapshots")).filter((name) => COMMIT.test(name));
  }

  /** Paths of the files of a commit that are there, whole. */
  files(commit: string): string[] {
    const folder = this.folder(commit);
    if (!existsSync(folder)) return [];
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
    return names.filter((name) => isFile(join(folder, name))).map((name) => name.replaceAll("\\", "/"));
  }

  folder(commit: string): string {
    return join(this.path, "snapshots", commit);
  }

  known(commit: string, name: string): HubFile | undefined {
    const path = this.#snapshot(commit, name);
    if (!isFile(path)) return undefined;
    return { name, commit, etag: basename(realpathSync(path)), size: statSync(path).size };
  }

  async find({ commit, etag, name }: HubFile): Promise<string | undefined> {
    const path = this.#snapshot(commit, name);
    if (isFile(path)) return path;
    const blob = this.#blob(etag);
    if (!isFile(blob)) return undefined;
    this.#link(blob, path, false);
    return path;
  }

  place({ etag }: HubFile): string {
    this.#make(join(this.path, "blobs"));
    return this.#blob(etag);
  }

  async keep({ commit, etag, name }: HubFile): Promise<void> {
    this.#link(this.#blob(etag), this.#snapshot(commit, name), true);
  }

  finish(revision: string, commit: string): void {
    if (revision === commit || this.commitOf(revision) === commit) return;
    const path = join(this.path, "refs", ...revision.split("/"));
    const temporary = `${path}.${process.pid}.tmp`;
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(temporary, commit);
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw fileError(`write ${path}`, error);
    }
  }

  #blob(etag: string): string {
    return join(this.path, "blobs", etag);
  }

  #snapshot(commit: string, name: string): string {
    return join(this.folder(commit), ...name.split("/"));
  }

  #make(folder: string): void {
    try {
      mkdirSync(folder, { recursive: true });
    } catch (error) {
      throw fileError(`write to the cache ${folder}`, error);
    }
  }

  /**
   * Let a name in a snapshot lead to a blob, by a relative link, so that the cache can be moved. Where the system has no
   * links (Windows, without the right to make them) the name gets the file itself, as Python does it.
   */
  #link(blob: string, path: string, isNew: boolean): void {
    this.#make(dirname(path));
    const temporary = `${path}.${process.pid}.tmp`;
    try {
      try {
        symlinkSync(relative(realpathSync(dirname(path)), realpathSync(blob)), temporary);
      } catch (error) {
        if (!NO_LINKS.has(errorCode(error) ?? "")) throw error;
        if (isNew) renameSync(blob, temporary);
        else copyFileSync(blob, temporary);
      }
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw fileError(`write ${path}`, error);
    }
  }
}

/** Whether a path leads to a file, through links or not. */
export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

// --- internal ---

const NO_LINKS: ReadonlySet<string> = new Set([
  "EPERM",
  "EACCES",
  "ENOSYS",
  "ENOTSUP",
  "EOPNOTSUPP",
  "EINVAL",
]);

/** The names in a folder; none if it is not there. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "")) return [];
    throw new CliError(`Cannot read the folder ${folder}`, { cause: error });
  }
}
