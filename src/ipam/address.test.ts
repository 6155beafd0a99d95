import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { errorOf } from '../../test/support/expect-error.ts';
import { ADDRESS_BITS, Address } from './address.ts';

const anyAddress = fc.constantFrom(4 as const, 6 as const).chain((family) => {
  const max = (1n << BigInt(ADDRESS_BITS[family])) - 1n;
  return fc.bigInt({ min: 0n, max }).map((value) => new Address(family, value));
});

describe('text', () => {
  it('agrees with ipaddr.js in both directions', () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        const theirs = ipaddr.fromByteArray([...address.bytes]);
        expect(address.toString()).toBe(theirs.toString());
        expect(Address.parse(theirs.toNormalizedString()).equals(address)).toBe(true);
        expect(Address.parse(theirs.toNormalizedString().toUpperCase()).equals(address)).toBe(true);
      }),
    );
  });

  it.each([
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['fd00:0:0:0:0:0:0:0', 'fd00::'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
  ])('%s is written %s', (text, canonical) => {
    expect(Address.parse(text).toString()).toBe(canonical);
    expect(JSON.stringify({ address: Address.parse(text) })).toBe(`{"address":"${canonical}"}`);
  });

  it.each([
    ...[
      '',
      ' ',
      '10',
      '10.1',
      '10.0.1',
      '10.0.0.01',
      '010.0.0.1',
      '0x0a.0.0.1',
      '10.0.0.256',
      '10.0.0.1 ',
      '10.0.0.1/8',
    ],
    ...['1.2.3.4.5', '-1.0.0.0', '167772161', 'localhost', '10.0.0.١'],
    ...[':', ':::', '1::2::3', '12345::', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '[::1]', 'g::', '::1/64', ' ::1'],
    ...['1:2:3:4:5:6:1.2.3', '1:2:3:4:5:6:01.2.3.4', '64:ff9b::0x1.2.3.4', '64:ff9b::1.2.3.4.5'],
  ])('refuses %j', (text) => {
    expect(errorOf(() => Address.parse(text))).toMatch(
      /^bad-address: .* is not an (IP|IPv6) address: write one such as/,
    );
  });

  it('says what is wrong with a zone and with an IPv4-mapped address', () => {
    expect(errorOf(() => Address.parse('fe80::1%eth0'))).toBe(
      'bad-address: "fe80::1%eth0" names a zone: write the address without %eth0',
    );
    for (const text of ['::ffff:10.0.0.1', '::ffff:a00:1', '0:0:0:0:0:ffff:10.0.0.1']) {
      expect(errorOf(() => Address.parse(text))).toBe(
        `bad-address: "${text}" is an IPv4-mapped address: write 10.0.0.1`,
      );
    }
  });

  it('never fails with anything but its own error', () => {
    const nearText = fc.string({ unit: fc.constantFrom(...'0123456789abcdefxX.:%/ '), maxLength: 24 });
    fc.assert(
      fc.property(nearText, (text) => errorOf(() => Address.parse(text)).match(/^no error$|^bad-address: /) !== null),
    );
  });
});

describe('bytes', () => {
  it('round-trip, also out of the middle of a buffer', () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        const { bytes } = address;
        const message = Uint8Array.of(1, 2, 3, ...bytes, 4);
        expect(Address.fromBytes(message.subarray(3, 3 + bytes.length)).equals(address)).toBe(true);
      }),
    );
  });

  it('refuse another length', () => {
    expect(errorOf(() => Address.fromBytes(new Uint8Array(6)))).toBe(
      'bad-address: an IP address has 4 or 16 bytes, not 6',
    );
  });
});
