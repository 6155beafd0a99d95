/**
 * @module What a name means to a container: its hosts file, then its engine's name server, which knows the containers of
 * the networks that both are on. What other name servers say is in no snapshot.
 * @see nsswitch.conf(5), https://docs.docker.com/engine/network/ "DNS services"
 */

import { Address } from '../../ipam/index.ts';
import type { Container, ContainerEndpoint, Family, Resolver, Snapshot } from '../snapshot/types.ts';
import type { Found } from './find.ts';

export type NameAnswer =
  | {
      readonly kind: 'known';
      readonly addresses: readonly Address[];
      /** 'hosts', or the network on which both are. */
      readonly source: string;
      readonly container?: Container;
    }
  /** A container of that name exists, but on none of the networks on which the one who asks is told names, `served`. */
  | {
      readonly kind: 'elsewhere';
      readonly container: Container;
      readonly network: string;
      readonly served: readonly string[];
    }
  /** Nobody has it, and no name server beyond could. */
  | { readonly kind: 'unknown' }
  /** Only these name servers can tell. */
  | { readonly kind: 'beyond'; readonly nameservers: readonly string[] };

/** Where engines serve names inside a container's own stack. */
const EMBEDDED = '127.0.0.11';

/** @param family Only such addresses; default: all */
export function resolveName(snapshot: Snapshot, from: Found, name: string, family?: Family): NameAnswer {
  const resolver = from.container?.resolver ?? from.namespace.resolver;
  const wanted = name.toLowerCase().replace(/\.$/, '');
  const fits = (addresses: readonly Address[]): Address[] =>
    addresses.filter((address) => family === undefined || address.family === family);
  const listed = fits(inHosts(resolver, wanted));
  if (listed.length > 0) return { kind: 'known', addresses: listed, source: 'hosts' };
  const asker = askerOf(snapshot, from);
  const served = asker === undefined ? [] : servedNetworks(asker, resolver);
  for (const network of served) {
    for (const container of mates(snapshot, asker as Container, network)) {
      const endpoint = container.networks.find((one) => one.network === network) as ContainerEndpoint;
      if (!answersTo(container, endpoint, unqualified(wanted, network, resolver))) continue;
      const addresses = fits(endpoint.addresses.flatMap(addressOf));
      if (addresses.length > 0) return { kind: 'known', addresses, source: network, container };
    }
  }
  const elsewhere = snapshot.containers.find(
    (one) =>
      one.engine === asker?.engine &&
      one.name.toLowerCase() === wanted &&
      one.namespace !== undefined &&
      one.namespace !== from.namespace.id,
  );
  if (elsewhere !== undefined) {
    return { kind: 'elsewhere', container: elsewhere, network: elsewhere.networks[0]?.network ?? 'no network', served };
  }
  const beyond = (resolver?.nameservers ?? []).filter((server) => !isEngines(server, asker));
  // A name of one label is nobody's outside, unless a search domain makes more of it.
  const isLocal = !wanted.includes('.') && (resolver?.search ?? []).length === 0;
  const forwards = beyond.length > 0 || resolver?.nameservers.includes(EMBEDDED) === true;
  return forwards && !isLocal ? { kind: 'beyond', nameservers: resolver?.nameservers ?? [] } : { kind: 'unknown' };
}

function inHosts(resolver: Resolver | undefined, name: string): Address[] {
  return (resolver?.hosts ?? [])
    .filter(({ names }) => names.some((one) => one.toLowerCase() === name))
    .flatMap(({ address }) => addressOf(address));
}

/** The container whose stack it is: one that shares another's is on the other's networks. */
function askerOf(snapshot: Snapshot, { namespace, container }: Found): Container | undefined {
  if (namespace.owner === 'host' || (container?.networks.length ?? 0) > 0) return container;
  const inside = snapshot.containers.filter((one) => one.namespace === namespace.id);
  return inside.find(({ networks }) => networks.length > 0) ?? inside[0];
}

/** The networks on which the container's engine answers its questions for names. */
function servedNetworks(container: Container, resolver: Resolver | undefined): string[] {
  const servers = resolver?.nameservers ?? [];
  return container.networks
    .filter(({ network, gateways }) =>
      container.engine === 'podman'
        ? gateways.some((gateway) => servers.includes(gateway))
        : servers.includes(EMBEDDED) && !(container.engine === 'docker' && network === 'bridge'),
    )
    .map(({ network }) => network);
}

/** The running containers on a network of the same engine, the one who asks among them. */
function mates(snapshot: Snapshot, asker: Container, network: string): Container[] {
  return snapshot.containers.filter(
    (one) =>
      one.engine === asker.engine &&
      one.namespace !== undefined &&
      one.networks.some((endpoint) => endpoint.network === network),
  );
}

function answersTo(container: Container, endpoint: ContainerEndpoint, name: string): boolean {
  const names = [container.name, container.id.slice(0, 12), ...endpoint.aliases];
  // Docker does not serve host names; Podman and Pontoon do.
  if (container.engine !== 'docker' && container.hostname !== undefined) names.push(container.hostname);
  return names.some((one) => one.toLowerCase() === name);
}

/** 'db.front' is db on front, and Podman's search domain is as good as none. */
function unqualified(name: string, network: string, resolver: Resolver | undefined): string {
  const suffix = [network, ...(resolver?.search ?? [])].find((domain) => name.endsWith(`.${domain.toLowerCase()}`));
  return suffix === undefined ? name : name.slice(0, -suffix.length - 1);
}

function isEngines(server: string, asker: Container | undefined): boolean {
  return server === EMBEDDED || asker?.networks.some(({ gateways }) => gateways.includes(server)) === true;
}

/** An address of the snapshot, with or without a prefix length; none for what is no address. */
function addressOf(text: string): Address[] {
  try {
    return [Address.parse(text.replace(/\/\d+$/, ''))];
  } catch {
    return []; // somebody's hosts file may hold anything
  }
}
