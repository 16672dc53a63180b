/**
 * Words and word pieces in one walk over UTF-16 units.
 *
 * BertPreTokenizer and WordPiece are two stages in Hugging Face's pipeline; here they are one loop, since a word is known
 * to end when no token goes on, and looking at a character twice is what costs. The vocabulary is the trie of `_trie.ts`.
 *
 * Only what can match is in the trie: tokens made of plain characters alone, and single isolated ones (`.`, `漢`). So an
 * edge that exists needs no look at the character's class. Nothing is allocated per token.
 *
 * @module
 */
import { CHINESE, PLAIN, PUNCTUATION, REMOVED, SURROGATE, WHITESPACE } from "./char_classes.ts";
import type { CharClass, CharClasses } from "./char_classes.ts";
import { buildTrie, pieceStart, scatter } from "./_trie.ts";
import type { TokenBuffer } from "./token_buffer.ts";
import type { UnknownWord } from "./unknown_report.ts";

/** How words become pieces. */
export interface WordPieceOptions {
  /** Token of words that no pieces make up. */
  unkToken: string;
  /** Longest word in code points; a longer one is unknown. */
  maxInputCharsPerWord: number;
  /** Split the characters that occur in no token off an unknown word. */
  splitUnknown: boolean;
}

/** A vocabulary, and the greedy longest-match-first split of words into its tokens. */
export class WordPiece {
  /** Tokens in the order of their ids. */
  readonly tokens: readonly string[];
  readonly #options: WordPieceOptions;
  readonly #classes: CharClasses;
  readonly #unkId: number;
  /** By first unit: node of a word's first piece, `~id` of an isolated character, `SPACE`, `ASK`, or 0. */
  readonly #first: Int32Array;
  /** By first unit: node of a continuing piece, `SPACE`, `ASK`, or 0. */
  readonly #next: Int32Array;
  /** Class of each unit; low surrogates are `LOW_SURROGATE`. */
  readonly #units: Uint8Array;
  readonly #check: Int32Array;
  readonly #nodes: Int32Array;
  /** Tokens that no walk can meet, such as `[CLS]`, and isolated characters beyond U+FFFF. */
  readonly #others = new Map<string, number>();
  /** For the units that are `ASK`: what the two tables would hold. */
  readonly #asked = new Map<number, [first: number, next: number]>();
  #known: Set<number> | undefined;

  /**
   * @param tokens Distinct tokens in the order of their ids.
   * @throws {RangeError} If a token occurs twice, or `unkToken` is not among them.
   */
  constructor(tokens: readonly string[], classes: CharClasses, options: WordPieceOptions) {
    this.tokens = tokens;
    this.#options = options;
    this.#classes = classes;
    this.#units = classes.units.slice().fill(LOW_SURROGATE, 0xdc00, 0xe000);
    const repeats = (token: string, id: number, previous: number): never => {
      throw new RangeError(
        `Cannot use the vocabulary as token ${JSON.stringify(token)} occurs twice, as id ${previous} and ${id}: keep one of them, ids must be unique`,
      );
    };
    const admits = (token: string, id: number): boolean => {
      if (token !== "" && token.isWellFormed() && isPlain(token.slice(pieceStart(token)), classes))
        return true;
      const previous = this.#others.get(token);
      if (previous !== undefined) repeats(token, id, previous);
      this.#others.set(token, id);
      return false;
    };
    const asked = this.#units.slice().fill(LOW_SURROGATE, 0xd800, 0xdc00);
    ({
      first: this.#first,
      next: this.#next,
      check: this.#check,
      nodes: this.#nodes,
    } = buildTrie(tokens, asked, { admits, repeats }));
    this.#mark();
    const unkId = this.idOf(options.unkToken);
    if (unkId === undefined) throw missingToken(options.unkToken, "unk");
    this.#unkId = unkId;
  }

  /** Id of a token, or `undefined` if the vocabulary lacks it. */
  idOf(token: string): number | undefined {
    const other = this.#others.get(token);
    if (other !== undefined || token === "") return other;
    const start = pieceStart(token);
    const unit = token.charCodeAt(start);
    let node = this.#root(start === 0 ? this.#first : this.#next, unit);
    if (node < 0) return token.length === 1 && node > SPACE ? ~node : undefined;
    for (let i = start + 1; i < token.length; i++) node = this.#child(node, token.charCodeAt(i));
    const value = this.#nodes[2 * node + 1]!;
    return value === 0 ? undefined : value - 1;
  }

  /** Why a normalized word is unknown, and which of its characters no token holds. */
  explain(word: string): Pick<UnknownWord, "reason" | "missing"> {
    if (this.#countKept(word, 0, word.length) > this.#options.maxInputCharsPerWord) {
      return { reason: "too_long", missing: [] };
    }
    const missing = new Set<string>();
    for (const character of word) if (this.#isMissing(character.codePointAt(0)!)) missing.add(character);
    return { reason: missing.size > 0 ? "missing_character" : "no_match", missing: [...missing] };
  }

  /**
   * Split a stretch of text into words and these into tokens.
   *
   * @param text Normalized, well-formed text.
   * @param from First UTF-16 index.
   * @param to Index after the last one; neither falls inside a surrogate pair.
   * @param out Takes the tokens, with spans in UTF-16 units of `text`.
   */
  tokenize(text: string, from: number, to: number, out: TokenBuffer): void {
    out.reserve(to - from); // a token takes at least one unit
    const first = this.#first;
    const next = this.#next;
    const check = this.#check;
    const nodes = this.#nodes;
    const units = this.#units;
    const maxChars = this.#options.maxInputCharsPerWord;
    const { ids, spans, words } = out;
    let length = out.length;
    let word = out.nextWord;
    let i = from;
    while (i < to) {
      let node = first[text.charCodeAt(i)]!;
      if (node === SPACE) {
        i++;
        continue;
      }
      if (node <= 0) {
        const charClass = this.#classAt(text, i);
        const size = units[text.charCodeAt(i)] === SURROGATE ? 2 : 1;
        if (charClass === PUNCTUATION || charClass === CHINESE) {
          ids[length] = node < 0 && node > SPACE ? ~node : this.#isolated(text, i);
          if (spans !== undefined) {
            spans[2 * length] = i;
            spans[2 * length + 1] = i + size;
            words![length] = word;
          }
          length++;
          word++;
        }
        if (charClass !== PLAIN) {
          i += size;
          continue;
        }
        if (node === ASK) node = this.#root(first, text.charCodeAt(i));
      }

      // A word starts at i, and its first unit leads to node (0: nowhere).
      const wordStart = i;
      const wordTokens = length;
      let wordEnd = i;
      let unknown = false;
      for (;;) {
        let best = 0; // id + 1 of the longest piece so far
        let bestEnd = i;
        if (node > 0) {
          let end = i + 1;
          best = nodes[2 * node + 1]!;
          if (best !== 0) bestEnd = end;
          while (end < to) {
            const unit = text.charCodeAt(end);
            const slot = nodes[2 * node]! + scatter(unit);
            if (check[slot] === node) {
              node = slot;
              end++;
              const value = nodes[2 * node + 1]!;
              if (value !== 0) {
                best = value;
                bestEnd = end;
              }
              continue;
            }
            const charClass = units[unit]!;
            if (charClass === REMOVED) end++;
            else if (charClass < SURROGATE) break;
            else if (charClass === SURROGATE) {
              if (this.#classAt(text, end) !== REMOVED) break;
              end += 2;
            } else {
              // A high surrogate led on and its low one does not; if the character is removed, it is as if it were not there.
              if (node >= check.length || this.#classAt(text, end - 1) !== REMOVED) break;
              node = check[node]!;
              end++;
            }
          }
        }
        if (best !== 0) {
          ids[length] = best - 1;
          if (spans !== undefined) {
            spans[2 * length] = i;
            spans[2 * length + 1] = bestEnd;
            words![length] = word;
          }
          length++;
          i = wordEnd = bestEnd;
        } else {
          const charClass = this.#classAt(text, i);
          if (charClass === REMOVED) i += units[text.charCodeAt(i)] === SURROGATE ? 2 : 1;
          else {
            unknown = charClass === PLAIN;
            break;
          }
        }
        if (i >= to) break;
        const unit = text.charCodeAt(i);
        node = next[unit]!;
        if (node < 0) {
          if (node === SPACE) break;
          node = this.#classAt(text, i) === PLAIN ? this.#root(next, unit) : 0;
        }
      }
      if (!unknown && wordEnd - wordStart > maxChars) {
        unknown = this.#countKept(text, wordStart, wordEnd) > maxChars;
      }
      if (unknown) {
        out.length = wordTokens;
        out.nextWord = word;
        i = this.#unknownWord(text, wordStart, wordEnd, i, to, out);
        length = out.length;
        word = out.nextWord;
      } else word++;
    }
    out.length = length;
    out.nextWord = word;
  }

  // --- internal ---

  /** Mark in the tables by first unit what is no node: white space, isolated characters, halves of such. */
  #mark(): void {
    const units = this.#units;
    const first = this.#first;
    const next = this.#next;
    for (let unit = units.indexOf(WHITESPACE); unit !== -1; unit = units.indexOf(WHITESPACE, unit + 1)) {
      first[unit] = next[unit] = SPACE;
    }
    for (let unit = units.indexOf(SURROGATE); unit !== -1; unit = units.indexOf(SURROGATE, unit + 1)) {
      this.#asked.set(unit, [first[unit]!, next[unit]!]);
      first[unit] = next[unit] = ASK;
    }
    for (const [token, id] of this.#others) {
      const charClass = this.#classes.units[token.charCodeAt(0)]!;
      if (token.length === 1 && (charClass === PUNCTUATION || charClass === CHINESE)) {
        this.#first[token.charCodeAt(0)] = ~id;
      }
    }
  }

  /** Node of a first unit, behind `ASK` too. */
  #root(table: Int32Array, unit: number): number {
    const node = table[unit]!;
    return node === ASK ? this.#asked.get(unit)![table === this.#first ? 0 : 1]! : node;
  }

  /** Node at the end of an edge, or 0. */
  #child(node: number, unit: number): number {
    const slot = this.#nodes[2 * node]! + scatter(unit);
    return node !== 0 && this.#check[slot] === node ? slot : 0;
  }

  /** Id of an isolated character that is not in the table by first unit. */
  #isolated(text: string, at: number): number {
    return this.#others.get(String.fromCodePoint(text.codePointAt(at)!)) ?? this.#unkId;
  }

  #classAt(text: string, at: number): CharClass {
    const charClass = this.#classes.units[text.charCodeAt(at)] as CharClass;
    // A plain unit may be the low half of a pair whose high half is asked about: see the caller.
    return charClass === SURROGATE ? this.#classes.of(text.codePointAt(at)!) : charClass;
  }

  /** Code points of a word that clean_text leaves in it. */
  #countKept(text: string, from: number, to: number): number {
    let count = 0;
    for (let i = from; i < to; i += text.codePointAt(i)! > 0xffff ? 2 : 1) {
      if (this.#classAt(text, i) !== REMOVED) count++;
    }
    return count;
  }

  /**
   * Append what stands for an unknown word.
   *
   * @param start First index of the word. @param end An index that a character of it ends at.
   * @param from Where to look on for its end.
   * @returns The index after the word's last character.
   */
  #unknownWord(text: string, start: number, end: number, from: number, to: number, out: TokenBuffer): number {
    for (let i = from; i < to;) {
      const charClass = this.#classAt(text, i);
      if (charClass !== PLAIN && charClass !== REMOVED) break;
      i += text.codePointAt(i)! > 0xffff ? 2 : 1;
      if (charClass === PLAIN) end = i;
    }
    const tooLong = this.#countKept(text, start, end) > this.#options.maxInputCharsPerWord;
    if (!this.#options.splitUnknown || tooLong || !this.#splitUnknown(text, start, end, out)) {
      out.push(this.#unkId, start, end, out.nextWord++);
    }
    return end;
  }

  /** Split an unknown word at its runs of missing characters; false, and nothing appended, if it has none. */
  #splitUnknown(text: string, start: number, end: number, out: TokenBuffer): boolean {
    let split = false;
    let run = start; // start of the run of missing or of known characters that i is in
    let missing = false;
    let runEnd = start;
    const flush = (): void => {
      if (runEnd === run) return;
      if (missing) out.push(this.#unkId, run, runEnd, out.nextWord++);
      else this.tokenize(text, run, runEnd, out);
    };
    for (let i = start; i < end && !split; i += text.codePointAt(i)! > 0xffff ? 2 : 1) {
      split = this.#isMissing(text.codePointAt(i)!);
    }
    if (!split) return false;
    for (let i = start; i < end;) {
      const codePoint = text.codePointAt(i)!;
      const size = codePoint > 0xffff ? 2 : 1;
      if (this.#classes.of(codePoint) === PLAIN) {
        if (this.#isMissing(codePoint) !== missing) {
          flush();
          run = i;
          missing = !missing;
        } else if (runEnd === run) run = i;
        runEnd = i + size;
      }
      i += size;
    }
    flush();
    return true;
  }

  /** Whether a character that stays is in no token that a word can match. */
  #isMissing(codePoint: number): boolean {
    this.#known ??= this.#knownCharacters();
    return this.#classes.of(codePoint) !== REMOVED && !this.#known.has(codePoint);
  }

  #knownCharacters(): Set<number> {
    const known = new Set<number>();
    for (const token of this.tokens) {
      if (this.#others.has(token) && token.length > 1) continue;
      for (const character of token.slice(pieceStart(token))) known.add(character.codePointAt(0)!);
    }
    return known;
  }
}

/**
 * The error for a special token that the vocabulary lacks.
 *
 * @param token The token. @param role Its role, the key of the `specialTokens` option.
 */
export function missingToken(token: string, role: string): RangeError {
  return new RangeError(
    `Cannot use the vocabulary as it has no ${JSON.stringify(token)}: add that token, or name the one that plays its part with the option specialTokens.${role}`,
  );
}

/** In the tables by first unit: the unit is half of a character whose class must be asked first. */
const ASK = -0x80000000;
/** In the tables by first unit: white space. */
const SPACE = -0x7fffffff;
/** In {@linkcode WordPiece} alone, after the classes of `char_classes.ts`. */
const LOW_SURROGATE = 6;
function isPlain(piece: string, classes: CharClasses): boolean {
  for (const character of piece) if (classes.of(character.codePointAt(0)!) !== PLAIN) return false;
  return true;
}
