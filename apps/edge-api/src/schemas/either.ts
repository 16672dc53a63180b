import * as v from "valibot";

/**
 * An object of these entries; what it does not name is dropped, so that a `__proto__` reaches nobody. `v.object` alone takes
 * a list for an object.
 */
export function object<const Entries extends v.ObjectEntries>(
  entries: Entries,
  message = "it must be an object",
): v.ObjectSchema<Entries, string> {
  const schema = v.object(entries, message);
  return {
    ...schema,
    "~run": (dataset, config) =>
      schema["~run"](Array.isArray(dataset.value) ? { typed: false, value: undefined } : dataset, config),
  };
}

/**
 * A union that judges its input by the one option that is meant, so that the message says what is wrong there, rather than
 * that none of the options fits. To the OpenAPI document it is a union like any other.
 */
export function either<const Options extends readonly v.GenericSchema[]>(
  options: Options,
  choose: (input: unknown) => number,
): v.UnionSchema<Options, string> {
  return {
    ...v.union(options, "it must be one of these"),
    "~run": (dataset, config) => options[choose(dataset.value)]!["~run"](dataset, config) as never,
  };
}

/** A whole number in a range, both ends included. */
export function wholeNumber(least: number, most: number): v.GenericSchema<unknown, number> {
  return v.pipe(
    v.number("it must be a number"),
    v.integer((issue) => `it must be a whole number: it is ${issue.input}`),
    v.minValue(least, (issue) => `it must be at least ${least}: it is ${issue.input}`),
    v.maxValue(most, (issue) => `it must be at most ${most}: it is ${issue.input}`),
  ) as v.GenericSchema<unknown, number>;
}

/** Yes or no. */
export const flag: v.GenericSchema<unknown, boolean> = v.boolean("it must be true or false") as never;

/** One of these words. */
export function oneOf<const Words extends readonly string[]>(
  ...words: Words
): v.GenericSchema<unknown, Words[number]> {
  const message = `it must be ${words.map((word) => JSON.stringify(word)).join(" or ")}`;
  return v.picklist(words, message) as v.GenericSchema<unknown, Words[number]>;
}

/** A list of so many. */
export function listOf<Item>(
  item: v.GenericSchema<unknown, Item>,
  { least = 1, most, noun, message }: { least?: number; most: number; noun: string; message: string },
): v.GenericSchema<unknown, Item[]> {
  return v.pipe(
    v.array(item, message),
    v.minLength(least, `it must hold at least ${least} of ${noun}: the list is empty`),
    v.maxLength(most, (issue) => `it must hold at most ${most} ${noun}: it holds ${issue.input.length}`),
  ) as v.GenericSchema<unknown, Item[]>;
}
