/**
 * What can be asked of `encode` and `encodeBatch`.
 *
 * @module
 */
import type { OffsetUnit } from "./offset_units.ts";
import type { Side, TruncationStrategy } from "./truncation.ts";
import { checkStride } from "./truncation.ts";
import { addedTokens } from "./template.ts";

/** Text, or words that were split before: each is encoded by itself, and offsets and word ids are per given word. */
export type TextInput = string | readonly string[];

/** Options of `encode` and `encodeBatch` alike. */
export interface CommonEncodeOptions {
  /** Most tokens, special tokens included. No limit by default. */
  maxLength?: number;
  /** Which sequence gives way beyond `maxLength`; `false` never cuts. Default `"longest_first"`. */
  truncation?: TruncationStrategy | false;
  /** Side that tokens are cut from. Default `"right"`. */
  truncationSide?: Side;
  /** Tokens that windows share: giving it, 0 included, asks for the windows that truncation cuts off. */
  stride?: number;
  /**
   * `true` or `"longest"` pads to the longest row, `"max_length"` to `maxLength`, a number to that many tokens. Rows that
   * are longer stay so. Default `false`.
   */
  padding?: boolean | "longest" | "max_length" | number;
  /** Round the length that is padded to up to a multiple of this. */
  padToMultipleOf?: number;
  /** Side that padding is added to. Default `"right"`. */
  paddingSide?: Side;
  /** Add `[CLS]` and `[SEP]`. Default `true`. */
  addSpecialTokens?: boolean;
  /** What offsets count. Default `"utf16"`. */
  offsetUnit?: OffsetUnit;
}

/** Options of `encode`. */
export interface EncodeOptions extends CommonEncodeOptions {
  /** The second sequence. */
  pair?: TextInput;
}

/** Options of `encodeBatch`. */
export interface EncodeBatchOptions extends CommonEncodeOptions {
  /** The second sequences, one a text. */
  pairs?: readonly TextInput[];
  /** Give offsets and word ids, too. Default `false`. */
  offsets?: boolean;
}

/** @throws {RangeError | TypeError} If an option is none of its values, or two do not go together. */
export function checkOptions(options: CommonEncodeOptions, pair: boolean): void {
  const { maxLength, stride, padding, truncation = "longest_first", addSpecialTokens = true } = options;
  checkCount("maxLength", maxLength, 0);
  checkCount("stride", stride, 0);
  checkCount("padToMultipleOf", options.padToMultipleOf, 1);
  checkChoice("truncation", truncation, TRUNCATIONS);
  checkChoice("truncationSide", options.truncationSide, SIDES);
  checkChoice("paddingSide", options.paddingSide, SIDES);
  checkChoice("offsetUnit", options.offsetUnit, UNITS);
  if (typeof padding === "number") checkCount("padding", padding, 0);
  else checkChoice("padding", padding, PADDINGS);
  if (padding === "max_length" && maxLength === undefined) {
    throw new RangeError(
      `Cannot pad to maxLength as it is not given: pass maxLength, or a number as padding`,
    );
  }
  const added = addSpecialTokens ? addedTokens(pair) : 0;
  if (maxLength !== undefined && truncation !== false) {
    if (maxLength < added) {
      throw new RangeError(
        `Cannot encode as maxLength must be at least ${added}, the special tokens of ${pair ? "a pair" : "one text"}: maxLength is ${maxLength}`,
      );
    }
    checkStride(stride ?? 0, maxLength - added);
  }
}

// --- internal ---

const TRUNCATIONS = ["longest_first", "longest_first_google", "only_first", "only_second", false];
const SIDES = ["left", "right"];
const UNITS = ["utf16", "codepoint", "byte"];
const PADDINGS = ["longest", "max_length", true, false];

function checkCount(name: string, value: number | undefined, least: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= least)) return;
  throw new RangeError(
    `Cannot encode as ${name} must be an integer of at least ${least}: ${name} is ${value}`,
  );
}

function checkChoice(name: string, value: unknown, choices: readonly unknown[]): void {
  if (value === undefined || choices.includes(value)) return;
  throw new RangeError(
    `Cannot encode as ${name} must be one of ${choices.map((choice) => JSON.stringify(choice)).join(", ")}: ${name} is ${JSON.stringify(value)}`,
  );
}
