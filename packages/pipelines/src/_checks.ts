/**
 * What every pipeline asks of its arguments. `task` begins the message: `Cannot classify the text`.
 *
 * @module
 */
import type { BertPreTrainedModel } from "@kcbert/bert";
import type { BertTokenizer } from "@kcbert/tokenizer";

/** @throws {TypeError} If `text` is not a string. */
export function checkText(task: string, name: string, text: unknown): asserts text is string {
  if (typeof text === "string") return;
  const kind = text === null ? "null" : Array.isArray(text) ? "an array" : typeof text;
  throw new TypeError(`Cannot ${task} as ${name} must be a string: it is ${kind}`);
}

/** @throws {RangeError} If `value` is given and no whole number of at least `least`. */
export function checkCount(task: string, name: string, value: number | undefined, least = 1): void {
  if (value === undefined || (Number.isInteger(value) && value >= least)) return;
  throw new RangeError(
    `Cannot ${task} as ${name} must be a whole number of at least ${least}: current value is ${value}`,
  );
}

/** @throws {RangeError} If `value` is none of `choices`. */
export function checkChoice(task: string, name: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return;
  throw new RangeError(
    `Cannot ${task} as ${name} must be one of ${choices.map((choice) => `"${choice}"`).join(", ")}: current value is ${JSON.stringify(value)}`,
  );
}

/** @throws {RangeError} If the tokenizer has tokens that the model does not know. */
export function checkFit(task: string, { config }: BertPreTrainedModel, tokenizer: BertTokenizer): void {
  if (tokenizer.vocabSize <= config.vocabSize) return;
  throw new RangeError(
    `Cannot ${task} as the tokenizer does not fit the model: it has ${tokenizer.vocabSize} tokens, the model has ${config.vocabSize}`,
  );
}
