/**
 * @module Neighbours: which MAC an address has behind a link, as ARP (IPv4) and neighbour discovery (IPv6) know it.
 * @see linux/neighbour.h, net/core/neighbour.c, RFC 826, RFC 4861 §7.3.2
 */

import { KernelError } from '../error.ts';
import { AF_INET, AF_INET6 } from '../ffi.ts';
import { familyOf, formatAddress, formatMac, parseAddress, parseMac } from '../inet.ts';
import { Attributes, type NetlinkMessage } from '../netlink/codec.ts';
import type { NetlinkRequest, NetlinkSocket } from '../netlink/socket.ts';
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from '../uapi/netlink.ts';
import * as uapi from '../uapi/rtnetlink.ts';

/** sizeof(struct ndmsg) */
export const NDMSG_BYTES = 12;

/** How far the kernel trusts an entry, in the words of ip-neighbour(8). */
export type NeighbourState = keyof typeof STATES;
const STATES = {
  NONE: uapi.NUD_NONE,
  INCOMPLETE: uapi.NUD_INCOMPLETE,
  REACHABLE: uapi.NUD_REACHABLE,
  STALE: uapi.NUD_STALE,
  DELAY: uapi.NUD_DELAY,
  PROBE: uapi.NUD_PROBE,
  FAILED: uapi.NUD_FAILED,
  NOARP: uapi.NUD_NOARP,
  PERMANENT: uapi.NUD_PERMANENT,
} as const;
const STATE_NAMES = new Map(Object.entries(STATES).map(([name, bit]) => [bit as number, name as NeighbourState]));

export interface NeighbourSettings {
  /** The index of the interface. */
  readonly link: number;
  readonly address: string;
  readonly mac: string;
  /** Default: PERMANENT, an entry that does not age and is not asked for. */
  readonly state?: NeighbourState;
}

export interface Neighbour {
  /** The index of the interface. */
  readonly link: number;
  readonly address: string;
  /** Absent while the question is open (INCOMPLETE) or unanswered (FAILED), and where the link has no MACs. */
  readonly mac: string | undefined;
  readonly state: NeighbourState;
  /** The neighbour said that it is a router (IPv6). */
  readonly router: boolean;
  /** A program put it there, not the kernel's own ARP or ND (NTF_EXT_LEARNED). */
  readonly external: boolean;
  /** How long ago the neighbour was last confirmed, used and changed. */
  readonly confirmedSeconds: number;
  readonly usedSeconds: number;
  readonly updatedSeconds: number;
}

/** @throws (when requested) KernelError EEXIST where the address has an entry, whatever its state */
export function addNeighbour(settings: NeighbourSettings): NetlinkRequest {
  return neighbourRequest('RTM_NEWNEIGH', uapi.RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL, settings);
}

/** Adds an entry, or changes the one that the address has. */
export function replaceNeighbour(settings: NeighbourSettings): NetlinkRequest {
  return neighbourRequest('RTM_NEWNEIGH', uapi.RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, settings);
}

export function deleteNeighbour(link: number, address: string): NetlinkRequest {
  return neighbourRequest('RTM_DELNEIGH', uapi.RTM_DELNEIGH, 0, { link, address });
}

/**
 * The neighbours in the socket's namespace, all or those of one link or family. Unlike ip-neighbour(8), it leaves out
 * nothing: NOARP entries (loopback, multicast) are there too. @throws KernelError
 */
export function listNeighbours(socket: NetlinkSocket, filter: { link?: number; family?: 4 | 6 } = {}): Neighbour[] {
  const families = filter.family === undefined ? [AF_INET, AF_INET6] : [filter.family === 4 ? AF_INET : AF_INET6];
  return families.flatMap((family) =>
    socket
      .dump({
        call: 'RTM_GETNEIGH',
        type: uapi.RTM_GETNEIGH,
        write(message) {
          message.fixed(ndmsg({ family }));
          if (filter.link !== undefined) message.u32(uapi.NDA_IFINDEX, filter.link);
        },
      })
      .map(parseNeighbour),
  );
}

/** The addresses that this namespace answers for on its links (`ip neigh add proxy`); ages are 0. @throws KernelError */
export function listProxies(socket: NetlinkSocket): Neighbour[] {
  return [AF_INET, AF_INET6].flatMap((family) =>
    socket
      .dump({
        call: 'RTM_GETNEIGH',
        subject: 'proxies',
        type: uapi.RTM_GETNEIGH,
        write: (message) => message.fixed(ndmsg({ family, flags: uapi.NTF_PROXY })),
      })
      .map(parseNeighbour),
  );
}

/**
 * Forgets what was learned behind a link; the next packet asks again. Permanent and NOARP entries stay, as with
 * `ip neigh flush dev`. Returns how many went. @throws KernelError
 */
export function flushNeighbours(socket: NetlinkSocket, link: number): number {
  let flushed = 0;
  for (const { address, state } of listNeighbours(socket, { link })) {
    if (state === 'PERMANENT' || state === 'NOARP') continue;
    try {
      socket.request(deleteNeighbour(link, address));
      flushed++;
    } catch (error) {
      if (!KernelError.isKernel(error, 'ENOENT')) throw error; // the kernel was quicker
    }
  }
  return flushed;
}

/** Reads an RTM_NEWNEIGH or RTM_DELNEIGH message of family AF_INET or AF_INET6. */
export function parseNeighbour(message: NetlinkMessage): Neighbour {
  const { payload } = message;
  const attributes = new Attributes(payload, NDMSG_BYTES);
  const mac = attributes.bytes(uapi.NDA_LLADDR);
  const flags = payload.readUInt8(10);
  return {
    link: payload.readInt32LE(4),
    address: formatAddress(attributes.bytes(uapi.NDA_DST) ?? Buffer.alloc(payload.readUInt8(0) === AF_INET ? 4 : 16)),
    mac: mac?.length === 6 ? formatMac(mac) : undefined,
    state: STATE_NAMES.get(payload.readUInt16LE(8)) ?? 'NONE',
    router: (flags & uapi.NTF_ROUTER) !== 0,
    external: (flags & uapi.NTF_EXT_LEARNED) !== 0,
    ...parseAges(attributes.bytes(uapi.NDA_CACHEINFO)),
  };
}

/** struct nda_cacheinfo: times since, in hundredths of a second (USER_HZ). */
export function parseAges(cacheInfo: Buffer | undefined) {
  const seconds = (at: number): number => (cacheInfo === undefined ? 0 : cacheInfo.readUInt32LE(at) / 100);
  return { confirmedSeconds: seconds(0), usedSeconds: seconds(4), updatedSeconds: seconds(8) };
}

/** struct ndmsg */
export function ndmsg(fields: { family: number; link?: number; state?: number; flags?: number }): Buffer {
  const bytes = Buffer.alloc(NDMSG_BYTES);
  bytes.writeUInt8(fields.family, 0);
  bytes.writeInt32LE(fields.link ?? 0, 4);
  bytes.writeUInt16LE(fields.state ?? 0, 8);
  bytes.writeUInt8(fields.flags ?? 0, 10);
  return bytes;
}

function neighbourRequest(
  call: string,
  type: number,
  flags: number,
  settings: Omit<NeighbourSettings, 'mac'> & { mac?: string },
): NetlinkRequest {
  const { link, address, mac, state } = settings;
  return {
    call,
    subject: `${address} on link ${link}`,
    type,
    flags,
    write(message) {
      message.fixed(ndmsg({ family: familyOf(address), link, state: STATES[state ?? 'PERMANENT'] }));
      message.bytes(uapi.NDA_DST, parseAddress(address));
      if (mac !== undefined) message.bytes(uapi.NDA_LLADDR, parseMac(mac));
    },
  };
}
