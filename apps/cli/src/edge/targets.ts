import type { Measured } from "./measure_model.ts";

/** A place where a model may be served, and what it gives. */
export interface Target {
  /** Bytes of memory, of JavaScript and WebAssembly together; infinite where the machine decides. */
  readonly memory: number;
  /** Milliseconds of processor time that a request may take. */
  readonly cpuMs: number;
  /** Bytes of all files that are deployed. */
  readonly files: number;
  /** What to know where it fits. */
  readonly note: string;
}

/** Where a model may be served. Figures: the platforms' own documentation of 2026. */
export const TARGETS: Readonly<Record<string, Target>> = {
  "workers-free": {
    memory: 128e6,
    cpuMs: 10,
    files: Infinity,
    note: "Cloudflare Workers, free plan: 128 MB an isolate, 10 ms of processor time a request",
  },
  "workers-paid": {
    memory: 128e6,
    cpuMs: 30_000,
    files: Infinity,
    note: "Cloudflare Workers, paid plan: 128 MB an isolate, 30 s of processor time a request",
  },
  "deno-deploy": {
    memory: 768e6,
    cpuMs: Infinity,
    files: 1e9,
    note: "Deno Deploy: 768 MB by default, 1 GB of files",
  },
  node: {
    memory: Infinity,
    cpuMs: Infinity,
    files: Infinity,
    note: "Node, Deno or Bun on a machine of yours",
  },
};

/** Whether a model fits, and if not, why. */
export interface Verdict {
  readonly fits: boolean;
  /** What it lacks, each as a clause; empty where it fits. */
  readonly reasons: readonly string[];
}

/** Bytes that the server takes beside a model: 6 MB with the bundle compiled, measured on Node, and room for requests at work. */
const SERVER_BYTES = 16e6;

/** Bytes of the server's own files: code, WebAssembly, page. */
const SERVER_FILES = 2e6;

/** Compare what a model takes with what a target gives. */
export function judge(measured: Measured, target: Target): Verdict {
  const { peakMemory, millisecondsPerText, tokens, fileBytes } = measured;
  const reasons: string[] = [];
  const needed = peakMemory + SERVER_BYTES;
  if (needed > target.memory) {
    reasons.push(
      `it needs ${Math.ceil(needed / 1e6)} MB of memory with the server, and there are ${target.memory / 1e6}`,
    );
  }
  if (millisecondsPerText > target.cpuMs) {
    reasons.push(
      `${tokens} tokens take ${millisecondsPerText.toFixed(0)} ms here, and a request may take ${target.cpuMs}`,
    );
  }
  if (fileBytes + SERVER_FILES > target.files) {
    reasons.push(
      `its files have ${Math.ceil(fileBytes / 1e6)} MB, and there is room for ${target.files / 1e6}`,
    );
  }
  return { fits: reasons.length === 0, reasons };
}
