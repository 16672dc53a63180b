import * as v from "valibot";
import type { Limits } from "../limits.ts";
import { either, flag, listOf, object, oneOf, wholeNumber } from "./either.ts";
import { direction } from "./hugging_face.ts";
import { textSchemas } from "./texts.ts";

/** Bodies of text-embeddings-inference's routes. */
export function teiSchemas(limits: Limits, most: number = limits.items) {
  const { text, someText, texts } = textSchemas(limits, most);
  const inputs = either([someText, texts], (input) => (Array.isArray(input) ? 1 : 0));
  const cutting = { truncate: v.nullish(flag), truncation_direction: v.nullish(direction) };
  const sequence = listOf(text, {
    most: 2,
    noun: "texts",
    message: "it must be a list of a text, or of a pair of texts",
  });
  const batch = listOf(sequence, { most, noun: "texts", message: "it must be a list" });
  const pair = listOf(text, {
    most: 2,
    noun: "texts, which are read as a pair",
    message: "it must be a list",
  });
  const id = wholeNumber(0, 2 ** 31 - 1);
  const ids = listOf(id, { most: limits.textLength, noun: "ids", message: "it must be a list of ids" });
  const idLists = listOf(ids, { most, noun: "lists", message: "it must be a list of lists of ids" });
  return {
    predict: object({
      inputs: either([someText, pair, batch], (input) =>
        !Array.isArray(input) ? 0 : Array.isArray(input[0]) ? 2 : 1,
      ),
      raw_scores: v.nullish(flag),
      ...cutting,
    }),
    embed: object({
      inputs,
      normalize: v.nullish(flag),
      prompt_name: v.nullish(v.string("it must be a string")),
      dimensions: v.nullish(wholeNumber(1, 100_000)),
      ...cutting,
    }),
    embedAll: object({ inputs, ...cutting }),
    similarity: object({
      inputs: object(
        {
          source_sentence: text,
          sentences: listOf(text, { most, noun: "sentences", message: "it must be a list of strings" }),
        },
        "it must hold a source_sentence and sentences",
      ),
      parameters: v.nullish(object(cutting)),
    }),
    rerank: object({
      query: someText,
      texts: listOf(text, { most, noun: "texts", message: "it must be a list of strings" }),
      raw_scores: v.nullish(flag),
      return_text: v.nullish(flag),
      ...cutting,
    }),
    tokenize: object({
      inputs,
      add_special_tokens: v.nullish(flag),
      offset_unit: v.nullish(oneOf("byte", "codepoint", "utf16")),
    }),
    decode: object({
      ids: either([ids, idLists], (input) => (Array.isArray(input) && Array.isArray(input[0]) ? 1 : 0)),
      skip_special_tokens: v.nullish(flag),
    }),
  } as const;
}
