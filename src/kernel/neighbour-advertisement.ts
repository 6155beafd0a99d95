/**
 * @module Unsolicited neighbour advertisements: "this address is at this MAC now", told to everybody on the link.
 *
 * What gratuitous ARP is to IPv4. A neighbour that has an entry for the address changes it at once, instead of sending to
 * the former MAC until its own probes fail. The kernel would do it for ndisc_notify, but only as the link comes up.
 * @see RFC 4861 §4.4 and §7.2.6
 */

import { closeSync } from 'node:fs';
import * as ffi from './ffi.ts';
import { parseAddress, parseMac, socketAddress } from './inet.ts';
import {
  IPPROTO_ICMPV6,
  IPPROTO_IPV6,
  IPV6_MULTICAST_HOPS,
  IPV6_MULTICAST_IF,
  IPV6_MULTICAST_LOOP,
} from './uapi/in.ts';

const ALL_NODES = 'ff02::1';
/** Receivers drop neighbour discovery that has passed a router. */
const HOP_LIMIT = 255;
const NEIGHBOUR_ADVERTISEMENT = 136;
const OVERRIDE = 0x20;
const TARGET_LINK_LAYER_ADDRESS = 2;

/**
 * Sends one advertisement for `address`, which must be an address of `link` (an index) and no longer tentative. Call it
 * inside the namespace of the link. The link must be up, and its carrier dealt with: the end of a veth pair that came up
 * before its peer drops what it sends until the kernel has (linkwatch); the other end sends at once. It takes about
 * 30 µs: the close of a raw socket does not wait.
 * @throws KernelError EADDRNOTAVAIL where the address is not there (or tentative), ENETDOWN, ENODEV
 */
export function sendUnsolicitedAdvertisement(link: number, address: string, mac: string): void {
  const advertisement = encodeAdvertisement(address, mac);
  const fd = ffi.socket(ffi.AF_INET6, ffi.SOCK_RAW, IPPROTO_ICMPV6, 'ICMPv6');
  try {
    ffi.setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, link);
    ffi.setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, HOP_LIMIT);
    ffi.setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
    ffi.bind(fd, socketAddress(address, 0, link), `${address} on link ${link}`);
    ffi.sendto(fd, advertisement, socketAddress(ALL_NODES, 0, link));
  } finally {
    closeSync(fd);
  }
}

/** The ICMPv6 message; the kernel fills in the checksum. */
function encodeAdvertisement(address: string, mac: string): Buffer {
  const message = Buffer.alloc(32);
  message.writeUInt8(NEIGHBOUR_ADVERTISEMENT, 0);
  message.writeUInt8(OVERRIDE, 4);
  message.set(parseAddress(address), 8);
  message.writeUInt8(TARGET_LINK_LAYER_ADDRESS, 24);
  message.writeUInt8(1, 25); // the option's length, in units of 8 bytes
  message.set(parseMac(mac), 26);
  return message;
}
