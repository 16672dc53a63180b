import * as v from "valibot";
import type { Limits } from "../limits.ts";
import { flag, listOf, object, oneOf, wholeNumber } from "./either.ts";
import { textSchemas } from "./texts.ts";

/** Bodies of the routes that are this server's own. */
export function ownSchemas(limits: Limits, most: number = limits.items) {
  const { inputs } = textSchemas(limits, most);
  return {
    clean: object({ inputs }, 'it must be an object such as {"inputs":"…"}'),
    analyze: object(
      {
        inputs,
        models: v.nullish(
          listOf(v.string("it must be a string") as v.GenericSchema<unknown, string>, {
            most: 16,
            noun: "models",
            message: "it must be a list of models",
          }),
        ),
        top_k: v.nullish(wholeNumber(1, limits.topK)),
        explain: v.nullish(flag),
        offset_unit: v.nullish(oneOf("utf16", "codepoint")),
      },
      'it must be an object such as {"inputs":"★손흥민★ 최고ㅋㅋㅋㅋㅋ"}',
    ),
  } as const;
}
