import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorOf } from '../../test/support/expect-error.ts';
import { Address } from './address.ts';
import { AddressPool, type AddressPoolOptions, type Holder } from './address-pool.ts';
import { Prefix } from './prefix.ts';

const web: Holder = { id: '0123456789abcdef', name: 'web' };
const ip = Address.parse;

function poolOf(subnet: string, options: Omit<AddressPoolOptions, 'subnet' | 'ipRange'> & { ipRange?: string } = {}) {
  const ipRange = options.ipRange === undefined ? undefined : Prefix.parse(options.ipRange);
  return new AddressPool({ ...options, subnet: Prefix.parse(subnet), ipRange });
}

function leaseAll(pool: AddressPool): string[] {
  const got: string[] = [];
  while (pool.available > 0n) got.push(pool.lease(web).toString());
  return got;
}

describe('gateway and auxiliary addresses', () => {
  it('the gateway is the first usable address unless it is given', () => {
    expect(poolOf('172.17.0.0/16').gateway?.toString()).toBe('172.17.0.1');
    expect(poolOf('fd00::/64').gateway?.toString()).toBe('fd00::1');
    expect(poolOf('10.0.0.0/24', { ipRange: '10.0.0.128/25' }).gateway?.toString()).toBe('10.0.0.1');
    expect(poolOf('10.0.0.0/24', { gateway: ip('10.0.0.254') }).gateway?.toString()).toBe('10.0.0.254');
    expect(poolOf('10.0.0.0/24', { gateway: 'none' }).gateway).toBeUndefined();
  });

  it('it steps aside for auxiliary addresses, which are never leased', () => {
    const pool = poolOf('10.0.0.0/29', { auxiliary: { router: ip('10.0.0.1'), printer: ip('10.0.0.4') } });
    expect(pool.gateway?.toString()).toBe('10.0.0.2');
    expect(leaseAll(pool)).toEqual(['10.0.0.3', '10.0.0.5', '10.0.0.6']);
    expect(errorOf(() => pool.lease(web, ip('10.0.0.4')))).toBe(
      'address-taken: 10.0.0.4 is reserved as auxiliary address printer of 10.0.0.0/29: choose another address or leave it out',
    );
  });

  it.each([
    [{ gateway: ip('10.0.1.1') }, 'bad-address: the gateway 10.0.1.1 is outside subnet 10.0.0.0/24'],
    [{ gateway: ip('fd00::1') }, 'bad-address: the gateway fd00::1 is outside subnet 10.0.0.0/24'],
    [{ gateway: ip('10.0.0.0') }, 'bad-address: the gateway 10.0.0.0 is the network address of 10.0.0.0/24'],
    [{ auxiliary: { x: ip('10.0.0.255') } }, 'bad-address: auxiliary address x 10.0.0.255 is the broadcast address'],
    [
      { gateway: ip('10.0.0.9'), auxiliary: { x: ip('10.0.0.9') } },
      'address-taken: the gateway 10.0.0.9 is reserved as auxiliary address x of 10.0.0.0/24: choose another address',
    ],
    [{ ipRange: '10.0.1.0/25' }, 'bad-subnet: ip-range 10.0.1.0/25 is outside subnet 10.0.0.0/24'],
    [{ ipRange: '10.0.0.0/16' }, 'bad-subnet: ip-range 10.0.0.0/16 is outside subnet 10.0.0.0/24'],
    [{ ipRange: 'fd00::/64' }, 'bad-subnet: ip-range fd00::/64 is outside subnet 10.0.0.0/24'],
    [{ ipRange: '10.0.0.255/32' }, 'bad-subnet: ip-range 10.0.0.255/32 has no address that a host may have'],
  ])('refuses %j', (options, message) => expect(errorOf(() => poolOf('10.0.0.0/24', options))).toContain(message));

  it('needs room', () => {
    expect(errorOf(() => poolOf('10.0.0.1/32'))).toMatch(/^bad-subnet: 10.0.0.1\/32 is a single address/);
    const both = { a: ip('10.0.0.0'), b: ip('10.0.0.1') };
    expect(errorOf(() => poolOf('10.0.0.0/31', { auxiliary: both }))).toMatch(
      /^pool-full: .*no address left for the gateway/,
    );
  });
});

describe('leases', () => {
  it('come lowest first, and a released one comes again', () => {
    const pool = poolOf('172.17.0.0/16');
    expect([pool.lease(web), pool.lease(web), pool.lease(web)].join()).toBe('172.17.0.2,172.17.0.3,172.17.0.4');
    expect(pool.release(ip('172.17.0.3'))).toBe(true);
    expect(pool.release(ip('172.17.0.3'))).toBe(false);
    expect(pool.lease(web).toString()).toBe('172.17.0.3');
    expect(pool.lease(web).toString()).toBe('172.17.0.5');
  });

  it('may be any address of the subnet when asked for', () => {
    const pool = poolOf('10.0.0.0/24', { ipRange: '10.0.0.128/25' });
    expect(pool.lease(web, ip('10.0.0.7')).toString()).toBe('10.0.0.7');
    expect(pool.holderOf(ip('10.0.0.7'))).toBe(web);
    expect(pool.lease(web).toString()).toBe('10.0.0.128');
    expect(pool.holderOf(ip('fd00::1'))).toBeUndefined();
  });

  it('use the first and last address of an ip-range in the middle of the subnet', () => {
    const pool = poolOf('10.0.0.0/24', { ipRange: '10.0.0.8/30' });
    expect(leaseAll(pool)).toEqual(['10.0.0.8', '10.0.0.9', '10.0.0.10', '10.0.0.11']);
  });

  it.each([
    ['10.0.1.2', 'bad-address: 10.0.1.2 is outside subnet 10.0.0.0/24: choose an address from 10.0.0.1 to 10.0.0.254'],
    ['10.0.0.0', 'bad-address: 10.0.0.0 is the network address of 10.0.0.0/24: choose an address from'],
    ['10.0.0.255', 'bad-address: 10.0.0.255 is the broadcast address of 10.0.0.0/24: choose an address from'],
    [
      '10.0.0.1',
      'address-taken: 10.0.0.1 is reserved as the gateway of 10.0.0.0/24: choose another address or leave it out',
    ],
    [
      '10.0.0.2',
      'address-taken: 10.0.0.2 is already taken by endpoint web (0123456789ab): choose another address or leave it out',
    ],
  ])('of %s is refused', (text, message) => {
    const pool = poolOf('10.0.0.0/24');
    pool.lease(web);
    expect(errorOf(() => pool.lease({ id: 'x', name: 'db' }, ip(text)))).toContain(message);
    expect(pool.holderOf(ip('10.0.0.2'))).toBe(web);
    expect(pool.inUse).toBe(4n);
  });

  it('of the subnet-router anycast address is refused', () => {
    expect(errorOf(() => poolOf('fd00::/64').lease(web, ip('fd00::')))).toContain(
      'is the subnet-router anycast address',
    );
  });

  it('end when the pool is full', () => {
    const pool = poolOf('10.0.0.0/30');
    pool.lease(web);
    expect(errorOf(() => pool.lease(web))).toBe(
      'pool-full: subnet 10.0.0.0/30 has no free address left: detach an endpoint or use a network with a larger subnet',
    );
    const ranged = poolOf('10.0.0.0/24', { ipRange: '10.0.0.9/32' });
    ranged.lease(web);
    expect(errorOf(() => ranged.lease(web))).toMatch(/^pool-full: ip-range 10.0.0.9\/32 of subnet 10.0.0.0\/24 has no/);
    expect(ranged.lease(web, ip('10.0.0.10')).toString()).toBe('10.0.0.10');
  });

  it('use both addresses of a /31 and a /127', () => {
    expect(leaseAll(poolOf('10.0.0.4/31'))).toEqual(['10.0.0.5']);
    expect(leaseAll(poolOf('fd00::4/127'))).toEqual(['fd00::5']);
  });

  it('in a huge subnet may be anywhere', () => {
    const pool = poolOf('fd00::/64');
    for (const text of ['fd00::ffff:ffff:ffff:ffff', 'fd00::2', 'fd00::20:0:0:0']) pool.lease(web, ip(text));
    expect(pool.lease(web).toString()).toBe('fd00::3');
    expect(pool.release(ip('fd00::ffff:ffff:ffff:ffff'))).toBe(true);
    expect(pool.inUse).toBe(5n);
  });

  it('are counted as Docker counts them', () => {
    const pool = poolOf('172.18.0.0/16');
    expect([pool.inUse, pool.available]).toEqual([3n, 65533n]);
    pool.lease(web);
    expect([pool.inUse, pool.available]).toEqual([4n, 65532n]);
    expect(poolOf('fd00::/64').inUse).toBe(2n);
    expect(poolOf('fd00::/64').available).toBe(2n ** 64n - 2n);
  });

  it('fill a /16 to the last address', () => {
    const got = leaseAll(poolOf('172.17.0.0/16'));
    expect(new Set(got).size).toBe(65533);
    expect([got[0], got.at(-1)]).toEqual(['172.17.0.2', '172.17.255.254']);
  });
});

describe('against a model that tries every address', () => {
  const subnets = ['10.0.0.0/27', '10.0.0.64/31', 'fd00::/123', 'fd00::fff0/125'].map(Prefix.parse);
  const setting = fc.constantFrom(...subnets).chain((subnet) => {
    const { first, last } = subnet.usableRange();
    const usable = fc.bigInt({ min: first.value, max: last.value }).map((value) => new Address(subnet.family, value));
    const range = fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 3 })).map(([extra, index]) => {
      const length = Math.min(subnet.length + extra, subnet.family === 4 ? 31 : 127);
      return subnet.block(length, BigInt(index % 2 ** (length - subnet.length)));
    });
    return fc.record({
      subnet: fc.constant(subnet),
      ipRange: fc.option(range, { nil: undefined }),
      gateway: fc.option(fc.constant('none' as const), { nil: undefined }),
      auxiliary: subnet.size > 4n ? fc.dictionary(fc.constantFrom('a', 'b'), usable) : fc.constant({}),
    });
  });
  /** Each step picks the address at `offset` from the start of the subnet, which may be outside or not usable. */
  const step = fc.record({
    do: fc.constantFrom('lease', 'lease', 'static', 'release'),
    offset: fc.integer({ min: -1, max: 33 }),
  });

  function distinct(auxiliary: Record<string, Address>): boolean {
    const texts = Object.values(auxiliary).map(String);
    return new Set(texts).size === texts.length;
  }

  it('no address is leased twice, the lowest comes first, and a rebuilt pool is equal', () => {
    fc.assert(
      fc.property(
        setting.filter(({ auxiliary }) => distinct(auxiliary)),
        fc.array(step, { maxLength: 80 }),
        (options, steps) => {
          const pool = new AddressPool(options);
          const { first, last } = options.subnet.usableRange();
          const range = options.ipRange ?? options.subnet;
          const blocked = new Set([...Object.values(options.auxiliary), pool.gateway].map(String));
          const leased = new Map<string, Holder>();
          const everyUsable: Address[] = [];
          for (let value = first.value; value <= last.value; value++)
            everyUsable.push(new Address(first.family, value));
          const free = () => everyUsable.filter((it) => !blocked.has(`${it}`) && !leased.has(`${it}`));

          for (const [index, { do: action, offset }] of steps.entries()) {
            const holder = { id: `${index}`, name: `n${index}` };
            const address = new Address(first.family, options.subnet.base + BigInt(offset));
            if (action === 'release') {
              expect(pool.release(address)).toBe(leased.delete(`${address}`));
            } else if (action === 'static') {
              const allowed = free().some((it) => it.equals(address));
              const error = errorOf(() => pool.lease(holder, address));
              expect(error === 'no error').toBe(allowed);
              if (allowed) leased.set(`${address}`, holder);
            } else {
              const expected = free().find((it) => range.contains(it));
              if (expected === undefined) expect(errorOf(() => pool.lease(holder))).toMatch(/^pool-full/);
              else expect(pool.lease(holder).toString()).toBe(expected.toString());
              if (expected !== undefined) leased.set(`${expected}`, holder);
            }
            expect(pool.available).toBe(BigInt(free().filter((it) => range.contains(it)).length));
            expect(pool.inUse).toBe(options.subnet.size - BigInt(free().length));
          }
          for (const [text, holder] of leased) expect(pool.holderOf(ip(text))).toBe(holder);

          const rebuilt = new AddressPool(options);
          for (const [text, holder] of leased) rebuilt.lease(holder, ip(text));
          expect(leaseAll(rebuilt)).toEqual(leaseAll(pool));
        },
      ),
    );
  });
});
