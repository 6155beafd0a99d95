/**
 * @module Routes.
 * @see linux/rtnetlink.h, net/ipv4/fib_frontend.c, net/ipv6/route.c
 */

import { AF_INET, AF_INET6 } from '../ffi.ts';
import { formatAddress, parseAddress, parseInterfaceAddress } from '../inet.ts';
import { Attributes, findU32, type MessageWriter, type NetlinkMessage } from '../netlink/codec.ts';
import type { NetlinkRequest, NetlinkSocket } from '../netlink/socket.ts';
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from '../uapi/netlink.ts';
import * as uapi from '../uapi/rtnetlink.ts';

const RTMSG_BYTES = 12;

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
] as const;
export type RouteType = (typeof ROUTE_TYPES)[number];

/** What a route says. Absent fields are the kernel's defaults. */
export interface RouteSettings {
  /** '10.0.0.0/8', or 'default' (IPv4) or '::/0'. */
  readonly destination: string;
  /** The next hop; its family decides that of 'default'. */
  readonly via?: string;
  /** The index of the interface. */
  readonly link?: number;
  /** The preferred source address. */
  readonly source?: string;
  readonly metric?: number;
  /** Default: main (254). */
  readonly table?: number;
  /** Default: unicast. */
  readonly type?: RouteType;
  /** RTPROT_*: who made it. Default: boot (3), as ip-route(8). */
  readonly protocol?: number;
}

export interface Route {
  readonly family: 4 | 6;
  /** With its prefix length; '0.0.0.0/0' or '::/0' for a default route. */
  readonly destination: string;
  readonly via: string | undefined;
  readonly link: number | undefined;
  readonly source: string | undefined;
  readonly metric: number;
  readonly table: number;
  readonly type: RouteType;
  readonly protocol: number;
  readonly scope: number;
  readonly mtuBytes: number | undefined;
  /** The next hops of a multipath route. */
  readonly nextHops: readonly { readonly via: string | undefined; readonly link: number; readonly weight: number }[];
}

/** @throws (when requested) KernelError EEXIST where the same route is there already */
export function addRoute(settings: RouteSettings): NetlinkRequest {
  return routeRequest('RTM_NEWROUTE', uapi.RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, settings);
}

/** Adds a route, or puts it in the place of the one to the same destination with the same metric. */
export function replaceRoute(settings: RouteSettings): NetlinkRequest {
  return routeRequest('RTM_NEWROUTE', uapi.RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, settings);
}

/** Deletes the first route to the destination, in its table, that has all that the settings say; what is absent fits any. */
export function deleteRoute(settings: RouteSettings): NetlinkRequest {
  return routeRequest('RTM_DELROUTE', uapi.RTM_DELROUTE, 0, settings);
}

/** Which routes to list. Absent fields: all. */
export interface RouteFilter {
  readonly family?: 4 | 6;
  readonly table?: number;
  readonly type?: RouteType;
  /** Leaves out routes through these links (indexes), before anything else is read of them. */
  readonly notThrough?: ReadonlySet<number>;
}

/** The routes of the socket's namespace. Cached (cloned) entries are left out. @throws KernelError */
export function listRoutes(socket: NetlinkSocket, filter: RouteFilter = {}): Route[] {
  const families = filter.family === undefined ? [AF_INET, AF_INET6] : [filter.family === 4 ? AF_INET : AF_INET6];
  return families.flatMap((family) =>
    socket
      .dump({
        call: 'RTM_GETROUTE',
        type: uapi.RTM_GETROUTE,
        write(message) {
          const header = Buffer.alloc(RTMSG_BYTES);
          header.writeUInt8(family, 0);
          if (filter.type !== undefined) header.writeUInt8(ROUTE_TYPES.indexOf(filter.type), 7);
          message.fixed(header);
          if (filter.table !== undefined) message.u32(uapi.RTA_TABLE, filter.table);
        },
      })
      .filter(({ payload }) => {
        if ((payload.readUInt32LE(8) & uapi.RTM_F_CLONED) !== 0) return false;
        const link = filter.notThrough === undefined ? undefined : findU32(payload, RTMSG_BYTES, uapi.RTA_OIF);
        return link === undefined || !filter.notThrough!.has(link);
      })
      .map(parseRoute),
  );
}

/** The route that the kernel takes to an address, as `ip route get` asks it. @throws KernelError ENETUNREACH, … */
export function lookUpRoute(
  socket: NetlinkSocket,
  address: string,
  from: { source?: string; link?: number } = {},
): Route {
  const destination = parseAddress(address);
  const [message] = socket.request({
    call: 'RTM_GETROUTE',
    subject: address,
    type: uapi.RTM_GETROUTE,
    flags: 0,
    write(request) {
      const header = Buffer.alloc(RTMSG_BYTES);
      header.writeUInt8(destination.length === 4 ? AF_INET : AF_INET6, 0);
      header.writeUInt8(destination.length * 8, 1);
      const source = from.source === undefined ? undefined : parseAddress(from.source);
      if (source !== undefined) header.writeUInt8(source.length * 8, 2);
      request.fixed(header).bytes(uapi.RTA_DST, destination);
      if (source !== undefined) request.bytes(uapi.RTA_SRC, source);
      if (from.link !== undefined) request.u32(uapi.RTA_OIF, from.link);
    },
  });
  return parseRoute(message!);
}

/** Reads an RTM_NEWROUTE or RTM_DELROUTE message. */
export function parseRoute(message: NetlinkMessage): Route {
  const { payload } = message;
  const ipv4 = payload.readUInt8(0) === AF_INET;
  const attributes = new Attributes(payload, RTMSG_BYTES);
  const address = (type: number): string | undefined => {
    const bytes = attributes.bytes(type);
    return bytes === undefined ? undefined : formatAddress(bytes);
  };
  return {
    family: ipv4 ? 4 : 6,
    destination: `${address(uapi.RTA_DST) ?? (ipv4 ? '0.0.0.0' : '::')}/${payload.readUInt8(1)}`,
    via: address(uapi.RTA_GATEWAY),
    link: attributes.u32(uapi.RTA_OIF),
    source: address(uapi.RTA_PREFSRC),
    metric: attributes.u32(uapi.RTA_PRIORITY) ?? 0,
    table: attributes.u32(uapi.RTA_TABLE) ?? payload.readUInt8(4),
    protocol: payload.readUInt8(5),
    scope: payload.readUInt8(6),
    type: ROUTE_TYPES[payload.readUInt8(7)] ?? 'unspec',
    mtuBytes: attributes.nested(uapi.RTA_METRICS)?.u32(uapi.RTAX_MTU),
    nextHops: parseNextHops(attributes.bytes(uapi.RTA_MULTIPATH)),
  };
}

/** struct rtnexthop: length, flags, weight - 1, interface index, then attributes. */
function parseNextHops(bytes: Buffer | undefined): Route['nextHops'] {
  const hops: { via: string | undefined; link: number; weight: number }[] = [];
  for (let at = 0; bytes !== undefined && at + 8 <= bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    if (length < 8) break;
    const via = new Attributes(bytes.subarray(at + 8, at + length)).bytes(uapi.RTA_GATEWAY);
    hops.push({
      via: via === undefined ? undefined : formatAddress(via),
      link: bytes.readInt32LE(at + 4),
      weight: bytes.readUInt8(at + 3) + 1,
    });
    at += (length + 3) & ~3;
  }
  return hops;
}

function routeRequest(call: string, type: number, flags: number, settings: RouteSettings): NetlinkRequest {
  const defaults = type === uapi.RTM_DELROUTE ? ANY : UNICAST;
  return {
    call,
    subject: settings.destination,
    type,
    flags,
    write: (message) => writeRoute(message, settings, defaults),
  };
}

/** What a request means where its settings are silent: the kernel takes these values for "any" when it deletes. */
const UNICAST = { type: 'unicast', protocol: uapi.RTPROT_BOOT } as const;
const ANY = { type: 'unspec', protocol: uapi.RTPROT_UNSPEC } as const;

function writeRoute(message: MessageWriter, settings: RouteSettings, defaults: typeof UNICAST | typeof ANY): void {
  const via = settings.via === undefined ? undefined : parseAddress(settings.via);
  const { address, prefixLength } =
    settings.destination === 'default'
      ? { address: Buffer.alloc(via?.length ?? 4), prefixLength: 0 }
      : parseInterfaceAddress(settings.destination);
  const routeType = ROUTE_TYPES.indexOf(settings.type ?? defaults.type);
  const table = settings.table ?? uapi.RT_TABLE_MAIN;
  const direct = via === undefined && routeType === uapi.RTN_UNICAST && address.length === 4;
  const scope = direct ? uapi.RT_SCOPE_LINK : uapi.RT_SCOPE_UNIVERSE;
  const header = Buffer.alloc(RTMSG_BYTES);
  header.writeUInt8(address.length === 4 ? AF_INET : AF_INET6, 0);
  header.writeUInt8(prefixLength, 1);
  header.writeUInt8(table < 256 ? table : uapi.RT_TABLE_UNSPEC, 4);
  header.writeUInt8(settings.protocol ?? defaults.protocol, 5);
  header.writeUInt8(defaults === ANY ? uapi.RT_SCOPE_NOWHERE : scope, 6);
  header.writeUInt8(routeType, 7);
  message.fixed(header);
  if (prefixLength > 0) message.bytes(uapi.RTA_DST, address);
  if (via !== undefined) message.bytes(uapi.RTA_GATEWAY, via);
  if (settings.link !== undefined) message.u32(uapi.RTA_OIF, settings.link);
  if (settings.source !== undefined) message.bytes(uapi.RTA_PREFSRC, parseAddress(settings.source));
  if (settings.metric !== undefined) message.u32(uapi.RTA_PRIORITY, settings.metric);
  message.u32(uapi.RTA_TABLE, table);
}
