import { readFile } from "node:fs/promises";
import type { ArgsDef } from "citty";
import { CliError, fileError, UsageError } from "./failure.ts";
import { suggest } from "./suggest.ts";

/**
 * Read flags from a JSON file: an object of flag names, `max-length`, `max_length` or `maxLength` alike, and their values.
 *
 * @param path The file.
 * @param flags The command's flags.
 * @returns The values as the command line would give them, by the flags' names.
 * @throws {CliError} If the file cannot be read, or is no JSON object.
 * @throws {UsageError} If it names a flag that there is not, or a value does not suit its flag.
 */
export async function readConfigFile(
  path: string,
  flags: ArgsDef,
): Promise<Record<string, string | boolean>> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw fileError(`read ${path}`, error);
  });
  const values: Record<string, string | boolean> = {};
  for (const [key, value] of Object.entries(parse(text, path))) {
    const name = key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).replaceAll("_", "-");
    values[name] = flagValue(path, key, value, flags[name], flags);
  }
  return values;
}

// --- internal ---

function parse(text: string, path: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new CliError(`Cannot read ${path} as it is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new CliError(`Cannot read ${path} as it must hold a JSON object, such as {"layers": 4}`);
}

function flagValue(
  path: string,
  key: string,
  value: unknown,
  flag: ArgsDef[string] | undefined,
  flags: ArgsDef,
): string | boolean {
  if (flag === undefined || flag.type === "positional") {
    const near = suggest(key, Object.keys(flags));
    const hint = near === undefined ? "see --help" : `did you mean ${near}?`;
    throw new UsageError(`Unknown flag ${key} in ${path}: ${hint}`);
  }
  const wanted = flag.type === "boolean" ? "boolean" : "string";
  if (typeof value === wanted) return value as string | boolean;
  if (wanted === "string" && typeof value === "number") return String(value);
  if (wanted === "string" && Array.isArray(value)) return value.join(",");
  const takes = wanted === "boolean" ? "true or false" : "a number or a text";
  throw new UsageError(`Cannot use ${key} of ${path}: it takes ${takes}, and it is ${JSON.stringify(value)}`);
}
