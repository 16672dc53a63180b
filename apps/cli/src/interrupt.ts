import { unlinkSync } from "node:fs";
import process from "node:process";

/** The exit status after Ctrl-C, as shells expect it: 128 + SIGINT. */
const EXIT_INTERRUPTED = 130;

/** What an interrupted command throws; it ends the process without a message. */
export class Interrupted extends Error {
  override name = "Interrupted";
  /** 130 after SIGINT, 143 after SIGTERM. */
  readonly exitCode: number;

  constructor(exitCode: number = EXIT_INTERRUPTED) {
    super("Interrupted");
    this.exitCode = exitCode;
  }
}

/**
 * Turn Ctrl-C (and SIGTERM) into an abort signal.
 *
 * The first one aborts, and the command ends by itself, cleaning up; a second one ends the process at once. Either way
 * the files named with `removeOnExit` are gone.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  for (const [name, exitCode] of SIGNALS) {
    process.on(name, () => {
      if (busy.some((isBusy) => isBusy())) endAtOnce(name);
      if (controller.signal.aborted) process.exit(exitCode);
      controller.abort(new Interrupted(exitCode));
    });
  }
  process.on("exit", () => {
    for (const path of unfinished) removeQuietly(path);
  });
  return controller.signal;
}

/**
 * End the process at once on Ctrl-C while native code is at work that nothing can stop: a compiler may take minutes, and
 * even `process.exit` would wait for it.
 */
export function endAtOnceWhile(isBusy: () => boolean): void {
  busy.push(isBusy);
}

/** Remove a file when the process ends, however it ends, unless `keep` is called before. */
export function removeOnExit(path: string): { keep(): void } {
  unfinished.add(path);
  return { keep: () => unfinished.delete(path) };
}

// --- internal ---

const SIGNALS = [
  ["SIGINT", EXIT_INTERRUPTED],
  ["SIGTERM", 143],
] as const;

/** Who may have native code at work: process-wide, as the signals are. */
const busy: (() => boolean)[] = [];

/** Die of the signal, as a program that does not listen for it: the shell sees it as it expects. */
function endAtOnce(name: NodeJS.Signals): void {
  for (const path of unfinished) removeQuietly(path);
  process.removeAllListeners(name);
  process.kill(process.pid, name);
}

/** Files that are being written: process-wide, because the process is what ends. */
const unfinished = new Set<string>();

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Removed already, or never made.
  }
}
