/** `kcbert-cli` from the sources of this repository, for the recipes beside it. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** A command, what it takes, and flags: `{ seeds: "0,1", save: true }` is `--seeds 0,1 --save`. */
export type Words = readonly (string | Readonly<Record<string, string | number | true>>)[];

const main = join(import.meta.dirname, "../../../apps/cli/src/main.ts");

/** Print a command line and run it; where it fails, so does this process. */
export function kcbertCli(...words: Words): void {
  run(words, "inherit");
}

/** The same, for what the command prints. */
export function outputOfKcbertCli(...words: Words): string {
  return run(words, "pipe");
}

// --- internal ---

function run(words: Words, stdout: "inherit" | "pipe"): string {
  const args = words.flatMap((word) =>
    typeof word === "string" ? word : Object.entries(word).flatMap(flag),
  );
  console.error(`kcbert-cli ${args.join(" ")}`);
  const result = spawnSync(process.execPath, ["--conditions=@kcbert/source", main, ...args], {
    stdio: ["inherit", stdout, "inherit"],
    encoding: "utf8",
  });
  if (result.status !== 0) process.exit(result.status ?? 1);
  return result.stdout ?? "";
}

function flag([name, value]: [string, string | number | true]): string[] {
  return value === true ? [`--${name}`] : [`--${name}`, String(value)];
}
