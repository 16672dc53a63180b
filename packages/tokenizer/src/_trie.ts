/**
 * The vocabulary as a trie over UTF-16 units, in which a step is one addition and one comparison.
 *
 * A double array: the child of a node by a unit lies where the node's base and the unit's code add up to, and it is that child
 * exactly if it names the node as its parent. There is no chain to follow and no bit to test, so a piece ends with a single
 * branch; and as each node knows the longest token on the way to it, nothing needs to be remembered on the way.
 *
 * Loading a vocabulary only sorts its tokens by their first unit. What hangs from a unit is laid out when a text first asks
 * for it: one text takes a small part of the trie, and parts that are asked for one after the other lie side by side.
 *
 * @module
 */

/** The tokens that start a word, and those that continue one. */
export class Trie {
  /**
   * Four numbers a node, int32; a node goes by the index of the first, its parent. Then: the base that a unit's code is added to
   * for the child by that unit; 1 + the id of the longest token that leads to this node or to one above it, or 0; how many units
   * above this node that token ends. The array is replaced when it grows.
   */
  nodes: Int32Array;
  /** Four numbers a unit, int32: its code, 0 if it leads nowhere; the others are for the user, who needs them at the same time. */
  readonly units: Int32Array = new Int32Array(4 * 0x10000);
  readonly #tokens: readonly string[];
  readonly #admits: (token: string) => boolean;
  /** By first unit, of tokens that start a word and of those that continue one: 1 + the id of the last, or `~` the node. */
  readonly #first = new Int32Array(0x10000);
  readonly #next = new Int32Array(0x10000);
  /** By id: 1 + the id of another token with the same start, 0 at the end. */
  readonly #links: Int32Array;
  /** By unit: where a list of tokens begins while they are sorted, otherwise 0. */
  readonly #lists = new Int32Array(0x10000);
  #codeCount = 0;
  /** The first free slot. */
  #free = MARGIN;
  /** Where to look for room for several nodes. */
  #room = MARGIN;

  /** @param tokens Distinct tokens in the order of their ids. @param admits Whether to take a token, asked late. */
  constructor(tokens: readonly string[], admits: (token: string) => boolean) {
    this.#tokens = tokens;
    this.#admits = admits;
    this.nodes = new Int32Array(3 * MARGIN + 8 * tokens.length);
    this.#links = new Int32Array(tokens.length);
    this.nodes[NOWHERE] = ROOT;
    for (let id = 0; id < tokens.length; id++) this.#add(tokens[id]!, id);
  }

  /**
   * The node that a first unit leads to; it may be one without a token or a child.
   *
   * @param unit The first unit. @param starts Whether of a token that starts a word.
   */
  root(unit: number, starts: boolean): number {
    const roots = starts ? this.#first : this.#next;
    const list = roots[unit]!;
    if (list < 0) return ~list;
    if (list === 0) return NOWHERE;
    const root = this.#place([0]);
    this.nodes[root] = ROOT;
    roots[unit] = ~root;
    this.#grow(root, list, starts ? 1 : 3);
    return root;
  }

  // --- internal ---

  #add(token: string, id: number): void {
    const start = pieceStart(token);
    const roots = start === 0 ? this.#first : this.#next;
    const unit = token.charCodeAt(start);
    this.#links[id] = roots[unit]!;
    roots[unit] = id + 1;
  }

  /** Lay out what hangs from a node. @param list The tokens. @param depth The number of their units that lead to it. */
  #grow(root: number, list: number, depth: number): void {
    const links = this.#links;
    const lists = this.#lists;
    const open = [root, list]; // nodes and their lists by turns, level by level
    let levelEnd = 2;
    for (let o = 0; o < open.length; o += 2) {
      if (o === levelEnd) {
        levelEnd = open.length;
        depth++;
      }
      const node = open[o]!;
      const units: number[] = [];
      const codes: number[] = [];
      for (let rest = open[o + 1]!; rest !== 0;) {
        const id = rest - 1;
        const token = this.#tokens[id]!;
        rest = links[id]!;
        if (o === 0 && !this.#admits(token)) continue;
        if (token.length === depth) {
          this.nodes[node + 2] = id + 1;
          this.nodes[node + 3] = 0;
          continue;
        }
        const unit = token.charCodeAt(depth);
        if (lists[unit] === 0) {
          units.push(unit);
          codes.push((this.units[4 * unit] ||= 4 * ++this.#codeCount));
        }
        links[id] = lists[unit]!;
        lists[unit] = id + 1;
      }
      if (units.length === 0) continue;
      const base = this.#place(codes);
      const { nodes } = this;
      nodes[node + 1] = base;
      for (let u = 0; u < units.length; u++) {
        const child = base + codes[u]!;
        nodes[child] = node;
        nodes[child + 2] = nodes[node + 2]!;
        nodes[child + 3] = nodes[node + 3]! + 1;
        open.push(child, lists[units[u]!]!);
        lists[units[u]!] = 0;
      }
    }
  }

  /** A base from which all these codes lead to free slots. */
  #place(codes: readonly number[]): number {
    const { nodes } = this;
    const head = codes[0]!;
    let slot = this.#free;
    while (nodes[slot] !== 0) slot += 4;
    this.#free = slot;
    if (codes.length > 1) {
      // A single node fills the first gap; several look on from where they had to look for long.
      const from = Math.max(slot, this.#room);
      slot = from;
      while (nodes[slot] !== 0 || !this.#fits(slot - head, codes)) slot += 4;
      if (slot - from > PATIENCE) this.#room = slot;
    }
    const base = slot - head;
    if (base + 2 * MARGIN > nodes.length) {
      this.nodes = new Int32Array(2 * nodes.length);
      this.nodes.set(nodes);
    }
    return base;
  }

  #fits(base: number, codes: readonly number[]): boolean {
    for (let c = 1; c < codes.length; c++) if (this.nodes[base + codes[c]!] !== 0) return false;
    return true;
  }
}

/** Index after the `##` that marks a piece which continues a word, 0 for one that starts it. */
export function pieceStart(token: string): number {
  return token.length > 2 && token.charCodeAt(0) === 0x23 && token.charCodeAt(1) === 0x23 ? 2 : 0;
}

// --- internal ---

/**
 * More than any code. As many numbers lie before the first node, and twice as many after the last base: a child takes less than one
 * of them, and a search that begins behind all children no more than the other. So base and code never lead out of the array.
 */
const MARGIN = 4 * 0x10000;
/** The node of units that no token begins with. */
const NOWHERE = MARGIN;
/** In the place of a parent. */
const ROOT = -1;
/** Numbers to step over before giving up a stretch for nodes that need to lie together. */
const PATIENCE = 4 * 64;
