import { loadConfig, type PretrainedSource } from "@kcbert/bert";
import { clean } from "@kcbert/normalizer";
import { cleanVariantOf } from "./_cleaning.ts";
import type { ReadSourceOptions } from "./_read_source.ts";

/**
 * Load how a model wants its text cleaned: `config.json`'s `"kcbert": { "clean": "2021" }` says that it was trained on
 * text cleaned that way, so what it is asked must be cleaned alike.
 *
 * @param source Gives the folder's files by name.
 * @returns The cleaning, or the identity where the folder says nothing or `null`, as Hugging Face would do.
 * @throws {RangeError} If the folder names a cleaning that this version does not know; other errors as
 * `loadConfig` throws them.
 *
 * @example
 * ```ts
 * import { formatBertConfig, kcbertBase } from "@kcbert/bert";
 * import { loadClean } from "@kcbert/pipelines";
 * import assert from "node:assert/strict";
 *
 * const config = formatBertConfig({ ...kcbertBase, clean: "2021" });
 * const clean = await loadClean(async () => new TextEncoder().encode(config));
 * assert.equal(clean("최고ㅋㅋㅋㅋㅋ♡"), "최고ㅋㅋ");
 * ```
 */
export async function loadClean(
  source: PretrainedSource,
  options: ReadSourceOptions = {},
): Promise<(text: string) => string> {
  const variant = cleanVariantOf((await loadConfig(source, options)).clean);
  return variant === undefined ? (text) => text : (text) => clean(text, { variant });
}
