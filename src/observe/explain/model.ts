/**
 * @module A snapshot made ready for questions: namespaces and links by name and index, addresses parsed, and the little
 * that changes while one packet is on its way (what bridges learn, what neighbours learn).
 */

import { type Address, Prefix } from '../../ipam/index.ts';
import { inNamespace as commandIn } from '../snapshot/command.ts';
import type {
  Address as AddressEntry,
  Container,
  Link,
  LinkReference,
  Namespace,
  Snapshot,
} from '../snapshot/types.ts';
import { PacketFilter } from './filter/hooks.ts';
import { tryAddress } from './filter/nft-data.ts';

/** An address of a link, parsed. */
export interface Owned {
  readonly address: Address;
  readonly prefix: Prefix;
  readonly link: Link;
  readonly entry: AddressEntry;
}

/** One network stack. */
export class Stack {
  readonly namespace: Namespace;
  readonly name: string;
  readonly owned: readonly Owned[];
  readonly #links: ReadonlyMap<number, Link>;
  readonly #ports: ReadonlyMap<number, readonly Link[]>;
  /** Neighbours learned on the way: link index and address → MAC. */
  readonly learnedNeighbours = new Map<string, string>();
  #filter: PacketFilter | undefined;

  constructor(namespace: Namespace) {
    this.namespace = namespace;
    this.name = namespace.name;
    this.#links = new Map(namespace.links.map((link) => [link.index, link]));
    this.#ports = groupBy(namespace.links, ({ master }) => master);
    this.owned = namespace.addresses.flatMap((entry) => {
      const address = tryAddress(entry.address);
      const link = this.#links.get(entry.link);
      if (address === undefined || link === undefined) return [];
      const base = entry.peer === undefined ? address : (tryAddress(entry.peer) ?? address);
      return [{ address, prefix: new Prefix(base, entry.prefixLength), link, entry }];
    });
  }

  get isHost(): boolean {
    return this.namespace.owner === 'host';
  }

  /** Its packet filters; read when they are first asked for. */
  get filter(): PacketFilter {
    this.#filter ??= new PacketFilter(this.namespace);
    return this.#filter;
  }

  link(index: number | undefined): Link | undefined {
    return index === undefined ? undefined : this.#links.get(index);
  }

  linkNamed(name: string): Link | undefined {
    return this.namespace.links.find((link) => link.name === name || link.alternativeNames?.includes(name));
  }

  get links(): Iterable<Link> {
    return this.#links.values();
  }

  portsOf(bridge: Link): readonly Link[] {
    return this.#ports.get(bridge.index) ?? [];
  }

  /** Whether it has the address at all, usable or not. */
  owner(address: Address): Owned | undefined {
    return this.owned.find((one) => one.address.equals(address));
  }

  addressesOf(link: Link, family: 4 | 6): Owned[] {
    return this.owned.filter((one) => one.link.index === link.index && one.address.family === family);
  }
}

/** An interface in a namespace. */
export interface At {
  readonly stack: Stack;
  readonly link: Link;
}

export class Model {
  readonly snapshot: Snapshot;
  readonly stacks: readonly Stack[];
  readonly #byId: ReadonlyMap<string, Stack>;
  /** By the namespace and the link below. */
  readonly #macvlans: ReadonlyMap<string, readonly At[]>;
  /** What bridges learned on the way: namespace and bridge → MAC → port. */
  readonly #learned = new Map<string, Map<string, number>>();

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot;
    this.stacks = snapshot.namespaces.map((namespace) => new Stack(namespace));
    this.#byId = new Map(this.stacks.map((stack) => [stack.namespace.id, stack]));
    const macvlans = this.stacks.flatMap((stack) =>
      [...stack.links].filter(({ kind }) => kind === 'macvlan').map((link) => ({ stack, link })),
    );
    this.#macvlans = groupBy(macvlans, ({ stack, link: { lower } }) =>
      lower === undefined ? undefined : `${lower.namespace ?? stack.namespace.id} ${lower.index}`,
    );
  }

  stack(id: string | undefined): Stack | undefined {
    return id === undefined ? undefined : this.#byId.get(id);
  }

  get host(): Stack | undefined {
    return this.stacks.find(({ isHost }) => isHost);
  }

  at(reference: LinkReference | undefined): At | undefined {
    const stack = this.stack(reference?.namespace);
    const link = stack?.link(reference?.index);
    return stack === undefined || link === undefined ? undefined : { stack, link };
  }

  /** Everybody who has an address. */
  owners(address: Address): { stack: Stack; owned: Owned }[] {
    return this.stacks.flatMap((stack) => {
      const owned = stack.owner(address);
      return owned === undefined ? [] : [{ stack, owned }];
    });
  }

  /** The macvlans on top of a link. */
  macvlansOn({ stack, link }: At): readonly At[] {
    return this.#macvlans.get(`${stack.namespace.id} ${link.index}`) ?? [];
  }

  containerIn({ namespace }: Stack): Container | undefined {
    return this.snapshot.containers.find(
      (container) => container.namespace === namespace.id && container.networkMode !== 'host',
    );
  }

  /** A bridge sees a source address at a port. */
  learn(stack: Stack, bridge: Link, mac: string, port: number): void {
    const key = `${stack.namespace.id} ${bridge.index}`;
    const table = this.#learned.get(key) ?? new Map<string, number>();
    this.#learned.set(key, table);
    table.set(mac, port);
  }

  learnedPort(stack: Stack, bridge: Link, mac: string): number | undefined {
    return this.#learned.get(`${stack.namespace.id} ${bridge.index}`)?.get(mac);
  }
}

/** Those without a key are left out. */
function groupBy<K, T>(items: readonly T[], keyOf: (item: T) => K | undefined): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

/** 'eth0@web'; just 'veth3a1' for the host's own. */
export function labelOf({ stack, link }: At): string {
  return stack.isHost ? link.name : `${link.name}@${stack.name}`;
}

/** How to run a command in a stack's namespace. */
export function inNamespace({ namespace }: Stack, command: string): string {
  return commandIn(namespace, command);
}

/** What is to be known of a link that is down. */
export function downFacts(at: At): { readonly interface: string; readonly command: string } {
  return { interface: labelOf(at), command: inNamespace(at.stack, `ip link set ${at.link.name} up`) };
}
