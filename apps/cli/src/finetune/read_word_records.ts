/** Datasets of named entities. */
import type { Input } from "../io/inputs.ts";
import { linesOf, readLineBlocks, withoutCarriageReturn } from "../io/read_lines.ts";
import type { WordRecords } from "./labelled_records.ts";
import type { LineProblems, Place } from "./line_problems.ts";
import { CONTROL } from "./read_text_records.ts";

/** How a reader reads. */
export interface ReadWordsOptions {
  readonly problems: LineProblems;
  /** The tags that are known. */
  readonly known: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

/**
 * Read KMOU's corpus: `; sentence`, `$annotated sentence`, then a line for each morpheme (number of its word, morpheme, part
 * of speech, tag), and a blank line.
 *
 * Words are the morphemes. The tags become those of CoNLL: `B_PS` is `B-PS`, and a bare `I` takes the kind of the entity
 * that it goes on with.
 */
export async function readKmouEntities(input: Input, options: ReadWordsOptions): Promise<WordRecords> {
  const sentences = new Sentences(options.known);
  let kind: string | undefined;
  for await (const { text, place } of allLines(input, options)) {
    if (text.trim() === "") {
      sentences.end();
      kind = undefined;
      continue;
    }
    if (text.startsWith(";") || text.startsWith("$")) continue;
    const cells = text.split("\t");
    if (cells.length !== 4) {
      options.problems.add("they have not four columns", place, { kept: false });
      continue;
    }
    const [, morpheme, , written] = cells as [string, string, string, string];
    kind = written === "I" ? kind : /^B_(.+)$/.exec(written)?.[1];
    if (!options.known.has(`B-${kind}`)) kind = undefined;
    const tag = kind === undefined ? "O" : `${written === "I" ? "I" : "B"}-${kind}`;
    noteWord(morpheme, place, options);
    if (tag === "O" && written !== "O") {
      options.problems.add(
        `their tag ${written === "I" ? "I follows no entity" : "is none that is known"}, and counts as O`,
        place,
        { kept: true },
      );
    }
    sentences.add(morpheme, tag);
  }
  sentences.end();
  return sentences.records;
}

/**
 * Read Naver's NER data in either form: a line for each word (number, word, tag such as `PER_B` or `-`) and a blank line
 * after each sentence; or a line for each sentence, words and tags (`PER-B`, `O`) on the two sides of a tab.
 */
export async function readNaverEntities(input: Input, options: ReadWordsOptions): Promise<WordRecords> {
  const sentences = new Sentences(options.known);
  const take = (word: string, written: string, place: Place): void => {
    noteWord(word, place, options);
    const tag = written === "-" ? "O" : written.replace("_", "-");
    if (sentences.add(word, tag)) return;
    options.problems.add("their tag is none that is known, and counts as O", place, { kept: true });
    sentences.add(word, "O");
  };
  for await (const { text, place } of allLines(input, options)) {
    if (text.trim() === "") {
      sentences.end();
      continue;
    }
    const cells = text.split("\t");
    if (cells.length === 3) {
      take(cells[1]!, cells[2]!, place);
      continue;
    }
    const [words, tags] = cells.map((cell) => cell.split(" "));
    if (cells.length !== 2 || words!.length !== tags!.length) {
      options.problems.add("they have not as many tags as words", place, { kept: false });
      continue;
    }
    words!.forEach((word, i) => take(word, tags![i]!, place));
    sentences.end();
  }
  sentences.end();
  return sentences.records;
}

// --- internal ---

/** Sentences as they grow. */
class Sentences {
  readonly records: WordRecords = { kind: "words", words: [], tags: [] };
  readonly #known: ReadonlySet<string>;
  #words: string[] = [];
  #tags: string[] = [];

  constructor(known: ReadonlySet<string>) {
    this.#known = known;
  }

  /** Whether the tag is known; if not, the word is not taken. */
  add(word: string, tag: string): boolean {
    if (!this.#known.has(tag)) return false;
    this.#words.push(word);
    this.#tags.push(tag);
    return true;
  }

  end(): void {
    if (this.#words.length === 0) return;
    this.records.words.push(this.#words);
    this.records.tags.push(this.#tags);
    this.#words = [];
    this.#tags = [];
  }
}

function noteWord(word: string, place: Place, { problems }: ReadWordsOptions): void {
  if (word.trim() === "") problems.add("their word is empty", place, { kept: true });
  else if (CONTROL.test(word)) problems.add("their text holds control characters", place, { kept: true });
}

async function* allLines(
  input: Input,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<{ text: string; place: Place }> {
  for await (const block of readLineBlocks(input, { signal })) {
    for (const { text, number } of linesOf(block)) {
      yield { text: withoutCarriageReturn(text), place: { file: input.name, line: number } };
    }
  }
}
