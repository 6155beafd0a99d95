/**
 * @module A question's endpoints in a snapshot: which stack sends, and to which address. A pure function.
 *
 * Where a container or a namespace is the destination, the address is the one that the source would be told: on a network
 * that both are on, else the first; IPv4 before IPv6 unless one is asked for.
 */

import { PontoonError } from '../../errors.ts';
import { Address, Prefix } from '../../ipam/index.ts';
import { inNamespace } from '../snapshot/command.ts';
import type {
  Address as AddressEntry,
  Family,
  Link,
  Namespace,
  NamespaceId,
  Route,
  Snapshot,
} from '../snapshot/types.ts';
import { type Found, findStack, hostOf } from './find.ts';
import { resolveName } from './names.ts';
import type { EndpointSpec, Protocol, Question } from './question.ts';

export interface ResolvedQuestion {
  readonly source: Source;
  readonly destination: Destination;
  readonly protocol: Protocol;
  readonly port?: number;
  readonly fromPort?: number;
  /** The length of the IP packet. */
  readonly lengthBytes: number;
}

export interface Source {
  readonly namespace: NamespaceId;
  /** What to call it: the namespace's name. */
  readonly name: string;
  /** The interface that packets must leave by; from outside, the one that they come in by. */
  readonly interface?: string;
  /** The address that they must have. */
  readonly address?: Address;
  /** A neighbour beyond the uplink, whose packets enter `namespace` by `interface`. */
  readonly outside?: true;
}

export interface Destination {
  readonly address: Address;
  /** What to call it, as it was asked. */
  readonly name: string;
  /** The namespace that is meant, where one is. */
  readonly namespace?: NamespaceId;
  /** How a name became the address: 'db is 172.18.0.3 on front'. */
  readonly because?: string;
}

/** Why there is nothing to walk: a cause that explain knows, with its facts; or nobody here can tell. */
export interface NoDestination {
  readonly cause: 'name-unknown' | 'name-elsewhere' | 'family-missing' | null;
  readonly at: Source;
  readonly facts: Readonly<Record<string, string>>;
}

/** ICMP's own default is that of ping(8); the others carry nothing. */
const PAYLOAD_BYTES: Record<Protocol, number> = { icmp: 56, tcp: 0, udp: 0, sctp: 0 };
/** The header of each; of TCP the one that opens a connection, with its options. */
const HEADER_BYTES: Record<Protocol, number> = { icmp: 8, tcp: 40, udp: 8, sctp: 32 };
const IP_HEADER_BYTES: Record<Family, number> = { 4: 20, 6: 40 };

/** @throws PontoonError namespace-not-found, bad-value: the question makes no sense on this host */
export function resolveQuestion(snapshot: Snapshot, question: Question): ResolvedQuestion | NoDestination {
  const from = findSource(snapshot, question);
  const destination = findDestination(snapshot, from, question);
  if (!('address' in destination)) return { ...destination, at: from.source };
  const { protocol, port, fromPort, payloadBytes } = question;
  return {
    source: from.source,
    destination,
    protocol,
    ...(port === undefined ? {} : { port }),
    ...(fromPort === undefined ? {} : { fromPort }),
    lengthBytes:
      IP_HEADER_BYTES[destination.address.family] + HEADER_BYTES[protocol] + (payloadBytes ?? PAYLOAD_BYTES[protocol]),
  };
}

interface FoundSource extends Found {
  readonly source: Source;
}

function findSource(snapshot: Snapshot, question: Question): FoundSource {
  const { from: spec } = question;
  if (spec.kind === 'outside') return fromOutside(snapshot, question);
  const found = spec.kind === 'address' ? ownerOf(snapshot, spec.address) : findStack(snapshot, spec);
  if (found === undefined) {
    throw new PontoonError(
      'namespace-not-found',
      `nobody here is '${spec.text}', so that nothing can be sent from there`,
      {
        subject: spec.text,
      },
    );
  }
  const { namespace } = found;
  const fixed = spec.kind === 'host' ? { interface: spec.interface, address: spec.address } : undefined;
  const address = fixed?.address ?? (spec.kind === 'address' ? spec.address : undefined);
  if (fixed?.interface !== undefined && linkNamed(namespace, fixed.interface) === undefined) {
    throw new PontoonError('bad-value', `the host has no interface '${fixed.interface}'${linkNames(namespace)}`, {
      subject: fixed.interface,
    });
  }
  return {
    ...found,
    source: {
      namespace: namespace.id,
      name: namespace.name,
      ...(fixed?.interface === undefined ? {} : { interface: fixed.interface }),
      ...(address === undefined ? {} : { address }),
    },
  };
}

function findDestination(
  snapshot: Snapshot,
  from: FoundSource,
  { to, family }: Question,
): Destination | Omit<NoDestination, 'at'> {
  switch (to.kind) {
    case 'address':
      return { address: to.address, name: to.text };
    case 'name':
      return byName(snapshot, from, to.name, family);
    case 'outside': {
      const { router } = uplinkOf(snapshot, family);
      return { address: router, name: 'outside', because: `the router of the host's uplink is ${router}` };
    }
    default: {
      const found = findStack(snapshot, to);
      return found === undefined ? byName(snapshot, from, to.text, family) : ofStack(from, found, to, family);
    }
  }
}

/** One address of a stack. */
function ofStack(from: FoundSource, { namespace }: Found, to: EndpointSpec, family: Family | undefined) {
  const target = { name: to.text, namespace: namespace.id };
  if (to.kind === 'host' && to.address !== undefined) return { ...target, address: to.address };
  const link = to.kind === 'host' && to.interface !== undefined ? linkNamed(namespace, to.interface) : undefined;
  if (to.kind === 'host' && to.interface !== undefined && link === undefined) {
    throw new PontoonError('bad-value', `the host has no interface '${to.interface}'${linkNames(namespace)}`, {
      subject: to.interface,
    });
  }
  if (namespace.id === from.namespace.id && link === undefined) {
    return { ...target, address: Address.parse(family === 6 ? '::1' : '127.0.0.1') };
  }
  const address = bestAddress(from.namespace, namespace, family, link);
  if (address !== undefined) return { ...target, address };
  return {
    cause: 'family-missing',
    facts: {
      namespace: namespace.name,
      family: family === undefined ? 'IP' : `IPv${family}`,
      destination: to.text,
      command: inNamespace(namespace, 'ip addr show'),
    },
  } as const;
}

/** The address that the source has a neighbourly way to; else the one that its packets go to by default; else the first. */
function bestAddress(
  from: Namespace,
  to: Namespace,
  family: Family | undefined,
  link: Link | undefined,
): Address | undefined {
  const candidates = to.addresses
    .filter((one) => (link === undefined ? one.scope === 'global' : one.link === link.index))
    .filter((one) => family === undefined || one.family === family)
    .toSorted((a, b) => a.family - b.family);
  const routers = new Set(
    from.routes.filter(isDefault).flatMap(({ nextHops }) => nextHops.flatMap(({ via }) => via ?? [])),
  );
  const prefixes = from.addresses.filter(({ scope }) => scope === 'global').map(prefixOf);
  const best =
    candidates.find(({ address }) => prefixes.some((prefix) => prefix.contains(Address.parse(address)))) ??
    candidates.find(({ address }) => routers.has(address)) ??
    candidates[0];
  return best && Address.parse(best.address);
}

function byName(
  snapshot: Snapshot,
  from: FoundSource,
  name: string,
  family: Family | undefined,
): Destination | Omit<NoDestination, 'at'> {
  const answer = resolveName(snapshot, from, name, family);
  const facts = { from: from.source.name, name };
  switch (answer.kind) {
    case 'known': {
      const address = answer.addresses.find((one) => one.family === 4) ?? (answer.addresses[0] as Address);
      const where = answer.source === 'hosts' ? 'in its hosts file' : `on ${answer.source}`;
      const namespace = answer.container?.namespace;
      return {
        address,
        name,
        ...(namespace === undefined ? {} : { namespace }),
        because: `${name} is ${address} ${where}`,
      };
    }
    case 'elsewhere': {
      const { container, network, served } = answer;
      const own = from.container?.name ?? from.source.name;
      // Docker's default network knows no names, so that it is the other one who must move.
      const [to, who] = network === 'bridge' && served[0] !== undefined ? [served[0], container.name] : [network, own];
      const connect = `${container.engine} network connect ${to} ${who}`;
      return { cause: 'name-elsewhere', facts: { ...facts, network, connect } };
    }
    case 'unknown':
      return {
        cause: 'name-unknown',
        facts: { ...facts, command: inNamespace(from.namespace, `getent hosts ${name}`) },
      };
    case 'beyond':
      return { cause: null, facts: { ...facts, nameservers: answer.nameservers.join(', ') } };
  }
}

/** The host's way out: the link of its default route, or else its first device, and a neighbour beyond. */
function uplinkOf(snapshot: Snapshot, family: Family | undefined) {
  const host = hostOf(snapshot);
  const route = host.routes
    .filter((one) => isDefault(one) && one.table === 254 && (family === undefined || one.family === family))
    .toSorted((a, b) => a.family - b.family || a.metric - b.metric)[0];
  const hop = route?.nextHops[0];
  const link = host.links.find(({ index }) => index === hop?.link);
  const known = host.neighbours.find(
    (one) => one.link === link?.index && one.mac !== undefined && one.state !== 'NOARP' && !one.proxy,
  );
  const router = hop?.via ?? known?.address;
  if (link === undefined || router === undefined) {
    throw new PontoonError('bad-value', "the host has no default route, so that nobody is 'outside': give an address", {
      subject: 'outside',
    });
  }
  return { host, link, router: Address.parse(router) };
}

function fromOutside(snapshot: Snapshot, { family, to }: Question): FoundSource {
  const wanted = family ?? (to.kind === 'address' ? to.address.family : undefined);
  const { host, link, router } = uplinkOf(snapshot, wanted);
  return {
    namespace: host,
    source: { namespace: host.id, name: 'outside', interface: link.name, address: router, outside: true },
  };
}

/** The stack that has an address. A loopback address is the host's. */
function ownerOf(snapshot: Snapshot, address: Address): Found | undefined {
  const text = address.toString();
  const namespace =
    text === '::1' || text.startsWith('127.')
      ? hostOf(snapshot)
      : snapshot.namespaces.find(({ addresses }) => addresses.some((one) => one.address === text));
  return namespace && { namespace };
}

function linkNamed(namespace: Namespace, name: string): Link | undefined {
  return namespace.links.find((link) => link.name === name || link.alternativeNames?.includes(name));
}

function linkNames({ links }: Namespace): string {
  return `: it has ${links.map(({ name }) => name).join(', ')}`;
}

function isDefault({ destination, type }: Route): boolean {
  return type === 'unicast' && destination.endsWith('/0');
}

function prefixOf({ address, peer, prefixLength }: AddressEntry): Prefix {
  return new Prefix(Address.parse(peer ?? address), prefixLength);
}
