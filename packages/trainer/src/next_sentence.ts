/**
 * Next-sentence prediction: pairs of texts, half of which follow one another in their document.
 */
import { randomBits } from "@kcbert/bert";
import { shuffled } from "./_random.ts";
import { type Batch, cutBatch } from "./batches.ts";
import { IGNORED_LABEL } from "./masked_lm.ts";
import { lineCount, type TokenizedLines } from "./tokenized_lines.ts";

/** Lines in documents: a thread of comments, an article. */
export interface TokenizedDocuments extends TokenizedLines {
  /** `[documents + 1]`: document `d` is the lines `documentStarts[d]` up to, not including, `documentStarts[d + 1]`. */
  readonly documentStarts: Int32Array | Uint32Array;
}

/** Pairs as lines `[CLS] A [SEP] B [SEP]`. */
export interface SentencePairs extends TokenizedLines {
  /** All ids, special tokens included. */
  readonly ids: Int32Array;
  /** `[pairs + 1]`, where each pair begins. */
  readonly rowStarts: Int32Array;
  /** `[pairs]`, where in its line B begins. */
  readonly secondStarts: Int32Array;
  /** `[pairs]`, 0 where B follows A, 1 where it is from another document. */
  readonly labels: Int32Array;
}

/** How pairs are made. */
export interface PairingOptions {
  /** Tokens in a row, at least 5: `[CLS]`, A, `[SEP]`, B, `[SEP]`. */
  rowLength: number;
  /** Draws the pairs, with `epoch`. */
  seed: number;
  /** Times that the data has been gone through. */
  epoch: number;
  /** Id of `[CLS]`. */
  clsId: number;
  /** Id of `[SEP]`. */
  sepId: number;
  /** Part of the pairs that are shorter than a row, so that a model sees short texts too. @default 0.1 */
  shortProbability?: number;
}

/**
 * Make pairs of the texts of documents, as `create_instances_from_document` of google-research/bert.
 *
 * Consecutive lines of a document fill a row and are parted in two at random; half of the second parts, and all where
 * there is only one line, are replaced by lines of another document. What is too long is cut at either end.
 *
 * @param documents At least two, none without a line that has tokens between its special ones.
 * @throws {RangeError} If there are fewer than two documents, or rows have no room for a pair.
 *
 * @example
 * ```ts
 * import { pairSentences } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const documents = {
 *   ids: Int32Array.of(2, 7, 3, 2, 8, 3, 2, 9, 3),
 *   rowStarts: Int32Array.of(0, 3, 6, 9),
 *   documentStarts: Int32Array.of(0, 2, 3),
 * };
 * const { ids, rowStarts, labels } = pairSentences(documents, { rowLength: 8, seed: 1, epoch: 0, clsId: 2, sepId: 3 });
 * assert.equal(labels.length, rowStarts.length - 1);
 * assert.equal(ids[0], 2);
 * ```
 */
export function pairSentences(documents: TokenizedDocuments, options: PairingOptions): SentencePairs {
  const { rowLength, seed, epoch, clsId, sepId, shortProbability = 0.1 } = options;
  const most = rowLength - 3;
  if (most < 2) {
    throw new RangeError(
      `Cannot make pairs as rows must have room for [CLS], two texts and two [SEP]: rowLength is ${rowLength}`,
    );
  }
  const texts = textsByDocument(documents);
  if (texts.length < 2) {
    throw new RangeError(
      `Cannot make pairs as the second text of some is from another document: there are ${texts.length} documents with text`,
    );
  }
  const pairs = new PairList(clsId, sepId);
  for (const [number, document] of texts.entries()) {
    const draws = new Draws(seed, epoch, `pairs.${number}`);
    const target = draws.part() < shortProbability ? draws.between(2, most) : most;
    let chunk: Ids[] = [];
    let length = 0;
    for (let i = 0; i < document.length; i++) {
      chunk.push(document[i]!);
      length += document[i]!.length;
      if (i < document.length - 1 && length < target) continue;
      const end = chunk.length >= 2 ? draws.between(1, chunk.length - 1) : 1;
      const first = chunk.slice(0, end).flatMap((ids) => [...ids]);
      const random = chunk.length === 1 || draws.part() < 0.5;
      const second = random
        ? otherText(texts, number, target - first.length, draws)
        : chunk.slice(end).flatMap((ids) => [...ids]);
      if (random) i -= chunk.length - end; // what was not used comes again
      truncate(first, second, most, draws);
      pairs.add(first, second, random ? 1 : 0);
      chunk = [];
      length = 0;
    }
  }
  return pairs.inOrder(shuffled(pairs.count, seed, epoch, "pairs.order"));
}

/**
 * Hold out whole documents, drawn at random: as `holdOut`, for documents.
 *
 * @param documents All of them; their order stays.
 * @param count How many lines to hold out at least, whole, at least 1.
 * @param seed Draws them.
 * @throws {RangeError} If two documents are not left to learn, and two held out.
 *
 * @example
 * ```ts
 * import { holdOutDocuments } from "@kcbert/trainer";
 * import assert from "node:assert/strict";
 *
 * const ids = Int32Array.from({ length: 12 }, (_, i) => [2, 7 + i, 3][i % 3]!);
 * const documents = { ids, rowStarts: Int32Array.of(0, 3, 6, 9, 12), documentStarts: Int32Array.of(0, 1, 2, 3, 4) };
 * const { train, heldOut } = holdOutDocuments(documents, 1, 42);
 * assert.deepEqual([train.documentStarts.length, heldOut.documentStarts.length], [3, 3]);
 * ```
 */
export function holdOutDocuments(
  documents: TokenizedDocuments,
  count: number,
  seed: number,
): { train: TokenizedDocuments; heldOut: TokenizedDocuments } {
  const { documentStarts } = documents;
  const all = documentStarts.length - 1;
  const drawn = new Set<number>();
  let lines = 0;
  for (const document of shuffled(all, seed, 0, "hold-out")) {
    if (drawn.size >= 2 && lines >= count) break;
    drawn.add(document);
    lines += documentStarts[document + 1]! - documentStarts[document]!;
  }
  if (!Number.isInteger(count) || count < 1 || all - drawn.size < 2) {
    throw new RangeError(
      `Cannot hold out ${count} lines in whole documents: there are ${lineCount(documents)} lines in ${all} documents, of which two must be left to learn`,
    );
  }
  return {
    train: select(documents, (document) => !drawn.has(document)),
    heldOut: select(documents, (document) => drawn.has(document)),
  };
}

/** Cut a batch of `count` pairs, one a row, beginning with pair `first`; rows past the last one are all padding. */
export function cutPairs(
  pairs: SentencePairs,
  options: { first: number; count: number; rowLength: number; padId: number; firstLine?: number },
): Batch {
  const all = pairs.labels.length;
  const rows = {
    lines: Int32Array.from({ length: all }, (_, i) => i),
    starts: Int32Array.from({ length: all + 1 }, (_, i) => i),
  };
  const batch = cutBatch(pairs, rows, options);
  const { first, count, rowLength } = options;
  const tokenTypeIds = new Int32Array(count * rowLength); // [B · T]
  const nextSentenceLabels = new Int32Array(count).fill(IGNORED_LABEL); // [B]
  for (let row = 0; row < count && first + row < all; row++) {
    const length = pairs.rowStarts[first + row + 1]! - pairs.rowStarts[first + row]!;
    tokenTypeIds.fill(1, row * rowLength + pairs.secondStarts[first + row]!, row * rowLength + length);
    nextSentenceLabels[row] = pairs.labels[first + row]!;
  }
  return { ...batch, tokenTypeIds, nextSentenceLabels };
}

// --- internal ---

type Ids = Int32Array | Uint16Array;

/** Random numbers one after another. */
class Draws {
  readonly #seed: number;
  readonly #epoch: number;
  readonly #stream: string;
  #words = new Uint32Array();
  #next = 0;
  #blocks = 0;

  constructor(seed: number, epoch: number, stream: string) {
    this.#seed = seed;
    this.#epoch = epoch;
    this.#stream = stream;
  }

  /** In [0, 1). */
  part(): number {
    if (this.#next === this.#words.length) {
      this.#words = randomBits(this.#seed, this.#epoch, `${this.#stream}.${this.#blocks++}`, 64);
      this.#next = 0;
    }
    return this.#words[this.#next++]! / 2 ** 32;
  }

  /** Whole, from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.part() * (high - low + 1));
  }
}

class PairList {
  readonly #clsId: number;
  readonly #sepId: number;
  readonly #pairs: {
    readonly first: readonly number[];
    readonly second: readonly number[];
    readonly label: number;
  }[] = [];

  constructor(clsId: number, sepId: number) {
    this.#clsId = clsId;
    this.#sepId = sepId;
  }

  get count(): number {
    return this.#pairs.length;
  }

  add(first: readonly number[], second: readonly number[], label: number): void {
    this.#pairs.push({ first, second, label });
  }

  inOrder(order: Int32Array): SentencePairs {
    const total = this.#pairs.reduce((sum, { first, second }) => sum + first.length + second.length + 3, 0);
    const ids = new Int32Array(total);
    const rowStarts = new Int32Array(order.length + 1);
    const [secondStarts, labels] = [new Int32Array(order.length), new Int32Array(order.length)];
    for (const [row, number] of order.entries()) {
      const { first, second, label } = this.#pairs[number]!;
      const start = rowStarts[row]!;
      secondStarts[row] = first.length + 2;
      labels[row] = label;
      rowStarts[row + 1] = start + first.length + second.length + 3;
      ids.set([this.#clsId, ...first, this.#sepId, ...second, this.#sepId], start);
    }
    return { ids, rowStarts, secondStarts, labels };
  }
}

/** The lines of each document without their special tokens; empty ones are left out. */
function textsByDocument({ ids, rowStarts, documentStarts }: TokenizedDocuments): Ids[][] {
  return Array.from({ length: documentStarts.length - 1 }, (_, d) => {
    const texts: Ids[] = [];
    for (let line = documentStarts[d]!; line < documentStarts[d + 1]!; line++) {
      const text = ids.subarray(rowStarts[line]! + 1, rowStarts[line + 1]! - 1);
      if (text.length > 0) texts.push(text);
    }
    return texts;
  }).filter((texts) => texts.length > 0);
}

/** Lines of another document, from a random one on. */
function otherText(texts: readonly Ids[][], own: number, length: number, draws: Draws): number[] {
  const other = (own + draws.between(1, texts.length - 1)) % texts.length;
  const document = texts[other]!;
  const second: number[] = [];
  for (let i = draws.between(0, document.length - 1); i < document.length; i++) {
    second.push(...document[i]!);
    if (second.length >= length) break;
  }
  return second;
}

/** Take tokens off the longer text, at its begin or its end, until both fit. */
function truncate(first: number[], second: number[], most: number, draws: Draws): void {
  while (first.length + second.length > most) {
    const longer = first.length > second.length ? first : second;
    if (draws.part() < 0.5) longer.shift();
    else longer.pop();
  }
}

function select(documents: TokenizedDocuments, wanted: (document: number) => boolean): TokenizedDocuments {
  const { ids, rowStarts, documentStarts } = documents;
  const starts = [0];
  const lines: number[] = [];
  for (let d = 0; d < documentStarts.length - 1; d++) {
    if (!wanted(d)) continue;
    for (let line = documentStarts[d]!; line < documentStarts[d + 1]!; line++) lines.push(line);
    starts.push(lines.length);
  }
  const rows = new Int32Array(lines.length + 1);
  for (const [i, line] of lines.entries()) rows[i + 1] = rows[i]! + rowStarts[line + 1]! - rowStarts[line]!;
  const selected = new Int32Array(rows.at(-1)!);
  for (const [i, line] of lines.entries())
    selected.set(ids.subarray(rowStarts[line], rowStarts[line + 1]), rows[i]);
  return { ids: selected, rowStarts: rows, documentStarts: Int32Array.from(starts) };
}
