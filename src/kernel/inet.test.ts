import { isIPv6, SocketAddress } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PontoonError } from '../errors.ts';
import { AF_INET, AF_INET6 } from './ffi.ts';
import {
  familyOf,
  formatAddress,
  formatMac,
  parseAddress,
  parseInterfaceAddress,
  parseMac,
  socketAddress,
  socketPort,
} from './inet.ts';

const bytes4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 });

describe('addresses', () => {
  test('bytes to text to bytes', () => {
    fc.assert(
      fc.property(fc.oneof(bytes4, bytes16), (bytes) => {
        const text = formatAddress(bytes);
        expect(Buffer.compare(parseAddress(text), bytes)).toBe(0);
        expect(familyOf(text)).toBe(familyOf(bytes));
      }),
    );
  });

  test('IPv6 text is the canonical one: what Node.js makes of it', () => {
    fc.assert(
      fc.property(bytes16, (bytes) => {
        const text = formatAddress(bytes);
        expect(isIPv6(text)).toBe(true);
        expect(text).toBe(text.toLowerCase());
        // RFC 5952 §5 leaves the mixed notation of mapped addresses open.
        if (!text.startsWith('::ffff:'))
          expect(text).toBe(new SocketAddress({ address: text, family: 'ipv6' }).address);
      }),
    );
  });

  test.each([
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['::', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
  ])('%s is %s', (written, canonical) => {
    expect(parseAddress(formatAddress(parseAddress(written)))).toEqual(parseAddress(canonical));
    if (!written.includes('.')) expect(formatAddress(parseAddress(written))).toBe(canonical);
  });

  test.each([
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4/8',
    'fe80::1%eth0',
    '2001:db8::1::2',
    ':',
    'localhost',
    ' 1.2.3.4',
    '0x7f.0.0.1',
    '2130706433',
  ])("'%s' is refused", (text) => {
    expect(() => parseAddress(text)).toThrow(PontoonError);
    expect(() => parseAddress(text)).toThrow(/is not an IP address/);
  });

  test('arbitrary text is an address or refused with one line', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.%/]{0,20}$/)), (text) => {
        try {
          expect([4, 16]).toContain(parseAddress(text).length);
        } catch (error) {
          expect(PontoonError.is(error, 'bad-address')).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('addresses with a prefix length', () => {
  test('round trip', () => {
    fc.assert(
      fc.property(fc.oneof(bytes4, bytes16), fc.nat(), (bytes, length) => {
        const prefixLength = length % (bytes.length * 8 + 1);
        const parsed = parseInterfaceAddress(`${formatAddress(bytes)}/${prefixLength}`);
        expect(Buffer.compare(parsed.address, bytes)).toBe(0);
        expect(parsed.prefixLength).toBe(prefixLength);
      }),
    );
  });

  test('without one, it is the whole address', () => {
    expect(parseInterfaceAddress('192.0.2.1').prefixLength).toBe(32);
    expect(parseInterfaceAddress('2001:db8::1').prefixLength).toBe(128);
  });

  test.each([
    '192.0.2.1/33',
    '192.0.2.1/-1',
    '192.0.2.1/x',
    '192.0.2.1/1.5',
    '192.0.2.1/',
    '2001:db8::1/129',
    '192.0.2.1/ 8',
    '192.0.2.1/0x8',
    '192.0.2.1/1e1',
    '/8',
  ])("'%s' is refused", (text) => {
    expect(() => parseInterfaceAddress(text)).toThrow(PontoonError);
  });
});

describe('MAC addresses', () => {
  test('round trip', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
        expect(Buffer.compare(parseMac(formatMac(bytes)), bytes)).toBe(0);
        expect(Buffer.compare(parseMac(formatMac(bytes).toUpperCase()), bytes)).toBe(0);
      }),
    );
  });

  test.each(['', '02:42:ac:11:00', '02:42:ac:11:00:02:03', '02-42-ac-11-00-02', '2:42:ac:11:0:2', '02:42:ac:11:00:0g'])(
    "'%s' is refused",
    (text) => {
      expect(() => parseMac(text)).toThrow(/is not a MAC address/);
    },
  );
});

describe('socket addresses', () => {
  test('family, port, address and scope are where the kernel reads them', () => {
    fc.assert(
      fc.property(fc.oneof(bytes4, bytes16), fc.nat(65_535), fc.nat(1_000_000), (bytes, port, scope) => {
        const sockaddr = socketAddress(formatAddress(bytes), port, scope);
        const ipv4 = bytes.length === 4;
        expect(sockaddr.length).toBe(ipv4 ? 16 : 28);
        expect(sockaddr.readUInt16LE(0)).toBe(ipv4 ? AF_INET : AF_INET6);
        expect(socketPort(sockaddr)).toBe(port);
        const at = ipv4 ? 4 : 8;
        expect(Buffer.compare(sockaddr.subarray(at, at + bytes.length), bytes)).toBe(0);
        if (!ipv4) expect(sockaddr.readUInt32LE(24)).toBe(scope);
      }),
    );
  });
});
