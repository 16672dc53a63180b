import type { BertForTokenClassification } from "@kcbert/bert";
import type { CleanedText } from "@kcbert/normalizer";
import type { BertTokenizer } from "@kcbert/tokenizer";
import { inSource } from "./_source_spans.ts";
import {
  type AggregationStrategy,
  classifyTokens,
  type ClassifyTokensOptions,
  type EntityOf,
} from "./classify_tokens.ts";

/** {@linkcode classifyTokens} of texts that are cleaned first; offsets are into the texts as they were written. */
export async function classifySourceTokens<Strategy extends AggregationStrategy>(
  model: BertForTokenClassification,
  tokenizer: BertTokenizer,
  texts: readonly string[],
  cleaning: (text: string) => CleanedText,
  options: ClassifyTokensOptions<Strategy>,
): Promise<EntityOf<Strategy>[][]> {
  const cleaned = texts.map((text) => cleaning(text));
  const found = await classifyTokens(
    model,
    tokenizer,
    cleaned.map(({ text }) => text),
    { ...options, offsetUnit: "utf16" },
  );
  const unit = options.offsetUnit ?? "utf16";
  return found.map((entities, i) => inSource(entities, texts[i]!, cleaned[i]!, unit));
}
