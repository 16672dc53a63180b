/**
 * The vocabulary as a trie over UTF-16 units, in which a step is one addition and one comparison.
 *
 * A double array with scattered units: the child of `node` by `unit` is the slot `base[node] + scatter(unit)`, and it is that
 * child exactly if `check[slot]` is `node`, as `scatter` gives no two units the same number. There is no chain to follow and no
 * bit to test, so a piece ends with a single branch. Two tables lead from the first unit of a token straight to its node.
 *
 * Loading is mostly done before an engine has optimized anything. It gets there sooner with a short function that is called for
 * each token than with a long loop.
 *
 * @module
 */

/** A finished trie. Node 0 is no node. */
export interface Trie {
  /** Node by the first unit of a token that starts a word, int32 `[65536]`. */
  readonly first: Int32Array;
  /** Node by the first unit of a token that continues a word. */
  readonly next: Int32Array;
  /** Parent of the node in each slot, int32; 0 where none is. */
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

/** Index after the `##` that marks a piece which continues a word, 0 for one that starts it. */
export function pieceStart(token: string): number {
  return token.length > 2 && token.charCodeAt(0) === 0x23 && token.charCodeAt(1) === 0x23 ? 2 : 0;
}

/** What {@linkcode buildTrie} asks and tells. */
export interface TrieEvents {
  /** Whether to take a token that is empty or holds units that are not plain. */
  admits: (token: string, id: number) => boolean;
  /** Called for a token that was there before. */
  repeats: (token: string, id: number, previous: number) => void;
}

/**
 * Make a trie of tokens.
 *
 * @param tokens The tokens in the order of their ids. @param units Class of each unit, 0 if it is plain; uint8 `[65536]`.
 */
export function buildTrie(tokens: readonly string[], units: Uint8Array, events: TrieEvents): Trie {
  let capacity = 3; // node 0 is no node; what starts a word hangs from node 1, what continues one from node 2
  for (let id = 0; id < tokens.length; id++) capacity += tokens[id]!.length;
  const parents = new Int32Array(capacity);
  const offsets = new Uint16Array(capacity);
  const ids = new Int32Array(capacity);
  const children = new Int32Array(capacity);
  const siblings = new Int32Array(capacity);
  const degrees = new Int32Array(capacity);
  const hash = new Int32Array(2 ** Math.ceil(Math.log2(capacity + 512)));
  const mask = hash.length - 1;
  const shift = Math.clz32(mask);
  let count = 3;
  const insert = (token: string, id: number): void => {
    const start = pieceStart(token);
    let admitted = false;
    let node = start === 0 ? 1 : 2;
    let i = start;
    for (; i < token.length; i++) {
      const unit = token.charCodeAt(i);
      if (units[unit] !== 0 && !admitted) {
        if (!events.admits(token, id)) break;
        admitted = true;
      }
      const offset = scatter(unit);
      let slot = Math.imul(Math.imul(node, 0x9e3779b1) + offset, 0x85ebca6b) >>> shift;
      let child = hash[slot]!;
      while (child !== 0 && (parents[child] !== node || offsets[child] !== offset)) {
        slot = (slot + 1) & mask;
        child = hash[slot]!;
      }
      if (child === 0) {
        child = hash[slot] = count++;
        parents[child] = node;
        offsets[child] = offset;
        siblings[child] = children[node]!;
        children[node] = child;
        degrees[node]!++;
      }
      node = child;
    }
    if (token === "") events.admits(token, id);
    else if (i === token.length) {
      if (ids[node] !== 0) events.repeats(token, id, ids[node]! - 1);
      ids[node] = id + 1;
    }
  };
  for (let id = 0; id < tokens.length; id++) insert(tokens[id]!, id);
  return layOut({ count, parents, offsets, ids, children, siblings, degrees });
}

// --- internal ---

/** Undoes {@linkcode scatter}: the product of both factors is 1 modulo 65,536. */
const GATHER = 30599;

/** Nodes as they come; each array has a number a node. */
interface Tree {
  /** Number of nodes. */
  count: number;
  readonly parents: Int32Array;
  /** Scattered unit that leads to the node. */
  readonly offsets: Uint16Array;
  /** 1 + the id of the token that ends there, or 0. */
  readonly ids: Int32Array;
  /** First child, and the next child of the parent. */
  readonly children: Int32Array;
  readonly siblings: Int32Array;
  /** Number of children. */
  readonly degrees: Int32Array;
}

/** Find for each parent a base at which all its children fall on free slots. */
function layOut({ count, parents, offsets, ids, children, siblings, degrees }: Tree): Trie {
  const bases = new Int32Array(count);
  const slots = new Int32Array(count);
  let check = new Int32Array(0x10000 + count);
  check[0] = -1;
  // Parents with many children first, while there is room. (Numbers sort natively.)
  const order = new Float64Array(count);
  let parentCount = 0;
  for (let node = 3; node < count; node++) {
    if (degrees[node] !== 0) order[parentCount++] = node - degrees[node]! * count;
  }
  order.subarray(0, parentCount).sort();
  let base = 0;
  const place = (parent: number): void => {
    const head = children[parent]!;
    for (let child = head, trials = check.length - 0xffff; child !== 0;) {
      if (check[base + offsets[child]!] === 0) {
        child = siblings[child]!;
        continue;
      }
      child = head;
      base++;
      if (--trials === 0) {
        // Nowhere: make room, where nothing is yet.
        base = check.length;
        const larger = new Int32Array(base + 0x10000);
        larger.set(check);
        check = larger;
      } else if (base >= check.length - 0xffff) base = 0;
    }
    bases[parent] = base;
    for (let child = head; child !== 0; child = siblings[child]!) {
      const slot = base + offsets[child]!;
      slots[child] = slot;
      check[slot] = parent;
    }
  };
  for (let p = 0; p < parentCount; p++) place((order[p]! % count) + count);
  const first = new Int32Array(0x10000);
  const next = new Int32Array(0x10000);
  const nodes = new Int32Array(2 * (check.length + degrees[1]! + degrees[2]!));
  let free = check.length; // nodes that tokens start at lie after the others
  const settle = (node: number): void => {
    const parent = parents[node]!;
    if (parent <= 2) {
      const unit = Math.imul(offsets[node]!, GATHER) & 0xffff;
      slots[node] = (parent === 1 ? first : next)[unit] = free++;
    } else check[slots[node]!] = slots[parent]!;
    const slot = slots[node]!;
    nodes[2 * slot] = bases[node]!;
    nodes[2 * slot + 1] = ids[node]!;
  };
  for (let node = 3; node < count; node++) settle(node);
  return { first, next, check, nodes };
}
