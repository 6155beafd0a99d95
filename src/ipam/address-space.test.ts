import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorOf } from '../../test/support/expect-error.ts';
import { Address } from './address.ts';
import {
  AddressSpace,
  DEFAULT_NETWORK_SUBNET,
  DEFAULT_POOLS,
  type DefaultPool,
  parseSubnetRequest,
  ulaPrefix,
} from './address-space.ts';
import { Prefix } from './prefix.ts';
import type { TakenPrefix } from './prefix-tree.ts';

/** A prefix inside `block`, at most `depth` bits longer: a small depth makes many meet, nest and be equal. */
function prefixInside(block: Prefix, depth: number): fc.Arbitrary<Prefix> {
  return fc
    .tuple(fc.nat({ max: depth }), fc.bigInt({ min: 0n, max: block.size - 1n }))
    .map(([extra, offset]) => new Prefix(new Address(block.family, block.base + offset), block.length + extra));
}

const ula = ulaPrefix(Uint8Array.of(0x12, 0x34, 0x56, 0x78, 0x9a));
const spaceOf = (...pools: DefaultPool[]) => new AddressSpace({ ula, pools });
const route = (text: string, device = 'tun0'): TakenPrefix => ({
  prefix: Prefix.parse(text),
  holder: `the host routes through ${device}`,
});
const web = 'network web uses';

describe('default pools', () => {
  it('give the default network 172.17.0.0/16 where it is free', () => {
    const request = { family: 4, prefer: DEFAULT_NETWORK_SUBNET } as const;
    expect(spaceOf().claim(request, web).toString()).toBe('172.17.0.0/16');
    const space = spaceOf();
    space.setHostRoutes([route('172.17.0.0/16', 'docker0')]);
    expect(space.claim(request, web).toString()).toBe('10.89.0.0/24');
  });

  it('give small blocks in order, and a released one again', () => {
    const space = spaceOf();
    const got = Array.from({ length: 600 }, () => space.claim({ family: 4 }, web).toString());
    expect([got[0], got[1], got[255], got[256], got[599]]).toEqual([
      '10.89.0.0/24',
      '10.89.1.0/24',
      '10.89.255.0/24',
      '10.90.0.0/24',
      '10.91.87.0/24',
    ]);
    expect(space.release({ prefix: Prefix.parse('10.89.7.0/24'), holder: web })).toBe(true);
    expect(space.release({ prefix: Prefix.parse('10.89.7.0/24'), holder: web })).toBe(false);
    expect(space.claim({ family: 4 }, web).toString()).toBe('10.89.7.0/24');
  });

  it('have room for tens of thousands, apart from each other and from the default network', () => {
    const bases = [DEFAULT_NETWORK_SUBNET, ...DEFAULT_POOLS.map(({ base }) => Prefix.parse(base))];
    for (const [index, base] of bases.entries()) {
      for (const other of bases.slice(index + 1)) expect(base.overlaps(other)).toBe(false);
    }
    const tens = bases.filter(({ base }) => base >> 24n === 10n).reduce((sum, { size }) => sum + size, 0n);
    expect(tens / 256n).toBe(42_752n);
  });

  it('leave 10.0.0.0/8 when a VPN routes all of it', () => {
    const space = spaceOf();
    space.setHostRoutes([route('10.0.0.0/8')]);
    expect(space.claim({ family: 4 }, web).toString()).toBe('172.18.0.0/24');
  });

  it('do not mind default routes, whole or in pieces', () => {
    const space = spaceOf();
    space.setHostRoutes(
      ['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '::/0', '::/3', 'fc00::/7'].map((text) => route(text)),
    );
    expect(space.claim({ family: 4 }, web).toString()).toBe('10.89.0.0/24');
    expect(space.claim({ family: 6 }, web).toString()).toBe('fd12:3456:789a::/64');
    expect(space.claim(Prefix.parse('10.0.0.0/24'), web).toString()).toBe('10.0.0.0/24');
  });

  it('of IPv6 are the ULA prefix, whose subnet ID counts up', () => {
    const space = spaceOf();
    const got = Array.from({ length: 3 }, () => space.claim({ family: 6 }, web).toString());
    expect(got).toEqual(['fd12:3456:789a::/64', 'fd12:3456:789a:1::/64', 'fd12:3456:789a:2::/64']);
  });

  it('can be given, for each family alone', () => {
    const space = spaceOf({ base: '10.5.0.0/23', size: 24 }, { base: '10.7.0.0/24', size: 25 });
    const got = Array.from({ length: 4 }, () => space.claim({ family: 4 }, web).toString());
    expect(got).toEqual(['10.5.0.0/24', '10.5.1.0/24', '10.7.0.0/25', '10.7.0.128/25']);
    expect(errorOf(() => space.claim({ family: 4 }, web))).toBe(
      'pools-full: all predefined address pools have been fully subnetted, no IPv4 subnet is left: ' +
        'remove networks that are not used, name a subnet, or configure more pools',
    );
    expect(space.claim({ family: 6 }, web).toString()).toBe('fd12:3456:789a::/64');
    const six = spaceOf({ base: '2001:db8::/56', size: 64 });
    expect([six.claim({ family: 6 }, web), six.claim({ family: 4 }, web)].join()).toBe('2001:db8::/64,10.89.0.0/24');
  });

  it.each([
    [{ base: '10.5.0.1/24', size: 24 }, 'did you mean 10.5.0.0/24?'],
    [{ base: '10.5.0.0/24', size: 16 }, 'has no subnets of /16: give a size from 24 to 31'],
    [{ base: '10.5.0.0/24', size: 32 }, 'has no subnets of /32'],
    [{ base: 'fd00::/48', size: 128 }, 'has no subnets of /128: give a size from 48 to 127'],
  ])('refuse %j', (pool, message) => {
    const error = errorOf(() => spaceOf(pool));
    expect(error).toMatch(/^bad-subnet: /);
    expect(error).toContain(message);
  });
});

describe('a size from the default pools', () => {
  it.each(['0.0.0.0/26', '/26'])('%s', (text) => {
    const space = spaceOf();
    space.claim({ family: 4 }, web);
    expect(space.claim(parseSubnetRequest(text), web).toString()).toBe('10.89.1.0/26');
    expect(space.claim(parseSubnetRequest(text), web).toString()).toBe('10.89.1.64/26');
    expect(space.claim({ family: 4 }, web).toString()).toBe('10.89.2.0/24');
  });

  it('larger than the pools give by themselves', () => {
    expect(spaceOf().claim(parseSubnetRequest('0.0.0.0/12'), web).toString()).toBe('10.96.0.0/12');
    expect(spaceOf().claim(parseSubnetRequest('::/56'), web).toString()).toBe('fd12:3456:789a::/56');
  });

  it('of the pools themselves', () => {
    expect(parseSubnetRequest('0.0.0.0')).toEqual({ family: 4 });
    expect(parseSubnetRequest('::')).toEqual({ family: 6 });
    expect(parseSubnetRequest('10.0.0.0/8')).toEqual(Prefix.parse('10.0.0.0/8'));
  });

  it.each(['0.0.0.0/8', '0.0.0.0/0', '0.0.0.0/32', '::/47', '::/128'])('%s is refused', (text) => {
    expect(errorOf(() => spaceOf().claim(parseSubnetRequest(text), web))).toMatch(
      /^bad-subnet: the default IPv[46] pools have no subnet of \/\d+: ask for \/\d+ to \/\d+ or name a subnet$/,
    );
  });

  it('that is used up', () => {
    const space = spaceOf({ base: '10.5.0.0/24', size: 26 });
    space.claim({ family: 4 }, web);
    expect(errorOf(() => space.claim({ family: 4, length: 24 }, web))).toMatch(
      /^pools-full: .* no IPv4 subnet of \/24 is left/,
    );
  });
});

describe('a given subnet', () => {
  it('is refused where it overlaps, with who holds what and a free one', () => {
    const space = spaceOf();
    space.setHostRoutes([route('10.0.0.0/8')]);
    expect(errorOf(() => space.claim(Prefix.parse('10.1.0.0/16'), web))).toBe(
      'subnet-overlap: 10.1.0.0/16 overlaps 10.0.0.0/8, which the host routes through tun0: ' +
        'choose another subnet, for example 172.18.0.0/24',
    );
    space.claim(Prefix.parse('192.168.5.0/24'), web);
    expect(errorOf(() => space.claim(Prefix.parse('192.168.0.0/16'), 'network db uses'))).toContain(
      'subnet-overlap: 192.168.0.0/16 overlaps 192.168.5.0/24, which network web uses: ',
    );
  });

  it.each(['0.0.0.0/8', '127.1.0.0/16', '224.0.0.0/24', '192.0.0.0/2', 'fe80::/64', 'ff02::/64', '::/64'])(
    '%s is refused as special',
    (text) => {
      expect(errorOf(() => spaceOf().claim(Prefix.parse(text), web))).toMatch(
        /^bad-subnet: .* cannot be a network's subnet, as .*: choose another subnet, for example /,
      );
    },
  );

  it.each(['10.0.0.1/32', 'fd00::1/128'])('%s is refused as too small', (text) => {
    expect(errorOf(() => spaceOf().claim(Prefix.parse(text), web))).toMatch(/^bad-subnet: .* is a single address/);
  });

  it('gets no example when there is none', () => {
    const space = spaceOf({ base: '10.5.0.0/24', size: 24 });
    space.claim({ family: 4 }, web);
    expect(errorOf(() => space.claim(Prefix.parse('10.5.0.0/25'), web))).toMatch(/: choose another subnet$/);
  });
});

describe('host routes', () => {
  it('are replaced as a whole; a holder that changes is told anew', () => {
    const space = spaceOf();
    const conflict = () => errorOf(() => space.claim(Prefix.parse('10.89.0.0/16'), web));
    space.setHostRoutes([route('10.89.0.0/24'), route('10.89.0.0/24'), route('10.89.1.0/24')]);
    expect(conflict()).toContain('10.89.0.0/24, which the host routes through tun0');
    for (let times = 0; times < 3; times++) space.setHostRoutes([route('10.89.0.0/24', 'wg0')]);
    expect(conflict()).toContain('10.89.0.0/24, which the host routes through wg0');
    space.setHostRoutes([]);
    expect(conflict()).toBe('no error');
  });

  it('do not free a subnet that a network has too', () => {
    const space = spaceOf();
    space.restore({ prefix: Prefix.parse('10.89.0.0/24'), holder: web });
    space.setHostRoutes([route('10.89.0.0/24')]);
    space.setHostRoutes([]);
    expect(space.claim({ family: 4 }, web).toString()).toBe('10.89.1.0/24');
  });
});

it('chosen subnets never overlap each other or what the host routes', () => {
  const pools = [
    { base: '10.89.0.0/20', size: 24 },
    { base: 'fd00:1::/56', size: 64 },
  ];
  const nearRoute = fc.constantFrom(...pools).chain(({ base }) => prefixInside(Prefix.parse(base), 10));
  const anyRoute = fc.oneof({ arbitrary: nearRoute, weight: 3 }, prefixInside(Prefix.parse('10.0.0.0/8'), 24));
  const request = fc.oneof(
    fc.record({
      family: fc.constant(4 as const),
      length: fc.option(fc.integer({ min: 21, max: 28 }), { nil: undefined }),
    }),
    fc.record({
      family: fc.constant(6 as const),
      length: fc.option(fc.integer({ min: 57, max: 66 }), { nil: undefined }),
    }),
    nearRoute.filter(({ base, length, family }) => base > 0n && length < (family === 4 ? 32 : 128)),
  );
  fc.assert(
    fc.property(fc.array(anyRoute, { maxLength: 12 }), fc.array(request, { maxLength: 40 }), (routes, requests) => {
      const space = spaceOf(...pools);
      space.setHostRoutes(routes.map((prefix) => ({ prefix, holder: 'the host routes' })));
      const claimed: Prefix[] = [];
      for (const wanted of requests) {
        const error = errorOf(() => claimed.push(space.claim(wanted, web)));
        const expected = wanted instanceof Prefix ? 'subnet-overlap' : 'pools-full';
        expect(error).toMatch(new RegExp(`^no error$|^${expected}: `));
        if (error.startsWith('subnet-overlap')) {
          expect([...routes, ...claimed].some((taken) => wanted instanceof Prefix && taken.overlaps(wanted))).toBe(
            true,
          );
        }
      }
      for (const [index, prefix] of claimed.entries()) {
        for (const other of [...routes, ...claimed.slice(index + 1)]) expect(prefix.overlaps(other)).toBe(false);
      }
    }),
  );
});

it('a ULA global ID has 5 bytes', () => {
  expect(ula.toString()).toBe('fd12:3456:789a::/48');
  expect(errorOf(() => ulaPrefix(new Uint8Array(4)))).toBe('bad-subnet: a ULA global ID has 5 bytes, not 4');
});
