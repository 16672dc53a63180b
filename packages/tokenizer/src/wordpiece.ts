/**
 * Words and word pieces in one walk over UTF-16 units.
 *
 * BertPreTokenizer and WordPiece are two stages in Hugging Face's pipeline; here they are one loop, since a word is known
 * to end when no token goes on, and looking at a character twice is what costs. The vocabulary is a trie:
 *
 * - two tables lead from the first unit of a token straight to its node, one for tokens that start a word, one for those
 *   that continue one (`##…`);
 * - deeper edges live in one open-addressed hash table, in which a slot *is* a node. A key of 32 bits is compared first, and
 *   only when it agrees the parent: most steps end a piece, and those touch nothing but the small array of keys. Under one
 *   parent no two units share a key, so that both together are exact.
 *
 * Only what can match is in the trie: tokens made of plain characters alone, and single isolated ones (`.`, `漢`). So an
 * edge that exists needs no look at the character's class. Nothing is allocated per token.
 *
 * @module
 */
import { CHINESE, PLAIN, PUNCTUATION, REMOVED, SURROGATE, WHITESPACE } from "./char_classes.ts";
import type { CharClass, CharClasses } from "./char_classes.ts";
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
  readonly #first = new Int32Array(0x10000);
  /** By first unit: node of a continuing piece, `SPACE`, `ASK`, or 0. */
  readonly #next = new Int32Array(0x10000);
  /** Class of each unit; low surrogates are `LOW_SURROGATE`. */
  readonly #units: Uint8Array;
  /** Key of the edge that leads to each node, 0 in free slots. */
  readonly #keys: Int32Array;
  /** Two numbers a node: `(token id + 1) << 1 | has children`, and the parent. */
  readonly #nodes: Int32Array;
  /** Tokens that no walk can meet, such as `[CLS]`, and isolated characters beyond U+FFFF. */
  readonly #others = new Map<string, number>();
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
    let units = 0;
    for (let id = 0; id < tokens.length; id++) units += tokens[id]!.length;
    let slots = 1024;
    while (slots < units * 1.25) slots *= 2;
    this.#keys = new Int32Array(slots);
    this.#nodes = new Int32Array(slots * 2);
    this.#keys[0] = -1; // slot 0 is no node
    for (let unit = 0; unit <= 0xffff; unit++) {
      if (this.#units[unit] === WHITESPACE) this.#first[unit] = this.#next[unit] = SPACE;
    }
    for (let id = 0; id < tokens.length; id++) this.#insert(tokens[id]!, id);
    const unkId = this.idOf(options.unkToken);
    if (unkId === undefined) throw missingToken(options.unkToken, "unk");
    this.#unkId = unkId;
  }

  /** Id of a token, or `undefined` if the vocabulary lacks it. */
  idOf(token: string): number | undefined {
    const other = this.#others.get(token);
    if (other !== undefined || token === "") return other;
    const direct = this.#first[token.charCodeAt(0)]!;
    if (token.length === 1 && direct < 0 && direct > SPACE) return ~direct;
    const start = pieceStart(token);
    let node = start === 0 ? STARTING : CONTINUING;
    for (let i = start; i < token.length; i++) {
      node = this.#child(node, token.charCodeAt(i));
      if (node === 0) return undefined;
    }
    const value = this.#nodes[2 * node]! >> 1;
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
    const keys = this.#keys;
    const nodes = this.#nodes;
    const mask = keys.length - 1;
    const shift = Math.clz32(mask);
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
        if (node === ASK) node = this.#child(STARTING, text.charCodeAt(i));
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
          let value = nodes[2 * node]!;
          if (value > 1) {
            best = value >> 1;
            bestEnd = end;
          }
          while ((value & 1) !== 0 && end < to) {
            const unit = text.charCodeAt(end);
            const key = (Math.imul(node, KEY) + unit) | TAKEN;
            let slot = Math.imul(key, HASH) >>> shift;
            let found = keys[slot]!;
            while (found !== 0 && (found !== key || nodes[2 * slot + 1] !== node)) {
              slot = (slot + 1) & mask;
              found = keys[slot]!;
            }
            if (found !== 0) {
              node = slot;
              end++;
              value = nodes[2 * node]!;
              if (value > 1) {
                best = value >> 1;
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
              if (nodes[2 * node + 1]! <= 0 || this.#classAt(text, end - 1) !== REMOVED) break;
              node = nodes[2 * node + 1]!;
              value = nodes[2 * node]!;
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
          node = this.#classAt(text, i) === PLAIN ? this.#child(CONTINUING, unit) : 0;
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

  #insert(token: string, id: number): void {
    const start = pieceStart(token);
    const units = this.#classes.units;
    for (let i = start; i < token.length; i++) {
      const unit = token.charCodeAt(i);
      // The common case costs one look-up a unit; surrogates are rare enough to ask properly.
      if (units[unit] !== PLAIN || (unit & 0xf800) === 0xd800) {
        if (!token.isWellFormed() || !isPlain(token.slice(start), this.#classes)) {
          this.#insertOther(token, id, start);
          return;
        }
        break;
      }
    }
    if (token === "") {
      this.#insertOther(token, id, start);
      return;
    }
    const nodes = this.#nodes;
    let node = start === 0 ? STARTING : CONTINUING;
    for (let i = start; i < token.length; i++) {
      if (i > start) nodes[2 * node]! |= 1;
      const unit = token.charCodeAt(i);
      const slot = this.#slotOf(node, unit);
      if (this.#keys[slot] === 0) {
        this.#keys[slot] = keyOf(node, unit);
        nodes[2 * slot + 1] = node;
        if (i === start)
          (start === 0 ? this.#first : this.#next)[unit] = units[unit] === SURROGATE ? ASK : slot;
      }
      node = slot;
    }
    if (nodes[2 * node]! > 1) throw duplicateToken(token, (nodes[2 * node]! >> 1) - 1, id);
    nodes[2 * node]! |= (id + 1) << 1;
  }

  /** Keep a token that is not made of plain characters alone. */
  #insertOther(token: string, id: number, start: number): void {
    const previous = this.idOf(token);
    if (previous !== undefined) throw duplicateToken(token, previous, id);
    const charClass = this.#classes.units[token.charCodeAt(0)]!;
    if (start === 0 && token.length === 1 && (charClass === PUNCTUATION || charClass === CHINESE)) {
      this.#first[token.charCodeAt(0)] = ~id;
    } else this.#others.set(token, id);
  }

  /** Slot of an edge, or the free one where it would go. */
  #slotOf(node: number, unit: number): number {
    const keys = this.#keys;
    const mask = keys.length - 1;
    const key = keyOf(node, unit);
    let slot = Math.imul(key, HASH) >>> Math.clz32(mask);
    while (keys[slot] !== 0 && (keys[slot] !== key || this.#nodes[2 * slot + 1] !== node))
      slot = (slot + 1) & mask;
    return slot;
  }

  /** Node at the end of an edge, or 0. */
  #child(node: number, unit: number): number {
    const slot = this.#slotOf(node, unit);
    return this.#keys[slot] === 0 ? 0 : slot;
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
      if (this.#others.has(token)) continue;
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

/** Parent of the nodes that start a word. */
const STARTING = -1;
/** Parent of the nodes that continue one. */
const CONTINUING = -2;
/** In the tables by first unit: the unit is half of a character whose class must be asked first. */
const ASK = -0x80000000;
/** In the tables by first unit: white space. */
const SPACE = -0x7fffffff;
/** In {@linkcode WordPiece} alone, after the classes of `char_classes.ts`. */
const LOW_SURROGATE = 6;
/** Odd multipliers that spread keys, and slots. */
const KEY = 0x9e3779b1;
const HASH = 0x85ebca6b;
/** Keeps a key from being 0, which marks a free slot; units under one parent never differ in this bit alone. */
const TAKEN = -0x80000000;

function keyOf(node: number, unit: number): number {
  return (Math.imul(node, KEY) + unit) | TAKEN;
}

/** Index after the `##` that marks a piece which continues a word, 0 for one that starts it. */
function pieceStart(token: string): number {
  return token.startsWith("##") && token.length > 2 ? 2 : 0;
}

function isPlain(piece: string, classes: CharClasses): boolean {
  for (const character of piece) if (classes.of(character.codePointAt(0)!) !== PLAIN) return false;
  return true;
}

function duplicateToken(token: string, first: number, second: number): RangeError {
  return new RangeError(
    `Cannot use the vocabulary as token ${JSON.stringify(token)} occurs twice, as id ${first} and ${second}: keep one of them, ids must be unique`,
  );
}
