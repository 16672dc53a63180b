import { describe, requireOptions, requireString } from "./_errors.ts";
import { type Variant, variantClasses } from "./_kept.ts";
import type { Rules } from "./_scan.ts";
import { type CleanedText, write, writeWithOffsets } from "./_write.ts";

export type { CleanedText } from "./_write.ts";

/** Which of the circulating versions of `clean` to follow. */
export interface CleanOptions {
  /**
   * The README of KcBERT that shows the version:
   *
   * - `"2021"` (March 2021 to September 2022, the default) keeps ASCII, `·`, `∼`, `％`, Hangul jamo and syllables, and the
   *   characters of the emoji of emoji 0.6.0;
   * - `"2020"` (August 2020 to March 2021) keeps all of U+3131–D7A3 for Hangul, so Hanja, `ㆍ` and more besides;
   * - `"2022"` (since September 2022) keeps no emoji.
   */
  readonly variant?: "2020" | "2021" | "2022";
  /**
   * The shortest run of one same word character that becomes two of it: 4 as in soynlp 0.0.493 as released (the default;
   * the published vocabulary agrees with it), or 3 as in soynlp's repository since August 2020.
   */
  readonly minRun?: 3 | 4;
}

/**
 * Clean a comment as KcBERT's authors did before training.
 *
 * Characters outside the kept set become spaces, links vanish, runs of four or more of one same letter or digit become
 * two, white space becomes single spaces with none at the ends. Follows `clean` of KcBERT's README, code point for code
 * point. Takes time linear in the text; a text that is clean already comes back as it is. It is not idempotent, since
 * shortening a run can make a link (`htttttp://a.com`): clean once. Decomposed Hangul (NFD) is outside the kept set:
 * compose it first with `text.normalize("NFC")`.
 *
 * @param text The comment, any UTF-16 string; a lone surrogate counts as a character that is not kept.
 * @param options Which version of `clean` to follow.
 * @returns The cleaned comment, never longer than `text`, possibly empty.
 * @throws {TypeError} If `text` is not a string or `options` is not an object.
 * @throws {RangeError} If an option has a value that no version knows.
 *
 * @example
 * ```ts
 * import { clean } from "@kcbert/normalizer";
 * import assert from "node:assert/strict";
 *
 * assert.equal(clean("이거 실화냐ㅋㅋㅋㅋㅋ★ https://a.com/b 👍"), "이거 실화냐ㅋㅋ 👍");
 * assert.equal(clean("漢字ㆍ한글", { variant: "2020" }), "漢字ㆍ한글");
 * assert.equal(clean("좋아요👍", { variant: "2022" }), "좋아요");
 * assert.equal(clean("ㅋㅋㅋ", { minRun: 3 }), "ㅋㅋ");
 * ```
 */
export function clean(text: string, options?: CleanOptions): string {
  requireString(text, "clean");
  return write(text, rulesOf(options));
}

/**
 * {@linkcode clean}, and where each part of the result stood in the source.
 *
 * @param text The comment, any UTF-16 string.
 * @param options Which version of `clean` to follow.
 * @returns The cleaned text, and for each UTF-16 index of it, and for its end, the UTF-16 index in `text`.
 * @throws {TypeError} If `text` is not a string or `options` is not an object.
 * @throws {RangeError} If an option has a value that no version knows.
 *
 * @example
 * ```ts
 * import { cleanWithOffsets } from "@kcbert/normalizer";
 * import assert from "node:assert/strict";
 *
 * const source = "★ㅋㅋㅋㅋㅋ 최고";
 * const { text, offsets } = cleanWithOffsets(source);
 * assert.equal(text, "ㅋㅋ 최고");
 * assert.deepEqual([...offsets], [1, 2, 6, 7, 8, 9]);
 * assert.equal(source.slice(offsets[3], offsets[5]), "최고");
 * assert.equal(source.slice(offsets[0], offsets[2]), "ㅋㅋㅋㅋㅋ");
 * ```
 */
export function cleanWithOffsets(text: string, options?: CleanOptions): CleanedText {
  requireString(text, "clean");
  return writeWithOffsets(text, rulesOf(options));
}

// --- internal ---

let defaultRules: Rules | undefined;

/** The rules that `options` ask for. */
function rulesOf(options: CleanOptions | undefined): Rules {
  if (options === undefined) return (defaultRules ??= makeRules("2021", 4));
  requireOptions(options, "clean");
  return makeRules(options.variant ?? "2021", options.minRun ?? 4);
}

function makeRules(variant: Variant, minRun: number): Rules {
  if (variant !== "2021" && variant !== "2020" && variant !== "2022") {
    throw new RangeError(
      `Cannot clean as variant must be "2020", "2021" or "2022": current value is ${describe(variant)}`,
    );
  }
  if (minRun !== 3 && minRun !== 4) {
    throw new RangeError(`Cannot clean as minRun must be 3 or 4: current value is ${describe(minRun)}`);
  }
  return { classes: variantClasses(variant), minRun, numRepeats: 2 };
}
