/**
 * @module The addresses of all networks: their pools, and which endpoint has which.
 *
 * Nothing is stored here: the endpoints in the store are the leases, and the pools are built from them at start.
 *
 * An address that was asked for may be that of several endpoints, so that a container can be replaced by one with the same
 * address. One of them holds it: the one that runs, else the first. The others are its heirs.
 */

import { PontoonError } from '../errors.ts';
import { Address, AddressPool, type Family, type Holder, Prefix } from '../ipam/index.ts';
import type { EndpointRecord, NetworkRecord } from './store.ts';
import type { Subnet, SubnetUsage } from './types.ts';

export class Leases {
  readonly #pools = new Map<string, readonly AddressPool[]>();
  /** By network and address, the oldest first. */
  readonly #heirs = new Map<string, readonly Holder[]>();

  /** Makes the pools of a network. @throws PontoonError bad-subnet, bad-address */
  addNetwork(network: Pick<NetworkRecord, 'id' | 'subnets'>): void {
    this.#pools.set(network.id, network.subnets.map(poolOf));
  }

  removeNetwork(networkId: string): void {
    this.#pools.delete(networkId);
  }

  /**
   * Leases an address of a family: the wanted one, or the lowest free one of the first subnet that has one.
   * Undefined where the network has no subnet of that family.
   * @throws PontoonError address-taken, bad-address, pool-full
   */
  lease(networkId: string, family: Family, holder: Holder, wanted?: string): string | undefined {
    if (wanted !== undefined) {
      const { pool, address } = this.#find(networkId, family, wanted);
      return pool.lease(holder, address).toString();
    }
    const pools = this.#poolsOf(networkId, family);
    if (pools.length === 0) return undefined;
    return (pools.find((pool) => pool.available > 0n) ?? pools[0]!).lease(holder).toString();
  }

  /**
   * Reserves an address for one who does not run yet, whichever endpoint holds it now.
   * @throws PontoonError address-taken (the gateway's, an auxiliary one), bad-address
   */
  reserve(networkId: string, family: Family, holder: Holder, wanted: string): string {
    const { pool, address } = this.#find(networkId, family, wanted);
    const text = address.toString();
    if (pool.holderOf(address) === undefined) pool.lease(holder, address);
    else this.#setHeirs(networkId, text, [...this.#heirsOf(networkId, text), holder]);
    return text;
  }

  /** Lets one who begins to run hold what is reserved for it. @throws PontoonError address-taken, where another one runs with it */
  claim(networkId: string, text: string, holder: Holder, runs: (endpointId: string) => boolean): void {
    const address = Address.parse(text);
    const pool = this.#poolOf(networkId, address);
    const present = pool?.holderOf(address);
    if (pool === undefined || present === undefined || present.id === holder.id) return;
    if (!runs(present.id)) pool.release(address);
    pool.lease(holder, address);
    const others = this.#heirsOf(networkId, text).filter(({ id }) => id !== holder.id);
    this.#setHeirs(networkId, text, [present, ...others]);
  }

  /** How full the subnets of a network are, in the order of its subnets. */
  usage(networkId: string): SubnetUsage[] {
    return (this.#pools.get(networkId) ?? []).map(({ subnet, inUse, available }) => ({
      subnet: subnet.toString(),
      inUse,
      available,
    }));
  }

  /** Ends what an endpoint has of an address: another one inherits it. */
  release(networkId: string, text: string | undefined, endpointId: string): void {
    if (text === undefined) return;
    const address = Address.parse(text);
    const pool = this.#poolOf(networkId, address);
    const [next, ...others] = this.#heirsOf(networkId, text).filter(({ id }) => id !== endpointId);
    if (pool?.holderOf(address)?.id === endpointId) {
      pool.release(address);
      if (next === undefined) return;
      pool.lease(next, address);
      this.#setHeirs(networkId, text, others);
    } else this.#setHeirs(networkId, text, next === undefined ? [] : [next, ...others]);
  }

  /** Takes again what an endpoint of the store has: first those that run. */
  restore(endpoint: EndpointRecord, name: string): void {
    const holder = { id: endpoint.id, name };
    if (endpoint.ipv4 !== undefined) this.reserve(endpoint.networkId, 4, holder, endpoint.ipv4);
    if (endpoint.ipv6 !== undefined) this.reserve(endpoint.networkId, 6, holder, endpoint.ipv6);
  }

  /** Says of an endpoint's addresses, where they are wanted by others, that a sandbox has them whose name is new. */
  rename({ id, networkId, ipv4, ipv6 }: EndpointRecord, name: string): void {
    for (const text of [ipv4, ipv6]) {
      if (text === undefined) continue;
      const address = Address.parse(text);
      const pool = this.#poolOf(networkId, address);
      const heirs = this.#heirsOf(networkId, text);
      this.#setHeirs(
        networkId,
        text,
        heirs.map((heir) => (heir.id === id ? { id, name } : heir)),
      );
      if (pool?.holderOf(address)?.id !== id) continue;
      pool.release(address);
      pool.lease({ id, name }, address);
    }
  }

  #heirsOf(networkId: string, text: string): readonly Holder[] {
    return this.#heirs.get(key(networkId, text)) ?? [];
  }

  #setHeirs(networkId: string, text: string, heirs: readonly Holder[]): void {
    if (heirs.length > 0) this.#heirs.set(key(networkId, text), heirs);
    else this.#heirs.delete(key(networkId, text));
  }

  /** The pool of a wanted address, which need not be free. @throws PontoonError bad-address */
  #find(networkId: string, family: Family, wanted: string): { readonly pool: AddressPool; readonly address: Address } {
    const pools = this.#poolsOf(networkId, family);
    const address = Address.parse(wanted);
    if (address.family !== family) {
      throw new PontoonError('bad-address', `${wanted} is not an IPv${family} address: give one, or leave it out`, {
        subject: wanted,
      });
    }
    const pool = pools.find(({ subnet }) => subnet.contains(address)) ?? pools[0];
    if (pool !== undefined) return { pool, address };
    throw new PontoonError('bad-address', `${wanted} is in no subnet: the network has none for IPv${family}`, {
      subject: wanted,
    });
  }

  #poolsOf(networkId: string, family: Family): readonly AddressPool[] {
    return (this.#pools.get(networkId) ?? []).filter(({ subnet }) => subnet.family === family);
  }

  #poolOf(networkId: string, address: Address): AddressPool | undefined {
    return this.#pools.get(networkId)?.find(({ subnet }) => subnet.contains(address));
  }
}

function key(networkId: string, text: string): string {
  return `${networkId} ${text}`;
}

function poolOf({ subnet, ipRange, gateway, auxAddresses }: Subnet): AddressPool {
  return new AddressPool({
    subnet: Prefix.parse(subnet),
    ...(ipRange === undefined ? {} : { ipRange: Prefix.parse(ipRange) }),
    ...(gateway === undefined ? {} : { gateway: Address.parse(gateway) }),
    auxiliary: Object.fromEntries(
      Object.entries(auxAddresses).map(([name, address]) => [name, Address.parse(address)]),
    ),
  });
}
