import { spawn } from "node:child_process";
import { extname } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { FoundPlugin } from "./find_plugin.ts";

/** What became of starting a plugin and running a program on it. */
export type Probe = WorkingPlugin | FailingPlugin;

/** A plugin that runs programs. */
interface WorkingPlugin {
  readonly works: true;
  readonly platform: string;
  readonly platformVersion: string;
  /** The version of the PJRT C API, such as `0.81`. */
  readonly api: string;
  /** The version of StableHLO that the plugin speaks, such as `1.13.3`; empty if it does not tell. */
  readonly stablehlo: string;
  readonly devices: readonly {
    readonly id: number;
    readonly kind: string;
    /** Bytes that may be used, if the plugin tells. */
    readonly memory?: number;
  }[];
}

/** A plugin that does not. */
interface FailingPlugin {
  readonly works: false;
  /** Why, in a sentence. */
  readonly reason: string;
}

/**
 * Start a plugin in a process of its own, and run a program on it: a plugin that crashes or hangs takes nobody with it.
 *
 * @param timeout Milliseconds after which it counts as hanging.
 */
export function probePlugin(
  { path, name }: FoundPlugin,
  { signal, timeout = 120_000 }: { signal?: AbortSignal; timeout?: number } = {},
): Promise<Probe> {
  const [program, ...args] = [...probeCommand(), path, name ?? ""];
  const child = spawn(program!, args, { stdio: ["ignore", "pipe", "pipe"], env: probeEnvironment(name) });
  return new Promise((resolve, reject) => {
    const output: Buffer[] = [];
    let complaints = "";
    const end = (probe: Probe): void => {
      clearTimeout(timer);
      child.kill("SIGKILL"); // libtpu hangs when it is asked to end
      resolve(probe);
    };
    const failed = (reason: string): void => end({ works: false, reason });
    const timer = setTimeout(() => failed(`It does not start within ${timeout / 1000} s`), timeout);
    signal?.addEventListener("abort", () => {
      failed("Interrupted");
      reject(signal.reason as Error);
    });
    child.stdout.on("data", (chunk: Buffer) => {
      output.push(chunk);
      const result = /^probe: (.*)\n/m.exec(Buffer.concat(output).toString())?.[1];
      if (result !== undefined) end(JSON.parse(result) as Probe);
    });
    child.stderr.on("data", (chunk: Buffer) => (complaints = (complaints + chunk.toString()).slice(-2000)));
    child.on("error", (error) => failed(error.message));
    child.on("close", (code, cause) => {
      const last = complaints.trim().split("\n").at(-1) ?? "";
      failed(`It ends its process with ${cause ?? `status ${code}`}${last && `: ${last}`}`);
    });
  });
}

// --- internal ---

/** The command line that runs `probe_main` under this runtime, from source or as it is built. */
function probeCommand(): string[] {
  const extension = extname(fileURLToPath(import.meta.url));
  const script = fileURLToPath(new URL(`./probe_main${extension}`, import.meta.url));
  const permissions = "Deno" in globalThis ? ["run", "--allow-all"] : [];
  const conditions = extension === ".ts" ? ["--conditions=@kcbert/source"] : [];
  return [process.execPath, ...permissions, ...conditions, script];
}

/** Without a TPU, libtpu asks Google's metadata server for a minute whether there is one. */
function probeEnvironment(name: FoundPlugin["name"]): NodeJS.ProcessEnv {
  return name === "tpu" ? { TPU_SKIP_MDS_QUERY: "1", ...process.env } : process.env;
}
