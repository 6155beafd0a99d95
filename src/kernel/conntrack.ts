/**
 * @module Connection tracking: the flows that the kernel remembers, with the addresses that NAT gave them.
 *
 * A UDP flow outlives the port binding that translated it, and would be translated on; `flushConntrack` makes the
 * kernel forget it. Sockets are those of `openNetfilter`.
 * @see net/netfilter/nf_conntrack_netlink.c; CTA_FILTER needs Linux 5.8, before it the kernel lists more and we select
 */

import { KernelError } from './error.ts';
import { AF_INET, AF_INET6 } from './ffi.ts';
import { familyOf, formatAddress, parseAddress } from './inet.ts';
import { Attributes, type MessageWriter, type NetlinkMessage } from './netlink/codec.ts';
import { NFGENMSG_BYTES, nfgenmsg, nfnetlinkType } from './netlink/nfnetlink.ts';
import type { NetlinkSocket } from './netlink/socket.ts';
import { PROTOCOLS } from './nftables/data.ts';
import { NLA_F_NESTED } from './uapi/netlink.ts';
import * as uapi from './uapi/nf_conntrack.ts';
import { NFNL_SUBSYS_CTNETLINK } from './uapi/nfnetlink.ts';

/** Which fields of a tuple a dump is filtered by; internal to the kernel, but part of its interface (nf_internals.h). */
const FILTER_IP_SRC = 1 << 0;
const FILTER_IP_DST = 1 << 1;
const FILTER_PROTO_NUM = 1 << 3;
const FILTER_PROTO_DST_PORT = 1 << 5;

const AF_UNSPEC = 0;
/** About as many as the kernel walks its table in the time that it takes to read them. */
const FEW_FLOWS = 1000;

/** One direction of a flow as it is on the wire. Ports are 0 where the protocol has none. */
export interface Tuple {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export interface Flow {
  /** IANA protocol number. */
  readonly protocol: number;
  /** From the one who began, before any translation. */
  readonly original: Tuple;
  /** The answers, before they are translated back: its source is the real server. */
  readonly reply: Tuple;
  readonly seenReply: boolean;
  readonly destinationTranslated: boolean;
  readonly sourceTranslated: boolean;
  /** After so long without a packet, the kernel forgets the flow. */
  readonly timeoutSeconds: number;
  readonly mark: number;
}

/** Which flows: all conditions that are given must hold. */
export interface ConntrackFilter {
  readonly protocol?: 'tcp' | 'udp' | 'sctp';
  /** The address that the client meant, such as the host address of a port binding; or several, as the kernel writes them. */
  readonly originalDestination?: string | ReadonlySet<string>;
  /** The port that the client meant, or the first and the last of a range. */
  readonly originalPort?: number | readonly [first: number, last: number];
  /** The server that really answers, such as an endpoint's address; or several, as the kernel writes them. */
  readonly replySource?: string | ReadonlySet<string>;
}

/** The flows of the socket's namespace that match. @throws KernelError */
export function listConntrack(socket: NetlinkSocket, filter: ConntrackFilter = {}): Flow[] {
  return dumps(filter, trackedFlows(socket))
    .flatMap((dump) => socket.dump(dump))
    .map((message) => parseEntry(message).flow)
    .filter((flow) => matches(flow, filter));
}

/**
 * Makes the kernel forget the flows that match; resolves to how many there were. Where nothing is tracked, that costs
 * 15 µs; else the kernel walks its whole hash table, 10 ms for 262,144 buckets, on another thread. Nothing else may use
 * the socket meanwhile. @throws KernelError
 */
export async function flushConntrack(socket: NetlinkSocket, filter: ConntrackFilter): Promise<number> {
  let forgotten = 0;
  const tracked = trackedFlows(socket);
  for (const dump of eachServer(filter, tracked).flatMap((one) => dumps(one, tracked))) {
    for (const message of await socket.dumpAsync(dump)) {
      const entry = parseEntry(message);
      if (matches(entry.flow, filter) && deleteEntry(socket, entry)) forgotten++;
    }
  }
  return forgotten;
}

/** How many flows the socket's namespace tracks. @throws KernelError */
export function trackedFlows(socket: NetlinkSocket): number {
  const [message] = socket.request({
    call: 'IPCTNL_MSG_CT_GET_STATS',
    type: nfnetlinkType(NFNL_SUBSYS_CTNETLINK, uapi.IPCTNL_MSG_CT_GET_STATS),
    flags: 0,
    write: (request) => request.fixed(nfgenmsg(0)),
  });
  return message === undefined
    ? 0
    : (new Attributes(message.payload, NFGENMSG_BYTES).u32be(uapi.CTA_STATS_GLOBAL_ENTRIES) ?? 0);
}

interface Entry {
  readonly flow: Flow;
  readonly family: number;
  /** As the kernel gave them, to name the entry when it is deleted. */
  readonly originalTuple: Buffer;
  readonly id: Buffer;
}

/** Of many flows it is better to have the kernel select those of one server after the other. */
function eachServer(filter: ConntrackFilter, tracked: number): ConntrackFilter[] {
  const { replySource: servers } = filter;
  if (typeof servers !== 'object' || tracked <= FEW_FLOWS) return [filter];
  return [...servers].map((replySource) => ({ ...filter, replySource }));
}

/** The dumps that list what matches, and, because the kernel cannot select by everything, more. */
function dumps(filter: ConntrackFilter, tracked: number) {
  if (tracked === 0) return [];
  return dumpFamilies(filter, tracked).map((family) => ({
    call: 'IPCTNL_MSG_CT_GET',
    type: nfnetlinkType(NFNL_SUBSYS_CTNETLINK, uapi.IPCTNL_MSG_CT_GET),
    write(message: MessageWriter): void {
      message.fixed(nfgenmsg(family));
      if (family !== AF_UNSPEC) writeFilter(message, filter);
    },
  }));
}

/** The kernel selects within one family only, and walks the table for each: few flows are better listed all at once. */
function dumpFamilies(filter: ConntrackFilter, tracked: number): readonly number[] {
  const address = filter.originalDestination ?? filter.replySource;
  if (typeof address === 'string') return [familyOf(address)];
  return tracked <= FEW_FLOWS ? [AF_UNSPEC] : [AF_INET, AF_INET6];
}

function deleteEntry(socket: NetlinkSocket, entry: Entry): boolean {
  const { source, destination, destinationPort } = entry.flow.original;
  try {
    socket.request({
      call: 'IPCTNL_MSG_CT_DELETE',
      subject: `${source} > ${destination} port ${destinationPort}`,
      type: nfnetlinkType(NFNL_SUBSYS_CTNETLINK, uapi.IPCTNL_MSG_CT_DELETE),
      flags: 0,
      write: (message) =>
        message
          .fixed(nfgenmsg(entry.family))
          .bytes(uapi.CTA_TUPLE_ORIG | NLA_F_NESTED, entry.originalTuple)
          .bytes(uapi.CTA_ID, entry.id),
    });
    return true;
  } catch (error) {
    if (KernelError.isKernel(error, 'ENOENT')) return false; // it ended by itself meanwhile
    throw error;
  }
}

/**
 * What the kernel can select: protocol, one port, IPv4 addresses. For IPv6 addresses, Linux 6.18 gives the flows that
 * do not match (ctnetlink_filter_match_tuple takes the result of ipv6_addr_cmp for a truth value).
 */
function writeFilter(message: MessageWriter, filter: ConntrackFilter): void {
  const { protocol, originalPort } = filter;
  const ipv4 = (address: ConntrackFilter['originalDestination']): Buffer | undefined =>
    typeof address === 'string' && familyOf(address) === AF_INET ? parseAddress(address) : undefined;
  const destination = ipv4(filter.originalDestination);
  const server = ipv4(filter.replySource);
  const port = protocol !== undefined && typeof originalPort === 'number' ? originalPort : undefined;
  const originalFlags =
    (destination === undefined ? 0 : FILTER_IP_DST) |
    (protocol === undefined ? 0 : FILTER_PROTO_NUM) |
    (port === undefined ? 0 : FILTER_PROTO_DST_PORT);
  const replyFlags = server === undefined ? 0 : FILTER_IP_SRC;
  if (originalFlags === 0 && replyFlags === 0) return;
  message.nest(uapi.CTA_TUPLE_ORIG, (tuple) => {
    if (destination !== undefined) tuple.nest(uapi.CTA_TUPLE_IP, (ip) => ip.bytes(uapi.CTA_IP_V4_DST, destination));
    if (protocol === undefined) return;
    tuple.nest(uapi.CTA_TUPLE_PROTO, (proto) => {
      proto.u8(uapi.CTA_PROTO_NUM, PROTOCOLS[protocol] as number);
      if (port !== undefined) proto.u16be(uapi.CTA_PROTO_DST_PORT, port);
    });
  });
  if (server !== undefined) {
    message.nest(uapi.CTA_TUPLE_REPLY, (tuple) =>
      tuple.nest(uapi.CTA_TUPLE_IP, (ip) => ip.bytes(uapi.CTA_IP_V4_SRC, server)),
    );
  }
  message.nest(uapi.CTA_FILTER, (flags) =>
    flags.u32(uapi.CTA_FILTER_ORIG_FLAGS, originalFlags).u32(uapi.CTA_FILTER_REPLY_FLAGS, replyFlags),
  );
}

function matches(flow: Flow, filter: ConntrackFilter): boolean {
  const { protocol, originalDestination, originalPort, replySource } = filter;
  const [first, last] = typeof originalPort === 'number' ? [originalPort, originalPort] : (originalPort ?? [0, 65535]);
  const port = flow.original.destinationPort;
  return (
    (protocol === undefined || flow.protocol === PROTOCOLS[protocol]) &&
    (originalDestination === undefined || isOneOf(flow.original.destination, originalDestination)) &&
    (replySource === undefined || isOneOf(flow.reply.source, replySource)) &&
    port >= first &&
    port <= last
  );
}

function isOneOf(canonical: string, addresses: string | ReadonlySet<string>): boolean {
  if (typeof addresses !== 'string') return addresses.has(canonical);
  return canonical === formatAddress(parseAddress(addresses));
}

function parseEntry(message: NetlinkMessage): Entry {
  const attributes = new Attributes(message.payload, NFGENMSG_BYTES);
  const originalTuple = attributes.bytes(uapi.CTA_TUPLE_ORIG) ?? Buffer.alloc(0);
  const tuple = new Attributes(originalTuple);
  const status = attributes.u32be(uapi.CTA_STATUS) ?? 0;
  return {
    family: message.payload.readUInt8(0),
    originalTuple,
    id: attributes.bytes(uapi.CTA_ID) ?? Buffer.alloc(4),
    flow: {
      protocol: tuple.nested(uapi.CTA_TUPLE_PROTO)?.u8(uapi.CTA_PROTO_NUM) ?? 0,
      original: parseTuple(tuple),
      reply: parseTuple(attributes.nested(uapi.CTA_TUPLE_REPLY)),
      seenReply: (status & uapi.IPS_SEEN_REPLY) !== 0,
      destinationTranslated: (status & uapi.IPS_DST_NAT) !== 0,
      sourceTranslated: (status & uapi.IPS_SRC_NAT) !== 0,
      timeoutSeconds: attributes.u32be(uapi.CTA_TIMEOUT) ?? 0,
      mark: attributes.u32be(uapi.CTA_MARK) ?? 0,
    },
  };
}

function parseTuple(tuple: Attributes | undefined): Tuple {
  const ip = tuple?.nested(uapi.CTA_TUPLE_IP);
  const proto = tuple?.nested(uapi.CTA_TUPLE_PROTO);
  const address = (v4: number, v6: number): string => {
    const bytes = ip?.bytes(v4) ?? ip?.bytes(v6);
    return bytes === undefined ? '' : formatAddress(bytes);
  };
  return {
    source: address(uapi.CTA_IP_V4_SRC, uapi.CTA_IP_V6_SRC),
    destination: address(uapi.CTA_IP_V4_DST, uapi.CTA_IP_V6_DST),
    sourcePort: proto?.u16be(uapi.CTA_PROTO_SRC_PORT) ?? 0,
    destinationPort: proto?.u16be(uapi.CTA_PROTO_DST_PORT) ?? 0,
  };
}
