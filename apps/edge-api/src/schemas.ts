import * as v from "valibot";
import type { Limits } from "./limits.ts";

/** Schemas of the request bodies under `limits`; what they do not name is dropped. */
export function requestSchemas(limits: Limits): RequestSchemas {
  const text = v.pipe(
    v.string("it must be a string"),
    v.maxLength(
      limits.textLength,
      (issue) =>
        `it must be at most ${limits.textLength} UTF-16 code units: its length is ${issue.input.length}`,
    ),
  );
  const texts = v.pipe(
    v.array(text, "it must be a string or a list of strings"),
    v.minLength(1, "it must hold a text: the list is empty"),
    v.maxLength(
      limits.items,
      (issue) => `it must hold at most ${limits.items} texts: it holds ${issue.input.length}`,
    ),
  );
  const inputs = v.lazy((input) => (Array.isArray(input) ? texts : text)) as v.GenericSchema<TextInputs>;
  const topK = v.pipe(
    v.number("it must be a number"),
    v.integer((issue) => `it must be a whole number: it is ${issue.input}`),
    v.minValue(1, (issue) => `it must be at least 1: it is ${issue.input}`),
    v.maxValue(limits.topK, (issue) => `it must be at most ${limits.topK}: it is ${issue.input}`),
  );
  const targets = v.pipe(
    v.array(
      v.pipe(v.string("it must be a string"), v.nonEmpty("it must not be empty")),
      "it must be a list of strings",
    ),
    v.minLength(1, "it must hold a word: the list is empty"),
    v.maxLength(
      limits.targets,
      (issue) => `it must hold at most ${limits.targets} words: it holds ${issue.input.length}`,
    ),
  );
  const parameters = {
    top_k: v.nullish(topK),
    targets: v.nullish(targets),
    multi_mask: v.nullish(v.boolean("it must be true or false")),
  };
  const notAnObject = "it must be an object";
  return {
    fillMask: record(
      { inputs, parameters: v.nullish(record(parameters, notAnObject)) },
      'it must be an object such as {"inputs":"오늘 영화 정말 [MASK]"}',
    ),
    clean: record({ inputs }, 'it must be an object such as {"inputs":"…"}'),
  };
}

/** One text, or several. */
type TextInputs = string | string[];

/** Body of a fill-mask request, as Hugging Face's task describes it. */
export interface FillMaskBody {
  inputs: TextInputs;
  parameters?: FillMaskParameters | null | undefined;
}

/** Options of a fill-mask request. */
interface FillMaskParameters {
  /** Answers for a mask; 5 by default. */
  top_k?: number | null | undefined;
  /** The only answers in question. */
  targets?: string[] | null | undefined;
  /** Allow several masks in a text, and answer with a list for each; clients of the task understand only one list. */
  multi_mask?: boolean | null | undefined;
}

/** Body of a clean request. */
interface CleanBody {
  inputs: TextInputs;
}

/** What {@link requestSchemas} makes. */
export interface RequestSchemas {
  readonly fillMask: v.GenericSchema<unknown, FillMaskBody>;
  readonly clean: v.GenericSchema<unknown, CleanBody>;
}

// --- internal ---

/** An object of these entries; `v.object` alone takes a list for one. */
function record<Entries extends v.ObjectEntries>(
  entries: Entries,
  message: string,
): v.GenericSchema<unknown, v.InferOutput<v.ObjectSchema<Entries, string>>> {
  const object = v.object(entries, message);
  return v.lazy((input) => (Array.isArray(input) ? v.never(message) : object)) as never;
}
