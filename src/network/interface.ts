/**
 * @module An interface inside a sandbox: its settings, its addresses, its default routes, and its announcement.
 */

import { PontoonError } from '../errors.ts';
import { Address, Prefix } from '../ipam/index.ts';
import { KernelError } from '../kernel/error.ts';
import type { NetworkNamespace } from '../kernel/namespace.ts';
import type { NetlinkRequest, NetlinkSocket } from '../kernel/netlink/socket.ts';
import { addAddress, deleteAddress, listAddresses } from '../kernel/rtnetlink/address.ts';
import { type Link, setLink } from '../kernel/rtnetlink/link.ts';
import { deleteRoute, listRoutes, type Route, replaceRoute } from '../kernel/rtnetlink/route.ts';
import { readSysctl, sysctlPart, writeSysctl } from '../kernel/sysctl.ts';
import { IPV4_DEVCONF_ARP_NOTIFY, RT_SCOPE_UNIVERSE, RT_TABLE_MAIN } from '../kernel/uapi/rtnetlink.ts';
import { addressesOf } from './both-families.ts';
import { indexInside, type OpenNamespace } from './drivers/driver.ts';
import { type DefaultRoute, defaultRoutes, type Membership, possibleDefaultRoutes } from './gateway.ts';
import type { EndpointRecord, NetworkRecord } from './store.ts';
import { withPrefixLength } from './subnets.ts';

/** The index of lo in every namespace (net/core/dev.c: LOOPBACK_IFINDEX). */
export const LOOPBACK_INDEX = 1;

const EVERYWHERE = { 4: '0.0.0.0/0', 6: '::/0' } as const;

/** Which settings are an interface's own: those of a part of the stack that has one for each interface. */
const INTERFACE_SYSCTL = /^net\.(ipv4|ipv6|mpls)\.[a-z_]+\.IFNAME\.[a-z0-9_]+$/;
const LINK_LOCAL = [
  { range: Prefix.parse('169.254.0.0/16'), length: 16 },
  { range: Prefix.parse('fe80::/10'), length: 64 },
];

/** The addresses of an endpoint, with prefix lengths. */
export function endpointAddresses(network: NetworkRecord, endpoint: EndpointRecord): string[] {
  return [
    ...addressesOf(endpoint).map((address) => withPrefixLength(network, address)),
    ...(endpoint.linkLocal ?? []).map((address) => `${address}/${address.includes(':') ? 64 : 16}`),
  ];
}

/** @returns the canonical address @throws PontoonError bad-address */
export function checkLinkLocal(text: string): string {
  const address = Address.parse(text);
  if (LINK_LOCAL.some(({ range }) => range.family === address.family && range.contains(address)))
    return address.toString();
  const message = `${text} is not a link-local address: give one of ${LINK_LOCAL.map(({ range }) => range).join(' or ')}`;
  throw new PontoonError('bad-address', message, { subject: text });
}

/** @throws PontoonError bad-value */
export function checkInterfaceSysctls(sysctls: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const name of Object.keys(sysctls)) {
    if (INTERFACE_SYSCTL.test(name)) continue;
    const message = `'${name}' is not a setting of an interface: write it like net.ipv4.conf.IFNAME.log_martians`;
    throw new PontoonError('bad-value', message, { subject: name });
  }
  return sysctls;
}

/** Gives a new interface its addresses and brings it up; setting its MAC then sends gratuitous ARP (announcer.ts). */
export function bringUpInterface(open: OpenNamespace, network: NetworkRecord, endpoint: EndpointRecord): void {
  const { namespace, rt } = open;
  const index = indexInside(open, endpoint.interfaceName!)!;
  prepareIpv6(namespace, endpoint);
  repairSysctls(namespace, endpoint);
  rt.batch([
    setLink(index, { linkLocal: linkLocalOf(endpoint), ipv4: { [IPV4_DEVCONF_ARP_NOTIFY]: 1 } }),
    ...endpointAddresses(network, endpoint).map((address) => addAddress(index, address)),
    setLink(index, { up: true }),
  ]);
}

/** Makes an existing interface as it should be; one line for each thing done. Further addresses are the sandbox's own. */
export function repairInterface(
  { namespace, rt }: OpenNamespace,
  link: Link,
  network: NetworkRecord,
  endpoint: EndpointRecord,
  owner: string,
): string[] {
  const what = `${link.name} of ${owner}`;
  const done: string[] = [];
  const requests: NetlinkRequest[] = [];
  const repair = (line: string, request: NetlinkRequest): void => {
    done.push(line);
    requests.push(request);
  };
  if (link.mac !== endpoint.mac && endpoint.mac !== undefined) {
    repair(`${what}: MAC ${link.mac} → ${endpoint.mac}`, setLink(link.index, { mac: endpoint.mac }));
  }
  if (link.mtuBytes !== network.mtuBytes) {
    repair(`${what}: MTU ${link.mtuBytes} → ${network.mtuBytes}`, setLink(link.index, { mtuBytes: network.mtuBytes }));
  }
  const present = new Set(listAddresses(rt, link.index).map(({ address }) => address));
  for (const address of endpointAddresses(network, endpoint)) {
    if (!present.has(address)) repair(`${what}: address ${address} added`, addAddress(link.index, address));
  }
  if (!link.up) repair(`${what}: brought up`, setLink(link.index, { up: true }));
  rt.batch(requests);
  return [...done, ...repairSysctls(namespace, endpoint).map((line) => `${what}: ${line}`)];
}

/** Gives an interface its own settings; one line for each that was another. @throws PontoonError bad-value */
function repairSysctls(namespace: NetworkNamespace, { interfaceName, sysctls = {} }: EndpointRecord): string[] {
  const settings = Object.entries(sysctls);
  if (settings.length === 0) return [];
  return namespace.enter(() =>
    settings.flatMap(([key, value]) => {
      const name = key.replace('IFNAME', sysctlPart(interfaceName!));
      try {
        const before = readSysctl(name);
        if (before.replaceAll(/\s+/g, ' ') === value) return [];
        writeSysctl(name, value);
        return [`${key} ${before} → ${value}`];
      } catch (cause) {
        if (!KernelError.isKernel(cause, 'ENOENT', 'EINVAL')) throw cause;
        const problem = cause.errno === 'ENOENT' ? 'this kernel has no such setting' : 'the kernel refuses the value';
        throw new PontoonError('bad-value', `${key}=${value} is not possible: ${problem}`, { cause, subject: key });
      }
    }),
  );
}

/**
 * What it takes to give a link exactly these addresses, and a line for each that is wrong. What goes comes first, and
 * all others are set again behind it: a subnet's first IPv4 address takes those behind it along when it goes.
 */
export function planAddresses(
  rt: NetlinkSocket,
  link: number,
  wanted: readonly string[],
): { done: string[]; requests: NetlinkRequest[] } {
  const present = listAddresses(rt, link)
    .filter(({ scope, address }) => scope === RT_SCOPE_UNIVERSE || wanted.includes(address))
    .map(({ address }) => address);
  const foreign = present.filter((address) => !wanted.includes(address));
  const missing = wanted.filter((address) => !present.includes(address));
  const added = foreign.length > 0 ? wanted : missing;
  return {
    done: [
      ...foreign.map((address) => `address ${address} removed`),
      ...missing.map((address) => `address ${address} added`),
    ],
    requests: [
      ...foreign.map((address) => deleteAddress(link, address)),
      ...added.map((address) => addAddress(link, address)),
    ],
  };
}

/** The addresses of a link, with prefix lengths, without its link-local one. */
export function globalAddresses(rt: NetlinkSocket, link: number): string[] {
  return listAddresses(rt, link)
    .filter(({ scope }) => scope === RT_SCOPE_UNIVERSE)
    .map(({ address }) => address);
}

/**
 * Moves the default routes when a sandbox's memberships change. One that another endpoint need not give is not written:
 * somebody inside may have put a route of his own in its place.
 */
export function moveDefaultRoutes(
  open: OpenNamespace,
  before: readonly Membership[],
  after: readonly Membership[],
): void {
  const [old, wanted] = [defaultRoutes(before), defaultRoutes(after)];
  const moved = wanted.filter(
    ({ family, endpointId }) => !old.some((route) => route.family === family && route.endpointId === endpointId),
  );
  open.rt.batch(moved.map((route) => defaultRouteRequest(open, route)));
  for (const route of old) {
    if (!wanted.some(({ family }) => family === route.family)) removeDefaultRoute(open.rt, route);
  }
}

/**
 * Makes the default routes as they should be, where there is none or that of another endpoint; one line for each thing
 * done. Others are the sandbox's own.
 */
export function repairDefaultRoutes(open: OpenNamespace, memberships: readonly Membership[], owner: string): string[] {
  const present = listRoutes(open.rt, { table: RT_TABLE_MAIN }).filter(({ destination }) => destination.endsWith('/0'));
  const possible = possibleDefaultRoutes(memberships);
  return ([4, 6] as const).flatMap((family) => {
    const [wanted, ...others] = possible.filter((route) => route.family === family);
    if (wanted === undefined) return [];
    const isOther = (route: Route): boolean =>
      others.some(({ via, interfaceName }) => route.via === via && route.link === indexInside(open, interfaceName));
    if (present.some((route) => route.family === family && !isOther(route))) return [];
    open.rt.request(defaultRouteRequest(open, wanted));
    return [`default route of ${owner}: via ${wanted.via} on ${wanted.interfaceName}`];
  });
}

/** Takes a default route away that no endpoint gives any more. One that is gone already is fine. */
function removeDefaultRoute(rt: NetlinkSocket, { family, via }: DefaultRoute): void {
  try {
    rt.request(deleteRoute({ destination: EVERYWHERE[family], via }));
  } catch (error) {
    if (!KernelError.isKernel(error, 'ESRCH')) throw error;
  }
}

function defaultRouteRequest(open: OpenNamespace, { family, via, interfaceName }: DefaultRoute): NetlinkRequest {
  return replaceRoute({ destination: EVERYWHERE[family], via, link: indexInside(open, interfaceName)! });
}

/** IPAM has seen to it that nobody else has the addresses: to detect that would delay them for a second or two. */
function prepareIpv6(namespace: NetworkNamespace, { interfaceName, ipv6, linkLocal = [] }: EndpointRecord): void {
  if (ipv6 === undefined && !linkLocal.some((address) => address.includes(':'))) return;
  namespace.enter(() => writeSysctl(`net.ipv6.conf.${sysctlPart(interfaceName!)}.accept_dad`, '0'));
}

/** Without an IPv6 address the interface has no link-local one either: the family is off. */
function linkLocalOf(endpoint: EndpointRecord): 'none' | 'eui64' {
  return endpoint.ipv6 === undefined ? 'none' : 'eui64';
}
