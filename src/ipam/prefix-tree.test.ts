import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Address } from './address.ts';
import { Prefix } from './prefix.ts';
import { PrefixTree, type TakenPrefix } from './prefix-tree.ts';

/** A prefix inside `block`, at most `depth` bits longer: a small depth makes many meet, nest and be equal. */
function prefixInside(block: Prefix, depth: number): fc.Arbitrary<Prefix> {
  return fc
    .tuple(fc.nat({ max: depth }), fc.bigInt({ min: 0n, max: block.size - 1n }))
    .map(([extra, offset]) => new Prefix(new Address(block.family, block.base + offset), block.length + extra));
}

describe.each([Prefix.parse('10.64.0.0/20'), Prefix.parse('fd00:1::/48')])('inside %s', (world) => {
  const inside = prefixInside(world, 6);
  const taking = fc.record({ prefix: inside, holder: fc.constantFrom('a', 'b') });
  const takings = fc.array(taking, { maxLength: 25 });

  /** A tree that has seen `added` and then lost `removed` again, with the list of what is left. */
  function build(added: TakenPrefix[], removed: TakenPrefix[]): { tree: PrefixTree; left: TakenPrefix[] } {
    const tree = new PrefixTree();
    const left = [...added];
    for (const taken of added) tree.add(taken);
    for (const taken of removed) {
      const index = left.findIndex((it) => it.prefix.equals(taken.prefix) && it.holder === taken.holder);
      expect(tree.delete(taken)).toBe(index >= 0);
      if (index >= 0) left.splice(index, 1);
    }
    return { tree, left };
  }

  const history = takings.chain((added) => fc.tuple(fc.constant(added), fc.oneof(takings, fc.shuffledSubarray(added))));

  it('finds who overlaps', () => {
    fc.assert(
      fc.property(history, inside, ([added, removed], wanted) => {
        const { tree, left } = build(added, removed);
        const found = tree.findOverlap(wanted);
        const overlapping = left.filter(({ prefix }) => prefix.overlaps(wanted));
        expect(found === undefined).toBe(overlapping.length === 0);
        if (found === undefined) return;
        expect(overlapping.some((it) => it.prefix.equals(found.prefix) && it.holder === found.holder)).toBe(true);
        const widest = Math.min(wanted.length, ...overlapping.map(({ prefix }) => prefix.length));
        if (widest < wanted.length) expect(found.prefix.length).toBe(widest);
      }),
    );
  });

  it('finds the lowest free block', () => {
    const question = fc.tuple(inside, fc.nat({ max: 8 }));
    fc.assert(
      fc.property(history, question, ([added, removed], [within, extra]) => {
        const { tree, left } = build(added, removed);
        const length = world.length + extra;
        const count = length < within.length ? 0 : 2 ** (length - within.length);
        const blocks = Array.from({ length: count }, (_, index) => within.block(length, BigInt(index)));
        const expected = blocks.find((block) => !left.some(({ prefix }) => prefix.overlaps(block)));
        expect(tree.findFree(within, length)?.toString()).toBe(expected?.toString());
      }),
    );
  });
});

it('holds a whole family', () => {
  const everything = { prefix: Prefix.parse('0.0.0.0/0'), holder: 'all' };
  const tree = new PrefixTree();
  expect(tree.findFree(everything.prefix, 0)?.toString()).toBe('0.0.0.0/0');
  tree.add(everything);
  expect(tree.findFree(everything.prefix, 32)).toBeUndefined();
  expect(tree.findOverlap(Prefix.parse('10.0.0.1/32'))).toEqual(everything);
  expect(tree.delete(everything)).toBe(true);
  expect(tree.findOverlap(everything.prefix)).toBeUndefined();
});
