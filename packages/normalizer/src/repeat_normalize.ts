import { requireInteger, requireOptions, requireString } from "./_errors.ts";
import { whiteSpaceClasses } from "./_kept.ts";
import { write } from "./_write.ts";

/** Which runs to collapse, and to what. */
export interface RepeatNormalizeOptions {
  /** How many characters a collapsed run keeps, less than `minRun`; 0 leaves runs as they are. Default 2. */
  readonly numRepeats?: number;
  /** The shortest run that is collapsed, at least 2: 4 in soynlp as released (the default), 3 in its repository since. */
  readonly minRun?: number;
}

/**
 * Collapse each run of four or more of one same word character to `numRepeats` of them, and white space to single spaces.
 *
 * Follows `repeat_normalize` of soynlp 0.0.493 as released. A word character is a letter or a number of any script, or
 * `_`; `!!!!!!` and `😂😂😂😂` stay. Case matters. White space is Python's `\s`; none stays at the ends. Takes time linear
 * in the text.
 *
 * @param text The text, any UTF-16 string.
 * @param options Which runs to collapse, and to what.
 * @returns The text with long runs shortened; never longer than `text`.
 * @throws {TypeError} If `text` is not a string or `options` is not an object.
 * @throws {RangeError} If `numRepeats` or `minRun` is not an integer in its range.
 *
 * @example
 * ```ts
 * import { repeatNormalize } from "@kcbert/normalizer";
 * import assert from "node:assert/strict";
 *
 * assert.equal(repeatNormalize("와하하하하핫  ㅋㅋㅋ"), "와하하핫 ㅋㅋㅋ");
 * assert.equal(repeatNormalize("ㅋㅋㅋㅋㅋㅋ", { numRepeats: 3 }), "ㅋㅋㅋ");
 * assert.equal(repeatNormalize("ㅋㅋㅋ", { minRun: 3 }), "ㅋㅋ");
 * ```
 */
export function repeatNormalize(text: string, options?: RepeatNormalizeOptions): string {
  requireString(text, "normalize");
  requireOptions(options, "normalize");
  const { numRepeats = 2, minRun = 4 } = options ?? {};
  requireInteger(minRun, "minRun", 2, "normalize");
  requireInteger(numRepeats, "numRepeats", 0, "normalize");
  if (numRepeats >= minRun) {
    throw new RangeError(
      `Cannot normalize as numRepeats must be less than minRun: numRepeats is ${numRepeats}, minRun is ${minRun}`,
    );
  }
  const shortest = numRepeats === 0 ? Number.POSITIVE_INFINITY : minRun;
  return write(text, { classes: whiteSpaceClasses(), minRun: shortest, numRepeats });
}
