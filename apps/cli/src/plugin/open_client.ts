import { existsSync, statSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type ClientOptions, PjrtClient, PjrtError, PjrtPlugin } from "@kcbert/xla";
import { CliError, sentence } from "../failure.ts";
import { endAtOnceWhile } from "../interrupt.ts";
import { DiskCompileCache } from "./disk_cache.ts";
import type { FoundPlugin } from "./find_plugin.ts";
import { nvidiaLibraries } from "./nvidia_libraries.ts";
import { xlaCacheFolder } from "./plugin_cache.ts";
import type { PluginName } from "./plugin_sources.ts";
import { pythonPackageFolders } from "./python_packages.ts";

/** How the devices of a plugin are opened. */
export interface OpenOptions {
  /** How many devices a processor is to count as. Default 1. */
  readonly cpuDevices?: number;
  /** The platform that is wanted; what the plugin's name says by default. */
  readonly platform?: PluginName | undefined;
  /** Whether compiled programs are kept for the next process. Default true. */
  readonly cache?: boolean;
}

/**
 * Load a plugin, and take hold of its devices. Compiled programs are kept in the user's cache; while one is being
 * compiled, Ctrl-C ends the process at once, for a compiler cannot be stopped.
 *
 * A GPU's memory is shared out as JAX does: `XLA_CLIENT_MEM_FRACTION` (0.75 of it), `XLA_PYTHON_CLIENT_PREALLOCATE`
 * (true) and `XLA_PYTHON_CLIENT_ALLOCATOR` say otherwise.
 *
 * @throws {CliError} If the plugin cannot be loaded, is one for other devices, or finds none.
 */
export async function openClient(found: FoundPlugin, options: OpenOptions = {}): Promise<PjrtClient> {
  const wanted = options.platform ?? found.name;
  if (wanted === "tpu") requireTpu();
  process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2"; // XLA tells of every GPU that it does not find
  const nvidia =
    wanted === "cuda" ? nvidiaLibraries(pythonPackageFolders(), cudaVersion(found.path)) : undefined;
  const plugin = await loadPlugin(found.path, nvidia?.libraries ?? []);
  const client = createClient(plugin, clientOptions(wanted, options), nvidia?.toolkit);
  if (wanted !== undefined && client.platform !== wanted) {
    client.dispose();
    throw new CliError(
      `Cannot use the plugin ${found.path} for ${wanted} as its platform is ${client.platform}`,
    );
  }
  endAtOnceWhile(() => client.compiling > 0);
  if (options.cache !== false) {
    client.cache = new DiskCompileCache(join(xlaCacheFolder(), "programs"), buildOf(found.path));
  }
  return client;
}

// --- internal ---

/** Without a TPU, libtpu asks Google's servers for one, and takes the process with it when that ends. */
function requireTpu(): void {
  if (process.platform !== "linux") return;
  if (["/dev/accel0", "/dev/vfio/0", "/dev/vfio/1"].some((path) => existsSync(path))) return;
  throw new CliError(
    "Cannot use a TPU as this machine has none: neither /dev/accel0 nor /dev/vfio/0 is there",
  );
}

async function loadPlugin(path: string, libraries: readonly string[]): Promise<PjrtPlugin> {
  try {
    return await PjrtPlugin.load(path, { libraries });
  } catch (error) {
    const lacking = libraries.find((library) => sentence(error).includes(`library ${library}: `));
    if (lacking === undefined) throw new CliError(sentence(error), { cause: error });
    throw new CliError(
      `Cannot load NVIDIA's ${lacking}, which neither Python's packages nor LD_LIBRARY_PATH have: pip install 'jax-cuda${cudaVersion(path)}-plugin[with-cuda]'`,
      { cause: error },
    );
  }
}

function createClient(plugin: PjrtPlugin, options: ClientOptions, toolkit: string | undefined): PjrtClient {
  try {
    return PjrtClient.create(
      plugin,
      options,
      toolkit === undefined ? {} : { xla_gpu_cuda_data_dir: toolkit },
    );
  } catch (error) {
    if (!(error instanceof PjrtError)) throw error;
    throw new CliError(`${sentence(error)}; kcbert-cli doctor says what this machine has`, { cause: error });
  }
}

function cudaVersion(path: string): 12 | 13 {
  return /cuda12|cu12/.test(path) ? 12 : 13;
}

/** What a plugin is started with. */
function clientOptions(name: PluginName | undefined, { cpuDevices = 1 }: OpenOptions): ClientOptions {
  if (name === "cpu") return { cpu_device_count: cpuDevices };
  if (name !== "cuda") return {};
  const { env } = process;
  const fraction = Number(env["XLA_CLIENT_MEM_FRACTION"] || env["XLA_PYTHON_CLIENT_MEM_FRACTION"]);
  const preallocate = env["XLA_PYTHON_CLIENT_PREALLOCATE"];
  return {
    platform_name: "cuda",
    allocator: env["XLA_PYTHON_CLIENT_ALLOCATOR"]?.toLowerCase() || "default",
    ...(fraction > 0 && { memory_fraction: { float: fraction } }),
    ...(preallocate && { preallocate: !/^(?:false|0)$/i.test(preallocate) }),
  };
}

/** What compiled code depends on besides the program: the plugin's file, the processor, flags of the environment. */
function buildOf(path: string): string {
  const { size, mtimeMs } = statSync(path);
  return JSON.stringify([size, mtimeMs, cpus()[0]?.model ?? "", process.env["XLA_FLAGS"] ?? ""]);
}
