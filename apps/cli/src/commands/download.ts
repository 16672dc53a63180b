import { resolve } from "node:path";
import type { ArgsDef } from "citty";
import { commonArgs } from "../arguments.ts";
import { type Command, type CommandData, defineExampledCommand } from "../command.ts";
import { CliError, UsageError } from "../failure.ts";
import { cachedModel } from "../hub/cached_model.ts";
import { type DownloadedModel, downloadModel } from "../hub/download_model.ts";
import { CachedModel } from "../hub/hub_cache.ts";
import { HubUnreachable } from "../hub/hub_failure.ts";
import { type HubSettings, hubSettings } from "../hub/hub_settings.ts";
import { LocalFolder } from "../hub/local_folder.ts";
import { type ModelId, requireModelId } from "../hub/model_id.ts";
import { openOutput } from "../io/output.ts";
import { formatBytes, formatDuration, startProgress } from "../progress.ts";
import { useProxyFromEnvironment } from "../proxy.ts";
import { tell, writeReport } from "../report.ts";

const args = {
  model: {
    type: "positional",
    required: true,
    description: "A model's name on the hub, such as beomi/kcbert-base",
  },
  revision: {
    type: "string",
    valueHint: "name",
    description: "A branch, a tag or a commit; main by default",
  },
  include: {
    type: "string",
    alias: "files",
    valueHint: "patterns",
    description: "The files wanted, separated by commas; what a model folder needs by default",
  },
  "cache-dir": {
    type: "string",
    valueHint: "folder",
    description: "The cache; by default the one that Python uses too (HF_HUB_CACHE, HF_HOME)",
  },
  "local-dir": {
    type: "string",
    valueHint: "folder",
    description: "Put the files into this folder instead of the cache",
  },
  ...commonArgs,
} as const satisfies ArgsDef;

/** `kcbert-cli download`. */
export const downloadCommand: Command = defineExampledCommand(
  {
    meta: { description: "Bring a model from the Hugging Face hub into the cache" },
    args,
    async run({ args, data }) {
      const { signal } = data as CommandData;
      useProxyFromEnvironment();
      const model = requireModelId(args.model, args.revision);
      const request: Request = {
        model,
        settings: settingsOf(args["cache-dir"]),
        include: args.include?.split(",").map((pattern) => pattern.trim()),
        localFolder: args["local-dir"],
        quiet: args.quiet,
        signal,
      };
      const start = performance.now();
      const result = await bring(request);
      await report(model, result, performance.now() - start, args);
    },
  },
  [
    ["kcbert-cli download beomi/kcbert-base", "Into the cache, where Python finds it too"],
    [
      "kcbert-cli fill-mask --model beomi/kcbert-base '이 영화 정말 [MASK]'",
      "What is in the cache is a model by its name",
    ],
    [
      "kcbert-cli download beomi/kcbert-base --revision main --local-dir kcbert",
      "A revision, into a folder of its own",
    ],
    ["kcbert-cli download beomi/kcbert-base --include 'vocab.txt,*.json'", "Some files only"],
  ],
);

// --- internal ---

interface Request {
  readonly model: ModelId;
  readonly settings: HubSettings;
  readonly include: readonly string[] | undefined;
  readonly localFolder: string | undefined;
  readonly quiet: boolean | undefined;
  readonly signal: AbortSignal;
}

function settingsOf(cache: string | undefined): HubSettings {
  const settings = hubSettings();
  return cache === undefined ? settings : { ...settings, cache: resolve(cache) };
}

/** From the hub; from the cache if the hub may not or cannot be asked. */
async function bring(request: Request): Promise<DownloadedModel> {
  const { model, settings, include, localFolder } = request;
  const cached = new CachedModel(settings.cache, model.id);
  if (settings.offline) {
    if (localFolder === undefined) return offline(cached, model, include);
    throw new UsageError("Cannot use --local-dir while HF_HUB_OFFLINE is set: nothing can be downloaded");
  }
  try {
    return await fromHub(request, cached);
  } catch (error) {
    if (!(error instanceof HubUnreachable) || localFolder !== undefined) throw error;
    const found = whatIsThere(cached, model, include);
    if (found === undefined) throw error;
    tell(`${error.message}; what the cache has is used`);
    return found;
  }
}

function offline(
  cached: CachedModel,
  model: ModelId,
  include: readonly string[] | undefined,
): DownloadedModel {
  try {
    return cachedModel(cached, model, include);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    throw new CliError(`${error.message}; HF_HUB_OFFLINE is set, so the hub is not asked`, { cause: error });
  }
}

function whatIsThere(
  cached: CachedModel,
  model: ModelId,
  include: readonly string[] | undefined,
): DownloadedModel | undefined {
  try {
    return cachedModel(cached, model, include);
  } catch {
    return undefined; // the hub's failure is the one to tell
  }
}

async function fromHub(
  { model, settings, include, localFolder, quiet, signal }: Request,
  cached: CachedModel,
): Promise<DownloadedModel> {
  const destination = localFolder === undefined ? cached : new LocalFolder(localFolder, cached);
  let progress = startProgress({ title: "Downloading", quiet: true });
  try {
    return await downloadModel(settings, model, destination, {
      include,
      signal,
      onPlan(files) {
        const sizes = files.filter((file) => !file.cached).map(({ size }) => size);
        const total = sizes.includes(undefined)
          ? undefined
          : sizes.reduce<number>((sum, size) => sum + size!, 0);
        progress = startProgress({ title: "Downloading", total, quiet });
      },
      onFile: ({ name }) => progress.note(name),
      onBytes: (bytes) => progress.advance(bytes),
    });
  } finally {
    progress.done();
  }
}

/** The folder on standard output, for scripts; the rest on standard error. */
async function report(
  { id, revision }: ModelId,
  { folder, commit, files }: DownloadedModel,
  milliseconds: number,
  { json, quiet }: { readonly json?: boolean | undefined; readonly quiet?: boolean | undefined },
): Promise<void> {
  const size = (of: typeof files) => of.reduce((sum, file) => sum + (file.size ?? 0), 0);
  const fresh = files.filter(({ cached }) => !cached);
  const name = `${id} at ${commit.slice(0, 7)}`;
  const text =
    fresh.length === 0
      ? `Found ${name}: ${count(files.length)}, ${formatBytes(size(files))}`
      : `Downloaded ${name}: ${count(fresh.length)}, ${formatBytes(size(fresh))} in ${formatDuration(milliseconds)}`;
  const data = { model: id, revision, commit, path: resolve(folder), files };
  await writeReport(text, data, { json, quiet });
  if (!json) await openOutput(undefined).write(`${resolve(folder)}\n`);
}

function count(files: number): string {
  return files === 1 ? "1 file" : `${files} files`;
}
