/**
 * @module Namespace IDs: the numbers by which one network namespace knows others.
 *
 * A link whose other end is elsewhere says where by such a number (`Link.peerNamespaceId`). It counts only in the
 * namespace of the socket that read it. To find the namespace, ask for the number of each that may be it.
 * @see linux/net_namespace.h, net/core/net_namespace.c
 */

import { Attributes } from '../netlink/codec.ts';
import type { NetlinkRequest, NetlinkSocket } from '../netlink/socket.ts';
import * as uapi from '../uapi/rtnetlink.ts';

/** struct rtgenmsg, padded to the attributes. */
const RTGENMSG_BYTES = 4;

/** The number that the socket's namespace has for another (given by an open descriptor); undefined where it has none. */
export function getNamespaceId(socket: NetlinkSocket, namespaceFd: number): number | undefined {
  const [message] = socket.request({
    call: 'RTM_GETNSID',
    subject: `fd ${namespaceFd}`,
    type: uapi.RTM_GETNSID,
    flags: 0,
    write: (request) => request.fixed(Buffer.alloc(RTGENMSG_BYTES)).s32(uapi.NETNSA_FD, namespaceFd),
  });
  const id = message && new Attributes(message.payload, RTGENMSG_BYTES).s32(uapi.NETNSA_NSID);
  return id === undefined || id === uapi.NETNSA_NSID_NOT_ASSIGNED ? undefined : id;
}

/**
 * Gives another namespace a number. Links do that themselves; by hand it is needed only to listen to all namespaces.
 * @throws (when requested) KernelError EEXIST where it has one already
 */
export function setNamespaceId(namespaceFd: number, id: number): NetlinkRequest {
  return {
    call: 'RTM_NEWNSID',
    subject: `fd ${namespaceFd}`,
    type: uapi.RTM_NEWNSID,
    flags: 0,
    write: (request) =>
      request.fixed(Buffer.alloc(RTGENMSG_BYTES)).s32(uapi.NETNSA_FD, namespaceFd).s32(uapi.NETNSA_NSID, id),
  };
}

/** All numbers that the socket's namespace has given, in no order. @throws KernelError */
export function listNamespaceIds(socket: NetlinkSocket): number[] {
  return socket
    .dump({
      call: 'RTM_GETNSID',
      type: uapi.RTM_GETNSID,
      write: (request) => request.fixed(Buffer.alloc(RTGENMSG_BYTES)),
    })
    .map((message) => new Attributes(message.payload, RTGENMSG_BYTES).s32(uapi.NETNSA_NSID))
    .filter((id) => id !== undefined);
}
