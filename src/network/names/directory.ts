/**
 * @module Who is called what: the names and addresses of every endpoint, as each sandbox may see them.
 *
 * Names are scoped. A sandbox finds the names on the networks that it is on itself, and no others: that is what keeps
 * networks apart by name as well as by address. Every name is also known as `name.network`.
 *
 * `set`, `delete` and `lookup` cost the same with ten and with ten thousand endpoints. Only `lookup` of a name that
 * several endpoints share costs more, once after each change, because the list of its addresses is then made anew.
 */

import type { Family } from '../../ipam/index.ts';
import { parseAddress } from '../../kernel/inet.ts';
import { addressesOf } from '../both-families.ts';

/** An endpoint as the resolver needs it. */
export interface NamedEndpoint {
  /** The endpoint's ID: `set` with the same ID replaces. */
  readonly id: string;
  readonly sandboxId: string;
  readonly networkId: string;
  readonly networkName: string;
  /** Container name, aliases, short ID, hostname, in any case. The first is the primary one: reverse lookups give it. */
  readonly names: readonly [string, ...string[]];
  readonly ipv4?: string | undefined;
  readonly ipv6?: string | undefined;
  /** The higher, the earlier this network is searched for the sandbox (the gateway priority). Default 0. */
  readonly priority?: number | undefined;
}

interface Entry {
  readonly endpoint: NamedEndpoint;
  readonly names: ReadonlySet<string>;
  readonly ipv4: Buffer | undefined;
  readonly ipv6: Buffer | undefined;
  readonly network: Network;
}

/** Everybody on one network who answers to one name, with their addresses as a list while nobody comes or goes. */
interface Holders {
  readonly entries: Set<Entry>;
  addresses: { readonly ipv4: readonly Buffer[]; readonly ipv6: readonly Buffer[] } | undefined;
}

/** A network with endpoints; it keeps its name as long as it has any. */
interface Network {
  readonly id: string;
  readonly name: string;
  /** The name as the end of a question: lower case. */
  readonly suffix: string;
  /** How many endpoints it has. */
  size: number;
  readonly byName: Map<string, Holders>;
  readonly byAddress: Map<string, Entry>;
}

const NO_NETWORKS: readonly Entry[] = [];

export class NameDirectory {
  readonly #entries = new Map<string, Entry>();
  readonly #networks = new Map<string, Network>();
  /** A sandbox's own endpoints, in the order in which their networks are searched. */
  readonly #sandboxes = new Map<string, readonly Entry[]>();

  /** The number of endpoints. */
  get size(): number {
    return this.#entries.size;
  }

  /** Adds an endpoint, or replaces the one with its ID. @throws PontoonError bad-address; nothing has changed then */
  set(endpoint: NamedEndpoint): void {
    const ipv4 = endpoint.ipv4 === undefined ? undefined : parseAddress(endpoint.ipv4);
    const ipv6 = endpoint.ipv6 === undefined ? undefined : parseAddress(endpoint.ipv6);
    this.delete(endpoint.id);
    const network = this.#networkOf(endpoint);
    const entry: Entry = { endpoint, names: new Set(endpoint.names.map(normalize)), ipv4, ipv6, network };
    this.#entries.set(endpoint.id, entry);
    network.size++;
    for (const name of entry.names) {
      const holders = network.byName.get(name);
      if (holders === undefined) network.byName.set(name, { entries: new Set([entry]), addresses: undefined });
      else {
        holders.entries.add(entry);
        holders.addresses = undefined;
      }
    }
    for (const address of addressesOf(entry)) network.byAddress.set(keyOf(address), entry);
    const own = this.#sandboxes.get(endpoint.sandboxId) ?? NO_NETWORKS;
    this.#sandboxes.set(endpoint.sandboxId, [...own, entry].sort(inSearchOrder));
  }

  /** Forgets an endpoint. False when there is none with this ID. */
  delete(endpointId: string): boolean {
    const entry = this.#entries.get(endpointId);
    if (entry === undefined) return false;
    this.#entries.delete(endpointId);
    const { network, endpoint } = entry;
    for (const name of entry.names) {
      const holders = network.byName.get(name) as Holders;
      holders.entries.delete(entry);
      holders.addresses = undefined;
      if (holders.entries.size === 0) network.byName.delete(name);
    }
    for (const address of addressesOf(entry)) {
      if (network.byAddress.get(keyOf(address)) === entry) network.byAddress.delete(keyOf(address));
    }
    network.size--;
    if (network.size === 0) this.#networks.delete(network.id);
    const rest = (this.#sandboxes.get(endpoint.sandboxId) ?? NO_NETWORKS).filter((other) => other !== entry);
    if (rest.length === 0) this.#sandboxes.delete(endpoint.sandboxId);
    else this.#sandboxes.set(endpoint.sandboxId, rest);
    return true;
  }

  /**
   * The addresses of a name as the sandbox sees it: 4 or 16 bytes each, in network order. An empty list when the name
   * is known but has no address of the family; undefined when the name is not known and is somebody else's to answer.
   *
   * A dotted name is tried as a whole on every network, then as `name.network` with each split, the shortest network
   * name first. Of several networks that know it, the first in the sandbox's order that has an address of the family
   * answers: priority, then network name. (libnetwork's Sandbox.ResolveName does the same, in the order of its heap.)
   */
  lookup(sandboxId: string, name: string, family: Family): readonly Buffer[] | undefined {
    const own = this.#sandboxes.get(sandboxId);
    if (own === undefined) return undefined;
    const wanted = normalize(name);
    let known: readonly Buffer[] | undefined;
    for (const { network } of own) {
      const found = addressesFor(network, wanted, family);
      if (found !== undefined && found.length > 0) return found;
      known ??= found;
    }
    for (let dot = wanted.lastIndexOf('.'); dot > 0; dot = wanted.lastIndexOf('.', dot - 1)) {
      const suffix = wanted.slice(dot + 1);
      for (const { network } of own) {
        if (network.suffix !== suffix) continue;
        const found = addressesFor(network, wanted.slice(0, dot), family);
        if (found !== undefined && found.length > 0) return found;
        known ??= found;
      }
    }
    return known;
  }

  /** The name of an address (4 or 16 bytes) as the sandbox sees it, `<primary name>.<network>`; undefined when not known. */
  reverse(sandboxId: string, address: Uint8Array): string | undefined {
    const key = keyOf(address);
    for (const { network } of this.#sandboxes.get(sandboxId) ?? NO_NETWORKS) {
      const entry = network.byAddress.get(key);
      if (entry !== undefined) return `${entry.endpoint.names[0]}.${network.name}`;
    }
    return undefined;
  }

  #networkOf({ networkId, networkName }: NamedEndpoint): Network {
    let network = this.#networks.get(networkId);
    if (network === undefined) {
      network = {
        id: networkId,
        name: networkName,
        suffix: normalize(networkName),
        size: 0,
        byName: new Map(),
        byAddress: new Map(),
      };
      this.#networks.set(networkId, network);
    }
    return network;
  }
}

/** Names compare without case (RFC 4343) and without the root's final dot. */
function normalize(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

function keyOf(address: Uint8Array): string {
  return Buffer.from(address.buffer, address.byteOffset, address.length).toString('latin1');
}

function addressesFor(network: Network, name: string, family: Family): readonly Buffer[] | undefined {
  const holders = network.byName.get(name);
  if (holders === undefined) return undefined;
  holders.addresses ??= {
    ipv4: [...holders.entries].map((entry) => entry.ipv4).filter((address) => address !== undefined),
    ipv6: [...holders.entries].map((entry) => entry.ipv6).filter((address) => address !== undefined),
  };
  return family === 4 ? holders.addresses.ipv4 : holders.addresses.ipv6;
}

/** Priority, high to low; then the network's name; then its ID, so that the order never depends on who came first. */
function inSearchOrder(a: Entry, b: Entry): number {
  return (
    (b.endpoint.priority ?? 0) - (a.endpoint.priority ?? 0) ||
    compare(a.network.suffix, b.network.suffix) ||
    compare(a.network.id, b.network.id)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
