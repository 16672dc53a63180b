import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import yauzl from "yauzl";
import { CliError, fileError, sentence } from "../failure.ts";
import { isInWork, PartialFile } from "../hub/partial_file.ts";
import { type Pause, persistently, Transient, wait } from "../hub/persistence.ts";
import { chooseWheel, wheelVersion } from "./choose_wheel.ts";
import { type IndexSettings, PackageIndex, type Wheel } from "./package_index.ts";
import { type InstalledPlugin, installedPlugins, MANIFEST, pluginFolder } from "./plugin_cache.ts";
import type { PluginSource } from "./plugin_sources.ts";

/** How a plugin is installed. */
export interface InstallOptions {
  readonly settings: IndexSettings;
  /** The folder of the cache. */
  readonly cache: string;
  /** The version of the package; the one that was tried by default. */
  readonly version?: string | undefined;
  /** A wheel that is there already, instead of asking the index. */
  readonly wheel?: string | undefined;
  readonly signal: AbortSignal;
  /** Called when the plugin is not there yet, before anything is done. */
  readonly onStart?: () => void;
  /** Told how many bytes will come, if the index tells. */
  readonly onPlan?: (total: number | undefined) => void;
  /** Told of bytes as they come, and of those that were there. */
  readonly onBytes?: (bytes: number) => void;
  readonly pause?: Pause;
}

/**
 * Bring a plugin into the cache: the wheel from the package index, checked against the hash that the index gives, and out
 * of it the one shared library. The wheel goes again; an interrupted download goes on where it stopped.
 *
 * @returns The plugin, and whether it was there already.
 * @throws {CliError} If the index or the wheel does not have it, it cannot be reached, or a hash is wrong.
 */
export async function installPlugin(
  source: PluginSource,
  options: InstallOptions,
): Promise<{ plugin: InstalledPlugin; fresh: boolean }> {
  const { wheel: given, cache } = options;
  const version = given === undefined ? (options.version ?? source.version) : wheelVersion(basename(given));
  const known = installedPlugins(cache).find((each) => each.name === source.name && each.version === version);
  if (known !== undefined) return { plugin: known, fresh: false };
  options.onStart?.();
  const folder = join(pluginFolder(cache, source.name), version);
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw fileError(`write to ${folder}`, error);
  });
  try {
    return { plugin: await bring(source, version, folder, options), fresh: true };
  } catch (error) {
    await rmdir(folder).catch(() => {}); // it holds a part of the wheel
    throw error;
  }
}

// --- internal ---

interface LocalWheel {
  readonly path: string;
  readonly name: string;
  readonly sha256: string;
}

async function bring(
  source: PluginSource,
  version: string,
  folder: string,
  options: InstallOptions,
): Promise<InstalledPlugin> {
  const { wheel: given } = options;
  const { path, name, sha256 } =
    given === undefined ? await download(source, version, folder, options) : await localWheel(given);
  const library = await extract(path, source, folder);
  if (given === undefined) await rm(path);
  const { name: kind, licence } = source;
  const manifest = { name: kind, package: source.package, version, wheel: name, sha256, licence, library };
  const temporary = join(folder, `${MANIFEST}.tmp`);
  await writeFile(temporary, `${JSON.stringify(manifest, undefined, 2)}\n`);
  await rename(temporary, join(folder, MANIFEST));
  return { ...manifest, path: join(folder, library) };
}

async function download(
  source: PluginSource,
  version: string,
  folder: string,
  { settings, signal, pause = wait, onPlan, onBytes }: InstallOptions,
): Promise<LocalWheel> {
  const index = new PackageIndex(settings, { signal, pause });
  const wheel = chooseWheel(await index.wheels(source.package), { project: source.package, version });
  const path = join(folder, wheel.name);
  onPlan?.(wheel.size);
  while (await isInWork(path)) await pause(500, signal);
  const partial = await PartialFile.open(path, () => createHash("sha256"));
  onBytes?.(partial.length);
  try {
    await fill(index, wheel, partial, { signal, pause, onBytes });
    if (partial.digest() !== wheel.sha256) {
      await partial.clear();
      throw new CliError(
        `Cannot install ${wheel.name}: what came has another sha256 than the index says (${wheel.sha256.slice(0, 12)}…); it was removed, try again`,
      );
    }
    await partial.finish(path);
  } catch (error) {
    await partial.leave();
    throw error;
  }
  return { path, name: wheel.name, sha256: wheel.sha256 };
}

interface FillOptions {
  readonly signal: AbortSignal;
  readonly pause: Pause;
  readonly onBytes: InstallOptions["onBytes"] | undefined;
}

/** Receive what is missing, as often as it takes. */
async function fill(
  index: PackageIndex,
  wheel: Wheel,
  partial: PartialFile,
  { signal, pause, onBytes }: FillOptions,
): Promise<void> {
  await persistently(
    async () => {
      if (wheel.size !== undefined && partial.length >= wheel.size) return;
      const { start, chunks } = await index.receive(wheel, partial.length);
      if (start !== partial.length) await partial.clear();
      for await (const chunk of chunks) {
        await partial.append(chunk);
        onBytes?.(chunk.length);
      }
      if (wheel.size !== undefined && partial.length < wheel.size) {
        throw new Transient(
          new CliError(
            `Cannot download ${wheel.name}: it has ${wheel.size} bytes, and ${partial.length} came`,
          ),
        );
      }
    },
    { signal, pause, progress: () => partial.length },
  );
}

async function localWheel(path: string): Promise<LocalWheel> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    throw fileError(`read ${path}`, error);
  }
  return { path, name: basename(path), sha256: hash.digest("hex") };
}

/** Put the shared library of a wheel, which is a zip archive, into a folder. Returns its name there. */
async function extract(
  path: string,
  { library, elsewhere, package: name }: PluginSource,
  folder: string,
): Promise<string> {
  const wanted = [library, ...elsewhere];
  try {
    const archive = await yauzl.openPromise(path);
    try {
      for await (const entry of archive.eachEntry()) {
        if (!wanted.includes(entry.fileName)) continue;
        const target = join(folder, basename(entry.fileName));
        await write(await archive.openReadStreamPromise(entry), target, entry.uncompressedSize);
        return basename(target);
      }
    } finally {
      archive.close();
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`Cannot read the wheel ${basename(path)}: ${sentence(error)}`, { cause: error });
  }
  throw new CliError(
    `Cannot install ${basename(path)} as the plugin of ${name}: it does not have ${wanted.join(" or ")}`,
  );
}

/** Beside, and renamed once it is whole and on the disk. */
async function write(stream: AsyncIterable<unknown>, target: string, size: number): Promise<void> {
  const temporary = `${target}.tmp`;
  try {
    const file = await open(temporary, "w", 0o755);
    try {
      for await (const chunk of stream) await file.writeFile(chunk as Buffer); // goes on where it is
      await file.sync();
    } finally {
      await file.close();
    }
    const { size: written } = await stat(temporary);
    if (written !== size)
      throw new CliError(`Cannot write ${target}: ${written} of ${size} bytes were written`);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error instanceof CliError ? error : fileError(`write ${target}`, error);
  }
}
