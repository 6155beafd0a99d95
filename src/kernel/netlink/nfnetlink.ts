/**
 * @module The header that every netfilter message has behind the netlink one, and the socket that carries them.
 * @see linux/netfilter/nfnetlink.h
 */

import { NETLINK_NETFILTER } from '../uapi/netlink.ts';
import { NFNETLINK_V0 } from '../uapi/nfnetlink.ts';
import { NetlinkSocket } from './socket.ts';

/** sizeof(struct nfgenmsg) */
export const NFGENMSG_BYTES = 4;

/** A socket for nftables and connection tracking, in the calling thread's current namespace. @throws KernelError */
export function openNetfilter(): NetlinkSocket {
  return new NetlinkSocket(NETLINK_NETFILTER);
}

/** The message type of an operation of a netfilter subsystem. */
export function nfnetlinkType(subsystem: number, operation: number): number {
  return (subsystem << 8) | operation;
}

/** struct nfgenmsg; `resource` names the subsystem where a batch begins and ends. */
export function nfgenmsg(family: number, resource = 0): Uint8Array {
  return Uint8Array.of(family, NFNETLINK_V0, resource >> 8, resource & 0xff);
}
