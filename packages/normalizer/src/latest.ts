/**
 * `clean` and `cleanWithOffsets` that also keep emoji younger than emoji 0.6.0, which the published versions turn into
 * spaces: `🥲`, `🫠`, `🏳️‍⚧️`. Needs the optional peer dependency `emoji-regex`, 10.x or 11.x; its version says which
 * emoji there are. For models trained on text cleaned this way; published ones expect the main entry.
 *
 * @example
 * ```ts
 * import { clean } from "@kcbert/normalizer/latest";
 * import assert from "node:assert/strict";
 *
 * assert.equal(clean("녹는다🫠♡♡"), "녹는다🫠");
 * ```
 *
 * @module
 */
import emojiRegex from "emoji-regex";
import { describe, requireOptions, requireString } from "./_errors.ts";
import { variantClasses } from "./_kept.ts";
import type { Rules } from "./_scan.ts";
import { type CleanedText, write, writeWithOffsets } from "./_write.ts";

export type { CleanedText } from "./_write.ts";

/** How to clean; emoji are those of variant `"2021"` and all that `emoji-regex` knows. */
export interface LatestCleanOptions {
  /** The shortest run of one same word character that becomes two of it: 4 (the default) or 3. */
  readonly minRun?: 3 | 4;
}

/**
 * Clean a comment as the main entry's `clean` does, but keep every emoji that `emoji-regex` knows.
 *
 * @param text The comment, any UTF-16 string.
 * @param options How to clean.
 * @returns The cleaned comment, never longer than `text`, possibly empty.
 * @throws {TypeError} If `text` is not a string or `options` is not an object.
 * @throws {RangeError} If an option has an unknown value.
 *
 * @example
 * ```ts
 * import { clean } from "@kcbert/normalizer/latest";
 * import assert from "node:assert/strict";
 *
 * assert.equal(clean("눈물이🥲 ㅠㅠㅠㅠㅠ…"), "눈물이🥲 ㅠㅠ");
 * ```
 */
export function clean(text: string, options?: LatestCleanOptions): string {
  requireString(text, "clean");
  return write(text, rulesOf(options), emojiSpans);
}

/**
 * {@linkcode clean}, and where each part of the result stood in the source.
 *
 * @param text The comment, any UTF-16 string.
 * @param options How to clean.
 * @returns The cleaned text, and for each UTF-16 index of it, and for its end, the UTF-16 index in `text`.
 * @throws {TypeError} If `text` is not a string or `options` is not an object.
 * @throws {RangeError} If an option has an unknown value.
 *
 * @example
 * ```ts
 * import { cleanWithOffsets } from "@kcbert/normalizer/latest";
 * import assert from "node:assert/strict";
 *
 * const { text, offsets } = cleanWithOffsets("♡🫠");
 * assert.equal(text, "🫠");
 * assert.deepEqual([...offsets], [1, 2, 3]);
 * ```
 */
export function cleanWithOffsets(text: string, options?: LatestCleanOptions): CleanedText {
  requireString(text, "clean");
  return writeWithOffsets(text, rulesOf(options), emojiSpans);
}

// --- internal ---

function rulesOf(options: LatestCleanOptions | undefined): Rules {
  requireOptions(options, "clean");
  const { minRun = 4, ...rest } = options ?? {};
  if (minRun !== 3 && minRun !== 4) {
    throw new RangeError(`Cannot clean as minRun must be 3 or 4: current value is ${describe(minRun)}`);
  }
  if ("variant" in rest && rest.variant !== undefined) {
    throw new RangeError(
      `Cannot clean with the latest emoji as there is no variant of it: variant is ${describe(rest.variant)}`,
    );
  }
  return { classes: variantClasses("2021"), minRun, numRepeats: 2 };
}

/** Start and end of each emoji sequence in `text`. */
function emojiSpans(text: string): number[] {
  const spans: number[] = [];
  for (const { 0: emoji, index } of text.matchAll(emojiRegex())) spans.push(index, index + emoji.length);
  return spans;
}
