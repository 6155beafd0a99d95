import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorOf } from '../../test/support/expect-error.ts';
import { Address } from './address.ts';
import { macFromAddress, parseMac } from './mac.ts';

const anyIpv4 = fc.bigInt({ min: 0n, max: (1n << 32n) - 1n }).map((value) => new Address(4, value));
const anyIpv6 = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map((value) => new Address(6, value));

describe('derived from an address', () => {
  it('is 02:42 and the bytes of an IPv4 address', () => {
    expect(macFromAddress(Address.parse('172.17.0.2'))).toBe('02:42:ac:11:00:02');
  });

  it('is stable for IPv6: changing this value changes the MAC of every IPv6-only endpoint', () => {
    expect(macFromAddress(Address.parse('fd00::2'))).toBe('06:9e:b8:7c:90:80');
    expect(macFromAddress(Address.parse('fd00::3'))).toBe('06:9e:b8:7c:90:81');
  });

  it('is a locally administered unicast MAC that parses', () => {
    fc.assert(
      fc.property(fc.oneof(anyIpv4, anyIpv6), (address) => {
        const mac = macFromAddress(address);
        expect(parseMac(mac)).toBe(mac);
        expect(Number.parseInt(mac.slice(0, 2), 16) & 0b11).toBe(0b10);
      }),
    );
  });

  it('differs between addresses with the same first 88 bits', () => {
    const lowBits = fc.bigInt({ min: 0n, max: (1n << 40n) - 1n });
    fc.assert(
      fc.property(anyIpv6, lowBits, lowBits, (address, a, b) => {
        const high = (address.value >> 40n) << 40n;
        const same = macFromAddress(new Address(6, high | a)) === macFromAddress(new Address(6, high | b));
        expect(same).toBe(a === b);
      }),
    );
  });
});

describe('text', () => {
  it('is canonical', () => {
    expect(parseMac('02-42-AC-11-00-02')).toBe('02:42:ac:11:00:02');
  });

  it.each([
    ['', 'is not a MAC address'],
    ['02:42:ac:11:00', 'is not a MAC address'],
    ['02:42-ac:11:00:02', 'is not a MAC address'],
    ['0242.ac11.0002', 'is not a MAC address'],
    ['01:00:5e:00:00:01', 'is a multicast MAC address'],
    ['00:00:00:00:00:00', 'is the zero MAC address'],
  ])('%j %s', (text, why) => expect(errorOf(() => parseMac(text))).toContain(`bad-address: "${text}" ${why}`));
});
