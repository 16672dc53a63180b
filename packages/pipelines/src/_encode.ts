import type { BertPreTrainedModel } from "@kcbert/bert";
import type { BertTokenizer, Encoding } from "@kcbert/tokenizer";

/** What becomes of a text with more tokens than the model has positions. */
export interface TruncationOptions {
  /** Cut the text (of a pair the longer one first) rather than refuse it. By default only if `maxLength` is given. */
  readonly truncation?: boolean;
  /** Most tokens, special ones included; as many as the model has positions by default. */
  readonly maxLength?: number;
}

/** A text, or two that are read together. */
export interface TextPair {
  /** The first text. */
  readonly text: string;
  /** The second text. */
  readonly textPair?: string;
}

/** What a `tokenizer.json` may ask for by default, and the reference's pipelines do not do. */
export const NEVER_CUT = { truncation: false, padding: false, offsetUnit: "utf16" } as const;

/**
 * The tokens of a text, or of a pair, that fit the model.
 *
 * @throws {RangeError} If they are too many.
 */
export function encodeToFit(
  task: string,
  { config }: BertPreTrainedModel,
  tokenizer: BertTokenizer,
  { text, textPair }: TextPair,
  { maxLength, truncation = maxLength !== undefined }: TruncationOptions,
): Encoding {
  const limit = config.maxPositionEmbeddings;
  const cut = { ...NEVER_CUT, maxLength: maxLength ?? limit, truncation: "longest_first" } as const;
  const encoding = tokenizer.encode(text, {
    ...(truncation ? cut : NEVER_CUT),
    ...(textPair === undefined ? {} : { pair: textPair }),
  });
  if (encoding.length <= limit) return encoding;
  throw new RangeError(
    `Cannot ${task} as it has ${encoding.length} tokens and the model has ${limit} positions: shorten it, or cut it with truncation`,
  );
}
