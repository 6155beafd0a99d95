/**
 * @module Names for sandboxes: the directory, a resolver in each running sandbox, and its rendered files.
 */

import { closeSync, readFileSync, rmSync, statSync } from 'node:fs';
import { makeDirectories } from '../kernel/directory.ts';
import { boundPort, openBoundSocket, openOutgoingSocket } from '../kernel/inet-socket.ts';
import { NetworkNamespace } from '../kernel/namespace.ts';
import { openNetfilter } from '../kernel/netlink/nfnetlink.ts';
import { transact } from '../kernel/nftables/batch.ts';
import { describeTable } from '../kernel/nftables/read.ts';
import { addTable, deleteTable } from '../kernel/nftables/table.ts';
import { addressesOf } from './both-families.ts';
import type { Paths } from './context.ts';
import type { Membership } from './gateway.ts';
import { shortId } from './identity.ts';
import { NameDirectory } from './names/directory.ts';
import { renderHostname, renderHosts } from './names/files.ts';
import { RESOLVER_TABLE, resolverRedirect } from './names/redirect.ts';
import {
  parseResolvConf,
  RESOLVER_ADDRESS,
  type ResolvConf,
  renderResolvConf,
  type UpstreamServer,
} from './names/resolv-conf.ts';
import { createResolver, type Resolver } from './names/resolver.ts';
import type { Upstream } from './names/upstream.ts';
import { forgetFiles, keepingLines, unlessChanged, updateFiles } from './sandbox-files.ts';
import { step } from './step.ts';
import type { EndpointRecord, SandboxRecord } from './store.ts';
import type { SandboxSpec } from './types.ts';

/** What `describeTable` says of a whole redirect: a chain and four rules. */
const REDIRECT_LINES = 5;
const HOST_RESOLV_CONF = '/etc/resolv.conf';

/** What sandboxes get that say nothing themselves: name servers asked from inside the sandbox, domains, options. */
export type DnsDefaults = Pick<SandboxSpec, 'dns' | 'dnsSearch' | 'dnsOptions'>;

export class Resolvers implements Disposable {
  readonly directory = new NameDirectory();
  readonly #paths: Paths;
  readonly #onError: (error: Error) => void;
  readonly #defaults: DnsDefaults;
  readonly #running = new Map<string, Resolver>();

  constructor(paths: Paths, onError: (error: Error) => void, defaults: DnsDefaults) {
    this.#paths = paths;
    this.#onError = onError;
    this.#defaults = defaults;
  }

  [Symbol.dispose](): void {
    for (const resolver of this.#running.values()) resolver.close();
    this.#running.clear();
  }

  /**
   * Starts the resolver of a sandbox: binds its sockets inside and leads port 53 of 127.0.0.11 to them.
   * `fresh` says that the namespace is new, so that no ruleset of an earlier resolver is there.
   */
  start(sandbox: SandboxRecord, namespace: NetworkNamespace, fresh: boolean): void {
    if (!sandbox.resolver) return;
    const [udpFd, tcpFd] = namespace.enter(() => {
      using sockets = new DisposableStack();
      const udp = sockets.adopt(openBoundSocket('udp', RESOLVER_ADDRESS, 0), closeSync);
      const tcp = sockets.adopt(openBoundSocket('tcp', RESOLVER_ADDRESS, 0), closeSync);
      using netfilter = openNetfilter();
      step(`resolver of ${sandbox.name}: rules`);
      const old = fresh ? [] : [addTable(RESOLVER_TABLE), deleteTable(RESOLVER_TABLE)];
      transact(netfilter, [...old, ...resolverRedirect(boundPort(udp), boundPort(tcp))]);
      sockets.move();
      return [udp, tcp] as const;
    });
    this.#running.get(sandbox.id)?.close();
    const resolver = createResolver({
      directory: this.directory,
      sandboxId: sandbox.id,
      udpFd,
      tcpFd,
      upstreams: [],
      unref: true,
      onError: this.#onError,
    });
    this.#running.set(sandbox.id, resolver);
  }

  /** Leads port 53 to the running resolver again where the rules in the sandbox were changed; one line if so. */
  repair(sandbox: SandboxRecord, namespace: NetworkNamespace): string[] {
    if (!sandbox.resolver) return [];
    const rules = namespace.enter(() => {
      using netfilter = openNetfilter();
      return describeTable(netfilter, RESOLVER_TABLE);
    });
    if (this.#running.has(sandbox.id) && rules.length === REDIRECT_LINES) return [];
    this.start(sandbox, namespace, false);
    return [`resolver of ${sandbox.name}: started again`];
  }

  /** Takes the rules out of a namespace that stays. */
  removeRedirect(sandbox: SandboxRecord, namespace: NetworkNamespace): void {
    if (!sandbox.resolver) return;
    step(`resolver of ${sandbox.name}: rules`);
    namespace.enter(() => {
      using netfilter = openNetfilter();
      transact(netfilter, [addTable(RESOLVER_TABLE), deleteTable(RESOLVER_TABLE)]);
    });
  }

  /** Makes the files of a sandbox and the resolver's upstreams follow its endpoints. @throws ErrnoException */
  refresh(sandbox: SandboxRecord, memberships: readonly Membership[]): void {
    const directory = this.#paths.sandbox(sandbox.id);
    makeDirectories(directory);
    const endpoints = memberships.map(({ endpoint }) => endpoint);
    const addresses = endpoints.flatMap(addressesOf);
    const ipv6 = endpoints.some((endpoint) => endpoint.ipv6 !== undefined);
    const rendered = renderResolvConf({
      host: hostResolvConf(),
      hostPath: HOST_RESOLV_CONF,
      settings: {
        nameservers: sandbox.dns ?? this.#defaults.dns,
        search: sandbox.dnsSearch ?? this.#defaults.dnsSearch,
        options: sandbox.dnsOptions ?? this.#defaults.dnsOptions,
      },
      resolver: sandbox.resolver,
      hostStack: sandbox.namespace === 'host',
      ipv6,
    });
    const hosts = renderHosts({
      hostname: sandbox.hostname,
      domainName: sandbox.domainname,
      addresses: addresses.map((address) => ({ address })),
      extraHosts: sandbox.extraHosts.map(([name, address]) => ({ name, address })),
      ipv6,
    });
    updateFiles(directory, {
      hosts: { text: hosts, merge: keepingLines },
      'resolv.conf': { text: rendered.text, merge: unlessChanged },
      hostname: { text: renderHostname(sandbox.hostname), merge: unlessChanged },
      // For those who look at this host without the store: `pontoon snapshot`.
      name: { text: `${sandbox.name}\n`, merge: unlessChanged },
    });
    const outside = memberships.some(({ network }) => !network.internal);
    this.#running.get(sandbox.id)?.setUpstreams(this.#upstreams(sandbox, rendered.upstreams, outside), {
      forwardSingleLabels: rendered.forwardSingleLabels,
    });
  }

  /** Stops a sandbox's resolver. The ruleset goes with the namespace. */
  stop(sandboxId: string): void {
    this.#running.get(sandboxId)?.close();
    this.#running.delete(sandboxId);
  }

  /** Has a sandbox's files written anew with the next refresh: a container that starts again finds none of its edits. */
  forgetFiles(sandboxId: string): void {
    forgetFiles(this.#paths.sandbox(sandboxId));
  }

  /** Deletes a sandbox's files. */
  removeFiles(sandboxId: string): void {
    rmSync(this.#paths.sandbox(sandboxId), { recursive: true, force: true });
  }

  /** Makes the names of an endpoint known. */
  announce({ endpoint, network }: Membership, sandbox: SandboxRecord): void {
    if (endpoint.ipv4 === undefined && endpoint.ipv6 === undefined) return;
    this.directory.set({
      id: endpoint.id,
      sandboxId: sandbox.id,
      networkId: network.id,
      networkName: network.name,
      names: dnsNames(sandbox, endpoint),
      ipv4: endpoint.ipv4,
      ipv6: endpoint.ipv6,
      priority: endpoint.gatewayPriority,
    });
  }

  /** The host's own name servers are asked from the host, and only for sandboxes that have a way out. */
  #upstreams(sandbox: SandboxRecord, servers: readonly UpstreamServer[], outside: boolean): Upstream[] {
    return servers
      .filter(({ from }) => from === 'sandbox' || outside)
      .map(({ address, from }) =>
        from === 'host' ? { address } : { address, openSocket: socketInside(this.#paths.namespaceOf(sandbox)) },
      );
  }
}

/** All names of an endpoint, the primary one first. */
export function dnsNames(sandbox: SandboxRecord, endpoint: EndpointRecord): [string, ...string[]] {
  const names = new Set([sandbox.name, ...endpoint.aliases, shortId(sandbox.id), sandbox.hostname]);
  return [...names] as [string, ...string[]];
}

let lastResolvConf: { readonly version: string; readonly parsed: ResolvConf } | undefined;

/** The host's resolv.conf, read again when it is another file or was written to. */
function hostResolvConf(): ResolvConf {
  const stat = statSync(HOST_RESOLV_CONF, { throwIfNoEntry: false }); // a host without name servers may have none
  const version = stat === undefined ? 'none' : `${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`;
  if (lastResolvConf?.version !== version) {
    const text = stat === undefined ? '' : readFileSync(HOST_RESOLV_CONF, 'utf8');
    lastResolvConf = { version, parsed: parseResolvConf(text) };
  }
  return lastResolvConf.parsed;
}

function socketInside(path: string): NonNullable<Upstream['openSocket']> {
  return (kind, address, port) => {
    using namespace = NetworkNamespace.open(path);
    return namespace.enter(() => openOutgoingSocket(kind, address, port));
  };
}
