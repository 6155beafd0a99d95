/**
 * @module /etc/resolv.conf: the host's is read, a sandbox's is written (resolv.conf(5)).
 *
 * A sandbox with a resolver gets `nameserver 127.0.0.11`, and the servers that stood in the host's file, or that the
 * user gave, become the resolver's upstreams. A sandbox without one gets those servers themselves, except those that
 * only the host can reach: on its loopback, or behind one of its links. The comments at the end say where each part is from, as Docker's do.
 *
 * Other than Docker, we name no public servers when the host has none: where a container's questions go is for the
 * host's owner to say.
 */

import { isIPv4, isIPv6 } from 'node:net';

export const RESOLVER_ADDRESS = '127.0.0.11';

/** A resolv.conf file. */
export interface ResolvConf {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
  /** Lines with other directives, as they stand. */
  readonly other: readonly string[];
  /** What stood after `nameserver` and is no address. */
  readonly invalid: readonly string[];
}

/** What the user asked for (`--dns`, `--dns-search`, `--dns-option`); each given list replaces the host's. */
export interface DnsSettings {
  readonly nameservers?: readonly string[] | undefined;
  /** `['.']`: no search domains. */
  readonly search?: readonly string[] | undefined;
  readonly options?: readonly string[] | undefined;
}

export interface SandboxResolvConf {
  /** The file. */
  readonly text: string;
  /** The servers that its resolver forwards to; without a resolver there are none. */
  readonly upstreams: readonly UpstreamServer[];
  /** See ResolverOptions. */
  readonly forwardSingleLabels: boolean;
}

export interface UpstreamServer {
  readonly address: string;
  /**
   * Whose network reaches it. The host's own servers are the host's to ask, so its 127.0.0.53 works too; a server that
   * the user named may be one on the sandbox's networks.
   */
  readonly from: 'host' | 'sandbox';
}

/** Reads a resolv.conf. Nothing in it is an error: what is not understood is kept aside. */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = [];
  let search: string[] = [];
  const options: string[] = [];
  const other: string[] = [];
  const invalid: string[] = [];
  for (const line of text.split('\n')) {
    const [directive, ...values] = line.split(/\s+/).filter((word) => word !== '');
    if (directive === undefined || directive.startsWith('#') || directive.startsWith(';')) continue;
    switch (directive) {
      case 'nameserver':
        if (values[0] !== undefined) (isAddress(values[0]) ? nameservers : invalid).push(values[0]);
        break;
      case 'domain':
      case 'search':
        // The last one counts; `domain` is the old name of a list of one.
        if (values.length > 0) search = values;
        break;
      case 'options':
        options.push(...values);
        break;
      default:
        other.push(line.trim());
    }
  }
  return { nameservers, search, options, other, invalid };
}

/** The resolv.conf of a sandbox, and what its resolver has to know. */
export function renderResolvConf(config: {
  readonly host: ResolvConf;
  /** The path of the host's file, for the comment. */
  readonly hostPath: string;
  readonly settings?: DnsSettings;
  /** Whether the sandbox has a resolver at 127.0.0.11. */
  readonly resolver: boolean;
  /** Whether the sandbox is on the host's own stack, and so reaches whatever the host does. */
  readonly hostStack?: boolean;
  /** Whether the sandbox has IPv6; without it, the host's IPv6 servers are of no use inside. */
  readonly ipv6: boolean;
}): SandboxResolvConf {
  const { host, settings = {}, resolver, hostStack = false, ipv6 } = config;
  const from = settings.nameservers === undefined ? 'host' : 'sandbox';
  const servers = (settings.nameservers ?? host.nameservers).filter(
    // A resolver that forwards to itself would never answer.
    (address) => !(resolver && from === 'sandbox' && address === RESOLVER_ADDRESS),
  );
  const search = (settings.search ?? host.search).filter((domain) => domain !== '.');
  const options = (settings.options ?? host.options).filter((option) => !resolver || isValidOption(option));
  const ndots = options.findLast((option) => option.startsWith('ndots:'));
  let ndotsFrom = ndots === undefined ? undefined : settings.options === undefined ? 'host' : 'override';
  if (resolver && ndots === undefined) {
    // Names of containers have no dot, and are to be tried as they are.
    options.push('ndots:0');
    ndotsFrom = 'internal';
  }

  const upstreams = resolver ? servers.map((address): UpstreamServer => ({ address, from })) : [];
  const usable = servers.filter(
    (address) =>
      hostStack || from === 'sandbox' || (!isLoopback(address) && !address.includes('%') && (ipv6 || isIPv4(address))),
  );
  const nameservers = resolver ? [RESOLVER_ADDRESS] : usable;
  const overrides = (['nameservers', 'search', 'options'] as const).filter((key) => settings[key] !== undefined);

  const lines = nameservers.map((address) => `nameserver ${address}`);
  if (search.length > 0) lines.push(`search ${search.join(' ')}`);
  if (options.length > 0) lines.push(`options ${options.join(' ')}`);
  lines.push(...host.other, '');
  lines.push(`# Based on host file: '${config.hostPath}' (${resolver ? 'internal resolver' : 'legacy'})`);
  if (servers.length === 0) lines.push('# No upstream servers: names outside the networks cannot be resolved');
  if (upstreams.length > 0) lines.push(`# ExtServers: [${upstreams.map(describe).join(' ')}]`);
  if (host.invalid.length > 0) lines.push(`# Invalid nameservers: [${host.invalid.join(' ')}]`);
  lines.push(`# Overrides: [${overrides.join(' ')}]`);
  if (ndotsFrom !== undefined) lines.push(`# Option ndots from: ${ndotsFrom}`);

  return {
    text: `${lines.join('\n')}\n`,
    upstreams,
    forwardSingleLabels: ndots === undefined || Number(ndots.slice('ndots:'.length)) === 0,
  };
}

function describe({ address, from }: UpstreamServer): string {
  return from === 'host' ? `host(${address})` : address;
}

function isAddress(text: string): boolean {
  return isIPv4(text) || isIPv6(text);
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** An `ndots` without a number would be read as 0 by some C libraries and as 1 by others. */
function isValidOption(option: string): boolean {
  return !option.startsWith('ndots') || /^ndots:\d+$/.test(option);
}
