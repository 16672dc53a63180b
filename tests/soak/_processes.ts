import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll } from "vitest";

const root = join(import.meta.dirname, "../..");
const running = new Set<ChildProcess>();

/** How a process ended, and what it said. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Start a program of the repository from its source; it is killed when the tests of the file are over.
 *
 * @param program Its file, from the repository's root.
 * @param flags For Node.
 */
export function start(program: string, args: readonly string[], flags: readonly string[] = []): ChildProcess {
  const all = ["--conditions=@kcbert/source", ...flags, join(root, program), ...args];
  const child = spawn(process.execPath, all);
  running.add(child);
  child.on("exit", () => running.delete(child));
  return child;
}

/** Start `kcbert-cli`. */
export function startCli(args: readonly string[]): ChildProcess {
  return start("apps/cli/src/main.ts", args);
}

/** Run `kcbert-cli` to its end, which must be a good one. */
export async function cli(...args: string[]): Promise<Ended> {
  const child = startCli(args);
  child.stdin!.end();
  const result = await ended(child);
  if (result.code === 0) return result;
  throw new Error(
    `kcbert-cli ${args.join(" ")} ended with ${result.code ?? result.signal}: ${result.stderr}`,
  );
}

/** Wait for the end of a process, and collect what it says until then. */
export function ended(child: ChildProcess): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const [stdout, stderr]: Buffer[][] = [[], []];
    child.stdout!.on("data", (chunk: Buffer) => stdout!.push(chunk));
    child.stderr!.on("data", (chunk: Buffer) => stderr!.push(chunk));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const said = [stdout!, stderr!].map((chunks) => Buffer.concat(chunks).toString());
      resolve({ code, signal, stdout: said[0]!, stderr: said[1]! });
    });
  });
}

/** The memory that a process has in use, in bytes; 0 if it has ended. */
export function residentBytes({ pid }: ChildProcess): number {
  const { stdout } = spawnSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" });
  return Number(stdout) * 1024;
}

/** A folder that goes when the tests of the file are over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "kcbert-soak-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
});
