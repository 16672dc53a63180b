import { statSync } from "node:fs";
import { CliError } from "../failure.ts";
import { CachedModel } from "./hub_cache.ts";
import { hubCacheFolder } from "./hub_settings.ts";
import { COMMIT, parseModelId } from "./model_id.ts";

/**
 * The folder of a model that a flag names: a folder, or a name on the hub (`beomi/kcbert-base`, or at a revision,
 * `beomi/kcbert-base@main`) whose files are in the cache, be it that `kcbert-cli download` put them there or Python.
 * A folder of that name comes first. Asks nobody.
 *
 * @param model What the flag says.
 * @param cache The folder of the cache; what the environment says by default.
 * @returns The folder; `model` itself if it is a path, whether there is something or not.
 * @throws {CliError} If it is a name with an owner, and the cache does not have it.
 */
export function resolveModel(model: string, cache: string = hubCacheFolder()): string {
  if (statSync(model, { throwIfNoEntry: false }) !== undefined) return model;
  const parsed = parseModelId(model);
  if (parsed === undefined || /\.(?:json|txt|safetensors|bin)$/.test(model)) return model;
  const { id, revision } = parsed;
  const cached = new CachedModel(cache, id);
  const commit = cached.commitOf(revision);
  if (commit !== undefined && cached.files(commit).length > 0) return cached.folder(commit);
  if (!id.includes("/")) return model;
  throw missing(model, id, revision, cached);
}

// --- internal ---

function missing(model: string, id: string, revision: string, cached: CachedModel): CliError {
  const here = cached.commits();
  if (here.length > 0 && !COMMIT.test(revision)) {
    const written = here.map((commit) => `${id}@${commit}`).join(" or ");
    return new CliError(
      `Cannot open the model ${model}: the cache does not have it at ${revision}; write ${written}`,
    );
  }
  const flag = revision === "main" ? "" : ` --revision ${revision}`;
  return new CliError(
    `Cannot open the model ${model}: there is no such folder, and the cache does not have it; kcbert-cli download ${id}${flag} would bring it`,
  );
}
