/**
 * What a model is fine-tuned on: texts as token ids, each with what is to be said about it.
 */
import type { TokenizedLines } from "../tokenized_lines.ts";

/** Texts, or pairs of texts, as token ids; a `BatchEncoding` of the tokenizer, without padding, is one. */
export interface EncodedTexts extends TokenizedLines {
  /** `[tokens]`: 1 in the second text of a pair, else 0. @default all 0 */
  readonly typeIds?: Int32Array | Uint8Array;
}

/** Texts that are judged as a whole, for `BertForSequenceClassification`. */
export interface TextExamples {
  /** `texts`. */
  readonly kind: "texts";
  /** The texts, N of them. */
  readonly texts: EncodedTexts;
  /**
   * As the model's `problemType` says: one of several classes, int32 `[N]`; numbers, float32 `[N · L]`; any of several
   * labels, float32 `[N · L]` of 0 and 1.
   */
  readonly labels: Int32Array | Float32Array;
}

/** Texts whose tokens are labelled, for `BertForTokenClassification`. */
export interface TokenExamples {
  /** `tokens`. */
  readonly kind: "tokens";
  /** The texts. */
  readonly texts: EncodedTexts;
  /** int32 `[tokens]`, a class for each token, −100 where none is asked for: special tokens, and all but a word's first. */
  readonly labels: Int32Array;
}

/** Questions with a text that holds the answer, for `BertForQuestionAnswering`. */
export interface SpanExamples {
  /** `spans`. */
  readonly kind: "spans";
  /** Pairs of a question and a text, N of them. */
  readonly texts: EncodedTexts;
  /** int32 `[N]`: the token of its row at which the answer begins. */
  readonly starts: Int32Array;
  /** int32 `[N]`: the last token of the answer. */
  readonly ends: Int32Array;
}

/** Pairs of sentences that are embedded each on its own, for `BertModel`. */
export interface EmbeddingExamples {
  /** `embeddings`. */
  readonly kind: "embeddings";
  /** The first sentences, N of them. */
  readonly texts: EncodedTexts;
  /** The second sentences. */
  readonly others: EncodedTexts;
  /** float32 `[N]`: the cosine that the embeddings of a pair should have, in [−1, 1]. */
  readonly labels: Float32Array;
}

/** Labelled texts, of one of the kinds. */
export type Examples = TextExamples | TokenExamples | SpanExamples | EmbeddingExamples;

/**
 * How many examples there are.
 *
 * @example
 * ```ts
 * import { exampleCount } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const texts = { ids: Int32Array.of(2, 7, 3, 2, 8, 3), rowStarts: Int32Array.of(0, 3, 6) };
 * assert.equal(exampleCount({ kind: "texts", texts, labels: Int32Array.of(0, 1) }), 2);
 * ```
 */
export function exampleCount({ texts }: Examples): number {
  return texts.rowStarts.length - 1;
}

/**
 * Some of the examples, in the order asked for.
 *
 * @param rows Which, each in [0, N).
 *
 * @example
 * ```ts
 * import { selectExamples } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const texts = { ids: Int32Array.of(2, 7, 3, 2, 8, 9, 3), rowStarts: Int32Array.of(0, 3, 7) };
 * const second = selectExamples({ kind: "texts", texts, labels: Int32Array.of(0, 1) }, [1]);
 * assert.deepEqual([...second.texts.ids, ...second.labels], [2, 8, 9, 3, 1]);
 * ```
 */
export function selectExamples<E extends Examples>(examples: E, rows: ArrayLike<number>): E {
  const n = exampleCount(examples);
  const byRow = <A extends Int32Array | Float32Array>(values: A): A => pick(values, rows, values.length / n);
  const texts = selectTexts(examples.texts, rows);
  if (examples.kind === "tokens") {
    return { ...examples, texts, labels: pickTokens(examples.labels, examples.texts.rowStarts, rows) };
  }
  if (examples.kind === "spans") {
    return { ...examples, texts, starts: byRow(examples.starts), ends: byRow(examples.ends) };
  }
  if (examples.kind === "texts") return { ...examples, texts, labels: byRow(examples.labels) };
  return { ...examples, texts, others: selectTexts(examples.others, rows), labels: byRow(examples.labels) };
}

// --- internal ---

function selectTexts({ ids, rowStarts, typeIds }: EncodedTexts, rows: ArrayLike<number>): EncodedTexts {
  const starts = new Int32Array(rows.length + 1);
  for (let i = 0; i < rows.length; i++) {
    starts[i + 1] = starts[i]! + rowStarts[rows[i]! + 1]! - rowStarts[rows[i]!]!;
  }
  return {
    ids: pickTokens(ids, rowStarts, rows),
    rowStarts: starts,
    ...(typeIds === undefined ? {} : { typeIds: pickTokens(typeIds, rowStarts, rows) }),
  };
}

type Numbers = Int32Array | Uint16Array | Uint8Array | Float32Array;

/** The numbers of some rows of one width. */
function pick<A extends Numbers>(values: A, rows: ArrayLike<number>, width: number): A {
  const picked = emptyLike(values, rows.length * width);
  for (let i = 0; i < rows.length; i++) {
    picked.set(values.subarray(rows[i]! * width, (rows[i]! + 1) * width), i * width);
  }
  return picked;
}

/** The numbers of some rows of their own widths. */
function pickTokens<A extends Numbers>(
  values: A,
  rowStarts: Int32Array | Uint32Array,
  rows: ArrayLike<number>,
): A {
  let total = 0;
  for (let i = 0; i < rows.length; i++) total += rowStarts[rows[i]! + 1]! - rowStarts[rows[i]!]!;
  const picked = emptyLike(values, total);
  let at = 0;
  for (let i = 0; i < rows.length; i++) {
    const part = values.subarray(rowStarts[rows[i]!], rowStarts[rows[i]! + 1]);
    picked.set(part, at);
    at += part.length;
  }
  return picked;
}

function emptyLike<A extends Numbers>(values: A, length: number): A {
  return new (values.constructor as new (length: number) => A)(length);
}
