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
const SO_REUSEADDR = 2;
const FEW_SOCKETS = 8;

export interface BindOptions {
  /** An IPv6 wildcard socket takes the port of IPv4 as well. Default: false. */
  readonly dualStack?: boolean;
}

/** A socket bound to an address and port; port 0 lets the kernel choose. @throws KernelError EADDRINUSE, EADDRNOTAVAIL, … */
export function openBoundSocket(
  protocol: SocketProtocol,
  address: string,
  port: number,
  options: BindOptions = {},
): number {
  const result = tryBindPorts(protocol, address, port, port, options);
  if (typeof result !== 'string') return result[0]!;
  throw new KernelError('bind', result, { subject: `${protocol} ${address} port ${port}` });
}

/**
 * Sockets bound to each port of a range, or the errno of the first port that the kernel does not give; nothing stays
 * bound then.
 */
export function tryBindPorts(
  protocol: SocketProtocol,
  address: string,
  first: number,
  last: number,
  { dualStack = false }: BindOptions = {},
): number[] | Errno {
  const sockaddr = socketAddress(address, first);
  const family = familyOf(address);
  const v6only = family === ffi.AF_INET6 ? v6onlyToSet(protocol, dualStack ? 0 : 1, last - first) : undefined;
  const fds: number[] = [];
  try {
    for (let port = first; port <= last; port++) {
      sockaddr.writeUInt16BE(port, 2);
      const result = tryBind(protocol, family, sockaddr, v6only);
      if (typeof result === 'string') {
        closeSockets(fds);
        return result;
      }
      fds.push(result);
    }
    return fds;
  } catch (error) {
    closeSockets(fds);
    throw error;
  }
}

/** Closes sockets that Node does not know. */
export function closeSockets(fds: readonly number[]): void {
  for (const fd of fds) ffi.close(fd);
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

/**
 * Without SO_REUSEADDR, so that nobody else can have the port either. Connections that a former server has closed
 * (TIME_WAIT) refuse that for a minute; then the option is on while we bind, and off again, so that nobody else can
 * listen (inet_csk_get_port, net/ipv4/inet_connection_sock.c).
 */
function tryBind(
  protocol: SocketProtocol,
  family: number,
  sockaddr: Buffer,
  v6only: number | undefined,
): number | Errno {
  const refused = tryBindOnce(protocol, family, sockaddr, v6only, false);
  if (refused !== 'EADDRINUSE' || protocol !== 'tcp') return refused;
  return tryBindOnce(protocol, family, sockaddr, v6only, true);
}

function tryBindOnce(
  protocol: SocketProtocol,
  family: number,
  sockaddr: Buffer,
  v6only: number | undefined,
  besideClosed: boolean,
): number | Errno {
  const fd = openSocket(protocol, family);
  try {
    if (v6only !== undefined) ffi.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6only);
    if (besideClosed) ffi.setsockopt(fd, ffi.SOL_SOCKET, SO_REUSEADDR, 1);
    const refused = ffi.tryBind(fd, sockaddr);
    if (refused !== undefined) {
      ffi.close(fd);
      return refused;
    }
    if (besideClosed) ffi.setsockopt(fd, ffi.SOL_SOCKET, SO_REUSEADDR, 0);
    return fd;
  } catch (error) {
    ffi.close(fd);
    throw error;
  }
}

/**
 * What IPV6_V6ONLY has to be set to, or undefined where a new socket has it so (sysctl net.ipv6.bindv6only): to look
 * costs as much as to set it a few times.
 */
function v6onlyToSet(protocol: SocketProtocol, wanted: 0 | 1, times: number): number | undefined {
  if (times < FEW_SOCKETS) return wanted;
  const fd = openSocket(protocol, ffi.AF_INET6);
  try {
    return ffi.getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 4).readInt32LE() === wanted ? undefined : wanted;
  } finally {
    ffi.close(fd);
  }
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
