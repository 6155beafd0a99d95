/**
 * @module Addresses of interfaces.
 * @see linux/if_addr.h, net/ipv4/devinet.c, net/ipv6/addrconf.c
 */

import { AF_INET, AF_INET6 } from '../ffi.ts';
import { formatAddress, parseInterfaceAddress } from '../inet.ts';
import { Attributes, type NetlinkMessage } from '../netlink/codec.ts';
import type { NetlinkRequest, NetlinkSocket } from '../netlink/socket.ts';
import { NLM_F_CREATE, NLM_F_REPLACE } from '../uapi/netlink.ts';
import * as uapi from '../uapi/rtnetlink.ts';

const IFADDRMSG_BYTES = 8;

export interface InterfaceAddress {
  /** The index of the interface. */
  readonly link: number;
  /** With its prefix length: '172.17.0.2/16'. */
  readonly address: string;
  readonly scope: number;
  readonly permanent: boolean;
  /** Duplicate address detection is still running (IPv6). */
  readonly tentative: boolean;
  /** Duplicate address detection found another holder (IPv6). */
  readonly duplicate: boolean;
}

/** Adds an address, or refreshes it when it is there already. IPv6 ones are usable at once (IFA_F_NODAD). */
export function addAddress(link: number, address: string): NetlinkRequest {
  return addressRequest('RTM_NEWADDR', uapi.RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, link, address);
}

export function deleteAddress(link: number, address: string): NetlinkRequest {
  return addressRequest('RTM_DELADDR', uapi.RTM_DELADDR, 0, link, address);
}

/** The addresses of all interfaces of the socket's namespace, or of one. @throws KernelError */
export function listAddresses(socket: NetlinkSocket, link?: number): InterfaceAddress[] {
  const header = Buffer.alloc(IFADDRMSG_BYTES);
  header.writeUInt32LE(link ?? 0, 4);
  return socket
    .dump({ call: 'RTM_GETADDR', type: uapi.RTM_GETADDR, write: (message) => message.fixed(header) })
    .map(parseInterfaceAddressMessage);
}

/** Reads an RTM_NEWADDR or RTM_DELADDR message. */
export function parseInterfaceAddressMessage(message: NetlinkMessage): InterfaceAddress {
  const attributes = new Attributes(message.payload, IFADDRMSG_BYTES);
  const flags = attributes.u32(uapi.IFA_FLAGS) ?? message.payload.readUInt8(2);
  const bytes = attributes.bytes(uapi.IFA_LOCAL) ?? attributes.bytes(uapi.IFA_ADDRESS) ?? Buffer.alloc(4);
  return {
    link: message.payload.readUInt32LE(4),
    address: `${formatAddress(bytes)}/${message.payload.readUInt8(1)}`,
    scope: message.payload.readUInt8(3),
    permanent: (flags & uapi.IFA_F_PERMANENT) !== 0,
    tentative: (flags & uapi.IFA_F_TENTATIVE) !== 0,
    duplicate: (flags & uapi.IFA_F_DADFAILED) !== 0,
  };
}

function addressRequest(call: string, type: number, flags: number, link: number, text: string): NetlinkRequest {
  return {
    call,
    subject: text,
    type,
    flags,
    write(message) {
      const { address, prefixLength } = parseInterfaceAddress(text);
      const header = Buffer.alloc(IFADDRMSG_BYTES);
      header.writeUInt8(address.length === 4 ? AF_INET : AF_INET6, 0);
      header.writeUInt8(prefixLength, 1);
      header.writeUInt32LE(link, 4);
      message.fixed(header).bytes(uapi.IFA_LOCAL, address).bytes(uapi.IFA_ADDRESS, address);
      if (address.length === 16) message.u32(uapi.IFA_FLAGS, uapi.IFA_F_NODAD);
      else if (prefixLength < 31) message.bytes(uapi.IFA_BROADCAST, broadcast(address, prefixLength));
    },
  };
}

function broadcast(address: Buffer, prefixLength: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE((address.readUInt32BE() | (0xffff_ffff >>> prefixLength)) >>> 0);
  return bytes;
}
