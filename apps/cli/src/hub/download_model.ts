import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseShardIndex } from "@kcbert/safetensors";
import { CliError, sentence } from "../failure.ts";
import type { Destination } from "./destination.ts";
import { downloadFile } from "./download_file.ts";
import { HubClient, type HubFile, type HubListing, isSafePath } from "./hub_client.ts";
import type { HubSettings } from "./hub_settings.ts";
import type { ModelId } from "./model_id.ts";
import { FOLDER_FILES, matching, WEIGHT_FILES } from "./model_files.ts";
import type { Pause } from "./persistence.ts";

/** What to download, and how. */
export interface DownloadModelOptions {
  /** Patterns of the files wanted; what a model folder needs by default. */
  readonly include?: readonly string[] | undefined;
  readonly signal: AbortSignal;
  /** Called once all files are known, before the large ones are downloaded. */
  readonly onPlan?: (files: readonly PlannedFile[]) => void;
  /** Called when a file's turn comes. */
  readonly onFile?: (file: PlannedFile) => void;
  /** Told of bytes as they come, and of those that a partial file had. */
  readonly onBytes?: (bytes: number) => void;
  readonly pause?: Pause;
}

/** A file that is wanted. */
interface PlannedFile {
  readonly name: string;
  readonly size: number | undefined;
  /** Whether it is there already. */
  readonly cached: boolean;
}

/** A model that is there. */
export interface DownloadedModel {
  readonly folder: string;
  readonly commit: string;
  readonly files: readonly PlannedFile[];
}

/**
 * Download the files of a model that are not there yet.
 *
 * @throws {CliError} If the hub refuses, cannot be reached, or has no such files.
 */
export async function downloadModel(
  settings: HubSettings,
  { id, revision }: ModelId,
  destination: Destination,
  options: DownloadModelOptions,
): Promise<DownloadedModel> {
  const { signal, pause } = options;
  const client = new HubClient(settings, { signal, ...(pause === undefined ? {} : { pause }) });
  const listing = await client.list({ id, revision });
  const remote = new Remote(client, { id, revision: listing?.commit ?? revision }, listing, destination);
  const wanted = options.include === undefined ? modelFiles : includedFiles(options.include);
  const bring = (file: HubFile) => bringFile(client, id, file, destination, options);
  const files = await wanted(remote, async (index) => readFileSync(await bring(index), "utf8"));
  const planned: (PlannedFile & { file: HubFile })[] = [];
  for (const file of files) {
    const cached = (await destination.find(file)) !== undefined;
    planned.push({ name: file.name, size: file.size, cached, file });
  }
  const { commit } = files[0]!;
  const plan = planned.map(({ name, size, cached }) => ({ name, size, cached }));
  options.onPlan?.(plan);
  for (const [i, { file, cached }] of planned.entries()) {
    if (cached) continue;
    options.onFile?.(plan[i]!);
    await bring(file);
  }
  destination.finish(revision, commit);
  const folder = destination.folder(commit);
  return {
    folder,
    commit,
    files: plan.map((each) => ({ ...each, size: each.size ?? sizeOf(folder, each.name) })),
  };
}

/** What is lacking in a folder for a model, in words; `undefined` for nothing. */
export function lackOf(names: readonly string[], read: (name: string) => string): string | undefined {
  if (!names.includes("config.json")) return "it has no config.json";
  const weights = WEIGHT_FILES.find((name) => names.includes(name));
  if (weights === undefined) return "it has no weights";
  if (!weights.endsWith(".index.json")) return undefined;
  const shard = shardsOf(weights, read(weights)).find((name) => !names.includes(name));
  return shard === undefined ? undefined : `it has no ${shard}`;
}

// --- internal ---

/** The files of a model on the hub, at one commit once the first is known. */
class Remote {
  readonly id: string;
  readonly listing: HubListing | undefined;
  readonly #client: HubClient;
  readonly #destination: Destination;
  #revision: string;

  constructor(
    client: HubClient,
    { id, revision }: ModelId,
    listing: HubListing | undefined,
    destination: Destination,
  ) {
    this.#client = client;
    this.#destination = destination;
    this.id = id;
    this.listing = listing;
    this.#revision = revision;
  }

  async describe(name: string): Promise<HubFile | undefined> {
    if (!isSafePath(name) || this.listing?.files.includes(name) === false) return undefined;
    const known = this.#destination.known(this.#revision, name);
    if (known !== undefined) return known;
    const file = await this.#client.describe({ id: this.id, revision: this.#revision }, name);
    if (file !== undefined) this.#revision = file.commit;
    return file;
  }

  async require(name: string, why: string): Promise<HubFile> {
    const file = await this.describe(name);
    if (file === undefined) throw new CliError(`Cannot download ${this.id}: it lacks ${name}, ${why}`);
    return file;
  }
}

type Wanted = (remote: Remote, read: (index: HubFile) => Promise<string>) => Promise<HubFile[]>;

/** What a model folder needs. */
const modelFiles: Wanted = async (remote, read) => {
  const config = await remote.describe("config.json");
  if (config === undefined) throw noModel(remote, "config.json");
  const others = await Promise.all(FOLDER_FILES.slice(1).map((name) => remote.describe(name)));
  const files = [config, ...others.filter((file) => file !== undefined)];
  for (const name of WEIGHT_FILES) {
    const weights = await remote.describe(name);
    if (weights === undefined) continue;
    files.push(weights);
    if (!name.endsWith(".index.json")) return files;
    for (const shard of shardsOf(name, await read(weights))) {
      files.push(await remote.require(shard, `which its ${name} names`));
    }
    return files;
  }
  throw noModel(remote, "model.safetensors or pytorch_model.bin");
};

function includedFiles(patterns: readonly string[]): Wanted {
  return async (remote) => {
    const names = remote.listing === undefined ? patterns : matching(remote.listing.files, patterns);
    if (names.length === 0) {
      throw new CliError(
        `Cannot download ${remote.id}: no file matches ${patterns.join(",")}${someOf(remote.listing?.files)}`,
      );
    }
    return Promise.all(names.map((name) => remote.require(name, "which --include names")));
  };
}

function noModel({ id, listing }: Remote, lacks: string): CliError {
  return new CliError(
    `Cannot download ${id}: it has no ${lacks}${someOf(listing?.files)}; --include names other files`,
  );
}

function someOf(files: readonly string[] = []): string {
  if (files.length === 0) return "";
  const rest = files.length > 8 ? ` and ${files.length - 8} more` : "";
  return `; it has ${files.slice(0, 8).join(", ")}${rest}`;
}

function shardsOf(name: string, json: string): string[] {
  try {
    return [...new Set(parseShardIndex(json).weightMap.values())];
  } catch (error) {
    throw new CliError(`Cannot use ${name}: ${sentence(error)}`, { cause: error });
  }
}

/** The path of a file that is there or is downloaded now. */
async function bringFile(
  client: HubClient,
  id: string,
  file: HubFile,
  destination: Destination,
  { signal, onBytes, pause }: DownloadModelOptions,
): Promise<string> {
  const path = await destination.find(file);
  if (path !== undefined) return path;
  await downloadFile(client, { id, revision: file.commit }, file, destination.place(file), {
    signal,
    ...(onBytes === undefined ? {} : { onBytes, onResume: onBytes }),
    ...(pause === undefined ? {} : { pause }),
  });
  await destination.keep(file);
  return join(destination.folder(file.commit), ...file.name.split("/"));
}

function sizeOf(folder: string, name: string): number | undefined {
  return statSync(join(folder, ...name.split("/")), { throwIfNoEntry: false })?.size;
}
