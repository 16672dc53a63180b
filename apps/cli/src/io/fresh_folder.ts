import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { fileError, UsageError } from "../failure.ts";

/**
 * Refuse a folder that has files in it.
 *
 * @throws {UsageError} Naming one of them, unless `overwrite` says that they may be replaced.
 */
export function refuseFull(path: string, overwrite: boolean): void {
  if (overwrite || !existsSync(path)) return;
  const [first] = readdirSync(path);
  if (first === undefined) return;
  throw new UsageError(
    `Cannot write to ${path}: the folder has files (${first}); name another, or add --overwrite`,
  );
}

/** Make a folder, and those above it. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw fileError(`write to the folder ${path}`, error);
  }
}
