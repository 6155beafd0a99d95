import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressOfArpa } from './arpa.ts';

test('every address is found under its own name', () => {
  const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
  const ipv6 = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(fc.oneof(ipv4, ipv6), (address) => {
      const labels =
        address.length === 4
          ? [...address].map(String)
          : [...address].flatMap((byte) => [(byte >> 4).toString(16), (byte & 15).toString(16)]);
      const name = `${labels.reverse().join('.')}.${address.length === 4 ? 'in-addr' : 'ip6'}.arpa`;
      expect([...(addressOfArpa(name) ?? [])]).toEqual([...address]);
    }),
  );
});

test.each([
  'in-addr.arpa',
  '1.in-addr.arpa',
  '256.0.0.10.in-addr.arpa',
  '1.2.3.4.5.in-addr.arpa',
  'a.b.c.d.in-addr.arpa',
  '1.2.3.4.in-addr.arpa.example',
  'f.ip6.arpa',
  `${'g.'.repeat(32)}ip6.arpa`,
])('%s stands for no address', (name) => {
  expect(addressOfArpa(name)).toBeUndefined();
});
