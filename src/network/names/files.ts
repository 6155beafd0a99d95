/**
 * @module /etc/hosts and /etc/hostname of a sandbox (hosts(5), hostname(5)), as Docker writes them.
 */

import { isIPv6 } from 'node:net';

export interface HostsFile {
  /** Without the domain. */
  readonly hostname: string;
  readonly domainName?: string | undefined;
  /** The sandbox's own addresses, with more names for each where there are any. */
  readonly addresses: readonly { readonly address: string; readonly names?: readonly string[] }[];
  /** Lines that the user asked for (`--add-host`). */
  readonly extraHosts?: readonly { readonly name: string; readonly address: string }[];
  /** False leaves out every IPv6 line. Default true. */
  readonly ipv6?: boolean;
}

const LOCALHOST: readonly (readonly [address: string, names: string])[] = [
  ['127.0.0.1', 'localhost'],
  ['::1', 'localhost ip6-localhost ip6-loopback'],
  ['fe00::', 'ip6-localnet'],
  ['ff00::', 'ip6-mcastprefix'],
  ['ff02::1', 'ip6-allnodes'],
  ['ff02::2', 'ip6-allrouters'],
];

/** The text of /etc/hosts. Own addresses come last, the fully qualified name first on each line. */
export function renderHosts(file: HostsFile): string {
  const { hostname, domainName, ipv6 = true } = file;
  // The host name may be a fully qualified one itself.
  const own = [...(domainName ? [`${hostname}.${domainName}`] : []), hostname, hostname.replace(/\..*/, '')];
  const lines = [
    ...LOCALHOST,
    ...(file.extraHosts ?? []).map(({ name, address }) => [address, name] as const),
    ...file.addresses.map(({ address, names = [] }) => [address, [...new Set([...own, ...names])].join(' ')] as const),
  ];
  return lines
    .filter(([address]) => ipv6 || !isIPv6(address))
    .map(([address, names]) => `${address}\t${names}\n`)
    .join('');
}

/** The text of /etc/hostname. */
export function renderHostname(hostname: string): string {
  return `${hostname}\n`;
}
