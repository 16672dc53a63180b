import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CliError, errorCode, fileError } from "../failure.ts";

/** Write a file so that it has its name only when it is whole and on the disk. */
export function writeDurably(folder: string, name: string, content: string | Uint8Array): void {
  const path = join(folder, name);
  const temporary = join(folder, `.${name}.${randomUUID().slice(0, 8)}.tmp`);
  try {
    const file = openSync(temporary, "wx");
    try {
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    syncFolder(folder);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw fileError(`write ${path}`, error);
  }
}

/** Bring the bytes of a file that somebody else wrote to the disk. */
export function syncFile(path: string): void {
  try {
    const file = openSync(path, "r+");
    fsyncSync(file);
    closeSync(file);
  } catch (error) {
    throw fileError(`write ${path}`, error);
  }
}

/** What a file of JSON holds; `undefined` if there is none. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as unknown;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    if (error instanceof SyntaxError) {
      throw new CliError(`Cannot read ${path}: it is not JSON; it is damaged`, { cause: error });
    }
    throw fileError(`read ${path}`, error);
  }
}

// --- internal ---

/** Bring a folder's entries to the disk, where the system has such a thing. */
function syncFolder(path: string): void {
  try {
    const folder = openSync(path, "r");
    fsyncSync(folder);
    closeSync(folder);
  } catch (error) {
    if (!["EISDIR", "EPERM", "EACCES", "EINVAL"].includes(errorCode(error) ?? "")) throw error;
  }
}
