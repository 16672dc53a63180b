import { CliError } from "../failure.ts";

/** Lines that are not as the format has them: counted and told by reason, or refused at the first. */
export class LineProblems {
  readonly #strict: boolean;
  readonly #found = new Map<string, LineProblem>();

  /** @param options `strict`, whether the first such line ends the work. */
  constructor({ strict = false }: { strict?: boolean | undefined } = {}) {
    this.#strict = strict;
  }

  /**
   * Take note of a line.
   *
   * @param reason What is wrong with it, as in "6 lines have an empty text".
   * @param place The file and the number of the line in it.
   * @param kept Whether it is used all the same.
   * @throws {CliError} With `strict`.
   */
  add(reason: string, { file, line }: Place, { kept }: { kept: boolean }): void {
    if (this.#strict) {
      throw new CliError(
        `Cannot use line ${line} of ${file}: ${reason}; without --strict it would be ${fate(kept)}`,
      );
    }
    const key = `${file}\n${reason}\n${kept}`;
    const known = this.#found.get(key);
    this.#found.set(key, {
      file,
      reason,
      kept,
      firstLine: known?.firstLine ?? line,
      lines: (known?.lines ?? 0) + 1,
    });
  }

  /** What was noted, by file and reason. */
  get list(): readonly LineProblem[] {
    return [...this.#found.values()];
  }

  /** A sentence for each of them. */
  describe(): string[] {
    return this.list.map(({ file, reason, kept, firstLine, lines }) => {
      const number = `${lines.toLocaleString("en")} ${lines === 1 ? "line" : "lines"}`;
      return `${file}: ${number} ${fate(kept)}: ${reason} (the first is line ${firstLine})`;
    });
  }
}

/** Where a line stands. */
export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** Some lines of a file that are wrong in the same way. */
export interface LineProblem {
  readonly file: string;
  readonly reason: string;
  /** Whether they were used all the same. */
  readonly kept: boolean;
  readonly firstLine: number;
  readonly lines: number;
}

// --- internal ---

function fate(kept: boolean): string {
  return kept ? "kept" : "left out";
}
