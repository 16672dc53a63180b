import { describe, requireInteger, requireOptions, requireString } from "./_errors.ts";
import { clean, type CleanOptions } from "./clean.ts";
import { LineSet } from "./line_set.ts";

/** Lines as they come: an array, a generator, a `ReadableStream` of strings. */
export type Lines = Iterable<string> | AsyncIterable<string>;

/** A generator of lines, asynchronous if its source is. */
export type LinesLike<Source> =
  Source extends AsyncIterable<string>
    ? AsyncGenerator<string, void, undefined>
    : Generator<string, void, undefined>;

/** How long a line must be to stay. */
export interface LengthOptions {
  /**
   * The least length that stays, in code points. KcBERT's text can be read both ways: "10글자 미만" (fewer than 10 go) is
   * 10, the default; "10글자 이하 제거" (10 or fewer go) is 11.
   */
  readonly minLength?: number;
}

/** How to make a corpus of lines. */
export interface CorpusOptions extends CleanOptions, LengthOptions {}

/**
 * Make a pre-training corpus of comments as KcBERT's authors did: clean each, drop the short ones, then keep the first of
 * each that are the same. Streams; holds the distinct lines in memory, as a {@linkcode LineSet}.
 *
 * @param lines The comments, one a line, without line ends.
 * @param options How to clean, and how long a line must be to stay.
 * @returns The lines of the corpus in their order; asynchronous if `lines` is.
 * @throws {TypeError} If `lines` cannot be iterated or is a string, or, on the way, if a line is not a string.
 * @throws {RangeError} If an option has an unknown value.
 *
 * @example
 * ```ts
 * import { cleanCorpus } from "@kcbert/normalizer";
 * import assert from "node:assert/strict";
 *
 * const lines = ["정말 재밌게 봤어요!!", "굿", "정말 재밌게 봤어요!!★"];
 * assert.deepEqual([...cleanCorpus(lines)], ["정말 재밌게 봤어요!!"]);
 * assert.equal([...cleanCorpus(lines, { minLength: 1 })].length, 2);
 * ```
 */
export function cleanCorpus<Source extends Lines>(lines: Source, options?: CorpusOptions): LinesLike<Source> {
  requireOptions(options, "clean a corpus");
  clean("", options); // reports a wrong option here, not at the first line
  const isLong = lengthTest(options);
  const seen = new LineSet();
  return through(lines, (line) => {
    const cleaned = clean(line, options);
    return isLong(cleaned) && seen.add(cleaned) ? cleaned : undefined;
  });
}

/**
 * Keep the lines of at least `minLength` code points.
 *
 * @param lines The lines.
 * @param options How long a line must be to stay, 10 code points by default.
 * @returns The long lines in their order; asynchronous if `lines` is.
 * @throws {TypeError} If `lines` cannot be iterated or is a string, or, on the way, if a line is not a string.
 * @throws {RangeError} If `minLength` is not an integer of 0 or more.
 *
 * @example
 * ```ts
 * import { longLines } from "@kcbert/normalizer";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual([...longLines(["굿", "최고의 영화"], { minLength: 3 })], ["최고의 영화"]);
 * ```
 */
export function longLines<Source extends Lines>(lines: Source, options?: LengthOptions): LinesLike<Source> {
  requireOptions(options, "filter lines");
  const isLong = lengthTest(options);
  return through(lines, (line) => (isLong(line) ? line : undefined));
}

/**
 * Keep the first of each lines that are the same, unit for unit. Holds the distinct lines in memory, as a
 * {@linkcode LineSet}.
 *
 * @param lines The lines.
 * @returns The distinct lines in the order of their first; asynchronous if `lines` is.
 * @throws {TypeError} If `lines` cannot be iterated or is a string, or, on the way, if a line is not a string.
 *
 * @example
 * ```ts
 * import { distinctLines } from "@kcbert/normalizer";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual([...distinctLines(["굿", "최고", "굿"])], ["굿", "최고"]);
 * ```
 */
export function distinctLines<Source extends Lines>(lines: Source): LinesLike<Source> {
  const seen = new LineSet();
  return through(lines, (line) => (seen.add(line) ? line : undefined));
}

/**
 * The length of a text in code points, as Python's `len` counts: a surrogate pair is one.
 *
 * @param text Any UTF-16 string; a lone surrogate counts one.
 * @returns The number of code points.
 * @throws {TypeError} If `text` is not a string.
 *
 * @example
 * ```ts
 * import { countCodePoints } from "@kcbert/normalizer";
 * import assert from "node:assert/strict";
 *
 * assert.equal(countCodePoints("좋아👍"), 3);
 * ```
 */
export function countCodePoints(text: string): number {
  requireString(text, "count code points of");
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    if (text.codePointAt(i)! > 0xffff) i++;
    count++;
  }
  return count;
}

// --- internal ---

function lengthTest({ minLength = 10 }: LengthOptions = {}): (line: string) => boolean {
  requireInteger(minLength, "minLength", 0, "filter lines");
  return (line) => countCodePoints(line) >= minLength;
}

/** Each line through `step`; those for which it gives `undefined` go. */
function through<Source extends Lines>(
  lines: Source,
  step: (line: string) => string | undefined,
): LinesLike<Source> {
  const iterable = typeof lines === "object" && lines !== null;
  if (iterable && Symbol.asyncIterator in lines) return throughAsync(lines, step) as LinesLike<Source>;
  if (iterable && Symbol.iterator in lines) return throughSync(lines, step) as LinesLike<Source>;
  throw new TypeError(
    `Cannot filter lines as they must be an iterable or async iterable of strings: current value is ${describe(lines)}`,
  );
}

function* throughSync(
  lines: Iterable<string>,
  step: (line: string) => string | undefined,
): Generator<string, void, undefined> {
  for (const line of lines) {
    const result = step(line);
    if (result !== undefined) yield result;
  }
}

async function* throughAsync(
  lines: AsyncIterable<string>,
  step: (line: string) => string | undefined,
): AsyncGenerator<string, void, undefined> {
  for await (const line of lines) {
    const result = step(line);
    if (result !== undefined) yield result;
  }
}
