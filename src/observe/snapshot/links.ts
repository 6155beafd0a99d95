/**
 * @module Links of one namespace, with all that their drivers and bridges say about them.
 *
 * Settings of each link come with it (IFLA_AF_SPEC), so that no file of /proc/sys is read for them.
 * @see net/core/rtnetlink.c rtnl_fill_ifinfo, net/bridge/br_netlink.c, net/ipv4/devinet.c inet_fill_link_af
 */

import { AF_BRIDGE, AF_INET, AF_INET6 } from '../../kernel/families.ts';
import { formatAddress, formatMac } from '../../kernel/inet.ts';
import { Attributes, type NetlinkMessage, readAttributes } from '../../kernel/netlink/codec.ts';
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts';
import * as uapi from '../../kernel/uapi/rtnetlink.ts';
import { ipv4Settings, ipv6Settings } from './settings.ts';
import { sparse } from './sparse.ts';
import type { Bridge, BridgePort, Counters, Link, PortVlan, Vxlan } from './types.ts';

const IFINFOMSG_BYTES = 16;
const VLAN_PROTOCOLS = new Map<number | undefined, '802.1Q' | '802.1ad'>([[0x88a8, '802.1ad']]);

const OPER_STATES = ['unknown', 'notpresent', 'down', 'lowerlayerdown', 'testing', 'dormant', 'up'] as const;
const PORT_STATES = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'] as const;
const MACVLAN_MODES = new Map([
  [1, 'private'],
  [2, 'vepa'],
  [4, 'bridge'],
  [8, 'passthru'],
  [16, 'source'],
] as const);
const IPVLAN_MODES = ['l2', 'l3', 'l3s'] as const;
/** Kinds whose IFLA_LINK is the other end, not a link below. */
const PAIRED = new Set(['veth', 'netkit', 'vxcan']);

/** A link as its own namespace sees it: the other end is known by the number that the namespace has for the other's. */
export interface SeenLink {
  readonly link: Link;
  /** Absent: nothing to point at. `namespaceId` absent: in the same namespace. */
  readonly other?: { readonly as: 'peer' | 'lower'; readonly index: number; readonly namespaceId?: number };
}

/** @throws KernelError */
export function readLinks(socket: NetlinkSocket): SeenLink[] {
  const seen = socket
    .dump({
      call: 'RTM_GETLINK',
      type: uapi.RTM_GETLINK,
      write: (message) => message.fixed(Buffer.alloc(IFINFOMSG_BYTES)).u32(uapi.IFLA_EXT_MASK, 0),
    })
    .map(parseLink)
    .sort((a, b) => a.link.index - b.link.index);
  if (!seen.some(({ link }) => link.bridge !== undefined)) return seen;
  const vlans = readVlans(socket);
  return seen.map((one) => {
    const list = vlans.get(one.link.index);
    return list === undefined ? one : { ...one, link: { ...one.link, vlans: list } };
  });
}

function parseLink(message: NetlinkMessage): SeenLink {
  const { payload } = message;
  const attributes = new Attributes(payload, IFINFOMSG_BYTES);
  const flags = payload.readUInt32LE(8);
  const info = attributes.nested(uapi.IFLA_LINKINFO);
  const data = info?.nested(uapi.IFLA_INFO_DATA);
  const kind = info?.string(uapi.IFLA_INFO_KIND) ?? ((flags & uapi.IFF_LOOPBACK) === 0 ? 'device' : 'loopback');
  const families = attributes.nested(uapi.IFLA_AF_SPEC);
  const mac = attributes.bytes(uapi.IFLA_ADDRESS);
  const link = sparse<Link>({
    index: payload.readInt32LE(4),
    name: attributes.string(uapi.IFLA_IFNAME) ?? '',
    alternativeNames: alternativeNames(attributes.bytes(uapi.IFLA_PROP_LIST)),
    kind,
    mac: mac?.length === 6 ? formatMac(mac) : undefined,
    mtuBytes: attributes.u32(uapi.IFLA_MTU) ?? 0,
    up: (flags & uapi.IFF_UP) !== 0,
    carrier: (flags & uapi.IFF_LOWER_UP) !== 0,
    operState: OPER_STATES[attributes.u8(uapi.IFLA_OPERSTATE) ?? 0] ?? 'unknown',
    noArp: (flags & uapi.IFF_NOARP) !== 0,
    promiscuous: (attributes.u32(uapi.IFLA_PROMISCUITY) ?? 0) > 0,
    pointToPoint: (flags & uapi.IFF_POINTOPOINT) !== 0,
    master: attributes.u32(uapi.IFLA_MASTER),
    peer: undefined,
    lower: undefined,
    group: attributes.u32(uapi.IFLA_GROUP) || undefined,
    alias: attributes.string(uapi.IFLA_IFALIAS),
    xdp: (attributes.nested(uapi.IFLA_XDP)?.u8(uapi.IFLA_XDP_ATTACHED) ?? 0) !== 0,
    qdisc: attributes.string(uapi.IFLA_QDISC),
    bridge: kind === 'bridge' && data !== undefined ? parseBridge(data) : undefined,
    port: parsePort(info),
    vlans: undefined,
    vlan: kind === 'vlan' && data !== undefined ? parseVlan(data) : undefined,
    macvlan: kind.startsWith('macv') && data !== undefined ? parseMacvlan(data) : undefined,
    ipvlan: kind.startsWith('ipv') && data !== undefined ? parseIpvlan(data) : undefined,
    vxlan: kind === 'vxlan' && data !== undefined ? parseVxlan(data) : undefined,
    tun: kind === 'tun' && data !== undefined ? parseTun(data) : undefined,
    vrf: kind === 'vrf' && data !== undefined ? { table: data.u32(uapi.IFLA_VRF_TABLE) ?? 0 } : undefined,
    counters: parseCounters(attributes.bytes(uapi.IFLA_STATS64)),
    ipv4: ipv4Settings(families?.nested(AF_INET)?.bytes(uapi.IFLA_INET_CONF)),
    ipv6: ipv6Settings(families?.nested(AF_INET6)),
  });
  const index = attributes.u32(uapi.IFLA_LINK) ?? 0;
  // A link without anything below names itself; a veth without a peer, 0.
  if (index === 0 || (index === link.index && !PAIRED.has(kind) && !attributes.has(uapi.IFLA_LINK_NETNSID))) {
    return { link };
  }
  const namespaceId = attributes.s32(uapi.IFLA_LINK_NETNSID);
  const as = PAIRED.has(kind) ? 'peer' : 'lower';
  return { link, other: { as, index, ...(namespaceId === undefined ? {} : { namespaceId }) } };
}

function alternativeNames(properties: Buffer | undefined): string[] | undefined {
  if (properties === undefined) return undefined;
  const names: string[] = [];
  for (const [type, value] of readAttributes(properties)) {
    if (type === uapi.IFLA_ALT_IFNAME) names.push(value.toString('utf8', 0, Math.max(0, value.length - 1)));
  }
  return names;
}

function parseBridge(data: Attributes): Bridge {
  const on = (type: number): boolean => (data.u8(type) ?? 0) !== 0;
  const stp = data.u32(uapi.IFLA_BR_STP_STATE) ?? 0;
  // Times of a bridge are in hundredths of a second (USER_HZ).
  return sparse<Bridge>({
    stp: stp === 0 ? undefined : stp === 1 ? 'kernel' : 'user',
    ageingSeconds: (data.u32(uapi.IFLA_BR_AGEING_TIME) ?? 0) / 100,
    forwardDelaySeconds: (data.u32(uapi.IFLA_BR_FORWARD_DELAY) ?? 0) / 100,
    vlanFiltering: on(uapi.IFLA_BR_VLAN_FILTERING),
    defaultPvid: data.u16(uapi.IFLA_BR_VLAN_DEFAULT_PVID) ?? 0,
    vlanProtocol: VLAN_PROTOCOLS.get(data.u16be(uapi.IFLA_BR_VLAN_PROTOCOL)) ?? '802.1Q',
    groupForwardMask: data.u16(uapi.IFLA_BR_GROUP_FWD_MASK) ?? 0,
    callIptables: on(uapi.IFLA_BR_NF_CALL_IPTABLES),
    callIp6tables: on(uapi.IFLA_BR_NF_CALL_IP6TABLES),
    callArptables: on(uapi.IFLA_BR_NF_CALL_ARPTABLES),
    multicastSnooping: on(uapi.IFLA_BR_MCAST_SNOOPING),
    multicastQuerier: on(uapi.IFLA_BR_MCAST_QUERIER),
  });
}

function parsePort(info: Attributes | undefined): BridgePort | undefined {
  if (info?.string(uapi.IFLA_INFO_SLAVE_KIND) !== 'bridge') return undefined;
  const data = info.nested(uapi.IFLA_INFO_SLAVE_DATA);
  const on = (type: number): boolean => (data?.u8(type) ?? 0) !== 0;
  return sparse<BridgePort>({
    state: PORT_STATES[data?.u8(uapi.IFLA_BRPORT_STATE) ?? 0] ?? 'disabled',
    number: data?.u16(uapi.IFLA_BRPORT_NO) ?? 0,
    cost: data?.u32(uapi.IFLA_BRPORT_COST) ?? 0,
    priority: data?.u16(uapi.IFLA_BRPORT_PRIORITY) ?? 0,
    learning: on(uapi.IFLA_BRPORT_LEARNING),
    unicastFlood: on(uapi.IFLA_BRPORT_UNICAST_FLOOD),
    multicastFlood: on(uapi.IFLA_BRPORT_MCAST_FLOOD),
    broadcastFlood: on(uapi.IFLA_BRPORT_BCAST_FLOOD),
    isolated: on(uapi.IFLA_BRPORT_ISOLATED),
    hairpin: on(uapi.IFLA_BRPORT_MODE),
    neighSuppress: on(uapi.IFLA_BRPORT_NEIGH_SUPPRESS),
    proxyArp: on(uapi.IFLA_BRPORT_PROXYARP),
    locked: on(uapi.IFLA_BRPORT_LOCKED),
    bpduGuard: on(uapi.IFLA_BRPORT_GUARD),
    multicastRouter: data?.u8(uapi.IFLA_BRPORT_MULTICAST_ROUTER),
  });
}

function parseVlan(data: Attributes): NonNullable<Link['vlan']> {
  return {
    id: data.u16(uapi.IFLA_VLAN_ID) ?? 0,
    protocol: VLAN_PROTOCOLS.get(data.u16be(uapi.IFLA_VLAN_PROTOCOL)) ?? '802.1Q',
  };
}

function parseMacvlan(data: Attributes): NonNullable<Link['macvlan']> {
  const mode = data.u32(uapi.IFLA_MACVLAN_MODE) as 1 | 2 | 4 | 8 | 16;
  return { mode: MACVLAN_MODES.get(mode) ?? 'bridge' };
}

function parseIpvlan(data: Attributes): NonNullable<Link['ipvlan']> {
  return {
    mode: IPVLAN_MODES[data.u16(uapi.IFLA_IPVLAN_MODE) ?? 0] ?? 'l2',
    flags: data.u16(uapi.IFLA_IPVLAN_FLAGS) ?? 0,
  };
}

function parseVxlan(data: Attributes): Vxlan {
  const address = (...types: readonly number[]): string | undefined => {
    const bytes = types.map((type) => data.bytes(type)).find((value) => value !== undefined);
    return bytes === undefined ? undefined : formatAddress(bytes);
  };
  return sparse<Vxlan>({
    vni: data.u32(uapi.IFLA_VXLAN_ID) ?? 0,
    local: address(uapi.IFLA_VXLAN_LOCAL, uapi.IFLA_VXLAN_LOCAL6),
    remote: address(uapi.IFLA_VXLAN_GROUP, uapi.IFLA_VXLAN_GROUP6),
    port: data.u16be(uapi.IFLA_VXLAN_PORT) ?? 0,
    learning: (data.u8(uapi.IFLA_VXLAN_LEARNING) ?? 0) !== 0,
  });
}

function parseTun(data: Attributes): NonNullable<Link['tun']> {
  return sparse<NonNullable<Link['tun']>>({
    type: data.u8(uapi.IFLA_TUN_TYPE) === uapi.IFF_TAP ? 'tap' : 'tun',
    persistent: (data.u8(uapi.IFLA_TUN_PERSIST) ?? 0) !== 0,
  });
}

/** struct rtnl_link_stats64 */
function parseCounters(stats: Buffer | undefined): Counters {
  const count = (at: number): number => (stats === undefined ? 0 : Number(stats.readBigUInt64LE(at)));
  return {
    receivedPackets: count(0),
    receivedBytes: count(16),
    receiveErrors: count(32),
    receiveDropped: count(48),
    sentPackets: count(8),
    sentBytes: count(24),
    sendErrors: count(40),
    sendDropped: count(56),
  };
}

/** The VLANs of bridges and their ports, by link. */
function readVlans(socket: NetlinkSocket): Map<number, PortVlan[]> {
  const header = Buffer.alloc(IFINFOMSG_BYTES);
  header.writeUInt8(AF_BRIDGE, 0);
  const messages = socket.dump({
    call: 'RTM_GETLINK',
    subject: 'bridge VLANs',
    type: uapi.RTM_GETLINK,
    write: (message) => message.fixed(header).u32(uapi.IFLA_EXT_MASK, uapi.RTEXT_FILTER_BRVLAN_COMPRESSED),
  });
  const found = new Map<number, PortVlan[]>();
  for (const { payload } of messages) {
    const list = new Attributes(payload, IFINFOMSG_BYTES).bytes(uapi.IFLA_AF_SPEC);
    if (list !== undefined) found.set(payload.readInt32LE(4), parseVlans(list));
  }
  return found;
}

/** struct bridge_vlan_info, one for each VLAN, or two for the ends of a range. */
function parseVlans(list: Buffer): PortVlan[] {
  const vlans: PortVlan[] = [];
  let first: number | undefined;
  for (const [type, value] of readAttributes(list)) {
    if (type !== uapi.IFLA_BRIDGE_VLAN_INFO || value.length < 4) continue;
    const flags = value.readUInt16LE(0);
    const id = value.readUInt16LE(2);
    if ((flags & uapi.BRIDGE_VLAN_INFO_RANGE_BEGIN) !== 0) {
      first = id;
      continue;
    }
    vlans.push(
      sparse<PortVlan>({
        first: (flags & uapi.BRIDGE_VLAN_INFO_RANGE_END) === 0 ? id : (first ?? id),
        last: id,
        pvid: (flags & uapi.BRIDGE_VLAN_INFO_PVID) !== 0,
        untagged: (flags & uapi.BRIDGE_VLAN_INFO_UNTAGGED) !== 0,
      }),
    );
  }
  return vlans;
}
