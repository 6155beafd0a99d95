/**
 * @module Addresses as the kernel has them (bytes) and as people write them (text).
 */

import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { PontoonError } from '../errors.ts';
import { AF_INET, AF_INET6 } from './ffi.ts';

/** 4 bytes for IPv4, 16 for IPv6, in network order. @throws PontoonError bad-address */
export function parseAddress(text: string): Buffer {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number));
  if (!ipaddr.IPv6.isValid(text) || text.includes('%')) {
    throw new PontoonError('bad-address', `'${text}' is not an IP address: write it like 192.0.2.1 or 2001:db8::1`, {
      subject: text,
    });
  }
  return Buffer.from(ipaddr.IPv6.parse(text).toByteArray());
}

/** The canonical text of 4 or 16 bytes (IPv6: RFC 5952). */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  return (ipaddr.fromByteArray([...bytes]) as ipaddr.IPv6).toRFC5952String();
}

/** The one way to write an address, so that texts can be compared. @throws PontoonError bad-address */
export function canonicalAddress(text: string): string {
  return formatAddress(parseAddress(text));
}

/** AF_INET or AF_INET6 for an address in text or bytes. */
export function familyOf(address: string | Uint8Array): number {
  if (typeof address === 'string') return address.includes(':') ? AF_INET6 : AF_INET;
  return address.length === 4 ? AF_INET : AF_INET6;
}

/** An address with its prefix length, such as '172.17.0.2/16'. */
export function parseInterfaceAddress(text: string): { address: Buffer; prefixLength: number } {
  const slash = text.lastIndexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  const digits = slash < 0 ? String(address.length * 8) : text.slice(slash + 1);
  const prefixLength = Number(digits);
  if (!/^\d{1,3}$/.test(digits) || prefixLength > address.length * 8) {
    throw new PontoonError('bad-address', `'${text}' has no valid prefix length: write it like 192.0.2.1/24`, {
      subject: text,
    });
  }
  return { address, prefixLength };
}

/** Six bytes from '02:42:ac:11:00:02'. @throws PontoonError bad-address */
export function parseMac(text: string): Buffer {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) {
    throw new PontoonError('bad-address', `'${text}' is not a MAC address: write it like 02:42:ac:11:00:02`, {
      subject: text,
    });
  }
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}

export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** A struct sockaddr_in or sockaddr_in6. `scope` is an interface index, for link-local IPv6 addresses. */
export function socketAddress(address: string, port: number, scope = 0): Buffer {
  const bytes = parseAddress(address);
  if (bytes.length === 4) {
    const sockaddr = Buffer.alloc(16);
    sockaddr.writeUInt16LE(AF_INET, 0);
    sockaddr.writeUInt16BE(port, 2);
    bytes.copy(sockaddr, 4);
    return sockaddr;
  }
  const sockaddr = Buffer.alloc(28);
  sockaddr.writeUInt16LE(AF_INET6, 0);
  sockaddr.writeUInt16BE(port, 2);
  bytes.copy(sockaddr, 8);
  sockaddr.writeUInt32LE(scope, 24);
  return sockaddr;
}

/** The port in a struct sockaddr_in or sockaddr_in6. */
export function socketPort(sockaddr: Buffer): number {
  return sockaddr.readUInt16BE(2);
}
