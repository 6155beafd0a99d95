/**
 * @module Whether any socket of a namespace has a local port of a range: bound, listening, connected, or on its way out.
 *
 * The kernel itself selects by port (inet_diag bytecode), so that the answer costs a look at its hash tables, 0.4 ms,
 * and nothing for each socket. Before Linux 6.8 it does not list TCP sockets that are bound and nothing else: find out
 * with `seesBoundSockets` whether an answer can be relied on.
 * @see net/ipv4/inet_diag.c inet_diag_bc_run, net/ipv4/udp_diag.c
 */

import { KernelError } from './error.ts';
import { AF_INET, AF_INET6 } from './ffi.ts';
import { boundPort, closeSockets, openBoundSocket } from './inet-socket.ts';
import { NetlinkSocket } from './netlink/socket.ts';
import * as uapi from './uapi/inet_diag.ts';
import { NETLINK_SOCK_DIAG } from './uapi/netlink.ts';

const IPPROTO = { tcp: 6, udp: 17 };
/** sizeof(struct inet_diag_req_v2) */
const REQUEST_BYTES = 56;
const ALL_STATES = 0xffff_ffff;

/** Whether a port from `first` to `last` is in use in the calling thread's namespace, on any address. @throws KernelError */
export function usesPorts(protocol: 'tcp' | 'udp', first: number, last: number): boolean {
  using socket = new NetlinkSocket(NETLINK_SOCK_DIAG);
  const code = bytecode(first, last);
  return [AF_INET, AF_INET6].some((family) => {
    const request = Buffer.alloc(REQUEST_BYTES);
    request.writeUInt8(family, 0);
    request.writeUInt8(IPPROTO[protocol], 1);
    request.writeUInt32LE(ALL_STATES, 4);
    const found = socket.dump({
      call: 'SOCK_DIAG_BY_FAMILY',
      subject: `${protocol} ports ${first}-${last}`,
      type: uapi.SOCK_DIAG_BY_FAMILY,
      write: (message) => message.fixed(request).bytes(uapi.INET_DIAG_REQ_BYTECODE, code),
    });
    return found.length > 0;
  });
}

/** Whether this kernel lists sockets that are bound and do not listen. */
export function seesBoundSockets(protocol: 'tcp' | 'udp'): boolean {
  const fd = openBoundSocket(protocol, '127.0.0.1', 0);
  try {
    const port = boundPort(fd);
    return usesPorts(protocol, port, port);
  } catch (error) {
    if (KernelError.isKernel(error, 'ENOENT', 'EOPNOTSUPP', 'EINVAL')) return false; // it lists no sockets at all
    throw error;
  } finally {
    closeSockets([fd]);
  }
}

/**
 * "port >= first and port <= last": two comparisons, each with its port behind it. A comparison goes on by `yes` bytes,
 * or by `no`; who comes out exactly at the end is selected (struct inet_diag_bc_op).
 */
function bytecode(first: number, last: number): Buffer {
  const code = Buffer.alloc(16);
  for (const [at, operation, port] of [
    [0, uapi.INET_DIAG_BC_S_GE, first],
    [8, uapi.INET_DIAG_BC_S_LE, last],
  ] as const) {
    code.writeUInt8(operation, at);
    code.writeUInt8(8, at + 1);
    code.writeUInt16LE(code.length - at + 4, at + 2);
    code.writeUInt16LE(port, at + 6);
  }
  return code;
}
