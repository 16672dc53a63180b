/** What a dataset's files hold, before anything is tokenized. */

/** Texts, or pairs of texts, each with labels. */
export interface TextRecords {
  readonly kind: "texts";
  readonly texts: string[];
  /** The second text of each pair, where there are pairs. */
  readonly pairs?: string[];
  /** A class for each text; or, flat, numbers: one for each, or 0 and 1 for each of several labels. */
  readonly labels: number[];
}

/** Sentences of words, each word with a tag. */
export interface WordRecords {
  readonly kind: "words";
  readonly words: string[][];
  readonly tags: string[][];
}

/** Questions with a text in which the answer stands. */
export interface QuestionRecords {
  readonly kind: "questions";
  readonly questions: QuestionRecord[];
}

/** A question of KorQuAD. */
export interface QuestionRecord {
  readonly id: string;
  readonly question: string;
  readonly context: string;
  /** At least one: its text, and where in the context it begins, in UTF-16 units. */
  readonly answers: readonly { readonly text: string; readonly start: number }[];
}

/** Records of one of the kinds. */
export type LabelledRecords = TextRecords | WordRecords | QuestionRecords;

/** How many records there are. */
export function recordCount(records: LabelledRecords): number {
  if (records.kind === "texts") return records.texts.length;
  return records.kind === "words" ? records.words.length : records.questions.length;
}

/** Some of the records, in the order asked for. */
export function selectRecords(records: LabelledRecords, rows: readonly number[]): LabelledRecords {
  if (records.kind === "questions") {
    return { kind: "questions", questions: rows.map((row) => records.questions[row]!) };
  }
  if (records.kind === "words") {
    const { words, tags } = records;
    return { kind: "words", words: rows.map((row) => words[row]!), tags: rows.map((row) => tags[row]!) };
  }
  const { texts, pairs, labels } = records;
  const each = labels.length / texts.length;
  return {
    kind: "texts",
    texts: rows.map((row) => texts[row]!),
    ...(pairs === undefined ? {} : { pairs: rows.map((row) => pairs[row]!) }),
    labels: rows.flatMap((row) => labels.slice(row * each, (row + 1) * each)),
  };
}
