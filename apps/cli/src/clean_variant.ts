import { clean, type CleanOptions } from "@kcbert/normalizer";
import { oneOf } from "./arguments.ts";

/** The versions of `clean` that a flag can name; see `@kcbert/normalizer`. */
const CLEAN_VARIANTS = ["2021", "2020", "2022", "latest"] as const;

/**
 * The `clean` that a flag names.
 *
 * @param value The flag's value.
 * @param flag The flag's name, for the error.
 * @throws {UsageError} If there is no such version.
 */
export async function cleanVariant(
  value: string,
  flag: string,
  options: Omit<CleanOptions, "variant"> = {},
): Promise<(text: string) => string> {
  const variant = oneOf(value, flag, CLEAN_VARIANTS);
  if (variant !== "latest") {
    const chosen = { ...options, variant };
    return (text) => clean(text, chosen);
  }
  const latest = await import("@kcbert/normalizer/latest");
  return (text) => latest.clean(text, options);
}
