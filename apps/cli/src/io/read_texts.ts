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
export function readTexts(inputs: readonly Input[], options: TextOptions): AsyncIterable<string> {
  return { [Symbol.asyncIterator]: () => new OneByOne(readTextBlocks(inputs, options)) };
}

/** The bytes that the inputs have together on disk, if all of them are known. */
export function totalSize(inputs: readonly Input[]): number | undefined {
  return inputs.reduce<number | undefined>(
    (sum, { size }) => (sum === undefined || size === undefined ? undefined : sum + size),
    0,
  );
}

// --- internal ---

async function* readTextBlocks(
  inputs: readonly Input[],
  { field, header = false, clean, ...options }: TextOptions,
): AsyncGenerator<string[]> {
  for (const input of inputs) {
    for await (const block of readLineBlocks(input, options)) {
      const texts: string[] = [];
      for (const { text: line, number } of linesOf(block)) {
        if ((header && number === 1) || field.skips(line)) continue;
        const text = field.read(line, () => `line ${number} of ${input.name}`);
        texts.push(clean === undefined ? text : clean(text));
      }
      yield texts;
    }
  }
}

/** What is in the blocks, one by one: a few times cheaper than a generator that delegates, as most steps do not wait. */
class OneByOne implements AsyncIterator<string, undefined> {
  readonly #blocks: AsyncGenerator<readonly string[]>;
  #block: readonly string[] = [];
  #next = 0;

  constructor(blocks: AsyncGenerator<readonly string[]>) {
    this.#blocks = blocks;
  }

  next(): Promise<IteratorResult<string, undefined>> {
    if (this.#next === this.#block.length) return this.#nextBlock();
    return Promise.resolve({ done: false, value: this.#block[this.#next++]! });
  }

  async return(): Promise<IteratorResult<string, undefined>> {
    await this.#blocks.return(undefined);
    return { done: true, value: undefined };
  }

  async #nextBlock(): Promise<IteratorResult<string, undefined>> {
    const { value, done } = await this.#blocks.next();
    if (done === true) return { done: true, value: undefined };
    this.#block = value;
    this.#next = 0;
    return this.next();
  }
}
