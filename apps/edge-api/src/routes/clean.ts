import { cleanWithOffsets } from "@kcbert/normalizer";
import { readJsonBody } from "../json_body.ts";
import type { Limits } from "../limits.ts";
import { streamLines, wantsLines } from "../ndjson.ts";
import { ownSchemas } from "../schemas/ours.ts";
import type { AppHandler } from "../service.ts";

/** A cleaned text, and where each of its UTF-16 code units stood in the text that was sent. */
export interface CleanJson {
  /** What the cleaning left. */
  readonly text: string;
  /** `offsets[i]` is the index in the sent text of the cleaned text's code unit `i`; the last is the end. */
  readonly offsets: number[];
}

/** `POST /clean`: what KcBERT's cleaning leaves of a text, or of each text of a list. Needs no model. */
export function cleanRoute(limits: Limits): AppHandler {
  const once = ownSchemas(limits).clean;
  const streamed = ownSchemas(limits, limits.streamedItems).clean;
  return async (c) => {
    const { inputs } = await readJsonBody(c, wantsLines(c) ? streamed : once);
    if (wantsLines(c)) {
      return streamLines(c, typeof inputs === "string" ? [inputs] : inputs, async (texts) =>
        texts.map(cleanOne),
      );
    }
    return c.json(typeof inputs === "string" ? cleanOne(inputs) : inputs.map(cleanOne));
  };
}

// --- internal ---

function cleanOne(input: string): CleanJson {
  const { text, offsets } = cleanWithOffsets(input);
  return { text, offsets: [...offsets] };
}
