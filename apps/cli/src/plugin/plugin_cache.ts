import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { PLUGIN_SOURCES, type PluginName } from "./plugin_sources.ts";

/** A plugin that `kcbert-cli plugin install` brought. */
export interface InstalledPlugin {
  readonly name: PluginName;
  /** The Python package that it came from. */
  readonly package: string;
  readonly version: string;
  /** The wheel's file name, and the hash that the index gave and the file had. */
  readonly wheel: string;
  readonly sha256: string;
  readonly licence: string;
  /** The shared library, absolute. */
  readonly path: string;
}

/**
 * The folder that keeps what this program brings or makes for accelerators: `KCBERT_XLA_CACHE`, or `kcbert/xla` in the
 * user's folder for caches.
 */
export function xlaCacheFolder(environment: Environment = process.env): string {
  const given = environment["KCBERT_XLA_CACHE"];
  if (given) return given;
  const home = environment["HOME"] || homedir();
  return join(environment["XDG_CACHE_HOME"] || join(home, ".cache"), "kcbert", "xla");
}

/** The folder of one plugin in the cache. */
export function pluginFolder(cache: string, name: PluginName): string {
  return join(cache, "plugins", name);
}

/** The file that says what is in a plugin's folder; it is written last. */
export const MANIFEST = "plugin.json";

/** The plugins in the cache; a folder that is not complete is none. */
export function installedPlugins(cache: string = xlaCacheFolder()): InstalledPlugin[] {
  return PLUGIN_SOURCES.flatMap(({ name }) => {
    const folder = pluginFolder(cache, name);
    return versionFolders(folder).flatMap((version) => readManifest(join(folder, version)) ?? []);
  });
}

// --- internal ---

type Environment = Readonly<Record<string, string | undefined>>;

/** The newest first, by the order in which numbers in names count as numbers. */
function versionFolders(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const order = new Intl.Collator("en", { numeric: true });
  return readdirSync(folder).sort((a, b) => order.compare(b, a));
}

function readManifest(folder: string): InstalledPlugin | undefined {
  try {
    const manifest = JSON.parse(readFileSync(join(folder, MANIFEST), "utf8")) as InstalledPlugin & {
      library: string;
    };
    const path = join(folder, manifest.library);
    return existsSync(path) ? { ...manifest, path } : undefined;
  } catch {
    return undefined; // an installation that did not come to its end
  }
}
