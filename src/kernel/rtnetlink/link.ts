/**
 * @module Links: veth pairs, bridges, vxlan, macvlan and dummy interfaces, their settings, and bridge ports.
 *
 * Verbs are values: `createVeth(…)` is a request, to be given to `NetlinkSocket.request` or, several at a time, to
 * `batch`. Objects are read with `getLink` and `listLinks`.
 * @see linux/if_link.h, net/core/rtnetlink.c, net/bridge/br_netlink.c, drivers/net/veth.c
 */

import { KernelError } from '../error.ts';
import { AF_BRIDGE, AF_INET, AF_INET6 } from '../ffi.ts';
import { formatMac, parseMac } from '../inet.ts';
import { Attributes, type MessageWriter, type NetlinkMessage } from '../netlink/codec.ts';
import type { NetlinkRequest, NetlinkSocket } from '../netlink/socket.ts';
import { NLM_F_CREATE, NLM_F_ECHO, NLM_F_EXCL } from '../uapi/netlink.ts';
import * as uapi from '../uapi/rtnetlink.ts';

const IFINFOMSG_BYTES = 16;

/** What can be set on any link, at creation or later. Absent fields stay as they are. */
export interface LinkSettings {
  readonly name?: string;
  readonly up?: boolean;
  /** 'aa:bb:cc:dd:ee:ff' */
  readonly mac?: string;
  readonly mtuBytes?: number;
  /** The index of the bridge that this link becomes a port of; 0 takes it off. */
  readonly master?: number;
  /** A number to address many links with at once. */
  readonly group?: number;
  /** The largest packet that the stack hands to the link, for IPv6 and, where the kernel has it, for IPv4 (Linux 6.3). */
  readonly gsoMaxBytes?: number;
  /** The largest packet that received ones are merged into, likewise. */
  readonly groMaxBytes?: number;
  /** Where the link goes: an open namespace descriptor. */
  readonly namespaceFd?: number;
}

/** What can be set only on a link that exists: at creation the kernel refuses or overlooks these. */
export interface LaterLinkSettings {
  /** Free text, at most 255 bytes (IFALIASZ). */
  readonly alias?: string;
  /**
   * Whether the kernel makes an IPv6 link-local address when the link comes up: 'none' makes none. To be set before: in
   * one request, `up` goes first.
   */
  readonly linkLocal?: 'none' | 'eui64';
  /** IPv4 settings by devconf number: the same as /proc/sys/net/ipv4/conf/IF/…, without /proc. */
  readonly ipv4?: Readonly<Record<number, number>>;
}

export interface BridgeSettings {
  /** How long a learned MAC stays; 0 learns nothing, so that the bridge floods like a hub. Kernel default: 300 s. */
  readonly ageingSeconds?: number;
  /** How long STP keeps a port listening and learning, and a timer of the kernel's for each port without STP too. Kernel default: 15 s. */
  readonly forwardDelaySeconds?: number;
  readonly stp?: boolean;
  readonly multicastSnooping?: boolean;
}

/** Flags of a bridge port. @see Documentation: bridge(8) */
export interface BridgePortSettings {
  /** Without STP, a port that is not disabled forwards: the kernel overrides the other states. */
  readonly state?: PortState;
  /** An isolated port reaches only ports that are not isolated (and the bridge itself). */
  readonly isolated?: boolean;
  /** Frames may leave through the port they came by. */
  readonly hairpin?: boolean;
  readonly learning?: boolean;
  /** The bridge answers ARP and ND from its FDB instead of flooding. */
  readonly neighSuppress?: boolean;
}

export type PortState = 'disabled' | 'listening' | 'learning' | 'forwarding' | 'blocking';
const PORT_STATES: readonly PortState[] = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'];

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly kind: string | undefined;
  readonly up: boolean;
  /** The link has a carrier (IFF_LOWER_UP): for a veth, its peer is up too. */
  readonly carrier: boolean;
  readonly mac: string | undefined;
  readonly mtuBytes: number;
  readonly master: number | undefined;
  /** The index of the other end (veth) or of the link below (macvlan). */
  readonly peer: number | undefined;
  /** The namespace number in which `peer` counts, when it is another one. */
  readonly peerNamespaceId: number | undefined;
  readonly group: number;
  readonly alias: string | undefined;
  readonly gsoMaxBytes: number | undefined;
  readonly bridge: Required<BridgeSettings> | undefined;
  readonly port: Required<BridgePortSettings> | undefined;
}

/** A veth pair. The peer may be born in another namespace; neither end can be up before both exist (ENOTCONN). */
export function createVeth(
  settings: LinkSettings & { name: string; peer: LinkSettings & { name: string } },
): NetlinkRequest {
  return create('veth', settings, (message) =>
    message.nest(uapi.VETH_INFO_PEER, (peer) => {
      peer.fixed(ifinfomsg(settings.peer));
      writeSettings(peer, settings.peer);
    }),
  );
}

/** Makes a link and reads it in one request, the peer's index included; undefined before Linux 6.2. @throws KernelError */
export function createAndRead(socket: NetlinkSocket, request: NetlinkRequest): Link | undefined {
  const [message] = socket.request({ ...request, flags: request.flags | NLM_F_ECHO });
  return message === undefined ? undefined : parseLink(message);
}

export function createBridge(settings: LinkSettings & BridgeSettings & { name: string }): NetlinkRequest {
  return create('bridge', settings, (message) => writeBridge(message, settings));
}

export type MacvlanMode = 'bridge' | 'private' | 'vepa' | 'passthru';
const MACVLAN_MODES: Record<MacvlanMode, number> = {
  bridge: uapi.MACVLAN_MODE_BRIDGE,
  private: uapi.MACVLAN_MODE_PRIVATE,
  vepa: uapi.MACVLAN_MODE_VEPA,
  passthru: uapi.MACVLAN_MODE_PASSTHRU,
};

/** A link with a MAC of its own on top of another link, `parent` (an index in the socket's namespace). */
export function createMacvlan(
  settings: LinkSettings & { name: string; parent: number; mode?: MacvlanMode },
): NetlinkRequest {
  return create(
    'macvlan',
    settings,
    (message) => message.u32(uapi.IFLA_MACVLAN_MODE, MACVLAN_MODES[settings.mode ?? 'bridge']),
    (message) => message.u32(uapi.IFLA_LINK, settings.parent),
  );
}

/** Changes a link. A new name needs the link's index: in a message to a name there is no room for a second one. */
export function setLink(link: number, settings: LinkSettings & LaterLinkSettings & BridgeSettings): NetlinkRequest;
export function setLink(
  link: number | string,
  settings: Omit<LinkSettings, 'name'> & LaterLinkSettings & BridgeSettings,
): NetlinkRequest;
export function setLink(
  link: number | string,
  settings: LinkSettings & LaterLinkSettings & BridgeSettings,
): NetlinkRequest {
  return {
    call: 'RTM_NEWLINK',
    subject: String(link),
    type: uapi.RTM_NEWLINK,
    flags: 0,
    write(message) {
      message.fixed(ifinfomsg(settings, typeof link === 'number' ? link : 0));
      writeSettings(message, typeof link === 'string' ? { ...settings, name: link } : settings);
      if (settings.alias !== undefined) message.string(uapi.IFLA_IFALIAS, settings.alias);
      writeAddressFamilies(message, settings);
      if (
        settings.ageingSeconds !== undefined ||
        settings.forwardDelaySeconds !== undefined ||
        settings.stp !== undefined ||
        settings.multicastSnooping !== undefined
      ) {
        message.nest(uapi.IFLA_LINKINFO, (info) =>
          info.string(uapi.IFLA_INFO_KIND, 'bridge').nest(uapi.IFLA_INFO_DATA, (data) => writeBridge(data, settings)),
        );
      }
    },
  };
}

/** Changes the flags of a bridge port. */
export function setBridgePort(port: number, settings: BridgePortSettings): NetlinkRequest {
  return {
    call: 'RTM_SETLINK',
    subject: `bridge port ${port}`,
    type: uapi.RTM_SETLINK,
    flags: 0,
    write(message) {
      message.fixed(ifinfomsg({}, port, AF_BRIDGE)).nest(uapi.IFLA_PROTINFO, (nested) => {
        if (settings.state !== undefined) nested.u8(uapi.IFLA_BRPORT_STATE, PORT_STATES.indexOf(settings.state));
        if (settings.isolated !== undefined) nested.u8(uapi.IFLA_BRPORT_ISOLATED, Number(settings.isolated));
        if (settings.hairpin !== undefined) nested.u8(uapi.IFLA_BRPORT_MODE, Number(settings.hairpin));
        if (settings.learning !== undefined) nested.u8(uapi.IFLA_BRPORT_LEARNING, Number(settings.learning));
        if (settings.neighSuppress !== undefined)
          nested.u8(uapi.IFLA_BRPORT_NEIGH_SUPPRESS, Number(settings.neighSuppress));
      });
    },
  };
}

/** Deletes a link; the kernel waits for RCU before it answers, about 16 ms for one veth. */
export function deleteLink(link: number | string): NetlinkRequest {
  return {
    call: 'RTM_DELLINK',
    subject: String(link),
    type: uapi.RTM_DELLINK,
    flags: 0,
    write(message) {
      message.fixed(ifinfomsg({}, typeof link === 'number' ? link : 0));
      if (typeof link === 'string') message.string(uapi.IFLA_IFNAME, link);
    },
  };
}

/** Deletes a link, which may have gone before: with its peer, or with the namespace that one was in. @throws KernelError */
export function removeLink(socket: NetlinkSocket, link: number | string): void {
  socket.batch([deleteLink(link)], ['ENODEV']);
}

/** Deletes all links of a group in one go: hundreds cost little more than one. */
export function deleteLinkGroup(group: number): NetlinkRequest {
  return {
    call: 'RTM_DELLINK',
    subject: `group ${group}`,
    type: uapi.RTM_DELLINK,
    flags: 0,
    write: (message) => message.fixed(ifinfomsg({})).u32(uapi.IFLA_GROUP, group),
  };
}

/** One link by index or name, or undefined. @throws KernelError */
export function getLink(socket: NetlinkSocket, link: number | string): Link | undefined {
  try {
    const [message] = socket.request({
      call: 'RTM_GETLINK',
      subject: String(link),
      type: uapi.RTM_GETLINK,
      flags: 0,
      write(request) {
        request.fixed(ifinfomsg({}, typeof link === 'number' ? link : 0));
        if (typeof link === 'string') request.string(uapi.IFLA_IFNAME, link);
        request.u32(uapi.IFLA_EXT_MASK, uapi.RTEXT_FILTER_SKIP_STATS);
      },
    });
    return message === undefined ? undefined : parseLink(message);
  } catch (error) {
    if (KernelError.isKernel(error, 'ENODEV')) return undefined;
    throw error;
  }
}

/** All links of the socket's namespace, or the ports of one bridge. @throws KernelError */
export function listLinks(socket: NetlinkSocket, filter: { master?: number; kind?: string } = {}): Link[] {
  return socket
    .dump({
      call: 'RTM_GETLINK',
      type: uapi.RTM_GETLINK,
      write(message) {
        message.fixed(ifinfomsg({})).u32(uapi.IFLA_EXT_MASK, uapi.RTEXT_FILTER_SKIP_STATS);
        if (filter.master !== undefined) message.u32(uapi.IFLA_MASTER, filter.master);
        if (filter.kind !== undefined) {
          const kind = filter.kind;
          message.nest(uapi.IFLA_LINKINFO, (info) => info.string(uapi.IFLA_INFO_KIND, kind));
        }
      },
    })
    .map(parseLink);
}

/** Reads an RTM_NEWLINK or RTM_DELLINK message. */
export function parseLink(message: NetlinkMessage): Link {
  const flags = message.payload.readUInt32LE(8);
  const attributes = new Attributes(message.payload, IFINFOMSG_BYTES);
  const mac = attributes.bytes(uapi.IFLA_ADDRESS);
  const info = attributes.nested(uapi.IFLA_LINKINFO);
  const kind = info?.string(uapi.IFLA_INFO_KIND);
  return {
    index: message.payload.readInt32LE(4),
    name: attributes.string(uapi.IFLA_IFNAME) ?? '',
    kind,
    up: (flags & uapi.IFF_UP) !== 0,
    carrier: (flags & uapi.IFF_LOWER_UP) !== 0,
    mac: mac?.length === 6 ? formatMac(mac) : undefined,
    mtuBytes: attributes.u32(uapi.IFLA_MTU) ?? 0,
    master: attributes.u32(uapi.IFLA_MASTER),
    peer: attributes.u32(uapi.IFLA_LINK),
    peerNamespaceId: attributes.s32(uapi.IFLA_LINK_NETNSID),
    group: attributes.u32(uapi.IFLA_GROUP) ?? 0,
    alias: attributes.string(uapi.IFLA_IFALIAS),
    gsoMaxBytes: attributes.u32(uapi.IFLA_GSO_MAX_SIZE),
    bridge: kind === 'bridge' ? parseBridge(info?.nested(uapi.IFLA_INFO_DATA)) : undefined,
    port:
      info?.string(uapi.IFLA_INFO_SLAVE_KIND) === 'bridge'
        ? parsePort(info.nested(uapi.IFLA_INFO_SLAVE_DATA))
        : undefined,
  };
}

function create(
  kind: string,
  settings: LinkSettings & { name: string },
  writeData: (message: MessageWriter) => void,
  writeMore: (message: MessageWriter) => void = () => {},
): NetlinkRequest {
  return {
    call: 'RTM_NEWLINK',
    subject: `${kind} ${settings.name}`,
    type: uapi.RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    write(message) {
      message.fixed(ifinfomsg(settings));
      writeSettings(message, settings);
      writeMore(message);
      message.nest(uapi.IFLA_LINKINFO, (info) =>
        info.string(uapi.IFLA_INFO_KIND, kind).nest(uapi.IFLA_INFO_DATA, writeData),
      );
    },
  };
}

/** struct ifinfomsg */
function ifinfomsg(settings: Pick<LinkSettings, 'up'>, index = 0, family = 0): Buffer {
  const bytes = Buffer.alloc(IFINFOMSG_BYTES);
  bytes.writeUInt8(family, 0);
  bytes.writeInt32LE(index, 4);
  if (settings.up !== undefined) {
    bytes.writeUInt32LE(settings.up ? uapi.IFF_UP : 0, 8);
    bytes.writeUInt32LE(uapi.IFF_UP, 12);
  }
  return bytes;
}

function writeSettings(message: MessageWriter, settings: LinkSettings): void {
  if (settings.name !== undefined) message.string(uapi.IFLA_IFNAME, settings.name);
  if (settings.mac !== undefined) message.bytes(uapi.IFLA_ADDRESS, parseMac(settings.mac));
  if (settings.mtuBytes !== undefined) message.u32(uapi.IFLA_MTU, settings.mtuBytes);
  if (settings.master !== undefined) message.u32(uapi.IFLA_MASTER, settings.master);
  if (settings.group !== undefined) message.u32(uapi.IFLA_GROUP, settings.group);
  if (settings.namespaceFd !== undefined) message.s32(uapi.IFLA_NET_NS_FD, settings.namespaceFd);
  // The kernel skips attributes it does not know here, so that an older one keeps the IPv4 limit of 64 KiB.
  if (settings.gsoMaxBytes !== undefined) {
    message.u32(uapi.IFLA_GSO_MAX_SIZE, settings.gsoMaxBytes).u32(uapi.IFLA_GSO_IPV4_MAX_SIZE, settings.gsoMaxBytes);
  }
  if (settings.groMaxBytes !== undefined) {
    message.u32(uapi.IFLA_GRO_MAX_SIZE, settings.groMaxBytes).u32(uapi.IFLA_GRO_IPV4_MAX_SIZE, settings.groMaxBytes);
  }
}

function writeAddressFamilies(message: MessageWriter, { linkLocal, ipv4 }: LaterLinkSettings): void {
  if (linkLocal !== undefined || ipv4 !== undefined) {
    message.nest(uapi.IFLA_AF_SPEC, (families) => {
      if (ipv4 !== undefined) {
        families.nest(AF_INET, (inet) =>
          inet.nest(uapi.IFLA_INET_CONF, (settingsList) => {
            for (const [number, value] of Object.entries(ipv4)) settingsList.u32(Number(number), value);
          }),
        );
      }
      if (linkLocal !== undefined) {
        const mode = linkLocal === 'none' ? uapi.IN6_ADDR_GEN_MODE_NONE : uapi.IN6_ADDR_GEN_MODE_EUI64;
        families.nest(AF_INET6, (inet6) => inet6.u8(uapi.IFLA_INET6_ADDR_GEN_MODE, mode));
      }
    });
  }
}

function writeBridge(message: MessageWriter, settings: BridgeSettings): void {
  // Times of a bridge are in hundredths of a second (USER_HZ).
  if (settings.ageingSeconds !== undefined) message.u32(uapi.IFLA_BR_AGEING_TIME, settings.ageingSeconds * 100);
  if (settings.forwardDelaySeconds !== undefined)
    message.u32(uapi.IFLA_BR_FORWARD_DELAY, settings.forwardDelaySeconds * 100);
  if (settings.stp !== undefined) message.u32(uapi.IFLA_BR_STP_STATE, Number(settings.stp));
  if (settings.multicastSnooping !== undefined)
    message.u8(uapi.IFLA_BR_MCAST_SNOOPING, Number(settings.multicastSnooping));
}

function parseBridge(data: Attributes | undefined): Required<BridgeSettings> {
  return {
    ageingSeconds: (data?.u32(uapi.IFLA_BR_AGEING_TIME) ?? 0) / 100,
    forwardDelaySeconds: (data?.u32(uapi.IFLA_BR_FORWARD_DELAY) ?? 0) / 100,
    stp: (data?.u32(uapi.IFLA_BR_STP_STATE) ?? 0) !== 0,
    multicastSnooping: (data?.u8(uapi.IFLA_BR_MCAST_SNOOPING) ?? 0) !== 0,
  };
}

function parsePort(data: Attributes | undefined): Required<BridgePortSettings> {
  const flag = (type: number): boolean => (data?.u8(type) ?? 0) !== 0;
  return {
    state: PORT_STATES[data?.u8(uapi.IFLA_BRPORT_STATE) ?? 0] ?? 'disabled',
    isolated: flag(uapi.IFLA_BRPORT_ISOLATED),
    hairpin: flag(uapi.IFLA_BRPORT_MODE),
    learning: flag(uapi.IFLA_BRPORT_LEARNING),
    neighSuppress: flag(uapi.IFLA_BRPORT_NEIGH_SUPPRESS),
  };
}
