import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import process from "node:process";
import { CliError, fileError } from "../failure.ts";
import { type Output, openOutput } from "../io/output.ts";
import { CARD_MARK } from "./model_card.ts";

/**
 * A folder that appears whole or not at all: it is written beside under another name, then renamed. One that `export`
 * has made before is replaced; with `overwrite` its files take the place of those of the same names in any folder.
 */
export class ExportFolder {
  /** Where it will be. */
  readonly path: string;
  readonly #temporary: string;
  readonly #replace: "nothing" | "folder" | "files";

  private constructor(path: string, replace: "nothing" | "folder" | "files") {
    this.path = resolve(path);
    this.#temporary = join(dirname(this.path), `.${basename(this.path)}.${process.pid}.tmp`);
    this.#replace = replace;
  }

  /**
   * Begin to write a folder.
   *
   * @throws {CliError} If there is a file of that name, or a folder with files that `export` has not made.
   */
  static open(path: string, overwrite: boolean): ExportFolder {
    const names = namesOf(path);
    const ours = isOurs(path, names);
    if (names.length > 0 && !ours && !overwrite) {
      throw new CliError(
        `Cannot export to ${path}: the folder has files that export did not make (${names[0]}); name another, or add --overwrite`,
      );
    }
    const folder = new ExportFolder(path, names.length === 0 ? "nothing" : ours ? "folder" : "files");
    try {
      mkdirSync(dirname(folder.path), { recursive: true });
      mkdirSync(folder.#temporary);
    } catch (error) {
      throw fileError(`write to the folder ${path}`, error);
    }
    return folder;
  }

  /** Write a file, piece by piece, to the disk. */
  async write(name: string, pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
    const output: Output = openOutput(join(this.#temporary, name));
    try {
      for await (const piece of pieces) await output.writeBytes(piece);
      await output.commit();
    } catch (error) {
      await output.discard();
      throw error;
    }
  }

  /** Everything is written. */
  finish(): void {
    const old = `${this.#temporary}.old`;
    try {
      if (this.#replace === "files") {
        for (const name of readdirSync(this.#temporary))
          renameSync(join(this.#temporary, name), join(this.path, name));
        rmdirSync(this.#temporary);
        return;
      }
      if (this.#replace === "folder") renameSync(this.path, old);
      else if (existsSync(this.path)) rmdirSync(this.path); // it is empty
      renameSync(this.#temporary, this.path);
      rmSync(old, { recursive: true, force: true });
    } catch (error) {
      throw fileError(`write to the folder ${this.path}`, error);
    }
  }

  /** Forget what was written; harmless after `finish`. */
  discard(): void {
    rmSync(this.#temporary, { recursive: true, force: true });
  }
}

// --- internal ---

/** What `export` writes. */
const NAMES: ReadonlySet<string> = new Set([
  "README.md",
  "config.json",
  "model.safetensors",
  "tokenizer.json",
  "tokenizer_config.json",
  "vocab.txt",
]);

function namesOf(path: string): string[] {
  const state = statSync(path, { throwIfNoEntry: false });
  if (state === undefined) return [];
  if (!state.isDirectory()) throw new CliError(`Cannot export to ${path}: it is a file, not a folder`);
  return readdirSync(path);
}

function isOurs(path: string, names: readonly string[]): boolean {
  if (!names.every((name) => NAMES.has(name)) || !names.includes("README.md")) return false;
  return readFileSync(join(path, "README.md"), "utf8").includes(CARD_MARK);
}
