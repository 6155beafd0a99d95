import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sampleSnapshot } from '../../../../test/support/sample-snapshot.ts';
import { Address, Prefix } from '../../../ipam/index.ts';
import { checkSnapshot } from '../parse.ts';
import { AddressPseudonyms } from './addresses.ts';
import { redactSnapshot } from './redact.ts';

const key = Buffer.alloc(32, 7);
const redacted = redactSnapshot(sampleSnapshot(), { key });
const text = JSON.stringify(redacted);

describe('a redacted snapshot', () => {
  test('is a snapshot', () => {
    expect(checkSnapshot(structuredClone(redacted))).toEqual(redacted);
    expect(redacted.redacted).toBe(true);
  });

  test('holds no name and no public address', () => {
    for (const name of [
      'acme',
      'alice',
      'builder',
      '"web"',
      '"db"',
      '"www"',
      '"front"',
      'blue',
      'billing',
      '93.184.216',
      '93.184.215',
      'cable',
    ]) {
      expect(text).not.toContain(name);
    }
  });

  test('keeps what is nobody in particular: private addresses, ports, MACs, chains', () => {
    for (const kept of [
      '172.18.0.2',
      '10.9.0.2',
      '8080',
      '02:42:ac:12:00:02',
      'FORWARD',
      'docker-proxy',
      '127.0.0.11',
      '0.0.0.0/0',
    ]) {
      expect(text).toContain(kept);
    }
  });

  test('calls one by the same name everywhere', () => {
    const [host, web] = redacted.namespaces;
    const uplink = host!.links[2]!.name;
    expect(uplink).toMatch(/^if-\d+$/);
    expect(host!.rules[1]!.incoming).toBe(uplink);
    expect(host!.xtables[0]!.text).toContain(`-i ${uplink} `);
    expect(JSON.stringify(host!.nftables)).toContain(`"right":"${uplink}"`);
    expect(web!.name).toBe(redacted.containers[0]!.name);
    expect(redacted.containers[0]!.networks[0]!.network).toBe(redacted.networks[0]!.name);
    expect(redacted.containers[0]!.networkMode).toBe(redacted.networks[0]!.name);
  });

  test('keeps addresses within their prefixes', () => {
    const [host] = redacted.namespaces;
    const own = Address.parse(host!.addresses[1]!.address);
    const subnet = Prefix.parse(host!.routes[1]!.destination);
    expect(subnet.contains(own)).toBe(true);
    expect(subnet.contains(Address.parse(host!.routes[0]!.nextHops[0]!.via!))).toBe(true);
    expect(Prefix.parse(host!.rules[1]!.from!).length).toBe(25);
    const addr = /"addr":"([\d.]+)","len":16/.exec(JSON.stringify(host!.nftables))![1]!;
    expect(new Prefix(Address.parse(addr), 16).contains(own)).toBe(true);
  });
});

describe('pseudonyms of addresses', () => {
  const octet = fc.integer({ min: 0, max: 255 });
  const ipv4 = fc.tuple(fc.integer({ min: 1, max: 223 }), octet, octet, octet).map((octets) => octets.join('.'));
  const ipv6 = fc
    .array(fc.integer({ min: 0, max: 0xffff }), { minLength: 7, maxLength: 7 })
    .map((words) => Address.parse(['2a00', ...words.map((word) => word.toString(16))].join(':')).toString());
  const pseudonyms = new AddressPseudonyms(key);

  test.each([
    ['IPv4', ipv4, 32],
    ['IPv6', ipv6, 128],
  ] as const)('%s: two share as many leading bits as before', (_, address, bits) => {
    fc.assert(
      fc.property(address, address, fc.integer({ min: 0, max: bits }), (one, other, kept) => {
        // Addresses at random share few bits: make the second one share `kept` with the first.
        const near = mix(one, other, kept);
        const [before, after] = [common(one, near), common(pseudonyms.of(one), pseudonyms.of(near))];
        const bothPublic = pseudonyms.of(one) !== one && pseudonyms.of(near) !== near;
        if (bothPublic) expect(after).toBe(before);
      }),
    );
  });

  test('a prefix of public addresses contains its addresses still', () => {
    fc.assert(
      fc.property(ipv4, fc.integer({ min: 8, max: 32 }), (text, length) => {
        const prefix = new Prefix(Address.parse(text), length);
        const address = pseudonyms.of(text);
        if (address === text) return;
        const [, shown] = pseudonyms.inText(`to ${prefix} only`).split(' ');
        if (pseudonyms.of(prefix.first.toString()) !== prefix.first.toString()) {
          expect(Prefix.parse(shown!).contains(Address.parse(address))).toBe(true);
        }
      }),
    );
  });

  test('what is no public address stays', () => {
    for (const kept of [
      '10.0.0.1',
      '192.168.0.0/16',
      '0.0.0.0/0',
      '::/0',
      'fe80::1',
      '1.2.3',
      'eth0:1.2.3.4.5',
      '02:42:ac:11:00:02',
      '999.1.1.1',
    ]) {
      expect(pseudonyms.inText(kept)).toBe(kept);
    }
  });
});

function bitsOf(text: string): string {
  const { family, value } = Address.parse(text);
  return value.toString(2).padStart(family === 4 ? 32 : 128, '0');
}

function common(one: string, other: string): number {
  const [a, b] = [bitsOf(one), bitsOf(other)];
  const end = [...a].findIndex((bit, at) => bit !== b[at]);
  return end < 0 ? a.length : end;
}

function mix(one: string, other: string, kept: number): string {
  const family = one.includes(':') ? 6 : 4;
  return new Address(family, BigInt(`0b${bitsOf(one).slice(0, kept)}${bitsOf(other).slice(kept)}`)).toString();
}
