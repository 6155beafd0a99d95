/**
 * @module A snapshot to show to strangers: names and public addresses are pseudonyms, and it explains just as well.
 *
 * Hidden are: names of the host, of containers, networks, namespaces, images, programs and DNS; unusual names of links;
 * labels, aliases, and comments in rules. What stays: private addresses, MACs, ports, IDs (random numbers), names of
 * tables, chains and sets.
 */

import { randomBytes } from 'node:crypto';
import { sparse } from '../sparse.ts';
import type { Container, ContainerNetwork, Link, Namespace, Resolver, Snapshot, Socket, Xtables } from '../types.ts';
import { AddressPseudonyms } from './addresses.ts';
import { NamePseudonyms } from './names.ts';

export interface RedactOptions {
  /** With the same key, addresses get the same pseudonyms in every snapshot. Default: a random one. */
  readonly key?: Buffer;
}

const HIDDEN = 'redacted';
const KEPT_OPTIONS = /^(?:com\.docker\.network\.|parent$|mode$|mtu$|isolate$|vlan$)/;

export function redactSnapshot(snapshot: Snapshot, options: RedactOptions = {}): Snapshot {
  const names = new NamePseudonyms();
  const addresses = new AddressPseudonyms(options.key ?? randomBytes(32));
  // In this order, so that names get their kind from whom they belong to.
  const host = { ...snapshot.host, name: names.name(snapshot.host.name, 'machine') };
  for (const { name } of snapshot.containers) names.name(name, 'container');
  const containers = snapshot.containers.map((one) => redactContainer(one, names));
  const networks = snapshot.networks.map((one) => redactNetwork(one, names));
  const namespaces = snapshot.namespaces.map((one) => redactNamespace(one, names));
  const notes = snapshot.notes.map(({ message, ...note }) => ({ ...note, message: `${note.what}: ${note.kind}` }));
  return {
    ...snapshot,
    redacted: true,
    host,
    namespaces: hideAddresses(namespaces, addresses),
    containers: hideAddresses(containers, addresses),
    networks: hideAddresses(networks, addresses),
    notes,
  };
}

function redactContainer(container: Container, names: NamePseudonyms): Container {
  const { hostname, image, networkMode, resolver } = container;
  const network = (name: string): string => names.name(name, 'network');
  return sparse<Container>({
    engine: container.engine,
    id: container.id,
    name: names.name(container.name, 'container'),
    state: container.state,
    pid: container.pid,
    namespace: container.namespace,
    hostname: hostname && names.name(hostname),
    image: image && names.image(image),
    labels: {},
    networkMode: networkMode?.startsWith('container:') === true ? networkMode : networkMode && network(networkMode),
    networks: container.networks.map((endpoint) => ({
      ...endpoint,
      network: network(endpoint.network),
      ...(endpoint.networkId === undefined ? {} : { networkId: network(endpoint.networkId) }),
      aliases: endpoint.aliases.map((alias) => names.name(alias)),
    })),
    ports: container.ports,
    resolver: resolver && redactResolver(resolver, names),
  });
}

function redactNetwork(network: ContainerNetwork, names: NamePseudonyms): ContainerNetwork {
  return {
    ...network,
    id: names.name(network.id, 'network'),
    name: names.name(network.name, 'network'),
    ...(network.bridge === undefined ? {} : { bridge: names.link(network.bridge) }),
    options: Object.fromEntries(
      Object.entries(network.options)
        .filter(([key]) => KEPT_OPTIONS.test(key))
        .map(([key, value]) => [key, key.endsWith('.name') || key === 'parent' ? names.link(value) : value]),
    ),
  };
}

function redactNamespace(namespace: Namespace, names: NamePseudonyms): Namespace {
  const links = namespace.links.map((link) => redactLink(link, names));
  const renamed = (name: string): string => names.renamedLink(name) ?? name;
  return {
    ...namespace,
    name: namespace.owner === 'host' ? namespace.name : redactLabel(namespace.name, names),
    names: namespace.names.map(({ name, owner }) => ({
      owner,
      name: owner === 'host' ? name : names.name(name, 'netns'),
    })),
    paths: namespace.paths.map((path) => names.path(path)),
    processes: namespace.processes.map(({ pid, command }) => ({ pid, command: names.program(command) })),
    links,
    rules: namespace.rules.map((rule) => ({
      ...rule,
      ...(rule.incoming === undefined ? {} : { incoming: renamed(rule.incoming) }),
      ...(rule.outgoing === undefined ? {} : { outgoing: renamed(rule.outgoing) }),
    })),
    nftables: {
      ruleset: namespace.nftables.ruleset.map((object) =>
        redactRule(object, renamed),
      ) as Namespace['nftables']['ruleset'],
    },
    xtables: namespace.xtables.map((saved) => redactSaved(saved, renamed)),
    sockets: namespace.sockets.map((socket) => redactSocket(socket, names)),
    ...(namespace.resolver === undefined ? {} : { resolver: redactResolver(namespace.resolver, names) }),
  };
}

/** A namespace's name may have its owner before it. */
function redactLabel(name: string, names: NamePseudonyms): string {
  const [, owner = '', rest = name] = /^(docker:|podman:|pontoon:|netns:|process:)?(.*)$/s.exec(name) ?? [];
  const [own = '', ...more] = rest.split('@');
  return [`${owner}${names.name(own, 'netns')}`, ...more].join('@');
}

function redactLink(link: Link, names: NamePseudonyms): Link {
  const { alias, alternativeNames, ...rest } = link;
  return {
    ...rest,
    name: names.link(link.name),
    ...(alternativeNames && { alternativeNames: alternativeNames.map((name) => names.link(name)) }),
    // Ours name an owner by its ID.
    ...(alias !== undefined && /^pontoon:[0-9a-f]+$/.test(alias) ? { alias } : {}),
  };
}

function redactSocket(socket: Socket, names: NamePseudonyms): Socket {
  const { owner } = socket;
  return owner === undefined ? socket : { ...socket, owner: { ...owner, command: names.program(owner.command) } };
}

function redactResolver(resolver: Resolver, names: NamePseudonyms): Resolver {
  return {
    ...resolver,
    directory: names.path(resolver.directory),
    search: resolver.search.map((domain) => names.name(domain)),
    hosts: resolver.hosts.map((line) => ({ ...line, names: line.names.map((name) => names.name(name)) })),
  };
}

/** An nftables object without its comments and log prefixes, links renamed. */
function redactRule(value: unknown, renamed: (name: string) => string): unknown {
  if (typeof value === 'string') return renamed(value);
  if (Array.isArray(value)) return value.map((one) => redactRule(one, renamed));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => key !== 'comment');
  return Object.fromEntries(
    entries.map(([key, one]) => [
      key,
      key === 'log' && typeof one === 'object' && one !== null && 'prefix' in one
        ? { ...one, prefix: HIDDEN }
        : redactRule(one, renamed),
    ]),
  );
}

function redactSaved(saved: Xtables, renamed: (name: string) => string): Xtables {
  return {
    ...saved,
    text: saved.text
      .replaceAll(/(--(?:comment|log-prefix|nflog-prefix)) (?:"(?:\\.|[^"\\])*"|\S+)/g, `$1 ${HIDDEN}`)
      .replaceAll(/(?<=(?:^| )(?:-i|-o|--physdev-in|--physdev-out) )\S+/gm, renamed),
  };
}

/** Every text in a value, with its addresses replaced; nftables' prefixes are an address and a length. */
function hideAddresses<T>(value: T, addresses: AddressPseudonyms): T {
  const hide = (one: unknown): unknown => {
    if (typeof one === 'string') return addresses.inText(one);
    if (Array.isArray(one)) return one.map(hide);
    if (typeof one !== 'object' || one === null) return one;
    const { addr, len } = one as { addr?: unknown; len?: unknown };
    if (typeof addr === 'string' && typeof len === 'number') return { ...one, addr: addresses.of(addr, len) };
    return Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, hide(inner)]));
  };
  return hide(value) as T;
}
