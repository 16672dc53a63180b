/**
 * Words and word pieces in one walk over UTF-16 units.
 *
 * BertPreTokenizer and WordPiece are two stages in Hugging Face's pipeline; here they are one loop, since a word is known
 * to end when no token goes on, and looking at a character twice is what costs. The vocabulary is the trie of `_trie.ts`.
 *
 * Only what can match is in the trie: tokens made of plain characters alone. So an edge that exists needs no look at the
 * character's class. Nothing is allocated per token.
 *
 * @module
 */
import { CHINESE, PLAIN, PUNCTUATION, REMOVED, SURROGATE } from "./char_classes.ts";
import type { CharClasses } from "./char_classes.ts";
import { pieceStart, Trie } from "./_trie.ts";
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
  readonly #ids = new Map<string, number>();
  readonly #options: WordPieceOptions;
  readonly #classes: CharClasses;
  readonly #unkId: number;
  readonly #trie: Trie;
  #known: Set<string> | undefined;

  /**
   * @param tokens Distinct tokens in the order of their ids.
   * @throws {RangeError} If a token occurs twice, or `unkToken` is not among them.
   */
  constructor(tokens: readonly string[], classes: CharClasses, options: WordPieceOptions) {
    this.tokens = tokens;
    this.#options = options;
    this.#classes = classes;
    tokens.forEach((token, id) => this.#ids.set(token, id));
    if (this.#ids.size < tokens.length) throw repeatedToken(tokens);
    this.#trie = new Trie(tokens, (token) => this.#matches(token));
    const unkId = this.idOf(options.unkToken);
    if (unkId === undefined) throw missingToken(options.unkToken, "unk");
    this.#unkId = unkId;
  }

  /** Id of a token, or `undefined` if the vocabulary lacks it. */
  idOf(token: string): number | undefined {
    return this.#ids.get(token);
  }

  /** Why a normalized word is unknown, and which of its characters no token holds. */
  explain(word: string): Pick<UnknownWord, "reason" | "missing"> {
    const characters = Array.from(word);
    if (characters.length > this.#options.maxInputCharsPerWord) return { reason: "too_long", missing: [] };
    const missing = [...new Set(characters)].filter((character) => this.#isMissing(character));
    return { reason: missing.length > 0 ? "missing_character" : "no_match", missing };
  }

  /**
   * Split a stretch of text into words and these into tokens.
   *
   * @param text Normalized text. @param from First UTF-16 index.
   * @param to Index after the last one; neither falls inside a surrogate pair.
   * @param out Takes the tokens, with spans in UTF-16 units of `text`.
   * @returns Whether the whole stretch was split: `false` if it holds a character that must be removed first.
   */
  tokenize(text: string, from: number, to: number, out: TokenBuffer): boolean {
    out.reserve(to - from); // a token takes at least one unit
    const { units } = this.#trie;
    let { nodes } = this.#trie;
    const maxChars = this.#options.maxInputCharsPerWord;
    // The loop is faster without the module's scope, where these have their meaning, and FIRST and NEXT, which are 1 and 2.
    const ask: typeof ASK = 0;
    const space: typeof SPACE = -1;
    const stop: typeof STOP = -2;
    const isolated: typeof ISOLATED = -3;
    const { ids, spans, words } = out;
    let length = out.length;
    let word = out.nextWord;
    let i = from;
    while (i < to) {
      let node = units[4 * text.charCodeAt(i) + 1]!;
      if (node <= 0) {
        if (node === ask) {
          node = this.#ask(FIRST, text, i);
          nodes = this.#trie.nodes;
        }
        if (node === stop) return false;
        if (node === space) {
          i++;
          continue;
        }
        if (node < 0) {
          const start = i;
          i += unitsAt(text, i);
          ids[length] = isolated - node;
          if (spans !== undefined) {
            spans[2 * length] = start;
            spans[2 * length + 1] = i;
            words![length] = word;
          }
          length++;
          word++;
          continue;
        }
      }

      const wordStart = i;
      const wordTokens = length;
      do {
        let end = i + 1;
        let after: number = space;
        while (end < to) {
          const unit = text.charCodeAt(end);
          const child = nodes[node + 1]! + units[4 * unit]!;
          if (nodes[child] !== node) {
            after = units[4 * unit + 2]!;
            break;
          }
          node = child;
          end++;
        }
        const token = nodes[node + 2]!;
        if (token === 0) break;
        const excess = nodes[node + 3]!;
        if (excess !== 0) {
          end -= excess;
          after = units[4 * text.charCodeAt(end) + 2]!;
        }
        ids[length] = token - 1;
        if (spans !== undefined) {
          spans[2 * length] = i;
          spans[2 * length + 1] = end;
          words![length] = word;
        }
        length++;
        i = end;
        if (after === ask) {
          after = this.#ask(NEXT, text, i);
          nodes = this.#trie.nodes;
        }
        node = after;
      } while (node > 0);
      if (node === stop) return false;
      if (node > 0 || (i - wordStart > maxChars && countCharacters(text, wordStart, i) > maxChars)) {
        out.length = wordTokens;
        out.nextWord = word;
        i = this.#unknownWord(text, wordStart, i, to, out);
        if (i < 0) return false;
        nodes = this.#trie.nodes;
        length = out.length;
        word = out.nextWord;
      } else word++;
    }
    out.length = length;
    out.nextWord = word;
    return true;
  }

  // --- internal ---

  /** Find out what a unit leads to, and keep it in the trie's table if it is the same for all characters of that unit. */
  #ask(place: typeof FIRST | typeof NEXT, text: string, at: number): number {
    const starts = place === FIRST;
    const unit = text.charCodeAt(at);
    const character = String.fromCodePoint(text.codePointAt(at)!);
    let answer: number = SPACE;
    switch (this.#classes.of(character.codePointAt(0)!)) {
      case PLAIN:
        answer = this.#trie.root(unit, starts);
        break;
      case REMOVED:
      case SURROGATE: // a lone half
        answer = STOP;
        break;
      case PUNCTUATION:
      case CHINESE:
        if (starts) answer = ISOLATED - (this.idOf(character) ?? this.#unkId);
        break;
    }
    if (this.#classes.units[unit] !== SURROGATE) this.#trie.units[4 * unit + place] = answer;
    return answer;
  }

  /**
   * Append what stands for an unknown word.
   *
   * @param start First index of the word. @param from Where to look on for its end.
   * @returns The index after the word, or -1 if it holds a character that must be removed first.
   */
  #unknownWord(text: string, start: number, from: number, to: number, out: TokenBuffer): number {
    let end = from;
    for (; end < to; end += unitsAt(text, end)) {
      const codePoint = text.codePointAt(end)!;
      const charClass = this.#classes.of(codePoint);
      if (charClass === REMOVED || (codePoint >= 0xd800 && codePoint <= 0xdfff)) return -1;
      if (charClass !== PLAIN) break;
    }
    const { splitUnknown, maxInputCharsPerWord } = this.#options;
    const splits = splitUnknown && countCharacters(text, start, end) <= maxInputCharsPerWord;
    if (!splits || !this.#splitUnknown(text, start, end, out)) {
      out.push(this.#unkId, start, end, out.nextWord++);
    }
    return end;
  }

  /** Split an unknown word at its runs of missing characters; false, and nothing appended, if it has none. */
  #splitUnknown(text: string, start: number, end: number, out: TokenBuffer): boolean {
    if (!Array.from(text.slice(start, end)).some((character) => this.#isMissing(character))) return false;
    let run = start; // start of the run of missing or of known characters that i is in
    let missing = false;
    for (let i = start; ; i += unitsAt(text, i)) {
      if (i < end && this.#isMissing(String.fromCodePoint(text.codePointAt(i)!)) === missing) continue;
      if (missing) out.push(this.#unkId, run, i, out.nextWord++);
      else this.tokenize(text, run, i, out);
      if (i >= end) return true;
      run = i;
      missing = !missing;
    }
  }

  /** Whether a character is no token, and in none that a word can hold. */
  #isMissing(character: string): boolean {
    this.#known ??= new Set(
      this.tokens
        .filter((token) => this.#matches(token))
        .flatMap((token) => Array.from(token.slice(pieceStart(token)))),
    );
    return !this.#known.has(character) && !this.#ids.has(character);
  }

  /** Whether a word can hold a token. */
  #matches(token: string): boolean {
    const { units } = this.#classes;
    let i = pieceStart(token);
    while (
      i < token.length &&
      units[token.charCodeAt(i)] === PLAIN &&
      (token.charCodeAt(i) & 0xf800) !== 0xd800
    )
      i++;
    if (i === token.length) return true;
    for (; i < token.length; i += unitsAt(token, i)) {
      if (this.#classes.of(token.codePointAt(i)!) !== PLAIN) return false;
    }
    return token.isWellFormed();
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

// --- internal ---

// In the trie's table of units: what a unit leads to at the start of a word, and where a word may go on. It is a node, or one of
// those below.
const FIRST = 1;
const NEXT = 2;
/** Not known yet, or not the same for all characters that begin with the unit. */
const ASK = 0;
/** White space; and where a word may go on, what is a word by itself. */
const SPACE = -1;
/** A character that must be removed first. */
const STOP = -2;
/** Less the id: what is a word by itself, at the start of one. */
const ISOLATED = -3;

function repeatedToken(tokens: readonly string[]): RangeError {
  const ids = new Map<string, number>();
  const id = tokens.findIndex((token, i) => ids.size === ids.set(token, ids.get(token) ?? i).size);
  const token = tokens[id]!;
  return new RangeError(
    `Cannot use the vocabulary as token ${JSON.stringify(token)} occurs twice, as id ${ids.get(token)} and ${id}: keep one of them, ids must be unique`,
  );
}

/** Number of UTF-16 units of the character at an index. */
function unitsAt(text: string, index: number): 1 | 2 {
  return (text.charCodeAt(index) & 0xfc00) === 0xd800 ? 2 : 1;
}

function countCharacters(text: string, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i += unitsAt(text, i)) count++;
  return count;
}
