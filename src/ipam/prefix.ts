/**
 * @module An IP prefix (a subnet, a route's destination, an address range in CIDR form) and its arithmetic.
 *
 * A prefix is always whole: its host bits are zero. Text with host bits set is refused with the prefix that it would
 * be, since guessing has put many a network on the wrong subnet.
 */
import { PontoonError } from '../errors.ts';
import { ADDRESS_BITS, Address, type Family, readAddress } from './address.ts';

/** Both ends are inside. */
export interface AddressRange {
  first: Address;
  last: Address;
}

export class Prefix {
  readonly family: Family;
  /** The first address as a number; its host bits are zero. */
  readonly base: bigint;
  /** How many leading bits are fixed: 0 to 32 (IPv4) or 128 (IPv6). */
  readonly length: number;
  readonly #hostBits: bigint;

  /** The prefix of `length` bits that `address` lies in. Throws 'bad-subnet' when the family has no such length. */
  constructor(address: Address, length: number) {
    const bits = ADDRESS_BITS[address.family];
    if (!Number.isInteger(length) || length < 0 || length > bits) {
      const text = `${address}/${length}`;
      throw new PontoonError('bad-subnet', `${text} has a bad prefix length: use /0 to /${bits}`, { subject: text });
    }
    this.#hostBits = BigInt(bits - length);
    this.family = address.family;
    this.base = (address.value >> this.#hostBits) << this.#hostBits;
    this.length = length;
  }

  /** Reads 'ADDRESS/LENGTH'. Throws 'bad-subnet', also when host bits are set. */
  static parse(text: string): Prefix {
    const [, addressText, lengthText] = /^([^/]*)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
    if (addressText === undefined) {
      const message = `${JSON.stringify(text)} is not a subnet: write ADDRESS/LENGTH, such as 172.18.0.0/24 or fd00::/64`;
      throw new PontoonError('bad-subnet', message, { subject: text });
    }
    const address = readAddress(addressText, 'bad-subnet');
    const prefix = new Prefix(address, Number(lengthText));
    if (prefix.base !== address.value) {
      throw new PontoonError('bad-subnet', `${text} has host bits set: did you mean ${prefix}?`, { subject: text });
    }
    return prefix;
  }

  get first(): Address {
    return new Address(this.family, this.base);
  }

  get last(): Address {
    return new Address(this.family, this.base + this.size - 1n);
  }

  /** How many addresses it has. */
  get size(): bigint {
    return 1n << this.#hostBits;
  }

  /**
   * The addresses that hosts may have when this is a subnet.
   * IPv4: without the network and the broadcast address, but both addresses of a /31 (RFC 3021).
   * IPv6: without the subnet-router anycast address (RFC 4291, 2.6.1), but both addresses of a /127 (RFC 6164).
   * Throws 'bad-subnet' for a single address, which leaves no room for a gateway and a host.
   */
  usableRange(): AddressRange {
    if (this.size === 1n) {
      const message = `${this} is a single address, with no room for a gateway and a host: use a larger subnet`;
      throw new PontoonError('bad-subnet', message, { subject: this.toString() });
    }
    const { first, last } = this;
    if (this.size === 2n) return { first, last };
    return {
      first: new Address(this.family, first.value + 1n),
      last: this.family === 4 ? new Address(4, last.value - 1n) : last,
    };
  }

  /** Whether all of `other` lies inside (an equal prefix does). */
  contains(other: Address | Prefix): boolean {
    if (other.family !== this.family) return false;
    if (other instanceof Address) return (other.value ^ this.base) >> this.#hostBits === 0n;
    return other.length >= this.length && (other.base ^ this.base) >> this.#hostBits === 0n;
  }

  /** Whether the two share an address, which for prefixes means that one contains the other. */
  overlaps(other: Prefix): boolean {
    return this.contains(other) || other.contains(this);
  }

  /** The block number `index` (from 0) of those of `length` bits that this prefix splits into. Throws 'bad-subnet'. */
  block(length: number, index = 0n): Prefix {
    const shift = BigInt(ADDRESS_BITS[this.family] - length);
    if (length < this.length || index < 0n || index << shift >= this.size) {
      throw new PontoonError('bad-subnet', `${this} has no /${length} block number ${index}`);
    }
    return new Prefix(new Address(this.family, this.base + (index << shift)), length);
  }

  /** The bit after the first `depth` bits: in which half of a prefix of that length this longer one lies. */
  bit(depth: number): 0 | 1 {
    return (this.base >> BigInt(ADDRESS_BITS[this.family] - 1 - depth)) & 1n ? 1 : 0;
  }

  equals(other: Prefix): boolean {
    return this.family === other.family && this.base === other.base && this.length === other.length;
  }

  toString(): string {
    return `${this.first}/${this.length}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

/** The longest prefix that contains both, which are of one family. */
export function commonPrefix(a: Prefix, b: Prefix): Prefix {
  const difference = a.base ^ b.base;
  const differingBits = difference === 0n ? 0 : difference.toString(2).length;
  return new Prefix(a.first, Math.min(a.length, b.length, ADDRESS_BITS[a.family] - differingBits));
}
