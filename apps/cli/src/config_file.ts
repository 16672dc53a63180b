import { readFile } from "node:fs/promises";
import type { ArgsDef } from "citty";
import { flagTokens, knownFlags, positionalNames } from "./arguments.ts";
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
  const values: Record<string, string | boolean> = {};
  for (const [key, value] of Object.entries(await readObject(path))) {
    const name = flagName(key);
    values[name] = flagValue(path, key, value, flags[name], flags);
  }
  return values;
}

/**
 * Put what `--config` names into a command line. What the command line says itself stays.
 *
 * The file is as in {@link readConfigFile}, with positional words by their name (`files`). An object under `recipe`, as a
 * corpus' index has it, is taken for the whole.
 *
 * @param rawArgs The words after the command's name.
 * @param argsDef The command's flags and positionals.
 * @returns The words without `--config`, and with what the file says.
 * @throws {CliError} If the file cannot be read, or is no JSON object.
 * @throws {UsageError} If it names a flag that there is not, or a value does not suit its flag.
 */
export async function withConfigFile(rawArgs: readonly string[], argsDef: ArgsDef): Promise<string[]> {
  const { path, rest } = takeConfigFlag(rawArgs);
  if (path === undefined) return [...rawArgs];
  const { options, positionals } = flagTokens(rest, knownFlags(argsDef));
  const given = new Set(options.map(({ name }) => longName(name.replace(/^no-/, ""), argsDef)));
  const words: string[] = [];
  const files: string[] = [];
  for (const [key, value] of Object.entries(await readObject(path))) {
    const name = flagName(key);
    if (argsDef[name]?.type === "positional") {
      files.push(...flagValues(path, key, value));
    } else {
      const flag = flagValue(path, key, value, argsDef[name], argsDef);
      if (given.has(name)) continue;
      words.push(typeof flag === "string" ? `--${name}=${flag}` : `--${flag ? "" : "no-"}${name}`);
    }
  }
  return [...words, ...rest, ...(positionals === 0 && files.length > 0 ? ["--", ...files] : [])];
}

/** A command that takes no files takes a file of flags as its first word: `pretrain run.json`. */
export function withConfigFlag(rawArgs: string[], argsDef: ArgsDef): string[] {
  const [first] = rawArgs;
  if (first === undefined || first.startsWith("-") || !first.endsWith(".json")) return rawArgs;
  return positionalNames(argsDef).length === 0 ? ["--config", ...rawArgs] : rawArgs;
}

/** What a command was asked, as a file for `--config`: what is set, by its long name in camel case. */
export function asConfig(
  parsed: Readonly<Record<string, unknown>>,
  argsDef: ArgsDef,
): Record<string, unknown> {
  const config: Record<string, unknown> = {};
  const positionals = [...(parsed["_"] as readonly string[])];
  for (const [i, name] of positionalNames(argsDef).entries()) {
    const last = i === positionalNames(argsDef).length - 1;
    const words = last ? positionals.slice(i) : positionals.slice(i, i + 1);
    if (words.length > 0) config[name] = words.length === 1 ? words[0] : words;
  }
  for (const [name, { type }] of Object.entries(argsDef)) {
    const value = parsed[name];
    if (type === "positional" || ["config", "dry-run"].includes(name) || value === undefined) continue;
    if (value !== false)
      config[name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())] = value;
  }
  return config;
}

// --- internal ---

function takeConfigFlag(rawArgs: readonly string[]): {
  readonly path: string | undefined;
  readonly rest: readonly string[];
} {
  const end = rawArgs.includes("--") ? rawArgs.indexOf("--") : rawArgs.length;
  const at = rawArgs.findIndex((word, i) => i < end && /^--config(?:=|$)/.test(word));
  if (at < 0) return { path: undefined, rest: rawArgs };
  const apart = rawArgs[at] === "--config";
  const path = apart ? rawArgs[at + 1] : rawArgs[at]!.slice("--config=".length);
  if (path === undefined || path === "") {
    throw new UsageError("Cannot use --config without a value: write --config <value>");
  }
  return { path, rest: rawArgs.toSpliced(at, apart ? 2 : 1) };
}

/** The name of a flag that may be given by an alias. */
function longName(name: string, argsDef: ArgsDef): string {
  const found = Object.entries(argsDef).find(([, definition]) => {
    return "alias" in definition && [definition.alias ?? []].flat().includes(name);
  });
  return found?.[0] ?? name;
}

function flagName(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).replaceAll("_", "-");
}

async function readObject(path: string): Promise<object> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw fileError(`read ${path}`, error);
  });
  const whole = parse(text, path);
  const { recipe } = whole as { recipe?: unknown };
  return typeof recipe === "object" && recipe !== null ? recipe : whole;
}

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

function flagValues(path: string, key: string, value: unknown): string[] {
  return [value].flat().map((each) => {
    if (typeof each === "string" || typeof each === "number") return String(each);
    throw new UsageError(
      `Cannot use ${key} of ${path}: it takes a number or a text, and it is ${JSON.stringify(each)}`,
    );
  });
}
