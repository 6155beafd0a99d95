/**
 * @module A sparse set of ordinals (0, 1, 2, …) that knows its lowest absent member.
 *
 * A tree of 32-bit words. In a word of level 0 each bit is one member; in a word of level k each bit says that the
 * word below it is full. A full word is not stored, for its bit above says it all, and neither is an empty one. So
 * what a pool normally holds, the lowest N addresses, takes a handful of words whatever N is, and every operation
 * costs one step a level: four levels for a million members, never more than eleven.
 */
const FULL = -1;

export class OrdinalSet {
  readonly #levels: Map<number, number>[] = [];

  /** Adds `ordinal`, an integer from 0 to 2^53 - 1 that is not in the set. */
  add(ordinal: number): void {
    let index = ordinal;
    for (let level = 0; ; level++) {
      this.#levels[level] ??= new Map();
      const words = this.#levels[level]!;
      const word = Math.floor(index / 32);
      const bits = (words.get(word) ?? 0) | (1 << (index % 32));
      if (bits !== FULL) {
        words.set(word, bits);
        return;
      }
      words.delete(word);
      index = word;
    }
  }

  /** Takes out `ordinal`, which is in the set. */
  delete(ordinal: number): void {
    let index = ordinal;
    for (const words of this.#levels) {
      const word = Math.floor(index / 32);
      const others = (words.get(word) ?? FULL) & ~(1 << (index % 32));
      const wasFull = !words.has(word);
      if (others === 0) words.delete(word);
      else words.set(word, others);
      if (!wasFull) return;
      index = word;
    }
  }

  /** The lowest ordinal that is not in the set. */
  get lowestAbsent(): number {
    let index = 0;
    // The first word of the top level is never full: filling it would have made a level above.
    for (let level = this.#levels.length - 1; level >= 0; level--) {
      index = index * 32 + lowestClearBit(this.#levels[level]!.get(index) ?? 0);
    }
    return index;
  }
}

function lowestClearBit(bits: number): number {
  return 31 - Math.clz32(~bits & (bits + 1));
}
