import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { CliError } from "../failure.ts";
import { installedPlugins, xlaCacheFolder } from "./plugin_cache.ts";
import { PLUGIN_SOURCES, pluginNameOf, pluginSource, type PluginName } from "./plugin_sources.ts";
import { pythonPackageFolders } from "./python_packages.ts";

/** A plugin's shared library on this machine. */
export interface FoundPlugin {
  /** The kind of device that it drives, as far as its path tells. */
  readonly name: PluginName | undefined;
  /** The shared library. */
  readonly path: string;
  /** How it was found. */
  readonly from: "path" | "KCBERT_PJRT_PLUGIN" | "cache" | "python";
  /** The version of its package, if the cache tells. */
  readonly version?: string;
}

/** Where to look; all of this machine by default. */
export interface PluginPlaces {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly cache?: string;
  /** Python's package folders. */
  readonly packages?: readonly string[];
}

/**
 * All plugins on this machine: what `KCBERT_PJRT_PLUGIN` names, what `kcbert-cli plugin install` brought, and what lies
 * among Python's packages. Of each kind of device the first one is the one that is used.
 */
export function findPlugins(places: PluginPlaces = {}): FoundPlugin[] {
  const { environment = process.env } = places;
  const named = environment["KCBERT_PJRT_PLUGIN"];
  const given: FoundPlugin[] = named
    ? [{ name: pluginNameOf(named), path: resolve(named), from: "KCBERT_PJRT_PLUGIN" }]
    : [];
  const cached = installedPlugins(places.cache ?? xlaCacheFolder(environment)).map(
    ({ name, path, version }): FoundPlugin => ({ name, path, from: "cache", version }),
  );
  return [...given, ...cached, ...inPython(places.packages ?? pythonPackageFolders(environment))];
}

/**
 * The plugin for a kind of device, or the one at a path.
 *
 * @param nameOrPath `cpu`, `cuda`, `tpu`, or the path of a shared library.
 * @throws {CliError} If there is none; the message says how to get one.
 */
export function findPlugin(nameOrPath: string, places: PluginPlaces = {}): FoundPlugin {
  const source = pluginSource(nameOrPath);
  if (source === undefined) return atPath(nameOrPath);
  const found = findPlugins(places).find(({ name }) => name === undefined || name === source.name);
  if (found === undefined) {
    throw new CliError(
      `Cannot find an XLA plugin for ${source.drives}: kcbert-cli plugin install ${source.name} brings one, or KCBERT_PJRT_PLUGIN names it`,
    );
  }
  if (!existsSync(found.path)) throw absent(found.path, found.from);
  return found;
}

// --- internal ---

function atPath(given: string): FoundPlugin {
  const path = resolve(given);
  if (!existsSync(path)) throw absent(given, "path");
  return { name: pluginNameOf(path), path, from: "path" };
}

function absent(path: string, from: FoundPlugin["from"]): CliError {
  const by = from === "path" ? "" : ` of ${from}`;
  const names = PLUGIN_SOURCES.map(({ name }) => name).join(", ");
  return new CliError(
    `Cannot find the XLA plugin ${path}${by}: there is no such file; give the path of a shared library, or one of ${names}`,
  );
}

function inPython(folders: readonly string[]): FoundPlugin[] {
  return PLUGIN_SOURCES.flatMap(({ name, library, elsewhere }) =>
    [library, ...elsewhere]
      .flatMap((place) => folders.map((folder) => join(folder, place)))
      .filter((path) => existsSync(path))
      .map((path): FoundPlugin => ({ name, path, from: "python" })),
  );
}
