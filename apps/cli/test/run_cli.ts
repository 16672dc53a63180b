import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

/** The words that start the program from its source, under each runtime. */
export const RUNTIMES = {
  node: [process.execPath, "--conditions=@kcbert/source", main],
  deno: [join(root, "node_modules/.bin/deno"), "run", "-A", "--conditions=@kcbert/source", main],
  bun: [join(root, "node_modules/.bin/bun"), "--conditions=@kcbert/source", main],
} as const;

/** How the program ended, and what it said. */
export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to start the program. */
export interface CliOptions {
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly runtime?: keyof typeof RUNTIMES;
}

/** Start the program; its standard input stays open. */
export function startCli(
  args: readonly string[],
  { cwd, env = {}, runtime = "node" }: CliOptions = {},
): ChildProcess {
  const [command, ...before] = RUNTIMES[runtime];
  return spawn(command!, [...before, ...args], { cwd, env: cleanEnvironment(env) });
}

/** Run the program to its end. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const child = startCli(args, options);
  child.stdin!.on("error", () => {}); // it may end before it has read everything
  child.stdin!.end(options.input ?? "");
  return ended(child);
}

/** Run a bash script in which `kcbert` is the program, for pipes, limits and mounts. */
export function runShell(
  script: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<CliResult> {
  const program = RUNTIMES.node.map((word) => `'${word}'`).join(" ");
  const defined = `kcbert() { ${program} "$@"; }; export -f kcbert; ${script}`;
  const child = spawn("bash", ["-c", defined, "bash", ...args], {
    env: cleanEnvironment(env),
    stdio: ["ignore", "pipe", "pipe"],
  });
  return ended(child);
}

/** Collect what a process says until it ends. */
export function ended(child: ChildProcess): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout!.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr!.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
    });
  });
}

/** A folder that goes when the test file is done. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "kcbert-cli-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

// --- internal ---

function cleanEnvironment(extra: Record<string, string>): NodeJS.ProcessEnv {
  const { KCBERT_DEBUG: _, NO_COLOR: __, FORCE_COLOR: ___, ...rest } = process.env;
  return { ...rest, LC_ALL: "C", ...extra };
}
