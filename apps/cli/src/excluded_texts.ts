import { resolveInputs } from "./io/inputs.ts";
import { readTexts } from "./io/read_texts.ts";
import { textField } from "./io/text_field.ts";
import { unquotedVariants } from "./unquoted_variants.ts";

/**
 * The texts that a corpus must not hold, cleaned as it is.
 *
 * @param given Files or patterns of files of lines, separated by commas; behind a colon the column of a table.
 * @param clean How the corpus is cleaned.
 * @returns The cleaned texts, and where one is quoted as in CSV, also what is inside the quotes: test sets are published
 * either way. `undefined` if nothing is given.
 * @throws {CliError} If a file cannot be read, or a line has no such column.
 */
export async function excludedTexts(
  given: string | undefined,
  clean: (text: string) => string,
  signal: AbortSignal,
): Promise<ReadonlySet<string> | undefined> {
  if (given === undefined) return undefined;
  const texts = new Set<string>();
  for (const word of given.split(",")) {
    const [, files = word, column] = /^(.+):(\d+)$/.exec(word) ?? [];
    const options = { field: textField({ column }), signal };
    for await (const text of readTexts(resolveInputs([files]), options)) {
      for (const variant of unquotedVariants(text)) texts.add(clean(variant));
    }
  }
  texts.delete(""); // an empty text says nothing of where it came from
  return texts;
}
