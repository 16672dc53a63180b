/** Records as token ids with their labels. */
import { squadWindows, squadWords } from "@kcbert/pipelines";
import type { BertTokenizer } from "@kcbert/tokenizer";
import type { EncodedTexts, Examples, SpanExamples, TokenExamples } from "@kcbert/trainer";
import type {
  LabelledRecords,
  QuestionRecord,
  QuestionRecords,
  TextRecords,
  WordRecords,
} from "./labelled_records.ts";
import { squadSizes } from "./squad_answers.ts";
import type { TaskHead } from "./tasks.ts";

/** How records are encoded. */
export interface EncodeRecordsOptions {
  readonly tokenizer: BertTokenizer;
  /** As the model's training text was cleaned. */
  readonly clean: (text: string) => string;
  /** Tokens of a row, special tokens included; longer ones are cut, of a pair the longer text first. */
  readonly maxLength: number;
}

/** Encode records for a head. */
export function encodeRecords(
  records: LabelledRecords,
  head: TaskHead,
  options: EncodeRecordsOptions,
): Examples {
  if (records.kind === "questions") return encodeQuestions(records, options);
  if (records.kind === "words") {
    return encodeWords(records, head.kind === "tokens" ? head.labels : [], options);
  }
  if (head.kind === "embeddings") return encodeSentences(records, options);
  const isChoice = head.kind === "texts" && head.problemType === "single_label_classification";
  const labels = isChoice ? Int32Array.from(records.labels) : Float32Array.from(records.labels);
  return { kind: "texts", texts: encodeTexts(records.texts, records.pairs, options), labels };
}

/** The greatest similarity in KorSTS; the cosine that is learnt is the similarity's part of it. */
const MOST_SIMILAR = 5;

// --- internal ---

/** Texts, or pairs of them, as `[CLS] a [SEP]` and `[CLS] a [SEP] b [SEP]`. */
function encodeTexts(
  texts: readonly string[],
  pairs: readonly string[] | undefined,
  { tokenizer, clean, maxLength }: EncodeRecordsOptions,
): EncodedTexts {
  const cleaned = texts.map((text) => clean(text));
  if (pairs === undefined) {
    const { ids, rowStarts } = tokenizer.encodeBatch(cleaned, { maxLength });
    return { ids, rowStarts };
  }
  const batch = tokenizer.encodeBatch(cleaned, { maxLength, pairs: pairs.map((text) => clean(text)) });
  return { ids: batch.ids, rowStarts: batch.rowStarts, typeIds: Uint8Array.from(batch.typeIds) };
}

function encodeSentences({ texts, pairs, labels }: TextRecords, options: EncodeRecordsOptions): Examples {
  return {
    kind: "embeddings",
    texts: encodeTexts(texts, undefined, options),
    others: encodeTexts(pairs ?? texts, undefined, options),
    labels: Float32Array.from(labels, (label) => label / MOST_SIMILAR),
  };
}

/**
 * Words that were split before: the first token of each carries the label, the others none. A word of which nothing is
 * left becomes `[UNK]`; words beyond the row are not scored.
 */
function encodeWords(
  { words, tags }: WordRecords,
  labels: readonly string[],
  { tokenizer, clean, maxLength }: EncodeRecordsOptions,
): TokenExamples {
  const idOf = new Map(labels.map((label, id) => [label, id]));
  const unknown = tokenizer.idToToken(tokenizer.unkId)!;
  const cleaned = words.map((sentence) =>
    sentence.map((word) => {
      const left = clean(word);
      return left.trim() === "" ? unknown : left;
    }),
  );
  const { ids, rowStarts, wordIds } = tokenizer.encodeBatch(cleaned, { maxLength, offsets: true });
  const found = new Int32Array(ids.length).fill(IGNORED);
  for (let row = 0; row < words.length; row++) {
    let before = -1;
    for (let i = rowStarts[row]!; i < rowStarts[row + 1]!; i++) {
      const word = wordIds![i]!;
      if (word >= 0 && word !== before) found[i] = idOf.get(tags[row]![word]!)!;
      before = word;
    }
  }
  return { kind: "tokens", texts: { ids, rowStarts }, labels: found };
}

/** What counts for nothing, as in PyTorch. */
const IGNORED = -100;

/** Windows as `run_squad` cuts them; those that do not hold the whole answer say that it stands at `[CLS]`. */
function encodeQuestions({ questions }: QuestionRecords, options: EncodeRecordsOptions): SpanExamples {
  const rows: { ids: Int32Array; typeIds: Int32Array; start: number; end: number }[] = [];
  for (const record of questions) rows.push(...encodeQuestion(record, options));
  const rowStarts = new Int32Array(rows.length + 1);
  rows.forEach(({ ids }, row) => {
    rowStarts[row + 1] = rowStarts[row]! + ids.length;
  });
  const ids = new Int32Array(rowStarts.at(-1)!);
  const typeIds = new Uint8Array(ids.length);
  rows.forEach((row, i) => {
    ids.set(row.ids, rowStarts[i]);
    typeIds.set(row.typeIds, rowStarts[i]);
  });
  return {
    kind: "spans",
    texts: { ids, rowStarts, typeIds },
    starts: Int32Array.from(rows, ({ start }) => start),
    ends: Int32Array.from(rows, ({ end }) => end),
  };
}

function* encodeQuestion(
  { question, context, answers }: QuestionRecord,
  { tokenizer, clean, maxLength }: EncodeRecordsOptions,
): Generator<{ ids: Int32Array; typeIds: Int32Array; start: number; end: number }> {
  const answer = answers[0]!;
  const words = squadWords(context);
  const idsOf = (text: string): Int32Array => tokenizer.encode(text, { addSpecialTokens: false }).ids;
  // The context is not cleaned: answers are parts of it.
  const windows = squadWindows(tokenizer, clean(question), words, squadSizes(maxLength));
  const firstWord = squadWords(context.slice(0, answer.start + 1)).length - 1;
  const lastWord = squadWords(context.slice(0, answer.start + answer.text.length)).length - 1;
  const wanted = idsOf(squadWords(answer.text).join(" "));
  for (const { ids, typeIds, first, words: wordOf } of windows) {
    const [from, to] = [wordOf.indexOf(firstWord), wordOf.lastIndexOf(lastWord)];
    const [start, end] = from < 0 || to < 0 ? [0, 0] : narrowed(ids, first + from, first + to, wanted);
    yield { ids, typeIds, start, end };
  }
}

/** The tokens within some words that are those of the answer alone; all of the words' where there are none. */
function narrowed(ids: Int32Array, from: number, to: number, wanted: Int32Array): [number, number] {
  for (let start = from; start + wanted.length - 1 <= to; start++) {
    if (wanted.every((id, i) => ids[start + i] === id)) return [start, start + wanted.length - 1];
  }
  return [from, to];
}
