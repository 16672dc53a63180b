/** KorQuAD 1.0, in SQuAD 1.1's JSON. */
import { CliError, sentence } from "../failure.ts";
import type { Input } from "../io/inputs.ts";
import { readLineBlocks } from "../io/read_lines.ts";
import type { QuestionRecord, QuestionRecords } from "./labelled_records.ts";
import type { LineProblems } from "./line_problems.ts";

/**
 * Read a file of questions. An answer that does not stand in its text where the file says is left out, and a question
 * without any other with it; so is a question whose id came before, as answers go by ids.
 *
 * @throws {CliError} If the file is no JSON of that shape.
 */
export async function readQuestions(
  input: Input,
  { problems, signal }: { readonly problems: LineProblems; readonly signal: AbortSignal },
): Promise<QuestionRecords> {
  const blocks: string[] = [];
  for await (const { text } of readLineBlocks(input, { signal })) blocks.push(text);
  const questions: QuestionRecord[] = [];
  const ids = new Set<string>();
  try {
    for (const { paragraphs } of (JSON.parse(blocks.join("\n")) as SquadFile).data) {
      for (const { context, qas } of paragraphs) {
        for (const { id, question, answers } of qas) {
          const place = { file: input.name, line: 1 };
          if (!isText(context) || !isText(question)) {
            problems.add("they hold a question without a text", place, { kept: false });
            continue;
          }
          if (ids.has(String(id))) {
            problems.add("they hold a question with the id of another", place, { kept: false });
            continue;
          }
          ids.add(String(id));
          const right = answers
            .map(({ text, answer_start: start }) => ({ text, start: placeOf(text, start, context) }))
            .filter(({ start }) => start >= 0);
          if (right.length < answers.length || right.length === 0) {
            problems.add("they hold a question whose answer does not stand in its text", place, {
              kept: right.length > 0,
            });
          }
          if (right.length > 0) questions.push({ id: String(id), question, context, answers: right });
        }
      }
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`Cannot read ${input.name} as questions in SQuAD's JSON: ${sentence(error)}`, {
      cause: error,
    });
  }
  return { kind: "questions", questions };
}

// --- internal ---

interface SquadFile {
  readonly data: readonly {
    readonly paragraphs: readonly {
      readonly context: string;
      readonly qas: readonly {
        readonly id: string | number;
        readonly question: string;
        readonly answers: readonly { readonly text: string; readonly answer_start: number }[];
      }[];
    }[];
  }[];
}

/** Where the answer begins, in UTF-16 units; the file counts code points. −1 if it does not stand there. */
function placeOf(text: unknown, start: unknown, context: string): number {
  if (!isText(text) || !Number.isSafeInteger(start) || (start as number) < 0) return -1;
  return placeOfText(text, start as number, context);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "";
}

function placeOfText(text: string, start: number, context: string): number {
  if (context.startsWith(text, start)) return start;
  const units = Array.from(context).slice(0, start).join("").length;
  return context.startsWith(text, units) ? units : -1;
}
