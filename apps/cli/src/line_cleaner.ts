import { countCodePoints, LineSet } from "@kcbert/normalizer";
import type { LineBlock } from "./io/read_lines.ts";
import type { TextField } from "./io/text_field.ts";

/** What a cleaner does to lines. */
export interface LineCleanerOptions {
  /** Text to cleaned text. */
  readonly clean: (text: string) => string;
  /** Where the text stands in a line. */
  readonly field: TextField;
  /** The first line of each input names its columns. */
  readonly header?: boolean | undefined;
  /** Write the whole row, not only its text. */
  readonly wholeRow?: boolean | undefined;
  /** Drop cleaned texts of fewer code points; 0 keeps all. */
  readonly minLength?: number | undefined;
  /** Drop cleaned texts that came before. */
  readonly dedupe?: boolean | undefined;
  /** Drop these cleaned texts, such as those of a test set. */
  readonly excluded?: ReadonlySet<string> | undefined;
}

/** What became of the lines so far. */
export interface LineCounts {
  /** Lines read, headers not counted. */
  lines: number;
  /** Lines written. */
  kept: number;
  /** Lines whose text cleaning changed, whether they were kept or not. */
  changed: number;
  /** Lines dropped as too short. */
  short: number;
  /** Lines dropped as seen before. */
  duplicate: number;
  /** Lines dropped as a text that was to be left out. */
  excluded: number;
}

/**
 * Cleans blocks of lines in KcBERT's order: clean, drop short, drop repeated (the first stays); texts to be left out go
 * before that. Without those options every line read is a line written, so files stay aligned.
 */
export class LineCleaner {
  readonly counts: LineCounts = { lines: 0, kept: 0, changed: 0, short: 0, duplicate: 0, excluded: 0 };
  readonly #options: LineCleanerOptions;
  readonly #seen: LineSet | undefined;

  constructor(options: LineCleanerOptions) {
    this.#options = options;
    this.#seen = options.dedupe === true ? new LineSet() : undefined;
  }

  /**
   * Clean a block.
   *
   * @param block Lines of one input.
   * @param name What messages call the input.
   * @returns The lines that stay, each ended by LF.
   * @throws {CliError} If a line does not hold the text where it should.
   */
  cleanBlock({ text, firstLine }: LineBlock, name: string): string {
    const parts: string[] = [];
    let number = firstLine;
    let same = 0; // from here to `start`, lines stay as they are: they are copied together
    for (let start = 0; start <= text.length; number++) {
      const feed = text.indexOf("\n", start);
      const end = feed < 0 ? text.length : feed;
      const line = text.slice(start, end);
      const result = this.#cleanLine(line, number, name);
      if (result !== line) {
        if (same < start) parts.push(text.slice(same, start));
        if (result !== undefined) parts.push(result, "\n");
        same = end + 1;
      }
      start = end + 1;
    }
    if (same <= text.length) parts.push(text.slice(same), "\n");
    return parts.join("");
  }

  /** What is written for a line, or `undefined` if it is dropped. */
  #cleanLine(line: string, number: number, name: string): string | undefined {
    const { field, header = false, wholeRow = false } = this.#options;
    if (header && number === 1) return wholeRow ? line : undefined;
    if (field.skips(line)) return undefined;
    const text = this.#cleanText(field.read(line, () => `line ${number} of ${name}`));
    return wholeRow && text !== undefined ? field.replace(line, text) : text;
  }

  /** The cleaned text, or `undefined` if it is dropped. */
  #cleanText(text: string): string | undefined {
    const { counts } = this;
    const cleaned = this.#options.clean(text);
    counts.lines++;
    if (cleaned !== text) counts.changed++;
    if (isShorter(cleaned, this.#options.minLength ?? 0)) {
      counts.short++;
      return undefined;
    }
    if (this.#options.excluded?.has(cleaned) === true) {
      counts.excluded++;
      return undefined;
    }
    if (this.#seen?.add(cleaned) === false) {
      counts.duplicate++;
      return undefined;
    }
    counts.kept++;
    return cleaned;
  }
}

// --- internal ---

/** Whether a text has fewer than `limit` code points; counts only where UTF-16 units leave it open. */
function isShorter(text: string, limit: number): boolean {
  if (text.length < limit) return true;
  return text.length < limit * 2 && countCodePoints(text) < limit;
}
