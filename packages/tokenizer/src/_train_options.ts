/**
 * Checks of what training is asked to do, before it starts.
 *
 * @module
 */
import { CharClasses, PUNCTUATION } from "./char_classes.ts";
import { KEY_BASE } from "./_train_heap.ts";
import type { TrainFromWordCountsOptions } from "./wordpiece_trainer.ts";

/** Options with their defaults, all of them sound. */
export interface CheckedOptions {
  vocabSize: number;
  minFrequency: number;
  limitAlphabet: number;
  specialTokens: string[];
  continuingSubwordPrefix: string;
  /** Code points. */
  initialAlphabet: number[];
  /** Code points, in the order of their ids. */
  alphabet: number[] | undefined;
  /** Code points; those it does not name follow, by code point. */
  continuingOrder: number[];
}

/** Check the options of training. */
export function checkOptions({
  vocabSize = 30_000,
  minFrequency = 2,
  limitAlphabet = 1000,
  specialTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
  continuingSubwordPrefix = "##",
  initialAlphabet,
  alphabet,
  continuingOrder = "codepoint",
}: TrainFromWordCountsOptions): CheckedOptions {
  checkInteger("vocabSize", vocabSize, 1, KEY_BASE - 2);
  checkInteger("minFrequency", minFrequency, 0, Number.MAX_SAFE_INTEGER);
  if (limitAlphabet !== Infinity) checkInteger("limitAlphabet", limitAlphabet, 0, 0x110000);
  if (alphabet !== undefined && initialAlphabet !== undefined) {
    throw new TypeError(
      "Cannot train with both alphabet and initialAlphabet: alphabet is the whole list already, leave one of them out",
    );
  }
  if (typeof continuingOrder === "string" && continuingOrder !== "codepoint") {
    throw new TypeError(
      `Cannot train as continuingOrder must be "codepoint" or a list of characters: it is ${JSON.stringify(continuingOrder)}`,
    );
  }
  return {
    vocabSize,
    minFrequency,
    limitAlphabet,
    specialTokens: checkSpecialTokens(specialTokens, vocabSize),
    continuingSubwordPrefix: checkPrefix(continuingSubwordPrefix),
    initialAlphabet: checkCharacters("initialAlphabet", initialAlphabet ?? []),
    alphabet: alphabet === undefined ? undefined : checkCharacters("alphabet", alphabet),
    continuingOrder:
      typeof continuingOrder === "string" ? [] : checkCharacters("continuingOrder", continuingOrder),
  };
}

/** Check that a number is whole and within a range. */
export function checkInteger(name: string, value: number, min: number, max: number): void {
  if (typeof value !== "number")
    throw new TypeError(`Cannot train as ${name} must be a number: it is ${describe(value)}`);
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(
    `Cannot train as ${name} must be an integer from ${min} to ${max}: current value is ${value}`,
  );
}

/** Name a value in an error message. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  return value.constructor?.name ?? "object";
}

// --- internal ---

/** Token types, without the later of two equal ones, as in Hugging Face tokenizers. */
function checkSpecialTokens(tokens: readonly string[], vocabSize: number): string[] {
  for (const token of tokens) {
    if (typeof token !== "string" || token === "") {
      throw new TypeError(
        `Cannot train as specialTokens must be non-empty strings: one is ${token === "" ? "empty" : describe(token)}`,
      );
    }
  }
  const distinct = [...new Set(tokens)];
  if (distinct.length >= vocabSize) {
    throw new RangeError(
      `Cannot train as vocabSize must be greater than the number of special tokens: vocabSize is ${vocabSize}, specialTokens are ${distinct.length}`,
    );
  }
  return distinct;
}

/** Code points of a list of single characters. */
function checkCharacters(name: string, characters: readonly string[]): number[] {
  const codePoints = new Set<number>();
  for (const [index, character] of characters.entries()) {
    if (typeof character !== "string") {
      throw new TypeError(
        `Cannot train as ${name} must hold strings: entry ${index} is ${describe(character)}`,
      );
    }
    const codePoint = character.codePointAt(0) ?? -1;
    if (codePoint < 0 || character !== String.fromCodePoint(codePoint) || !character.isWellFormed()) {
      throw new RangeError(
        `Cannot train as each entry of ${name} must be one character (one code point): entry ${index} is ${JSON.stringify(character)}`,
      );
    }
    if (codePoints.has(codePoint)) {
      throw new RangeError(
        `Cannot train as ${name} must hold each character once: entry ${index}, ${JSON.stringify(character)}, is there before`,
      );
    }
    codePoints.add(codePoint);
  }
  return [...codePoints];
}

/**
 * A prefix of plain characters could make `##b` and the merge of `a` and `##b` one string; punctuation is a word by
 * itself and never merges.
 */
function checkPrefix(prefix: string): string {
  const first = typeof prefix === "string" ? prefix.codePointAt(0) : undefined;
  if (first !== undefined && new CharClasses().of(first) === PUNCTUATION) return prefix;
  throw new RangeError(
    `Cannot train as continuingSubwordPrefix must start with punctuation, like "##", so that no word starts with it: current value is ${JSON.stringify(prefix)}`,
  );
}
