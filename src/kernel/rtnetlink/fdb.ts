/**
 * @module Forwarding databases: behind which port a bridge, or behind which remote address a vxlan link, has a MAC.
 * @see linux/neighbour.h, net/bridge/br_fdb.c, drivers/net/vxlan/vxlan_core.c, bridge(8)
 */

import { AF_BRIDGE } from '../ffi.ts';
import { formatAddress, formatMac, parseAddress, parseMac } from '../inet.ts';
import { Attributes, type NetlinkMessage } from '../netlink/codec.ts';
import type { NetlinkRequest, NetlinkSocket } from '../netlink/socket.ts';
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from '../uapi/netlink.ts';
import * as uapi from '../uapi/rtnetlink.ts';
import { NDMSG_BYTES, ndmsg, parseAges } from './neighbour.ts';

/**
 * Where an entry comes from. 'learned': from the source MAC of a frame; it ages. 'static': set by hand; frames to the MAC
 * leave through the port. 'local': the MAC of the port itself; frames to it go up the host's own stack.
 */
export type FdbEntryType = 'learned' | 'static' | 'local';
const STATES: Record<FdbEntryType, number> = {
  learned: uapi.NUD_REACHABLE,
  static: uapi.NUD_NOARP,
  local: uapi.NUD_PERMANENT,
};
/** A vxlan link has no MACs of its own in its list, and says PERMANENT for what does not age. */
const VXLAN_STATES: Record<FdbEntryType, number> = { ...STATES, static: uapi.NUD_PERMANENT };

export interface FdbEntrySettings {
  /** The index of the bridge port, of the bridge itself, or (with `remote`) of the vxlan link. */
  readonly link: number;
  readonly mac: string;
  readonly vlan?: number;
  /** The address of the host behind which a vxlan link finds the MAC. The entry then is the link's own. */
  readonly remote?: string;
  /** Default: static. */
  readonly type?: FdbEntryType;
}

export interface FdbEntry {
  /** The index of the port (or of the bridge, for its own MACs; or of the vxlan link). */
  readonly link: number;
  /** The index of the bridge; absent for an entry of the link's own list (bridge(8): self). */
  readonly bridge: number | undefined;
  readonly mac: string;
  readonly vlan: number | undefined;
  readonly type: FdbEntryType;
  /** The entry stays at its port even when the MAC shows up at another. */
  readonly sticky: boolean;
  /** A program put it there on behalf of a control plane (NTF_EXT_LEARNED). */
  readonly external: boolean;
  readonly remote: string | undefined;
  /** How long ago a frame from the MAC was seen, and the entry was made or moved. */
  readonly usedSeconds: number;
  readonly updatedSeconds: number;
}

/** @throws (when requested) KernelError EEXIST where the bridge has the MAC already, learned or set */
export function addFdbEntry(settings: FdbEntrySettings): NetlinkRequest {
  return fdbRequest('RTM_NEWNEIGH', uapi.RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL, settings);
}

/** Adds an entry, or moves the one that the MAC has to this port and type. */
export function replaceFdbEntry(settings: FdbEntrySettings): NetlinkRequest {
  return fdbRequest('RTM_NEWNEIGH', uapi.RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, settings);
}

export function deleteFdbEntry(settings: Omit<FdbEntrySettings, 'type'>): NetlinkRequest {
  return fdbRequest('RTM_DELNEIGH', uapi.RTM_DELNEIGH, 0, settings);
}

/**
 * The entries of all bridges and vxlan links of the socket's namespace, or of one bridge, or of one of its ports. The
 * list of a link's own multicast MACs, which bridge(8) shows too, is left out: it forwards nothing. @throws KernelError
 */
export function listFdb(socket: NetlinkSocket, filter: { bridge?: number; port?: number } = {}): FdbEntry[] {
  return socket
    .dump({
      call: 'RTM_GETNEIGH',
      subject: 'bridge FDB',
      type: uapi.RTM_GETNEIGH,
      write(message) {
        message.fixed(ndmsg({ family: AF_BRIDGE }));
        if (filter.bridge !== undefined) message.u32(uapi.NDA_MASTER, filter.bridge);
        if (filter.port !== undefined) message.u32(uapi.NDA_IFINDEX, filter.port);
      },
    })
    .map(parseFdbEntry)
    .filter(
      (entry) =>
        (entry.bridge !== undefined || entry.remote !== undefined) &&
        (filter.bridge === undefined || entry.bridge === filter.bridge) &&
        (filter.port === undefined || entry.link === filter.port),
    );
}

/** Reads an RTM_NEWNEIGH or RTM_DELNEIGH message of family AF_BRIDGE. */
export function parseFdbEntry(message: NetlinkMessage): FdbEntry {
  const { payload } = message;
  const attributes = new Attributes(payload, NDMSG_BYTES);
  const state = payload.readUInt16LE(8);
  const flags = payload.readUInt8(10);
  const remote = attributes.bytes(uapi.NDA_DST);
  const { usedSeconds, updatedSeconds } = parseAges(attributes.bytes(uapi.NDA_CACHEINFO));
  return {
    link: payload.readInt32LE(4),
    bridge: attributes.u32(uapi.NDA_MASTER),
    mac: formatMac(attributes.bytes(uapi.NDA_LLADDR) ?? Buffer.alloc(6)),
    vlan: attributes.u16(uapi.NDA_VLAN),
    type: parseType(state, remote !== undefined),
    sticky: (flags & uapi.NTF_STICKY) !== 0,
    external: (flags & uapi.NTF_EXT_LEARNED) !== 0,
    remote: remote === undefined ? undefined : formatAddress(remote),
    usedSeconds,
    updatedSeconds,
  };
}

function parseType(state: number, ofVxlan: boolean): FdbEntryType {
  if ((state & uapi.NUD_PERMANENT) !== 0) return ofVxlan ? 'static' : 'local';
  return (state & uapi.NUD_NOARP) !== 0 ? 'static' : 'learned';
}

function fdbRequest(call: string, type: number, flags: number, settings: FdbEntrySettings): NetlinkRequest {
  const { link, mac, vlan, remote } = settings;
  return {
    call,
    subject: `${mac} at link ${link}`,
    type,
    flags,
    write(message) {
      const from = settings.type ?? 'static';
      message.fixed(
        remote === undefined
          ? ndmsg({ family: AF_BRIDGE, link, flags: uapi.NTF_MASTER, state: STATES[from] })
          : ndmsg({ family: AF_BRIDGE, link, flags: uapi.NTF_SELF, state: VXLAN_STATES[from] }),
      );
      message.bytes(uapi.NDA_LLADDR, parseMac(mac));
      if (vlan !== undefined) message.u16(uapi.NDA_VLAN, vlan);
      if (remote !== undefined) message.bytes(uapi.NDA_DST, parseAddress(remote));
    },
  };
}
