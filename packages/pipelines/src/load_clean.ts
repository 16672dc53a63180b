import { clean } from "@kcbert/normalizer";
import type { PretrainedSource } from "@kcbert/bert";
import { readJsonObject, type ReadSourceOptions } from "./_read_source.ts";

/**
 * Load how a model wants its text cleaned: `config.json`'s `"kcbert": { "clean": "2021" }` says that it was trained on
 * text cleaned that way, so what it is asked must be cleaned alike.
 *
 * @param source Gives the folder's files by name.
 * @returns The cleaning, or the identity where the folder says nothing or `null`, as Hugging Face would do.
 * @throws {RangeError} If the folder names a cleaning that this version does not know.
 *
 * @example
 * ```ts
 * import { loadClean } from "@kcbert/pipelines";
 * import assert from "node:assert/strict";
 *
 * const config = new TextEncoder().encode('{ "kcbert": { "clean": "2021" } }');
 * const clean = await loadClean(async () => config);
 * assert.equal(clean("최고ㅋㅋㅋㅋㅋ♡"), "최고ㅋㅋ");
 * ```
 */
export async function loadClean(
  source: PretrainedSource,
  options: ReadSourceOptions = {},
): Promise<(text: string) => string> {
  const config = await readJsonObject(source, "config.json", options);
  const ours = config?.kcbert;
  const variant: unknown = typeof ours === "object" && ours !== null && "clean" in ours ? ours.clean : null;
  if (variant === null) return (text) => text;
  if (variant === "2020" || variant === "2021" || variant === "2022")
    return (text) => clean(text, { variant });
  throw new RangeError(
    `Cannot clean as config.json asks, kcbert.clean must be "2020", "2021", "2022" or null: current value is ${JSON.stringify(variant)}`,
  );
}
