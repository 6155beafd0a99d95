/**
 * @module The addresses of all networks: their pools, and which endpoint has which.
 *
 * Nothing is stored here: the endpoints in the store are the leases, and the pools are built from them at start.
 */

import { PontoonError } from '../errors.ts';
import { Address, AddressPool, type Family, type Holder, Prefix } from '../ipam/index.ts';
import type { EndpointRecord, NetworkRecord } from './store.ts';
import type { Subnet } from './types.ts';

export class Leases {
  readonly #pools = new Map<string, readonly AddressPool[]>();

  /** Makes the pools of a network. @throws PontoonError bad-subnet, bad-address */
  addNetwork(network: Pick<NetworkRecord, 'id' | 'subnets'>): void {
    this.#pools.set(network.id, network.subnets.map(poolOf));
  }

  removeNetwork(networkId: string): void {
    this.#pools.delete(networkId);
  }

  /** Whether a network has a subnet of a family. */
  hasFamily(networkId: string, family: Family): boolean {
    return this.#poolsOf(networkId, family).length > 0;
  }

  /**
   * Leases an address of a family: the wanted one, or the lowest free one of the first subnet that has one.
   * Undefined where the network has no subnet of that family.
   * @throws PontoonError address-taken, bad-address, pool-full
   */
  lease(networkId: string, family: Family, holder: Holder, wanted?: string): string | undefined {
    const pools = this.#poolsOf(networkId, family);
    if (wanted !== undefined) {
      const address = Address.parse(wanted);
      if (address.family !== family) {
        throw new PontoonError('bad-address', `${wanted} is not an IPv${family} address: give one, or leave it out`, {
          subject: wanted,
        });
      }
      const pool = pools.find(({ subnet }) => subnet.contains(address)) ?? pools[0];
      if (pool === undefined) {
        throw new PontoonError('bad-address', `${wanted} is in no subnet: the network has none for IPv${family}`, {
          subject: wanted,
        });
      }
      return pool.lease(holder, address).toString();
    }
    if (pools.length === 0) return undefined;
    return (pools.find((pool) => pool.available > 0n) ?? pools[0]!).lease(holder).toString();
  }

  release(networkId: string, text: string | undefined): void {
    if (text === undefined) return;
    const address = Address.parse(text);
    this.#poolOf(networkId, address)?.release(address);
  }

  /** Takes again what an endpoint of the store has. */
  restore(endpoint: EndpointRecord, name: string): void {
    for (const text of [endpoint.ipv4, endpoint.ipv6]) {
      if (text === undefined) continue;
      const address = Address.parse(text);
      this.#poolOf(endpoint.networkId, address)?.lease({ id: endpoint.id, name }, address);
    }
  }

  /** Says of an endpoint's addresses, where they are wanted by others, that a sandbox has them whose name is new. */
  rename(endpoint: EndpointRecord, name: string): void {
    for (const text of [endpoint.ipv4, endpoint.ipv6]) this.release(endpoint.networkId, text);
    this.restore(endpoint, name);
  }

  #poolsOf(networkId: string, family: Family): readonly AddressPool[] {
    return (this.#pools.get(networkId) ?? []).filter(({ subnet }) => subnet.family === family);
  }

  #poolOf(networkId: string, address: Address): AddressPool | undefined {
    return this.#pools.get(networkId)?.find(({ subnet }) => subnet.contains(address));
  }
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
