/**
 * @module The settings (sysctl) of one namespace that decide about packets.
 *
 * Those of links come with the links, and what rtnetlink has for all links comes from there (RTM_GETNETCONF); the rest
 * are files of /proc/sys, which are there for each namespace that we enter.
 * @see Documentation/networking/ip-sysctl.rst, net/ipv4/devinet.c inet_netconf_fill_devconf
 */

import { KernelError } from '../../kernel/error.ts';
import { AF_INET, AF_INET6 } from '../../kernel/families.ts';
import { Attributes } from '../../kernel/netlink/codec.ts';
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts';
import { readSysctl } from '../../kernel/sysctl.ts';
import * as uapi from '../../kernel/uapi/rtnetlink.ts';
import { sparse } from './sparse.ts';
import type { Ipv4Settings, Ipv6Settings, PortRange, Settings } from './types.ts';

/** struct netconfmsg, padded to the attributes. */
const NETCONFMSG_BYTES = 4;

/** The settings of the namespace of the socket, in which the calling thread must be. @throws KernelError */
export function readSettings(socket: NetlinkSocket): Settings {
  const ipv4 = readNetconf(socket, AF_INET);
  const ipv6 = readNetconf(socket, AF_INET6);
  return sparse<Settings>({
    ipv4: sparse<Settings['ipv4']>({
      all: { ...ipv4Netconf(ipv4.get(uapi.NETCONFA_IFINDEX_ALL)), ...readIpv4All() },
      default: ipv4Netconf(ipv4.get(uapi.NETCONFA_IFINDEX_DEFAULT)),
      icmpEchoIgnoreAll: isOn('net.ipv4.icmp_echo_ignore_all'),
      localPortRange: readRange('net.ipv4.ip_local_port_range'),
    }),
    ipv6: ipv6.size === 0 ? undefined : readIpv6(ipv6),
    bridge: readBridge(),
  });
}

/** What 'all' says in files only, as far as it decides together with a link's own. Each file costs some 20 µs. */
function readIpv4All(): Ipv4Settings {
  const name = (setting: string): string => `net.ipv4.conf.all.${setting}`;
  return sparse<
    Pick<Ipv4Settings, 'arpIgnore' | 'arpAnnounce' | 'arpFilter' | 'routeLocalnet' | 'acceptLocal' | 'srcValidMark'>
  >({
    arpIgnore: readNumber(name('arp_ignore')),
    arpAnnounce: readNumber(name('arp_announce')),
    arpFilter: isOn(name('arp_filter')),
    routeLocalnet: isOn(name('route_localnet')),
    acceptLocal: isOn(name('accept_local')),
    srcValidMark: isOn(name('src_valid_mark')),
  });
}

function readIpv6(netconf: ReadonlyMap<number, Attributes>): NonNullable<Settings['ipv6']> {
  return sparse<NonNullable<Settings['ipv6']>>({
    all: {
      ...ipv6Netconf(netconf.get(uapi.NETCONFA_IFINDEX_ALL)),
      ...sparse<Pick<Ipv6Settings, 'disabled'>>({
        disabled: isOn('net.ipv6.conf.all.disable_ipv6'),
      }),
    },
    default: ipv6Netconf(netconf.get(uapi.NETCONFA_IFINDEX_DEFAULT)),
    icmpEchoIgnoreAll: isOn('net.ipv6.icmp.echo_ignore_all'),
  });
}

function readBridge(): Settings['bridge'] {
  const callIptables = readNumber('net.bridge.bridge-nf-call-iptables');
  if (callIptables === undefined) return undefined;
  return sparse<NonNullable<Settings['bridge']>>({
    callIptables: callIptables !== 0,
    callIp6tables: isOn('net.bridge.bridge-nf-call-ip6tables'),
    callArptables: isOn('net.bridge.bridge-nf-call-arptables'),
  });
}

/** An array of u32; the number of a setting counts from 1. Undefined where the link does no IPv4. */
export function ipv4Settings(conf: Buffer | undefined): Ipv4Settings | undefined {
  if (conf === undefined) return undefined;
  const value = (number: number): number | undefined =>
    number * 4 <= conf.length ? conf.readUInt32LE((number - 1) * 4) : undefined;
  const on = (number: number): boolean => (value(number) ?? 0) !== 0;
  return sparse<Ipv4Settings>({
    forwarding: on(uapi.IPV4_DEVCONF_FORWARDING),
    rpFilter: value(uapi.IPV4_DEVCONF_RP_FILTER),
    arpIgnore: value(uapi.IPV4_DEVCONF_ARP_IGNORE),
    arpAnnounce: value(uapi.IPV4_DEVCONF_ARP_ANNOUNCE),
    arpFilter: on(uapi.IPV4_DEVCONF_ARPFILTER),
    arpAccept: value(uapi.IPV4_DEVCONF_ARP_ACCEPT),
    proxyArp: on(uapi.IPV4_DEVCONF_PROXY_ARP),
    proxyArpPvlan: on(uapi.IPV4_DEVCONF_PROXY_ARP_PVLAN),
    routeLocalnet: on(uapi.IPV4_DEVCONF_ROUTE_LOCALNET),
    acceptLocal: on(uapi.IPV4_DEVCONF_ACCEPT_LOCAL),
    srcValidMark: on(uapi.IPV4_DEVCONF_SRC_VMARK),
    logMartians: on(uapi.IPV4_DEVCONF_LOG_MARTIANS),
    acceptRedirects: on(uapi.IPV4_DEVCONF_ACCEPT_REDIRECTS),
    sendRedirects: on(uapi.IPV4_DEVCONF_SEND_REDIRECTS),
    ignoreRoutesWithLinkDown: on(uapi.IPV4_DEVCONF_IGNORE_ROUTES_WITH_LINKDOWN),
    dropUnicastInL2Multicast: on(uapi.IPV4_DEVCONF_DROP_UNICAST_IN_L2_MULTICAST),
  });
}

/** An array of s32; the number of a setting counts from 0. Undefined where the link does no IPv6. */
export function ipv6Settings(family: Attributes | undefined): Ipv6Settings | undefined {
  const conf = family?.bytes(uapi.IFLA_INET6_CONF);
  if (conf === undefined) return undefined;
  const value = (number: number): number | undefined =>
    (number + 1) * 4 <= conf.length ? conf.readInt32LE(number * 4) : undefined;
  const on = (number: number): boolean => (value(number) ?? 0) !== 0;
  return sparse<Ipv6Settings>({
    forwarding: value(uapi.DEVCONF_FORWARDING),
    disabled: on(uapi.DEVCONF_DISABLE_IPV6),
    acceptRa: value(uapi.DEVCONF_ACCEPT_RA),
    acceptDad: value(uapi.DEVCONF_ACCEPT_DAD),
    autoconf: on(uapi.DEVCONF_AUTOCONF),
    proxyNdp: on(uapi.DEVCONF_PROXY_NDP),
    acceptRedirects: on(uapi.DEVCONF_ACCEPT_REDIRECTS),
    ignoreRoutesWithLinkDown: on(uapi.DEVCONF_IGNORE_ROUTES_WITH_LINKDOWN),
    dropUnicastInL2Multicast: on(uapi.DEVCONF_DROP_UNICAST_IN_L2_MULTICAST),
    hopLimit: value(uapi.DEVCONF_HOPLIMIT),
    mtuBytes: value(uapi.DEVCONF_MTU6),
    addressGeneration: family?.u8(uapi.IFLA_INET6_ADDR_GEN_MODE),
  });
}

/** By the index of a link, or NETCONFA_IFINDEX_*; empty where the kernel has no such family. */
function readNetconf(socket: NetlinkSocket, family: number): Map<number, Attributes> {
  const header = Buffer.alloc(NETCONFMSG_BYTES);
  header.writeUInt8(family);
  try {
    const messages = socket.dump({
      call: 'RTM_GETNETCONF',
      type: uapi.RTM_GETNETCONF,
      write: (message) => message.fixed(header),
    });
    return new Map(
      messages
        .filter(({ payload }) => payload[0] === family)
        .map(({ payload }) => new Attributes(payload, NETCONFMSG_BYTES))
        .map((attributes) => [attributes.s32(uapi.NETCONFA_IFINDEX) ?? 0, attributes]),
    );
  } catch (error) {
    if (KernelError.isKernel(error, 'EOPNOTSUPP', 'EAFNOSUPPORT')) return new Map();
    throw error;
  }
}

function ipv4Netconf(netconf: Attributes | undefined): Ipv4Settings {
  const on = (type: number): boolean => (netconf?.s32(type) ?? 0) !== 0;
  return sparse<Pick<Ipv4Settings, 'forwarding' | 'rpFilter' | 'proxyArp' | 'ignoreRoutesWithLinkDown'>>({
    forwarding: on(uapi.NETCONFA_FORWARDING),
    rpFilter: netconf?.s32(uapi.NETCONFA_RP_FILTER),
    proxyArp: on(uapi.NETCONFA_PROXY_NEIGH),
    ignoreRoutesWithLinkDown: on(uapi.NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN),
  });
}

function ipv6Netconf(netconf: Attributes | undefined): Ipv6Settings {
  const on = (type: number): boolean => (netconf?.s32(type) ?? 0) !== 0;
  return sparse<Pick<Ipv6Settings, 'forwarding' | 'proxyNdp' | 'ignoreRoutesWithLinkDown'>>({
    forwarding: netconf?.s32(uapi.NETCONFA_FORWARDING),
    proxyNdp: on(uapi.NETCONFA_PROXY_NEIGH),
    ignoreRoutesWithLinkDown: on(uapi.NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN),
  });
}

/** Undefined where this kernel, or the namespace, has no such setting. */
function readText(name: string): string | undefined {
  try {
    return readSysctl(name);
  } catch (error) {
    if (KernelError.isKernel(error, 'ENOENT')) return undefined;
    throw error;
  }
}

export function readNumber(name: string): number | undefined {
  const text = readText(name);
  return text === undefined ? undefined : Number(text);
}

function isOn(name: string): boolean {
  return (readNumber(name) ?? 0) !== 0;
}

function readRange(name: string): PortRange | undefined {
  const [first, last] = (readText(name) ?? '').split(/\s+/).map(Number);
  return first === undefined || last === undefined ? undefined : { first, last };
}
