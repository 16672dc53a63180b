/** The sentences that the program can fail with, found by reading its source. */
import { readdirSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";

/** A sentence with a stand-in for whatever is not known before the program runs. */
export interface ThrownSentence {
  readonly file: string;
  readonly text: string;
}

/**
 * The sentences of all `new CliError(…)`, `new UsageError(…)` and `fileError(…)` below a folder. Each argument is evaluated with
 * `⟨…⟩` for every name in it; where it chooses between sentences, both are taken as far as the choice is at its head.
 */
export function thrownSentences(folder: string): ThrownSentence[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .sort()
    .flatMap((file) => {
      const source = stripTypeScriptTypes(readFileSync(join(folder, file), "utf8"));
      return Array.from(source.matchAll(THROWN), ({ 0: call, 1: error, index }) => {
        const argument = firstArgument(source, index + call.length);
        if (argument === undefined || !/["'`]/.test(argument)) return [];
        const text = evaluated(argument);
        return [{ file, text: error === undefined ? `Cannot ${text}: it is empty` : text }];
      }).flat();
    });
}

// --- internal ---

const THROWN = /\b(?:new (CliError|UsageError)|(?<!function )fileError)\(/g;
const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

/** The text of a call's first argument. */
function firstArgument(source: string, start: number): string | undefined {
  const end = endOfExpression(source, start);
  return end === undefined ? undefined : source.slice(start, end).trim();
}

/** Where an expression ends: at a comma or bracket that is not its own. */
function endOfExpression(source: string, start: number): number | undefined {
  const open: string[] = [];
  for (let at = start; at < source.length; at++) {
    const character = source[at]!;
    if (character === '"' || character === "'" || character === "`") at = endOfLiteral(source, at);
    else if (character in CLOSING) open.push(CLOSING[character]!);
    else if (character === open.at(-1)) open.pop();
    else if (open.length === 0 && ",)]};".includes(character)) return at;
  }
  return undefined;
}

/** The last character of a string or template. */
function endOfLiteral(source: string, start: number): number {
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] === "\\") at++;
    else if (source[at] === source[start]) return at;
    else if (source[start] === "`" && source.startsWith("${", at)) at = endOfExpression(source, at + 2)!;
  }
  return source.length;
}

/** The value of an expression in which every name is a stand-in. */
function evaluated(expression: string): string {
  const scope = new Proxy(
    {},
    { has: () => true, get: (_, name) => (name === Symbol.unscopables ? undefined : standIn) },
  );
  const plain = expression.replaceAll("this.#", "").replaceAll("await ", "");
  // oxlint-disable-next-line typescript/no-implied-eval -- an expression of this repository's source
  return String(new Function("scope", `with (scope) { return (${plain}); }`)(scope));
}

/** Can be called, has every property, and reads as `⟨…⟩`. */
const standIn: unknown = new Proxy(() => {}, {
  get: (_, name) =>
    name === Symbol.toPrimitive ? () => "⟨…⟩" : name === Symbol.iterator ? undefined : standIn,
  apply: () => standIn,
  construct: () => standIn as object,
});
