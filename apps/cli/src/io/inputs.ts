import { globSync, statSync } from "node:fs";
import { CliError, errorCode, fileError } from "../failure.ts";

/** Something to read: a file, or standard input. */
export interface Input {
  /** How messages call it. */
  readonly name: string;
  /** Where it is; `undefined` is standard input. */
  readonly path: string | undefined;
  /** Its size on disk in bytes, `undefined` where nobody knows beforehand (pipes, devices). */
  readonly size: number | undefined;
}

/**
 * Turn the words of a command line into inputs: files as they are, patterns (`data/*.txt.gz`) into the files that
 * match, in order of name, `-` and no word at all into standard input.
 *
 * Every file is looked at before the first is read, so a mistyped last name does not cost the work of the first.
 *
 * @throws {CliError} If a file is missing, a directory or empty, or a pattern matches nothing.
 */
export function resolveInputs(words: readonly string[]): Input[] {
  if (words.length === 0) return [STANDARD_INPUT];
  return words.flatMap((word) => (word === "-" ? STANDARD_INPUT : matchingPaths(word).map(fileInput)));
}

// --- internal ---

const STANDARD_INPUT: Input = { name: "standard input", path: undefined, size: undefined };

/** A name that exists is itself, whatever characters it holds. */
function matchingPaths(word: string): string[] {
  if (!/[*?[\]{}]/.test(word) || exists(word)) return [word];
  const paths = globSync(word).sort(byCodeUnits);
  if (paths.length > 0) return paths;
  throw new CliError(`Cannot find any input: no file matches ${word}`);
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function fileInput(path: string): Input {
  try {
    const found = statSync(path);
    if (found.isDirectory()) throw new CliError(`Cannot read ${path}: it is a directory, not a file`);
    if (found.isFile() && found.size === 0) throw new CliError(`Cannot read ${path}: it is empty`);
    return { name: path, path, size: found.isFile() ? found.size : undefined };
  } catch (error) {
    if (errorCode(error) === "ENOENT") {
      throw new CliError(`Cannot read ${path}: there is no such file`, { cause: error });
    }
    throw fileError(`read ${path}`, error);
  }
}

/** The same order on every machine, whatever its language. */
function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
