import type { BertConfig } from "@kcbert/bert";
import { type CleanedText, type CleanOptions, cleanWithOffsets } from "@kcbert/normalizer";

/**
 * How a model wants its text: cleaned as its config says, with the way back, or `undefined` for as it is.
 *
 * @throws {RangeError} If the config names a cleaning that this version does not know.
 */
export function cleaningOf({
  clean,
}: Pick<BertConfig, "clean">): ((text: string) => CleanedText) | undefined {
  const variant = cleanVariantOf(clean);
  return variant === undefined ? undefined : (text) => cleanWithOffsets(text, { variant });
}

/** The variant of `clean` that a config names. */
export function cleanVariantOf(variant: BertConfig["clean"]): CleanOptions["variant"] {
  if (variant === undefined || variant === null) return undefined;
  if (variant === "2020" || variant === "2021" || variant === "2022") return variant;
  throw new RangeError(
    `Cannot clean as config.json asks, kcbert.clean must be "2020", "2021", "2022" or null: current value is ${JSON.stringify(variant)}`,
  );
}
