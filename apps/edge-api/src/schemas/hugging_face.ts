import * as v from "valibot";
import type { Limits } from "../limits.ts";
import { either, flag, listOf, object, oneOf, wholeNumber } from "./either.ts";
import { textSchemas } from "./texts.ts";

/**
 * Bodies of Hugging Face's six tasks, as `@huggingface/tasks` describes them: `inputs`, and `parameters` that may be null or
 * absent, each by itself too.
 */
export function huggingFaceSchemas(limits: Limits, most: number = limits.items) {
  const { text, someText, inputs } = textSchemas(limits, most);
  const topK = wholeNumber(1, limits.topK);
  const word = v.pipe(v.string("it must be a string"), v.nonEmpty("it must not be empty")) as v.GenericSchema<
    unknown,
    string
  >;
  const words = listOf(word, {
    most: limits.targets,
    noun: "words",
    message: "it must be a list of strings",
  });
  const offsetUnit = v.nullish(oneOf("codepoint", "utf16"));
  const options = v.nullish(v.unknown());
  const task = <const Entries extends v.ObjectEntries>(entries: Entries, example: string) =>
    object({ ...entries, options }, `it must be an object such as ${example}`);
  return {
    "fill-mask": task(
      {
        inputs,
        parameters: v.nullish(
          object({ top_k: v.nullish(topK), targets: v.nullish(words), multi_mask: v.nullish(flag) }),
        ),
      },
      '{"inputs":"오늘 영화 정말 [MASK]"}',
    ),
    "text-classification": task(
      {
        inputs: either([inputs, pairOf(text)], (input) => (isPlain(input) ? 1 : 0)),
        parameters: v.nullish(
          object({
            function_to_apply: v.nullish(oneOf("softmax", "sigmoid", "none")),
            top_k: v.nullish(topK),
            truncate: v.nullish(flag),
          }),
        ),
      },
      '{"inputs":"오늘 영화 정말 재밌다"}',
    ),
    "token-classification": task(
      {
        inputs,
        parameters: v.nullish(
          object({
            aggregation_strategy: v.nullish(oneOf("none", "simple", "first", "average", "max")),
            ignore_labels: v.nullish(
              listOf(v.string("it must be a string") as v.GenericSchema<unknown, string>, {
                least: 0,
                most: 1_000,
                noun: "labels",
                message: "it must be a list of strings",
              }),
            ),
            stride: v.nullish(wholeNumber(0, 10_000)),
            offset_unit: offsetUnit,
          }),
        ),
      },
      '{"inputs":"손흥민 선수가 런던에서 골을 넣었다"}',
    ),
    "question-answering": task(
      {
        inputs: object({ question: someText, context: someText }, "it must hold a question and a context"),
        parameters: v.nullish(
          object({
            top_k: v.nullish(wholeNumber(1, 100)),
            doc_stride: v.nullish(wholeNumber(0, 10_000)),
            max_answer_len: v.nullish(wholeNumber(1, 10_000)),
            max_seq_len: v.nullish(wholeNumber(1, 10_000)),
            max_question_len: v.nullish(wholeNumber(1, 10_000)),
            handle_impossible_answer: v.nullish(flag),
            align_to_words: v.nullish(flag),
            offset_unit: offsetUnit,
          }),
        ),
      },
      '{"inputs":{"question":"누가?","context":"손흥민이 골을 넣었다"}}',
    ),
    "sentence-similarity": task(
      {
        inputs: object(
          {
            source_sentence: text,
            sentences: listOf(text, { most, noun: "sentences", message: "it must be a list of strings" }),
          },
          "it must hold a source_sentence and sentences",
        ),
        parameters: v.nullish(object({ truncate: v.nullish(flag) })),
      },
      '{"inputs":{"source_sentence":"재밌다","sentences":["최고다","지루하다"]}}',
    ),
    "feature-extraction": task(
      {
        inputs,
        normalize: v.nullish(flag),
        truncate: v.nullish(flag),
        truncation_direction: v.nullish(direction),
        prompt_name: v.nullish(v.string("it must be a string")),
        dimensions: v.nullish(wholeNumber(1, 100_000)),
        encoding_format: v.nullish(oneOf("float", "base64")),
        parameters: v.nullish(object({ normalize: v.nullish(flag), truncate: v.nullish(flag) })),
      },
      '{"inputs":"오늘 영화 정말 재밌다"}',
    ),
  } as const;
}

/** Which end of a text goes; clients write it in both ways. */
export const direction: v.GenericSchema<unknown, "left" | "right"> = v.pipe(
  oneOf("left", "right", "Left", "Right"),
  v.transform((side) => side.toLowerCase() as "left" | "right"),
);

// --- internal ---

function isPlain(input: unknown): boolean {
  return typeof input === "object" && input !== null && !Array.isArray(input);
}

/** A text and the one it is read with. */
function pairOf(text: v.GenericSchema<unknown, string>) {
  return object(
    { text, text_pair: v.nullish(text) },
    "it must be a string, a list of strings, or an object with text and text_pair",
  );
}
