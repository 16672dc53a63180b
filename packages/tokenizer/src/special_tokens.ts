/**
 * Special tokens written out in a text.
 *
 * @module
 */

/** Finds special tokens in raw text: leftmost first, the longest of those, in exact case, anywhere. */
export class SpecialTokens {
  readonly #ids: ReadonlyMap<string, number>;
  /** The first character, if all begin with the same one: looking for one character is much faster. */
  readonly #start: string | undefined;
  readonly #pattern: RegExp;

  /** @param ids Id of each special token. */
  constructor(ids: ReadonlyMap<string, number>) {
    this.#ids = ids;
    const tokens = [...ids.keys()].sort((a, b) => b.length - a.length);
    const starts = new Set(tokens.map((token) => token.charAt(0)));
    this.#start = starts.size === 1 ? [...starts][0] : undefined;
    this.#pattern = new RegExp(
      tokens.map((token) => token.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"),
      "gu",
    );
  }

  /** Whether a text may hold one; cheap, and almost always false. */
  mayOccurIn(text: string): boolean {
    return this.#start === undefined || text.includes(this.#start);
  }

  /** Every special token in a text: its id, where it starts and where it ends. */
  *find(text: string): Generator<[id: number, start: number, end: number]> {
    for (const { 0: token, index } of text.matchAll(this.#pattern)) {
      yield [this.#ids.get(token)!, index, index + token.length];
    }
  }
}
