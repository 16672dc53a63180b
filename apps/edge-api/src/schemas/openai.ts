import * as v from "valibot";
import type { Limits } from "../limits.ts";
import { either, listOf, object, oneOf, wholeNumber } from "./either.ts";
import { textSchemas } from "./texts.ts";

/** Bodies of OpenAI's routes. */
export function openAiSchemas(limits: Limits) {
  const { text, someText } = textSchemas(limits, limits.items);
  const most = limits.items;
  const id = wholeNumber(0, 2 ** 31 - 1);
  const ids = listOf(id, { most: limits.textLength, noun: "ids", message: "it must be a list" });
  const texts = listOf(someText, { most, noun: "texts", message: "it must be a list" });
  const idLists = listOf(ids, { most, noun: "lists of ids", message: "it must be a list" });
  const parts = listOf(
    object(
      { type: oneOf("text"), text },
      'it must be a string, or an object such as {"type":"text","text":"…"}',
    ),
    { most, noun: "texts", message: "it must be a list" },
  );
  const model = v.nullish(v.string("it must be a string"));
  const user = v.nullish(v.unknown());
  const moderated = listOf(text, { most, noun: "texts", message: "it must be a list" });
  return {
    embeddings: object({
      input: either([someText, texts, ids, idLists], (input) => {
        if (!Array.isArray(input)) return 0;
        if (typeof input[0] === "number") return 2;
        return Array.isArray(input[0]) ? 3 : 1;
      }),
      model,
      encoding_format: v.nullish(oneOf("float", "base64")),
      dimensions: v.nullish(wholeNumber(1, 100_000)),
      user,
    }),
    moderations: object({
      input: either([text, moderated, parts], (input) => {
        if (!Array.isArray(input)) return 0;
        return typeof input[0] === "object" && input[0] !== null ? 2 : 1;
      }),
      model,
    }),
  } as const;
}
