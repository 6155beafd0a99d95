/**
 * @module Addresses, rules, routes and neighbours of one namespace.
 * @see net/ipv4/devinet.c, net/ipv6/addrconf.c, net/ipv4/fib_semantics.c fib_dump_info, net/ipv6/route.c rt6_fill_node
 */

import { AF_INET, AF_INET6 } from '../../kernel/families.ts';
import { formatAddress } from '../../kernel/inet.ts';
import { Attributes, type NetlinkMessage } from '../../kernel/netlink/codec.ts';
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts';
import { type Neighbour as KernelNeighbour, listNeighbours, listProxies } from '../../kernel/rtnetlink/neighbour.ts';
import { listRules } from '../../kernel/rtnetlink/rule.ts';
import * as uapi from '../../kernel/uapi/rtnetlink.ts';
import { sparse } from './sparse.ts';
import type { Address, Family, Neighbour, NextHop, Route, Rule, Scope } from './types.ts';

const IFADDRMSG_BYTES = 8;
const RTMSG_BYTES = 12;
const RTNEXTHOP_BYTES = 8;

const SCOPES = new Map([
  [uapi.RT_SCOPE_UNIVERSE, 'global'],
  [uapi.RT_SCOPE_SITE, 'site'],
  [uapi.RT_SCOPE_LINK, 'link'],
  [uapi.RT_SCOPE_HOST, 'host'],
  [uapi.RT_SCOPE_NOWHERE, 'nowhere'],
]);
const ROUTE_TYPES = [
  'unspec',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
] as const;

const scopeOf = (number: number): Scope => SCOPES.get(number) ?? String(number);
const familyOf = (payload: Buffer): Family => (payload[0] === AF_INET ? 4 : 6);

/** @throws KernelError */
export function readAddresses(socket: NetlinkSocket): Address[] {
  return socket
    .dump({
      call: 'RTM_GETADDR',
      type: uapi.RTM_GETADDR,
      write: (message) => message.fixed(Buffer.alloc(IFADDRMSG_BYTES)),
    })
    .filter(isInet)
    .map(({ payload }) => {
      const attributes = new Attributes(payload, IFADDRMSG_BYTES);
      const flags = attributes.u32(uapi.IFA_FLAGS) ?? payload.readUInt8(2);
      const is = (flag: number): boolean => (flags & flag) !== 0;
      const far = attributes.bytes(uapi.IFA_ADDRESS) ?? Buffer.alloc(4);
      const own = attributes.bytes(uapi.IFA_LOCAL) ?? far;
      const broadcast = attributes.bytes(uapi.IFA_BROADCAST);
      return sparse<Address>({
        link: payload.readUInt32LE(4),
        family: familyOf(payload),
        address: formatAddress(own),
        prefixLength: payload.readUInt8(1),
        peer: own.equals(far) ? undefined : formatAddress(far),
        broadcast: broadcast === undefined ? undefined : formatAddress(broadcast),
        scope: scopeOf(payload.readUInt8(3)),
        permanent: is(uapi.IFA_F_PERMANENT),
        tentative: is(uapi.IFA_F_TENTATIVE),
        dadFailed: is(uapi.IFA_F_DADFAILED),
        deprecated: is(uapi.IFA_F_DEPRECATED),
        secondary: is(uapi.IFA_F_SECONDARY),
        noPrefixRoute: is(uapi.IFA_F_NOPREFIXROUTE),
      });
    });
}

/** @throws KernelError */
export function readRules(socket: NetlinkSocket): Rule[] {
  return listRules(socket).map((rule) =>
    sparse<Rule>({
      ...rule,
      action: rule.action ?? 'unknown',
      table: rule.action === 'lookup' ? rule.table : undefined,
      tos: rule.tos || undefined,
    }),
  );
}

/** The routes of all tables; cached ones are left out. @throws KernelError */
export function readRoutes(socket: NetlinkSocket): Route[] {
  return [AF_INET, AF_INET6].flatMap((family) => {
    const header = Buffer.alloc(RTMSG_BYTES);
    header.writeUInt8(family);
    return socket
      .dump({ call: 'RTM_GETROUTE', type: uapi.RTM_GETROUTE, write: (message) => message.fixed(header) })
      .filter(({ payload }) => payload[0] === family && (payload.readUInt32LE(8) & uapi.RTM_F_CLONED) === 0)
      .map(parseRoute);
  });
}

function parseRoute({ payload }: NetlinkMessage): Route {
  const family = familyOf(payload);
  const attributes = new Attributes(payload, RTMSG_BYTES);
  const any = family === 4 ? '0.0.0.0' : '::';
  const prefix = (type: number, length: number): string => {
    const bytes = attributes.bytes(type);
    return `${bytes === undefined ? any : formatAddress(bytes)}/${length}`;
  };
  const preferred = attributes.bytes(uapi.RTA_PREFSRC);
  const metrics = attributes.nested(uapi.RTA_METRICS);
  const several = attributes.bytes(uapi.RTA_MULTIPATH);
  const sourceLength = payload.readUInt8(2);
  return sparse<Route>({
    family,
    table: attributes.u32(uapi.RTA_TABLE) ?? payload.readUInt8(4),
    destination: prefix(uapi.RTA_DST, payload.readUInt8(1)),
    source: sourceLength === 0 ? undefined : prefix(uapi.RTA_SRC, sourceLength),
    type: ROUTE_TYPES[payload.readUInt8(7)] ?? 'unspec',
    nextHops:
      several === undefined
        ? singleHop(attributes, attributes.u32(uapi.RTA_OIF), payload.readUInt32LE(8))
        : multipath(several),
    preferredSource: preferred === undefined ? undefined : formatAddress(preferred),
    metric: attributes.u32(uapi.RTA_PRIORITY) ?? 0,
    tos: payload.readUInt8(3) || undefined,
    scope: scopeOf(payload.readUInt8(6)),
    protocol: payload.readUInt8(5),
    mtuBytes: metrics?.u32(uapi.RTAX_MTU),
    mtuLocked: ((metrics?.u32(uapi.RTAX_LOCK) ?? 0) & (1 << uapi.RTAX_MTU)) !== 0,
  });
}

function singleHop(attributes: Attributes, link: number | undefined, flags: number): NextHop[] {
  return link === undefined && !attributes.has(uapi.RTA_GATEWAY) ? [] : [nextHop(attributes, link, 1, flags)];
}

/** struct rtnexthop: length, flags, weight - 1, interface index, then attributes. */
function multipath(bytes: Buffer): NextHop[] {
  const hops: NextHop[] = [];
  for (let at = 0; at + RTNEXTHOP_BYTES <= bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    if (length < RTNEXTHOP_BYTES || at + length > bytes.length) break;
    const attributes = new Attributes(bytes.subarray(at + RTNEXTHOP_BYTES, at + length));
    hops.push(nextHop(attributes, bytes.readInt32LE(at + 4), bytes.readUInt8(at + 3) + 1, bytes.readUInt8(at + 2)));
    at += (length + 3) & ~3;
  }
  return hops;
}

function nextHop(attributes: Attributes, link: number | undefined, weight: number, flags: number): NextHop {
  // RTA_VIA is a router of the other family: struct rtvia, a family and the address.
  const via = attributes.bytes(uapi.RTA_GATEWAY) ?? attributes.bytes(uapi.RTA_VIA)?.subarray(2);
  return sparse<NextHop>({
    via: via === undefined ? undefined : formatAddress(via),
    link,
    weight,
    onlink: (flags & uapi.RTNH_F_ONLINK) !== 0,
    dead: (flags & uapi.RTNH_F_DEAD) !== 0,
    linkDown: (flags & uapi.RTNH_F_LINKDOWN) !== 0,
  });
}

/** Neighbours, and what the namespace answers for as a proxy. @throws KernelError */
export function readNeighbours(socket: NetlinkSocket): Neighbour[] {
  return [
    ...listNeighbours(socket).map((neighbour) => describe(neighbour, false)),
    ...listProxies(socket).map((proxy) => describe(proxy, true)),
  ];
}

function describe(neighbour: KernelNeighbour, proxy: boolean): Neighbour {
  return sparse<Neighbour>({
    link: neighbour.link,
    family: neighbour.address.includes(':') ? 6 : 4,
    address: neighbour.address,
    mac: neighbour.mac,
    state: proxy ? 'NONE' : neighbour.state,
    proxy,
    router: neighbour.router,
    external: neighbour.external,
    confirmedSeconds: proxy ? undefined : neighbour.confirmedSeconds,
    usedSeconds: proxy ? undefined : neighbour.usedSeconds,
    updatedSeconds: proxy ? undefined : neighbour.updatedSeconds,
  });
}

function isInet({ payload }: NetlinkMessage): boolean {
  return payload[0] === AF_INET || payload[0] === AF_INET6;
}
