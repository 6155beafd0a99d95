/**
 * @module TCP and UDP sockets bound to an address, as bare descriptors.
 *
 * Node's own sockets are bound through an event loop turn, in whatever namespace the thread is then; these are opened
 * and bound in one synchronous step, so they can be made inside a namespace and handed to Node by descriptor, or just
 * held so that nobody else gets the port.
 */

import { closeSync } from 'node:fs';
import { PontoonError } from '../errors.ts';
import { type Errno, KernelError } from './error.ts';
import * as ffi from './ffi.ts';
import { familyOf, socketAddress, socketPort } from './inet.ts';

export type SocketProtocol = 'tcp' | 'udp' | 'sctp';

const TYPES = { tcp: ffi.SOCK_STREAM, udp: ffi.SOCK_DGRAM, sctp: ffi.SOCK_STREAM };
const IPPROTO = { tcp: 6, udp: 17, sctp: 132 };
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const IP_FREEBIND = 15;
const IPPROTO_IP = 0;

export interface BindOptions {
  /** An IPv6 wildcard socket takes the port of IPv4 as well. Default: false. */
  readonly dualStack?: boolean;
  /** An address that no interface has (yet) is fine. Default: false. */
  readonly freeBind?: boolean;
}

/** A socket bound to an address and port; port 0 lets the kernel choose. @throws KernelError EADDRINUSE, EADDRNOTAVAIL, … */
export function openBoundSocket(
  protocol: SocketProtocol,
  address: string,
  port: number,
  options: BindOptions = {},
): number {
  const result = tryOpenBoundSocket(protocol, address, port, options);
  if (typeof result === 'number') return result;
  throw new KernelError('bind', result, { subject: `${protocol} ${address} port ${port}` });
}

/** Like openBoundSocket, but returns the errno when the kernel does not give the port. */
export function tryOpenBoundSocket(
  protocol: SocketProtocol,
  address: string,
  port: number,
  options: BindOptions = {},
): number | Errno {
  const fd = openSocket(protocol, familyOf(address));
  try {
    if (familyOf(address) === ffi.AF_INET6) {
      ffi.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.dualStack === true ? 0 : 1);
    }
    if (options.freeBind === true) ffi.setsockopt(fd, IPPROTO_IP, IP_FREEBIND, 1);
    const refused = ffi.tryBind(fd, socketAddress(address, port));
    if (refused === undefined) return fd;
    closeSync(fd);
    return refused;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * A non-blocking socket for questions to an address: for udp one of the right family, for tcp one whose connection is
 * on its way. @throws KernelError ENETUNREACH, …
 */
export function openOutgoingSocket(protocol: 'tcp' | 'udp', address: string, port: number): number {
  const fd = ffi.socket(familyOf(address), TYPES[protocol] | ffi.SOCK_NONBLOCK, IPPROTO[protocol], protocol);
  if (protocol === 'udp') return fd;
  try {
    ffi.connect(fd, socketAddress(address, port), `${address} port ${port}`);
  } catch (error) {
    if (KernelError.isKernel(error, 'EINPROGRESS')) return fd;
    closeSync(fd);
    throw error;
  }
  return fd;
}

/** The port that a socket is bound to. */
export function boundPort(fd: number): number {
  return socketPort(ffi.getsockname(fd));
}

function openSocket(protocol: SocketProtocol, family: number): number {
  try {
    return ffi.socket(family, TYPES[protocol], IPPROTO[protocol], protocol);
  } catch (error) {
    if (!KernelError.isKernel(error, 'EPROTONOSUPPORT', 'ESOCKTNOSUPPORT')) throw error;
    throw new PontoonError(
      'feature-missing',
      `this kernel has no ${protocol} (CONFIG_IP_${protocol.toUpperCase()}): load the module ${protocol}, or use tcp or udp`,
      {
        cause: error,
        subject: protocol,
      },
    );
  }
}
