/**
 * The vocabulary as a trie over UTF-16 units, in which a step is one addition and one comparison.
 *
 * A double array with scattered units: the child of `node` by `unit` is the slot `base[node] + scatter(unit)`, and it is that
 * child exactly if `check[slot]` is `node`, as `scatter` gives no two units the same number. There is no chain to follow and no
 * bit to test, so a piece ends with a single branch. Two tables lead from the first unit of a token straight to its node.
 *
 * @module
 */

/** A finished trie. Node 0 is no node. */
export interface Trie {
  /** Node by the first unit of a token that starts a word, int32 `[65536]`. */
  readonly first: Int32Array;
  /** Node by the first unit of a token that continues a word. */
  readonly next: Int32Array;
  /** Parent of the node in each slot, int32. Nodes from `check.length` on have none. */
  readonly check: Int32Array;
  /** Two numbers a node, int32: its base, and 1 + the id of the token that ends there, or 0. */
  readonly nodes: Int32Array;
}

/** Odd, so that it permutes the 65,536 units; near 65,536 / golden ratio, so that neighbours land far apart. */
const SCATTER = 40_503;

/** Where a unit's child lies from the base. */
export function scatter(unit: number): number {
  return Math.imul(unit, SCATTER) & 0xffff;
}

/** Collects tokens, then lays them out. */
export class TrieBuilder {
  readonly #first = new Int32Array(0x10000);
  readonly #next = new Int32Array(0x10000);
  /** Parent of each node, 0 for those that a token starts at. */
  readonly #parents: Int32Array;
  /** Scattered unit that leads to each node. */
  readonly #offsets: Uint16Array;
  readonly #ids: Int32Array;
  /** First child of each node, and the next child of its parent. */
  readonly #children: Int32Array;
  readonly #siblings: Int32Array;
  readonly #degrees: Uint16Array;
  readonly #hash: Int32Array;
  #count = 1; // node 0 is no node

  /** @param capacity The most units that all tokens have together. */
  constructor(capacity: number) {
    this.#parents = new Int32Array(capacity + 1);
    this.#offsets = new Uint16Array(capacity + 1);
    this.#ids = new Int32Array(capacity + 1);
    this.#children = new Int32Array(capacity + 1);
    this.#siblings = new Int32Array(capacity + 1);
    this.#degrees = new Uint16Array(capacity + 1);
    this.#hash = new Int32Array(2 ** Math.ceil(Math.log2(capacity + 512)));
  }

  /**
   * Add a token.
   *
   * @param start Index of its first unit: 0, or beyond the mark of a continuing token.
   * @returns The id that the token has already, or -1.
   */
  add(token: string, start: number, id: number): number {
    const roots = start === 0 ? this.#first : this.#next;
    const parents = this.#parents;
    const offsets = this.#offsets;
    const hash = this.#hash;
    const mask = hash.length - 1;
    const shift = Math.clz32(mask);
    let node = roots[token.charCodeAt(start)]!;
    if (node === 0) node = roots[token.charCodeAt(start)] = this.#count++;
    for (let i = start + 1; i < token.length; i++) {
      const offset = scatter(token.charCodeAt(i));
      let slot = Math.imul(Math.imul(node, 0x9e3779b1) + offset, 0x85ebca6b) >>> shift;
      let child = hash[slot]!;
      while (child !== 0 && (parents[child] !== node || offsets[child] !== offset)) {
        slot = (slot + 1) & mask;
        child = hash[slot]!;
      }
      if (child === 0) {
        child = hash[slot] = this.#count++;
        parents[child] = node;
        offsets[child] = offset;
        this.#siblings[child] = this.#children[node]!;
        this.#children[node] = child;
        this.#degrees[node]!++;
      }
      node = child;
    }
    const previous = this.#ids[node]! - 1;
    if (previous === -1) this.#ids[node] = id + 1;
    return previous;
  }

  /** Lay the tokens out: parents with many children first, while there is room. */
  build(): Trie {
    const count = this.#count;
    const parents = this.#parents;
    const degrees = this.#degrees;
    const bases = new Int32Array(count);
    const slots = new Int32Array(count);
    const layout = { check: new Int32Array(0x10000 + count), base: 0, slots, bases };
    layout.check[0] = -1;
    const large: number[] = [];
    for (let node = 1; node < count; node++) if (degrees[node]! > FEW) large.push(node);
    large.sort((a, b) => degrees[b]! - degrees[a]!);
    for (const node of large) this.#place(node, layout);
    for (let node = 1; node < count; node++) {
      if (degrees[node]! > 0 && degrees[node]! <= FEW) this.#place(node, layout);
    }
    const { check } = layout;
    let free = check.length; // nodes that tokens start at have no parent, and lie after the others
    for (let node = 1; node < count; node++) if (parents[node] === 0) slots[node] = free++;
    const nodes = new Int32Array(2 * free);
    for (let node = 1; node < count; node++) {
      const slot = slots[node]!;
      nodes[2 * slot] = bases[node]!;
      nodes[2 * slot + 1] = this.#ids[node]!;
      if (parents[node] !== 0) check[slot] = slots[parents[node]!]!;
    }
    renumber(this.#first, slots);
    renumber(this.#next, slots);
    return { first: this.#first, next: this.#next, check, nodes };
  }

  // --- internal ---

  /** Find a base at which all children of a node fall on free slots, and put them there. */
  #place(parent: number, layout: Layout): void {
    const siblings = this.#siblings;
    const offsets = this.#offsets;
    const first = this.#children[parent]!;
    let { check, base } = layout;
    const places = check.length - 0xffff; // bases to try
    for (let child = first, trials = 0; child !== 0;) {
      if (check[base + offsets[child]!] === 0) {
        child = siblings[child]!;
        continue;
      }
      child = first;
      base++;
      if (++trials === places) {
        // Nowhere: make room, where nothing is yet.
        base = check.length;
        check = layout.check = grown(check, base + 0x10000);
      } else if (base >= check.length - 0xffff) base = 0;
    }
    layout.base = base;
    layout.bases[parent] = base;
    for (let child = first; child !== 0; child = siblings[child]!) {
      const slot = base + offsets[child]!;
      layout.slots[child] = slot;
      check[slot] = parent;
    }
  }
}

// --- internal ---

/** Nodes with more children look for a place first, those with most before all. */
const FEW = 8;

interface Layout {
  check: Int32Array<ArrayBuffer>;
  /** Where the last node found room. */
  base: number;
  /** Slot of each node. */
  readonly slots: Int32Array;
  readonly bases: Int32Array;
}

/** Put slots in the place of nodes. */
function renumber(table: Int32Array, slots: Int32Array): void {
  for (let unit = 0; unit < table.length; unit++) {
    const node = table[unit]!;
    if (node !== 0) table[unit] = slots[node]!;
  }
}

function grown(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(array);
  return larger;
}
