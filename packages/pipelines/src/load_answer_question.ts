import { BertForQuestionAnswering, type PretrainedSource } from "@kcbert/bert";
import type { CleanedText } from "@kcbert/normalizer";
import type { AtLeastOne } from "./_at_least_one.ts";
import { inUnit } from "./_code_points.ts";
import { type LoadedModel, loadModel, type LoadModelOptions } from "./_load_model.ts";
import { inSource } from "./_source_spans.ts";
import { type Answer, answerQuestion, type AnswerQuestionOptions, type Question } from "./answer_question.ts";

/** An answerer of questions with its tokenizer and its cleaning, ready to be asked. */
export interface AnswerQuestionPipeline extends LoadedModel<BertForQuestionAnswering> {
  /** Clean question and context, then `answerQuestion`; answers are out of the context as it was written. */
  run(question: Question, options?: AnswerQuestionOptions): Promise<AtLeastOne<Answer>>;
  /** Clean questions and contexts, then `answerQuestion`; answers are out of the contexts as they were written. */
  runAll(questions: readonly Question[], options?: AnswerQuestionOptions): Promise<AtLeastOne<Answer>[]>;
}

/**
 * Load an answerer of questions from a folder in Hugging Face's layout.
 *
 * @param source Gives the folder's files by name.
 * @throws {RangeError} If the model has no head for this, its tokenizer has ids that it does not know, or the folder asks
 * for a cleaning that this version does not know; other errors as `loadTokenizer` and `fromPretrained` throw them.
 *
 * @example
 * ```ts
 * import { loadAnswerQuestion } from "@kcbert/pipelines";
 * import assert from "node:assert/strict";
 *
 * await assert.rejects(() => loadAnswerQuestion(async () => undefined), RangeError);
 * ```
 */
export async function loadAnswerQuestion(
  source: PretrainedSource,
  options: LoadModelOptions = {},
): Promise<AnswerQuestionPipeline> {
  const { loaded, cleaning } = await loadModel("answer questions", source, options, (options) =>
    BertForQuestionAnswering.fromPretrained(source, options),
  );
  const { model, tokenizer } = loaded;
  const runAll: AnswerQuestionPipeline["runAll"] = async (questions, options = {}) => {
    if (cleaning === undefined) return answerQuestion(model, tokenizer, questions, options);
    const contexts = questions.map(({ context }) => cleaning(context));
    const asked = questions.map(({ question }, i) => ({
      question: cleaning(question).text,
      context: contexts[i]!.text,
    }));
    const answers = await answerQuestion(model, tokenizer, asked, { ...options, offsetUnit: "utf16" });
    return answers.map((each, i) => asWritten(each, questions[i]!.context, contexts[i]!, options));
  };
  return { ...loaded, runAll, run: async (question, options) => (await runAll([question], options))[0]! };
}

// --- internal ---

function asWritten(
  answers: AtLeastOne<Answer>,
  context: string,
  cleaned: CleanedText,
  { offsetUnit = "utf16" }: AnswerQuestionOptions,
): AtLeastOne<Answer> {
  const written = inSource(answers, context, cleaned, "utf16").map((answer) =>
    answer.answer === "" ? { ...answer, start: 0, end: 0 } : quoted(answer, context),
  );
  return inUnit(written, context, offsetUnit) as AtLeastOne<Answer>;
}

function quoted(answer: Answer, context: string): Answer {
  return { ...answer, answer: context.slice(answer.start, answer.end) };
}
