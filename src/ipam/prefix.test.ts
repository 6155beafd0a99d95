import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { errorOf } from '../../test/support/expect-error.ts';
import { ADDRESS_BITS, Address } from './address.ts';
import { commonPrefix, Prefix } from './prefix.ts';

/** A prefix inside `block`, at most `depth` bits longer: a small depth makes many meet, nest and be equal. */
function prefixInside(block: Prefix, depth: number): fc.Arbitrary<Prefix> {
  return fc
    .tuple(fc.nat({ max: depth }), fc.bigInt({ min: 0n, max: block.size - 1n }))
    .map(([extra, offset]) => new Prefix(new Address(block.family, block.base + offset), block.length + extra));
}

const wholeSpace = fc.constantFrom(Prefix.parse('0.0.0.0/0'), Prefix.parse('::/0'));
const prefixOf = (space: Prefix) => prefixInside(space, ADDRESS_BITS[space.family]);
const addressOf = (space: Prefix) => prefixOf(space).map(({ last }) => last);
const anyPrefix = wholeSpace.chain(prefixOf);
const pairInOneFamily = wholeSpace.chain((space) => fc.tuple(prefixOf(space), prefixOf(space)));
/** Two prefixes that are likely to be nested. */
const closePair = anyPrefix
  .filter(({ family, length }) => length <= ADDRESS_BITS[family] - 4)
  .chain((block) => fc.tuple(prefixInside(block, 4), prefixInside(block, 4)));

describe('text', () => {
  it('round-trips', () => {
    fc.assert(fc.property(anyPrefix, (prefix) => Prefix.parse(prefix.toString()).equals(prefix)));
  });

  it('refuses host bits and says what it would be', () => {
    expect(errorOf(() => Prefix.parse('172.18.0.5/24'))).toBe(
      'bad-subnet: 172.18.0.5/24 has host bits set: did you mean 172.18.0.0/24?',
    );
    expect(errorOf(() => Prefix.parse('fd00::1/64'))).toContain('did you mean fd00::/64?');
  });

  it.each(['', '10.0.0.0', '10.0.0.0/', '/24', '10.0.0.0/33', '::/129', '10.0.0.0/08', '10.0.0.0/-1', '10.0.0.0/8/8'])(
    'refuses %j',
    (text) => expect(errorOf(() => Prefix.parse(text))).toMatch(/^bad-subnet: .*(write|use) /),
  );

  it.each(['10/8', '10.1/16', '::ffff:10.0.0.0/104', 'fe80::%eth0/64', '010.0.0.0/8'])(
    'refuses the address in %j',
    (text) => expect(errorOf(() => Prefix.parse(text))).toMatch(/^bad-subnet: .*write /),
  );
});

describe('arithmetic', () => {
  it('first and last address agree with ipaddr.js', () => {
    fc.assert(
      fc.property(anyPrefix, (prefix) => {
        const library = prefix.family === 4 ? ipaddr.IPv4 : ipaddr.IPv6;
        const cidr = prefix.toString();
        expect(prefix.first.toString()).toBe(library.networkAddressFromCIDR(cidr).toString());
        expect(prefix.last.toString()).toBe(library.broadcastAddressFromCIDR(cidr).toString());
        expect(prefix.last.value - prefix.first.value + 1n).toBe(prefix.size);
      }),
    );
  });

  it('contains an address where ipaddr.js matches it', () => {
    const inOneFamily = wholeSpace.chain((space) => fc.tuple(prefixOf(space), addressOf(space)));
    const atTheEdge = anyPrefix.chain((prefix) => {
      const limit = (1n << BigInt(ADDRESS_BITS[prefix.family])) - 1n;
      const values = [prefix.base - 1n, prefix.base, prefix.last.value, prefix.last.value + 1n];
      const real = values.filter((value) => value >= 0n && value <= limit);
      return fc.tuple(fc.constant(prefix), fc.constantFrom(...real.map((value) => new Address(prefix.family, value))));
    });
    fc.assert(
      fc.property(fc.oneof(inOneFamily, atTheEdge), ([prefix, address]) => {
        const theirs = ipaddr.fromByteArray([...address.bytes]);
        expect(prefix.contains(address)).toBe(theirs.match(ipaddr.parseCIDR(prefix.toString())));
      }),
    );
  });

  it('never contains the other family', () => {
    expect(Prefix.parse('0.0.0.0/0').contains(Prefix.parse('::/0'))).toBe(false);
    expect(Prefix.parse('::/0').contains(Address.parse('10.0.0.1'))).toBe(false);
  });

  it('overlaps exactly where the ranges share an address', () => {
    fc.assert(
      fc.property(fc.oneof(pairInOneFamily, closePair), ([a, b]) => {
        const shared = a.first.value <= b.last.value && b.first.value <= a.last.value;
        expect(a.overlaps(b)).toBe(shared);
        expect(a.contains(b)).toBe(a.first.value <= b.first.value && b.last.value <= a.last.value);
      }),
    );
  });

  it('has blocks that follow each other and fill it', () => {
    const splittable = anyPrefix.filter(({ family, length }) => length <= ADDRESS_BITS[family] - 6);
    fc.assert(
      fc.property(splittable, fc.integer({ min: 0, max: 6 }), (prefix, extra) => {
        let next = prefix.base;
        for (let index = 0n; index < 2n ** BigInt(extra); index++) {
          const block = prefix.block(prefix.length + extra, index);
          expect(block.base).toBe(next);
          next += block.size;
        }
        expect(next).toBe(prefix.base + prefix.size);
      }),
    );
  });

  it('refuses a block that is not inside', () => {
    const prefix = Prefix.parse('10.0.0.0/24');
    expect(errorOf(() => prefix.block(23))).toContain('bad-subnet: 10.0.0.0/24 has no /23 block');
    expect(errorOf(() => prefix.block(26, 4n))).toContain('no /26 block number 4');
    expect(errorOf(() => prefix.block(33))).toMatch(/^bad-subnet/);
  });

  it('has a longest common prefix', () => {
    fc.assert(
      fc.property(fc.oneof(pairInOneFamily, closePair), ([a, b]) => {
        const common = commonPrefix(a, b);
        expect(common.contains(a) && common.contains(b)).toBe(true);
        if (common.length < a.length && common.length < b.length) {
          expect(a.bit(common.length)).not.toBe(b.bit(common.length));
        } else {
          expect(common.equals(a) || common.equals(b)).toBe(true);
        }
      }),
    );
  });
});

describe('usable addresses', () => {
  it.each([
    ['10.0.0.0/24', '10.0.0.1', '10.0.0.254'],
    ['10.0.0.4/30', '10.0.0.5', '10.0.0.6'],
    ['10.0.0.4/31', '10.0.0.4', '10.0.0.5'],
    ['fd00::/64', 'fd00::1', 'fd00::ffff:ffff:ffff:ffff'],
    ['fd00::4/126', 'fd00::5', 'fd00::7'],
    ['fd00::4/127', 'fd00::4', 'fd00::5'],
  ])('of %s are %s to %s', (text, first, last) => {
    const range = Prefix.parse(text).usableRange();
    expect([range.first.toString(), range.last.toString()]).toEqual([first, last]);
  });

  it.each(['10.0.0.1/32', 'fd00::1/128'])('%s has none', (text) => {
    expect(errorOf(() => Prefix.parse(text).usableRange())).toMatch(/^bad-subnet: .* is a single address/);
  });
});
