/**
 * @module The prefixes of one family that are taken, and by whom: a path-compressed binary tree (a Patricia trie).
 *
 * Any prefixes may be in it, also equal and nested ones, as in a routing table. Each node knows the largest free
 * block below it, as in a buddy allocator. So both questions, "who overlaps this?" and "where is the lowest free
 * block of this length?", are answered in one walk down, however many prefixes are taken.
 */
import { commonPrefix, type Prefix } from './prefix.ts';

/** A prefix that is in use. `holder` says by whom and completes "…, which ": 'network web uses'. */
export interface TakenPrefix {
  readonly prefix: Prefix;
  readonly holder: string;
}

interface Node {
  readonly prefix: Prefix;
  /** Who has exactly this prefix. A node without any is a fork, with both its children. */
  readonly holders: string[];
  readonly children: [low: Node | undefined, high: Node | undefined];
  /** The length of the largest free block inside, Infinity when there is none. */
  room: number;
}

export class PrefixTree {
  #root: Node | undefined;

  /** Adds one taking; each is taken out by one {@link PrefixTree.delete}. */
  add({ prefix, holder }: TakenPrefix): void {
    this.#root = insert(this.#root, prefix, holder);
  }

  /** False when it was not there. */
  delete({ prefix, holder }: TakenPrefix): boolean {
    let node = this.#root;
    while (node !== undefined && node.prefix.length < prefix.length) {
      node = node.children[prefix.bit(node.prefix.length)];
    }
    if (!node?.prefix.equals(prefix) || !node.holders.includes(holder)) return false;
    this.#root = remove(this.#root!, prefix, holder);
    return true;
  }

  /** One of those who share an address with `prefix`, the widest that contains it where there is one. */
  findOverlap(prefix: Prefix): TakenPrefix | undefined {
    let node = this.#root;
    while (node?.prefix.overlaps(prefix)) {
      const [holder] = node.holders;
      if (holder !== undefined) return { prefix: node.prefix, holder };
      // Everything below a node inside `prefix` overlaps it, so any way down will do.
      node = node.children[node.prefix.length < prefix.length ? prefix.bit(node.prefix.length) : 0];
    }
    return undefined;
  }

  /** The lowest block of `length` bits in `within` that overlaps nothing. */
  findFree(within: Prefix, length: number): Prefix | undefined {
    if (length < within.length) return undefined;
    let node = this.#root;
    while (node !== undefined && node.prefix.length < within.length && node.prefix.contains(within)) {
      if (node.holders.length > 0) return undefined;
      node = node.children[within.bit(node.prefix.length)];
    }
    return lowestFree(within, node, length);
  }
}

/** Both give back the node that now stands where `node` stood. */
function insert(node: Node | undefined, prefix: Prefix, holder: string): Node {
  if (node === undefined) return { prefix, holders: [holder], children: [undefined, undefined], room: Infinity };
  if (!node.prefix.contains(prefix)) {
    const above: Node = {
      prefix: commonPrefix(node.prefix, prefix),
      holders: [],
      children: [undefined, undefined],
      room: 0,
    };
    above.children[node.prefix.bit(above.prefix.length)] = node;
    return insert(above, prefix, holder);
  }
  if (node.prefix.length === prefix.length) {
    node.holders.push(holder);
  } else {
    const side = prefix.bit(node.prefix.length);
    node.children[side] = insert(node.children[side], prefix, holder);
  }
  updateRoom(node);
  return node;
}

function remove(node: Node, prefix: Prefix, holder: string): Node | undefined {
  if (node.prefix.length === prefix.length) {
    node.holders.splice(node.holders.indexOf(holder), 1);
  } else {
    const side = prefix.bit(node.prefix.length);
    node.children[side] = remove(node.children[side]!, prefix, holder);
  }
  const [low, high] = node.children;
  if (node.holders.length === 0 && (low === undefined || high === undefined)) return low ?? high;
  updateRoom(node);
  return node;
}

function updateRoom(node: Node): void {
  const half = node.prefix.length + 1;
  const [low, high] = node.children;
  node.room = node.holders.length > 0 ? Infinity : Math.min(roomIn(half, low), roomIn(half, high));
}

/** The length of the largest free block in a block of `length` bits, given the topmost node inside it. */
function roomIn(length: number, node: Node | undefined): number {
  if (node === undefined) return length;
  // A node further down lies in one half of the block, and the other half is free.
  return node.prefix.length === length ? node.room : length + 1;
}

/** `candidate` is the topmost node inside `block`, or one outside of it when none is inside. */
function lowestFree(block: Prefix, candidate: Node | undefined, length: number): Prefix | undefined {
  const node = candidate !== undefined && block.contains(candidate.prefix) ? candidate : undefined;
  if (roomIn(block.length, node) > length) return undefined;
  if (node === undefined) return block.block(length);
  for (const side of [0, 1] as const) {
    const half = block.block(block.length + 1, BigInt(side));
    const found = lowestFree(half, node.prefix.length === block.length ? node.children[side] : node, length);
    if (found !== undefined) return found;
  }
  return undefined;
}
