/**
 * @module The addresses of one subnet of one network, and who holds each.
 *
 * A lease without a wish gets the lowest free address of the ip-range; a lease of a given address may be anywhere in
 * the subnet. A lease stays until it is released, whether or not its holder runs: that is what keeps a static address
 * reserved. Nothing is stored here: the engine records the leases and makes an equal pool by leasing them again.
 *
 * A lease costs about half a microsecond at any size of subnet and any number of leases (see ordinal-set.ts).
 */
import { PontoonError } from '../errors.ts';
import { Address } from './address.ts';
import { OrdinalSet } from './ordinal-set.ts';
import type { AddressRange, Prefix } from './prefix.ts';

/** Who an address is leased to; only `id` and `name` are known here, for messages and for the caller to match. */
export interface Holder {
  readonly id: string;
  readonly name: string;
}

export interface AddressPoolOptions {
  subnet: Prefix;
  /** Where leases without a wish come from; a part of the subnet. Default: the whole subnet. */
  ipRange?: Prefix | undefined;
  /** Default: the lowest usable address of the subnet that is not auxiliary. 'none' reserves no gateway. */
  gateway?: Address | 'none' | undefined;
  /** Addresses never leased because something outside has them, by name (Docker's aux-address). */
  auxiliary?: Readonly<Record<string, Address>> | undefined;
}

export class AddressPool {
  readonly subnet: Prefix;
  readonly ipRange: Prefix;
  readonly gateway: Address | undefined;
  readonly #usable: AddressRange;
  /** The addresses of the ip-range that hosts may have; the ordinals below count from its first. */
  readonly #dynamic: AddressRange;
  readonly #dynamicSize: bigint;
  readonly #taken = new OrdinalSet();
  #takenCount = 0;
  readonly #holders = new Map<bigint, Holder>();
  /** Address value to what it is reserved as. */
  readonly #reserved = new Map<bigint, string>();

  /**
   * Throws 'bad-subnet' (a subnet of one address; an ip-range outside the subnet or without a usable address),
   * 'bad-address' and 'address-taken' (gateway or auxiliary address), 'pool-full' (no address left for the gateway).
   */
  constructor({ subnet, ipRange = subnet, gateway, auxiliary = {} }: AddressPoolOptions) {
    this.subnet = subnet;
    this.ipRange = ipRange;
    this.#usable = subnet.usableRange();
    this.#dynamic = intersection(ipRange, this.#usable);
    this.#dynamicSize = this.#dynamic.last.value - this.#dynamic.first.value + 1n;
    if (!subnet.contains(ipRange)) {
      const message = `ip-range ${ipRange} is outside subnet ${subnet}: choose a part of the subnet`;
      throw new PontoonError('bad-subnet', message, { subject: ipRange.toString() });
    }
    if (this.#dynamicSize <= 0n) {
      const message = `ip-range ${ipRange} has no address that a host may have: choose a larger part of ${subnet}`;
      throw new PontoonError('bad-subnet', message, { subject: ipRange.toString() });
    }
    for (const [name, address] of Object.entries(auxiliary)) this.#reserve(address, `auxiliary address ${name}`);
    if (gateway !== 'none') {
      this.gateway = gateway ?? this.#firstUnreserved();
      this.#reserve(this.gateway, 'the gateway');
    }
  }

  /**
   * Leases the `wanted` address, which may be anywhere in the subnet; or else the lowest free one of the ip-range.
   * Throws 'bad-address' (not one for a host of this subnet), 'address-taken', 'pool-full'.
   */
  lease(holder: Holder, wanted?: Address): Address {
    if (wanted !== undefined) this.#checkFree(wanted);
    const address = wanted ?? this.#lowestFree();
    this.#holders.set(address.value, holder);
    this.#take(address);
    return address;
  }

  /** Ends the lease of `address`; false when there was none. */
  release(address: Address): boolean {
    if (address.family !== this.subnet.family || !this.#holders.delete(address.value)) return false;
    const ordinal = this.#ordinal(address);
    if (ordinal !== undefined) {
      this.#taken.delete(ordinal);
      this.#takenCount--;
    }
    return true;
  }

  holderOf(address: Address): Holder | undefined {
    return address.family === this.subnet.family ? this.#holders.get(address.value) : undefined;
  }

  /**
   * How many addresses of the subnet cannot be leased now: leased, gateway, auxiliary, network, broadcast, anycast.
   * Docker's IPsInUse.
   */
  get inUse(): bigint {
    const usableSize = this.#usable.last.value - this.#usable.first.value + 1n;
    return this.subnet.size - usableSize + BigInt(this.#holders.size + this.#reserved.size);
  }

  /** How many leases without a wish the pool still has. Docker's DynamicIPsAvailable. */
  get available(): bigint {
    return this.#dynamicSize - BigInt(this.#takenCount);
  }

  #reserve(address: Address, as: string): void {
    this.#checkFree(address, `${as} `);
    this.#reserved.set(address.value, as);
    this.#take(address);
  }

  #take(address: Address): void {
    const ordinal = this.#ordinal(address);
    if (ordinal === undefined) return;
    this.#taken.add(ordinal);
    this.#takenCount++;
  }

  /** Where `address` is in the ip-range; undefined where no lease without a wish can ever come to. */
  #ordinal(address: Address): number | undefined {
    const ordinal = address.value - this.#dynamic.first.value;
    const inside = ordinal >= 0n && ordinal < this.#dynamicSize && ordinal <= Number.MAX_SAFE_INTEGER;
    return inside ? Number(ordinal) : undefined;
  }

  #lowestFree(): Address {
    const ordinal = BigInt(this.#taken.lowestAbsent);
    if (ordinal >= this.#dynamicSize) throw this.#full();
    return new Address(this.subnet.family, this.#dynamic.first.value + ordinal);
  }

  #firstUnreserved(): Address {
    let { value } = this.#usable.first;
    while (this.#reserved.has(value)) value++;
    if (value <= this.#usable.last.value) return new Address(this.subnet.family, value);
    throw new PontoonError(
      'pool-full',
      `${this.subnet} has no address left for the gateway: use a larger subnet or fewer auxiliary addresses`,
      { subject: this.subnet.toString() },
    );
  }

  /** `role` opens the message, where the address is more than a lease. */
  #checkFree(address: Address, role = ''): void {
    const refuse = (code: 'bad-address' | 'address-taken', why: string) =>
      new PontoonError(code, `${role}${address} ${why}`, { subject: address.toString() });
    const { first, last } = this.#usable;
    const choice = `choose an address from ${first} to ${last}`;
    if (!this.subnet.contains(address)) throw refuse('bad-address', `is outside subnet ${this.subnet}: ${choice}`);
    if (address.value < first.value) {
      const name = address.family === 4 ? 'network' : 'subnet-router anycast';
      throw refuse('bad-address', `is the ${name} address of ${this.subnet}: ${choice}`);
    }
    if (address.value > last.value) {
      throw refuse('bad-address', `is the broadcast address of ${this.subnet}: ${choice}`);
    }
    const remedy = role === '' ? 'choose another address or leave it out' : 'choose another address';
    const reserved = this.#reserved.get(address.value);
    if (reserved !== undefined) {
      throw refuse('address-taken', `is reserved as ${reserved} of ${this.subnet}: ${remedy}`);
    }
    const holder = this.#holders.get(address.value);
    if (holder === undefined) return;
    const owner = `endpoint ${holder.name} (${holder.id.slice(0, 12)})`;
    throw refuse('address-taken', `is already taken by ${owner}: ${remedy}`);
  }

  #full(): PontoonError {
    const whole = this.ipRange.equals(this.subnet);
    const where = whole ? `subnet ${this.subnet}` : `ip-range ${this.ipRange} of subnet ${this.subnet}`;
    const remedy = whole
      ? 'detach an endpoint or use a network with a larger subnet'
      : 'detach an endpoint, give an address outside the ip-range, or use a network with a larger ip-range';
    return new PontoonError('pool-full', `${where} has no free address left: ${remedy}`, {
      subject: this.subnet.toString(),
    });
  }
}

function intersection(prefix: Prefix, range: AddressRange): AddressRange {
  const { first, last } = prefix;
  return {
    first: first.value > range.first.value ? first : range.first,
    last: last.value < range.last.value ? last : range.last,
  };
}
