/**
 * @module Pseudonyms for public addresses that keep their structure: two addresses share as many leading bits after as
 * before, so that every prefix still contains what it contained.
 *
 * Each bit is kept or flipped as a keyed hash of the bits before it says (Xu et al., "Prefix-Preserving IP Address
 * Anonymization", 2002). The first bits stay, which tell private from public; addresses that are nobody's in particular
 * (private, link-local, loopback, multicast, documentation) stay as they are.
 */

import { createHmac } from 'node:crypto';
import { Address, Prefix } from '../../../ipam/index.ts';

/** IANA's special-purpose registries, as far as they say that an address tells nothing about its owner. */
const TELLS_NOTHING = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  '::/96',
  '64:ff9b::/96',
  '2001:db8::/32',
  'fc00::/7',
  'fe00::/7',
].map((text) => Prefix.parse(text));
/** Leading bits that stay. Of IPv4 as many as keep an address out of the ranges above that begin like it. */
const KEPT_BITS = { 4: 8, 6: 16 } as const;
const MIXED_KEPT_BITS = 24;
const TOKEN = /(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}:[0-9a-f]{0,4}:[0-9a-f:]*)(?:\/\d{1,3})?(?![\w.:])/gi;

export class AddressPseudonyms {
  readonly #key: Buffer;
  readonly #known = new Map<string, string>();

  constructor(key: Buffer) {
    this.#key = key;
  }

  /** A text with each public address, and each prefix of such, replaced. */
  inText(text: string): string {
    return text.replaceAll(TOKEN, (token) => {
      const [address = '', length] = token.split('/');
      return length === undefined ? this.of(address) : `${this.of(address, Number(length))}/${length}`;
    });
  }

  /** An address; with a prefix length, the first address of a prefix stays the first. What is no address stays. */
  of(text: string, prefixLength?: number): string {
    const key = `${text}/${prefixLength}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = this.#make(text, prefixLength);
    this.#known.set(key, made);
    return made;
  }

  #make(text: string, prefixLength: number | undefined): string {
    const address = read(text);
    if (address === undefined || prefixLength === 0) return text;
    if (TELLS_NOTHING.some((prefix) => prefix.contains(address))) return text;
    const bits = address.family === 4 ? 32 : 128;
    const length = Math.min(prefixLength ?? bits, bits);
    const changed = new Address(address.family, this.#permute(address, bits));
    const isFirst = new Prefix(address, length).first.equals(address);
    return (isFirst ? new Prefix(changed, length).first : changed).toString();
  }

  #permute({ family, value }: Address, bits: number): bigint {
    let result = value;
    for (let bit = keptBits(new Address(family, value)); bit < bits; bit++) {
      const before = value >> BigInt(bits - bit);
      const digest = createHmac('sha256', this.#key).update(`${family} ${bit} ${before}`).digest();
      if (((digest[0] as number) & 1) === 1) result ^= 1n << BigInt(bits - bit - 1);
    }
    return result;
  }
}

function keptBits(address: Address): number {
  if (address.family === 6) return KEPT_BITS[6];
  const first = new Prefix(address, KEPT_BITS[4]);
  return TELLS_NOTHING.some((prefix) => first.overlaps(prefix)) ? MIXED_KEPT_BITS : KEPT_BITS[4];
}

function read(text: string): Address | undefined {
  try {
    return Address.parse(text);
  } catch {
    return undefined; // a number with dots, such as a version
  }
}
