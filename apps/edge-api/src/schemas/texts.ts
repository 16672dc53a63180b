import * as v from "valibot";
import type { Limits } from "../limits.ts";
import { either, listOf } from "./either.ts";

/** What a text may be. */
export interface TextSchemas {
  /** A text. */
  readonly text: v.GenericSchema<unknown, string>;
  /** A text that is not empty. */
  readonly someText: v.GenericSchema<unknown, string>;
  /** Several texts. */
  readonly texts: v.GenericSchema<unknown, string[]>;
  /** A text, or several. */
  readonly inputs: v.GenericSchema<unknown, string | string[]>;
}

/** Schemas of texts under `limits`. @param most How many texts a list may hold. */
export function textSchemas(limits: Limits, most: number): TextSchemas {
  const text = v.pipe(
    v.string("it must be a string"),
    v.maxLength(
      limits.textLength,
      (issue) =>
        `it must be at most ${limits.textLength} UTF-16 code units: its length is ${issue.input.length}`,
    ),
  ) as v.GenericSchema<unknown, string>;
  const someText = v.pipe(text, v.nonEmpty("it must not be empty")) as v.GenericSchema<unknown, string>;
  const texts = listOf(text, {
    most,
    noun: "texts",
    message: "it must be a string or a list of strings",
  });
  const inputs = either([text, texts], (input) => (Array.isArray(input) ? 1 : 0));
  return { text, someText, texts, inputs: inputs as v.GenericSchema<unknown, string | string[]> };
}
