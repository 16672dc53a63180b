/**
 * The merges of WordPiece training: byte-pair encoding over whole words, in flat arrays.
 *
 * All words lie one after another in one array of cells, with a border cell (0) between them. A symbol of n characters
 * takes n cells; its first and its last cell hold its number, so both neighbours are one step away, and a merge writes
 * three cells and moves none. Merging one pair counts the new pairs in arrays indexed by the neighbour, so only one
 * table look-up for each distinct neighbour is left.
 *
 * @module
 */
import { KEY_BASE, PairHeap } from "./_train_heap.ts";
import { PairTable } from "./_train_pairs.ts";

/** Words as symbols, while pairs of them merge. Symbols are numbers from 1 to `maxSymbols`. */
export class Merges {
  readonly #minFrequency: number;
  readonly #cells: Uint16Array | Int32Array;
  /** Word of each cell. */
  readonly #wordOf: Int32Array;
  readonly #frequencies: Float64Array;
  /** Characters of each symbol. */
  readonly #lengths: Int32Array;
  readonly #table = new PairTable();
  readonly #heap = new PairHeap();
  /** Positions (first cell of the left symbol), a slice for each pair. */
  #arena: Int32Array = new Int32Array(0);
  #arenaEnd = 0;
  #cellEnd = 1;
  #words = 0;

  // Of the merge at hand: neighbours are numbered `symbol` on the left, `rightKeys + symbol` on the right.
  readonly #rightKeys: number;
  readonly #keyCounts: Float64Array;
  /** Positions of each neighbour; then where its next position goes. */
  readonly #keyPositions: Int32Array;
  readonly #keys: Int32Array;
  #keyEnd = 0;
  #events: Int32Array = new Int32Array(8192);
  #eventEnd = 0;
  /** Frequency with which the new symbol follows itself. */
  #overlap = 0;

  /**
   * @param maxCells Symbols and words together, at most.
   * @param maxWords Words of two or more symbols, at most.
   * @param maxSymbols The highest symbol.
   * @param minFrequency Pairs that occur less often are dropped.
   */
  constructor(maxCells: number, maxWords: number, maxSymbols: number, minFrequency: number) {
    this.#minFrequency = Math.max(1, minFrequency);
    this.#cells = maxSymbols <= 0xffff ? new Uint16Array(maxCells + 2) : new Int32Array(maxCells + 2);
    this.#wordOf = new Int32Array(maxCells + 2);
    this.#frequencies = new Float64Array(maxWords);
    this.#lengths = new Int32Array(maxSymbols + 1).fill(1);
    this.#rightKeys = maxSymbols + 1;
    this.#keyCounts = new Float64Array(2 * this.#rightKeys);
    this.#keyPositions = new Int32Array(2 * this.#rightKeys);
    this.#keys = new Int32Array(2 * this.#rightKeys);
  }

  /** Cells in use. */
  get cells(): number {
    return this.#cellEnd;
  }

  /** Add a word: the first `length` of `symbols`. Words of one symbol have no pair and are left out. */
  addWord(symbols: Int32Array, length: number, frequency: number): void {
    if (length < 2) return;
    const cells = this.#cells;
    const wordOf = this.#wordOf;
    let end = this.#cellEnd;
    for (let i = 0; i < length; i++) {
      wordOf[end] = this.#words;
      cells[end++] = symbols[i]!;
    }
    this.#cellEnd = end + 1; // the border stays 0
    this.#frequencies[this.#words++] = frequency;
  }

  /** Count the pairs that start in cells `from` to `to`. */
  countPairs(from: number, to: number): void {
    const cells = this.#cells;
    const table = this.#table;
    for (let at = Math.max(1, from); at < to; at++) {
      const left = cells[at]!;
      const right = cells[at + 1]!;
      if (left === 0 || right === 0) continue;
      const pair = table.insert(left, right);
      table.records[pair * 2 + 1]! += this.#frequencies[this.#wordOf[at]!]!;
      table.lengths[pair]!++;
    }
  }

  /** Queue all pairs that are frequent enough, and set room aside for their positions. */
  queuePairs(): void {
    const { records, starts, lengths, size } = this.#table;
    for (let pair = 0; pair < size; pair++) {
      const count = records[pair * 2 + 1]!;
      if (count < this.#minFrequency) continue;
      this.#heap.push(pair, count, records[pair * 2]!);
      starts[pair] = this.#arenaEnd;
      this.#arenaEnd += lengths[pair]!;
      lengths[pair] = 0;
    }
    this.#arena = new Int32Array(Math.ceil(this.#arenaEnd * 1.5));
  }

  /** Note the positions of the queued pairs that start in cells `from` to `to`; in order, left to right. */
  placePairs(from: number, to: number): void {
    const cells = this.#cells;
    const { starts, lengths } = this.#table;
    for (let at = Math.max(1, from); at < to; at++) {
      const left = cells[at]!;
      const right = cells[at + 1]!;
      if (left === 0 || right === 0) continue;
      const pair = this.#table.find(left, right);
      if (starts[pair]! >= 0) this.#arena[starts[pair]! + lengths[pair]!++] = at;
    }
  }

  /** The pair to merge next, −1 if none is frequent enough. Pairs of one count go by their left, then right symbol. */
  next(): number {
    const heap = this.#heap;
    while (heap.size > 0) {
      const pair = heap.pair;
      const count = this.#table.records[pair * 2 + 1]!;
      if (count < this.#minFrequency) heap.drop();
      else if (count < heap.count) heap.lower(count);
      else {
        heap.drop();
        return pair;
      }
    }
    return -1;
  }

  /** Left symbol of a pair. */
  left(pair: number): number {
    return Math.floor(this.#table.records[pair * 2]! / KEY_BASE);
  }

  /** Right symbol of a pair. */
  right(pair: number): number {
    return this.#table.records[pair * 2]! % KEY_BASE;
  }

  /** Characters of a symbol. */
  lengthOf(symbol: number): number {
    return this.#lengths[symbol]!;
  }

  /** Positions of a pair: those where it still stands, and some where it stood. */
  positions(pair: number): number {
    return this.#table.lengths[pair]!;
  }

  /** Merge a pair into `symbol` at its positions `from` to `to`. All of them, in order, then `finish`. */
  replace(pair: number, symbol: number, from: number, to: number): void {
    const cells = this.#cells;
    const lengths = this.#lengths;
    const arena = this.#arena;
    const rightKeys = this.#rightKeys;
    const left = this.left(pair);
    const right = this.right(pair);
    const leftLength = lengths[left]!;
    const rightLength = lengths[right]!;
    lengths[symbol] = leftLength + rightLength;
    const start = this.#table.starts[pair]!;
    this.#reserveEvents((to - from) * 4);
    for (let i = start + from; i < start + to; i++) {
      const at = arena[i]!;
      const middle = at + leftLength;
      if (cells[at] !== left || cells[middle] !== right) continue; // gone since it was noted
      const frequency = this.#frequencies[this.#wordOf[at]!]!;
      const end = middle + rightLength;
      const before = cells[at - 1]!;
      const after = cells[end]!;
      cells[middle] = 0;
      cells[at] = symbol;
      cells[end - 1] = symbol;
      if (before === symbol) {
        this.#overlap += frequency;
        this.#note(rightKeys + symbol, 0, at - lengths[symbol]!);
      } else if (before !== 0) {
        this.#note(before, frequency, at - lengths[before]!);
      }
      if (after !== 0) this.#note(rightKeys + after, frequency, at);
    }
  }

  /** End the merge of a pair into `symbol`: take the broken pairs from the counts, queue the new ones. */
  finish(pair: number, symbol: number): void {
    const table = this.#table;
    const left = this.left(pair);
    const right = this.right(pair);
    for (let i = 0; i < this.#keyEnd; i++) {
      const key = this.#keys[i]!;
      const count = this.#keyCounts[key]!;
      this.#keyCounts[key] = 0;
      if (key < this.#rightKeys) {
        this.#lower(key, left, count);
        this.#create(key, key, symbol, count);
      } else {
        const after = key - this.#rightKeys;
        this.#lower(right, after, count);
        const overlap = (after === symbol ? this.#overlap : 0) - (after === left ? this.#overlap : 0);
        this.#create(key, symbol, after, count + overlap);
      }
    }
    this.#placeEvents();
    table.records[pair * 2 + 1] = 0;
    this.#overlap = 0;
  }

  #note(key: number, frequency: number, at: number): void {
    if (this.#keyPositions[key]!++ === 0) this.#keys[this.#keyEnd++] = key;
    this.#keyCounts[key]! += frequency;
    this.#events[this.#eventEnd++] = key;
    this.#events[this.#eventEnd++] = at;
  }

  #lower(left: number, right: number, count: number): void {
    const pair = this.#table.find(left, right);
    if (pair >= 0) this.#table.records[pair * 2 + 1]! -= count;
  }

  /** Queue a new pair if it is frequent enough; its positions will come from the events with `key`. */
  #create(key: number, left: number, right: number, count: number): void {
    const positions = this.#keyPositions[key]!;
    this.#keyPositions[key] = -1;
    if (count < this.#minFrequency) return;
    const table = this.#table;
    const pair = table.insert(left, right);
    table.records[pair * 2 + 1] = count;
    table.starts[pair] = this.#arenaEnd;
    table.lengths[pair] = positions;
    this.#keyPositions[key] = this.#arenaEnd;
    this.#arenaEnd += positions;
    this.#heap.push(pair, count, left * KEY_BASE + right);
  }

  /** Sort the positions noted into the slices of their pairs. */
  #placeEvents(): void {
    if (this.#arenaEnd > this.#arena.length) {
      const larger = new Int32Array(Math.ceil(this.#arenaEnd * 1.3));
      larger.set(this.#arena);
      this.#arena = larger;
    }
    const arena = this.#arena;
    const next = this.#keyPositions;
    for (let i = 0; i < this.#eventEnd; i += 2) {
      const key = this.#events[i]!;
      if (next[key]! >= 0) arena[next[key]!++] = this.#events[i + 1]!;
    }
    for (let i = 0; i < this.#keyEnd; i++) next[this.#keys[i]!] = 0;
    this.#keyEnd = 0;
    this.#eventEnd = 0;
  }

  #reserveEvents(more: number): void {
    if (this.#eventEnd + more <= this.#events.length) return;
    const larger = new Int32Array(Math.max(this.#events.length * 2, this.#eventEnd + more));
    larger.set(this.#events);
    this.#events = larger;
  }
}
