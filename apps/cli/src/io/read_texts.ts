import type { Input } from "./inputs.ts";
import { type LineOptions, linesOf, readLineBlocks } from "./read_lines.ts";
import type { TextField } from "./text_field.ts";

/** How texts are taken out of files. */
export interface TextOptions extends LineOptions {
  /** Where the text stands in a line. */
  readonly field: TextField;
  /** Whether the first line of each input names its columns. */
  readonly header?: boolean | undefined;
  /** What is done to each text. */
  readonly clean?: ((text: string) => string) | undefined;
}

/** The texts of some inputs, one after the other. */
export async function* readTexts(
  inputs: readonly Input[],
  { field, header = false, clean, ...options }: TextOptions,
): AsyncGenerator<string> {
  for (const input of inputs) {
    for await (const block of readLineBlocks(input, options)) {
      for (const { text: line, number } of linesOf(block)) {
        if ((header && number === 1) || field.skips(line)) continue;
        const text = field.read(line, () => `line ${number} of ${input.name}`);
        yield clean === undefined ? text : clean(text);
      }
    }
  }
}

/** The bytes that the inputs have together on disk, if all of them are known. */
export function totalSize(inputs: readonly Input[]): number | undefined {
  return inputs.reduce<number | undefined>(
    (sum, { size }) => (sum === undefined || size === undefined ? undefined : sum + size),
    0,
  );
}
