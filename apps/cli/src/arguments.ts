import { parseArgs } from "node:util";
import type { ArgDef, ArgsDef } from "citty";
import { UsageError } from "./failure.ts";
import { suggest } from "./suggest.ts";

/** The flags that every command understands. */
export const commonArgs = {
  config: {
    type: "string",
    valueHint: "file",
    description: "Take flags from a JSON file; those of the command line come before it",
  },
  "dry-run": {
    type: "boolean",
    description: "Check the flags, print them as JSON for --config, and do nothing",
  },
  json: { type: "boolean", description: "Print results and reports as JSON, one object a line" },
  quiet: { type: "boolean", alias: "q", description: "Print no progress and no report" },
} as const;

/**
 * Refuse what citty would silently take: unknown flags, flags without their value, values of flags that have none.
 *
 * @param rawArgs The words after the command's name.
 * @param argsDef The command's flags and positionals.
 * @throws {UsageError} Naming the flag, and the one that was probably meant.
 */
export function checkArguments(rawArgs: readonly string[], argsDef: ArgsDef): void {
  const flags = knownFlags(argsDef);
  const tokens = flagTokens(rawArgs, flags).options;
  const missing = missingFlag(argsDef, new Set(tokens.map(({ name }) => name)));
  for (const { name, rawName, value } of tokens) {
    const type = flags.get(name)?.type ?? negatedType(name, flags);
    if (type === undefined) throw unknownFlag(rawName, flags);
    if (type === "boolean" && value !== undefined) {
      throw new UsageError(`Cannot take a value for ${rawName} as it is a switch: remove "=${value}"`);
    }
    if (type !== "boolean" && (value === undefined || value === "" || isFlag(value, flags))) {
      throw new UsageError(`Cannot use ${rawName} without a value: write ${rawName} <value>`);
    }
  }
  if (missing !== undefined) throw new UsageError(`Missing --${missing}: see --help`);
}

/**
 * Read a whole number from a flag.
 *
 * @param value The text given, or `undefined` if the flag was not.
 * @param flag The flag's name without dashes, for the error.
 * @param limits The least and the greatest value allowed; 0 and 2^31 - 1 by default.
 * @throws {UsageError} If the text is not a whole number within the limits.
 */
export function wholeNumber(
  value: string | undefined,
  flag: string,
  { min = 0, max = 0x7fffffff }: { min?: number; max?: number } = {},
): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (/^[+-]?\d+$/.test(value.trim()) && number >= min && number <= max) return number;
  throw new UsageError(`Cannot use --${flag} ${value}: it takes a whole number from ${min} to ${max}`);
}

/**
 * Read one of a few words from a flag.
 *
 * @throws {UsageError} If the word is none of them.
 */
export function oneOf<const T extends string>(value: string, flag: string, words: readonly T[]): T {
  const word = words.find((known) => known === value);
  if (word !== undefined) return word;
  const near = suggest(value, words);
  const hint = near === undefined ? "" : ` (did you mean ${near}?)`;
  throw new UsageError(`Cannot use --${flag} ${value}: it takes one of ${words.join(", ")}${hint}`);
}

/** A flag as it is spelt. */
export interface Flag {
  readonly type: "boolean" | "string";
  readonly short?: string;
}

/** A flag of a command line. */
export interface FlagToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
}

/** Every spelling of every flag, `--help` included. */
export function knownFlags(argsDef: ArgsDef): Map<string, Flag> {
  const flags = new Map<string, Flag>([["help", { type: "boolean", short: "h" }]]);
  for (const [name, definition] of Object.entries(argsDef)) {
    if (definition.type === "positional" || definition.type === undefined) continue;
    const type = definition.type === "boolean" ? "boolean" : "string";
    const aliases = aliasesOf(definition);
    const short = aliases.find((alias) => alias.length === 1);
    flags.set(name, short === undefined ? { type } : { type, short });
    for (const alias of aliases) if (alias.length > 1) flags.set(alias, { type });
  }
  return flags;
}

/** The flags of a command line in their order, and how many words there are besides. */
export function flagTokens(
  rawArgs: readonly string[],
  flags: ReadonlyMap<string, Flag>,
): { readonly options: readonly FlagToken[]; readonly positionals: number } {
  const { tokens } = parseArgs({
    args: [...rawArgs],
    options: Object.fromEntries(flags),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const options = tokens.flatMap((token) =>
    token.kind === "option" ? [{ name: token.name, rawName: token.rawName, value: token.value }] : [],
  );
  return { options, positionals: tokens.filter(({ kind }) => kind === "positional").length };
}

/** The names of a command's words that are no flags, in order. */
export function positionalNames(argsDef: ArgsDef): string[] {
  return Object.keys(argsDef).filter((name) => argsDef[name]!.type === "positional");
}

// --- internal ---

function aliasesOf(definition: ArgDef): string[] {
  return "alias" in definition && definition.alias !== undefined ? [definition.alias].flat() : [];
}

/** The first flag that must be given and is not, under none of its names. */
function missingFlag(argsDef: ArgsDef, given: ReadonlySet<string>): string | undefined {
  const found = Object.entries(argsDef).find(([name, definition]) => {
    if (definition.type === "positional" || definition.required !== true) return false;
    return ![name, aliasesOf(definition)].flat().some((spelling) => given.has(spelling));
  });
  return found?.[0];
}

/** `--no-x` turns the switch `--x` off. */
function negatedType(name: string, flags: ReadonlyMap<string, Flag>): "boolean" | undefined {
  if (!name.startsWith("no-")) return undefined;
  return flags.get(name.slice(3))?.type === "boolean" ? "boolean" : undefined;
}

function isFlag(value: string, flags: ReadonlyMap<string, Flag>): boolean {
  if (value.startsWith("--")) return flags.has(value.slice(2).split("=", 1)[0]!);
  return /^-[a-zA-Z]$/.test(value) && [...flags.values()].some(({ short }) => short === value[1]);
}

function unknownFlag(rawName: string, flags: ReadonlyMap<string, Flag>): UsageError {
  const near = rawName.startsWith("--") ? suggest(rawName.slice(2), flags.keys()) : undefined;
  const hint = near === undefined ? "see --help" : `did you mean --${near}?`;
  return new UsageError(`Unknown flag ${rawName}: ${hint}`);
}
