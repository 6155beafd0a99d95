/**
 * @module One IP address of either family: an immutable value with its canonical text.
 *
 * Text is read strictly, because an address that two programs read differently opens a hole: no short or octal IPv4
 * ('10.1', '010.0.0.1'), no zone ('fe80::1%eth0'), no IPv4-mapped IPv6 ('::ffff:10.0.0.1'; write 10.0.0.1).
 * Text is written as RFC 5952 wants it, so equal addresses have equal text. The text itself is ipaddr.js's work.
 */
import ipaddr from 'ipaddr.js';
import { type ErrorCode, PontoonError } from '../errors.ts';

export type Family = 4 | 6;

/** How many bits an address of each family has. */
export const ADDRESS_BITS = { 4: 32, 6: 128 } as const satisfies Record<Family, number>;

export class Address {
  readonly family: Family;
  /** The address as an unsigned number, in network byte order. */
  readonly value: bigint;

  /** `value` must fit the family; text and bytes go through {@link Address.parse} and {@link Address.fromBytes}. */
  constructor(family: Family, value: bigint) {
    this.family = family;
    this.value = value;
  }

  /** Reads an address from text. Throws 'bad-address'. */
  static parse(text: string): Address {
    return readAddress(text, 'bad-address');
  }

  /** Reads 4 or 16 bytes in network byte order, as the kernel gives them. Throws 'bad-address' for another length. */
  static fromBytes(bytes: Uint8Array): Address {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length === 4) return new Address(4, BigInt(view.getUint32(0)));
    if (bytes.length === 16) return new Address(6, (view.getBigUint64(0) << 64n) | view.getBigUint64(8));
    throw new PontoonError('bad-address', `an IP address has 4 or 16 bytes, not ${bytes.length}`);
  }

  /** 4 or 16 bytes in network byte order. */
  get bytes(): Uint8Array {
    const bytes = new Uint8Array(ADDRESS_BITS[this.family] / 8);
    const view = new DataView(bytes.buffer);
    if (this.family === 4) view.setUint32(0, Number(this.value));
    else {
      view.setBigUint64(0, this.value >> 64n);
      view.setBigUint64(8, BigInt.asUintN(64, this.value));
    }
    return bytes;
  }

  equals(other: Address): boolean {
    return this.family === other.family && this.value === other.value;
  }

  toString(): string {
    const bytes = this.bytes;
    return this.family === 4 ? bytes.join('.') : new ipaddr.IPv6([...bytes]).toRFC5952String();
  }

  toJSON(): string {
    return this.toString();
  }
}

/** Reads an address; a refusal has `code` (that of whatever text the address is a part of). */
export function readAddress(text: string, code: ErrorCode): Address {
  const refuse = (why: string) => new PontoonError(code, `${JSON.stringify(text)} ${why}`, { subject: text });
  if (!text.includes(':')) {
    if (!ipaddr.IPv4.isValidFourPartDecimal(text)) {
      throw refuse('is not an IP address: write one such as 10.0.0.1 (no leading zeros) or fd00::1');
    }
    return Address.fromBytes(Uint8Array.from(ipaddr.IPv4.parse(text).octets));
  }
  if (text.includes('%')) throw refuse(`names a zone: write the address without ${text.slice(text.indexOf('%'))}`);
  const dotted = text.includes('.') ? text.slice(text.lastIndexOf(':') + 1) : undefined;
  const strict = dotted === undefined || ipaddr.IPv4.isValidFourPartDecimal(dotted);
  if (!strict || !ipaddr.IPv6.isValid(text)) throw refuse('is not an IPv6 address: write one such as fd00::1');
  const parsed = ipaddr.IPv6.parse(text);
  if (parsed.isIPv4MappedAddress()) {
    throw refuse(`is an IPv4-mapped address: write ${parsed.toIPv4Address().toString()}`);
  }
  return Address.fromBytes(Uint8Array.from(parsed.toByteArray()));
}
