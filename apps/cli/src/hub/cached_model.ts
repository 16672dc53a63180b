import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "../failure.ts";
import { type DownloadedModel, lackOf } from "./download_model.ts";
import type { CachedModel } from "./hub_cache.ts";
import { matching } from "./model_files.ts";
import type { ModelId } from "./model_id.ts";

/**
 * A model as it is in the cache, without asking the hub.
 *
 * @param model The model, and the revision that the cache is to have.
 * @param include Patterns of the files wanted; a config and weights at least, by default.
 * @throws {CliError} If the cache does not have it, or not all of it.
 */
export function cachedModel(
  cached: CachedModel,
  { id, revision }: ModelId,
  include?: readonly string[],
): DownloadedModel {
  const commit = cached.commitOf(revision);
  const names = commit === undefined ? [] : cached.files(commit);
  const failed = (why: string) =>
    new CliError(`Cannot find ${id} at ${revision} in the cache ${cached.path}: ${why}`);
  if (commit === undefined || names.length === 0) throw failed("nothing of it is there");
  const folder = cached.folder(commit);
  const lack =
    include === undefined ? lackOf(names, (name) => readFileSync(join(folder, name), "utf8")) : undefined;
  if (lack !== undefined) throw failed(`it is not complete, ${lack}`);
  const wanted = include === undefined ? names : matching(names, include);
  if (wanted.length === 0) throw failed(`no file matches ${include!.join(",")}`);
  const files = wanted
    .sort()
    .map((name) => ({ name, size: statSync(join(folder, name)).size, cached: true }));
  return { folder, commit, files };
}
