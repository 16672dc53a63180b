/** Questions answered as `run_squad` does, and scored as KorQuAD does. */
import type { BertTokenizer } from "@kcbert/tokenizer";
import type { FinetuneModel, Scores } from "@kcbert/trainer";
import type { QuestionRecords } from "./labelled_records.ts";

/** How questions are asked. */
export interface AnswerOptions {
  readonly tokenizer: BertTokenizer;
  /** Done to questions; a text is left as it is, for answers are parts of it. */
  readonly clean: (text: string) => string;
  /** Tokens of a window. */
  readonly maxLength: number;
  readonly signal: AbortSignal;
}

/**
 * How windows are cut: those of `run_squad` and of KcBERT where there is room (begun 128 tokens apart, questions of at most
 * 64), parts of the window where it is shorter, so that every part of a text is seen.
 */
export function squadSizes(maxSeqLength: number): {
  maxSeqLength: number;
  docStride: number;
  maxQueryLength: number;
} {
  return {
    maxSeqLength,
    docStride: Math.min(128, maxSeqLength >> 1),
    maxQueryLength: Math.min(64, maxSeqLength >> 2),
  };
}

/** The answer to each question, by its id. */
export async function answerQuestions(
  model: FinetuneModel,
  questions: QuestionRecords["questions"],
  { tokenizer, clean, maxLength, signal }: AnswerOptions,
): Promise<Map<string, string>> {
  const { BertForQuestionAnswering } = await import("@kcbert/bert");
  const { answerSquad } = await import("@kcbert/pipelines");
  if (!(model instanceof BertForQuestionAnswering)) {
    throw new TypeError(`Cannot answer questions with a ${model.architecture}`);
  }
  const asked = questions.map(({ question, context }) => ({ question: clean(question), context }));
  const options = { ...squadSizes(maxLength), batchSize: 32, signal };
  const answers = await answerSquad(model, tokenizer, asked, options);
  return new Map(questions.map(({ id }, i) => [id, answers[i]![0].text]));
}

/** Exact match and F1 by character of the answers that a model gives, in [0, 1]. */
export async function scoreAnswers(
  model: FinetuneModel,
  { questions }: QuestionRecords,
  options: AnswerOptions,
): Promise<Scores> {
  const { korquadScores } = await import("@kcbert/trainer");
  const answers = await answerQuestions(model, questions, options);
  const right = questions.map(({ id, answers }) => ({ id, answers: answers.map(({ text }) => text) }));
  const { f1, exactMatch } = korquadScores(right, answers);
  return { f1: f1 / 100, exactMatch: exactMatch / 100 };
}
