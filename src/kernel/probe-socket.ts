/**
 * @module One packet of a program's own making: an echo request, the opening of a TCP or SCTP connection, a UDP datagram.
 *
 * The kernel sends it like any other, with its routes, filters and neighbours. Nothing is read: whoever wants the answer
 * watches the interfaces.
 * @see raw(7), icmp(7), RFC 792, RFC 4443
 */

import { closeSync } from 'node:fs';
import { KernelError } from './error.ts';
import * as ffi from './ffi.ts';
import { familyOf, socketAddress, socketPort } from './inet.ts';

export interface Probe {
  readonly protocol: 'icmp' | 'tcp' | 'udp' | 'sctp';
  readonly destination: string;
  /** Not for ICMP. */
  readonly port?: number;
  readonly fromPort?: number;
  readonly source?: string;
  /** SO_BINDTODEVICE. */
  readonly interface?: string;
  /** Default: 0. */
  readonly payloadBytes?: number;
}

/** What was sent; disposing of it closes the socket. */
export interface SentProbe extends Disposable {
  /** The echo's identifier, or the source port. */
  readonly id: number;
}

const SO_BINDTODEVICE = 25;
const ICMP = { 4: { protocol: 1, request: 8 }, 6: { protocol: 58, request: 128 } } as const;
const IP_PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const;

/** Sends from the calling thread's current namespace. @throws KernelError ENETUNREACH, EADDRNOTAVAIL, EHOSTUNREACH, EPERM, … */
export function sendProbe(probe: Probe): SentProbe {
  const family = familyOf(probe.destination);
  const icmp = ICMP[family === ffi.AF_INET ? 4 : 6];
  const { protocol, destination } = probe;
  const type = protocol === 'icmp' ? ffi.SOCK_RAW : protocol === 'udp' ? ffi.SOCK_DGRAM : ffi.SOCK_STREAM;
  const fd = ffi.socket(
    family,
    type | ffi.SOCK_NONBLOCK,
    protocol === 'icmp' ? icmp.protocol : IP_PROTOCOLS[protocol],
    protocol,
  );
  try {
    if (probe.interface !== undefined)
      ffi.setsockopt(fd, ffi.SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${probe.interface}\0`));
    if (probe.source !== undefined || probe.fromPort !== undefined) {
      const any = family === ffi.AF_INET ? '0.0.0.0' : '::';
      ffi.bind(
        fd,
        socketAddress(probe.source ?? any, protocol === 'icmp' ? 0 : (probe.fromPort ?? 0)),
        probe.source ?? any,
      );
    }
    const payload = Buffer.alloc(probe.payloadBytes ?? 0, 'pontoon ');
    if (protocol === 'icmp') {
      const id = process.pid & 0xffff;
      ffi.sendto(fd, echoRequest(icmp.request, id, payload), socketAddress(destination, 0));
      return { id, [Symbol.dispose]: () => closeSync(fd) };
    }
    connect(fd, destination, probe.port ?? 0);
    if (protocol === 'udp') ffi.send(fd, payload);
    return { id: socketPort(ffi.getsockname(fd)), [Symbol.dispose]: () => closeSync(fd) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function connect(fd: number, address: string, port: number): void {
  try {
    ffi.connect(fd, socketAddress(address, port), `${address} port ${port}`);
  } catch (error) {
    if (!KernelError.isKernel(error, 'EINPROGRESS')) throw error;
  }
}

/** The kernel fills in the checksum of ICMPv6, and not that of ICMP. */
function echoRequest(type: number, id: number, payload: Buffer): Buffer {
  const message = Buffer.concat([Buffer.alloc(8), payload]);
  message.writeUInt8(type, 0);
  message.writeUInt16BE(id, 4);
  message.writeUInt16BE(1, 6);
  if (type === ICMP[4].request) message.writeUInt16BE(checksum(message), 2);
  return message;
}

/** RFC 1071. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2)
    sum += at + 1 < bytes.length ? bytes.readUInt16BE(at) : bytes.readUInt8(at) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
