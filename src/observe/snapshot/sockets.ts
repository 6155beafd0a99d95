/**
 * @module Who listens in one namespace: TCP, UDP and SCTP sockets that take packets from anybody.
 *
 * The kernel's own listing (sock_diag) is in modules, which a question would load. Where they are not loaded,
 * /proc/net says nearly as much, only not whether an IPv6 socket takes IPv4, too.
 * @see net/ipv4/inet_diag.c, net/ipv4/udp_diag.c, Documentation/networking/proc_net_tcp.rst, ss(8)
 */

import { existsSync, readFileSync } from 'node:fs';
import { KernelError } from '../../kernel/error.ts';
import { AF_INET, AF_INET6 } from '../../kernel/families.ts';
import { formatAddress } from '../../kernel/inet.ts';
import { isModuleIdle } from '../../kernel/modules.ts';
import { Attributes } from '../../kernel/netlink/codec.ts';
import { NetlinkSocket } from '../../kernel/netlink/socket.ts';
import { INET_DIAG_SKV6ONLY, SOCK_DIAG_BY_FAMILY } from '../../kernel/uapi/inet_diag.ts';
import { NETLINK_SOCK_DIAG } from '../../kernel/uapi/netlink.ts';
import { sparse } from './sparse.ts';
import type { Socket } from './types.ts';

/** sizeof(struct inet_diag_req_v2), sizeof(struct inet_diag_msg) */
const REQUEST_BYTES = 56;
const MESSAGE_BYTES = 72;
/** enum in net/tcp_states.h: an unconnected UDP socket is "closed". */
const TCP_CLOSE = 7;
const TCP_LISTEN = 10;

interface Transport {
  readonly protocol: Socket['protocol'];
  readonly number: number;
  readonly state: number;
  /** What lists it. */
  readonly module: string;
}
const TCP: Transport = { protocol: 'tcp', number: 6, state: TCP_LISTEN, module: 'tcp_diag' };
const UDP: Transport = { protocol: 'udp', number: 17, state: TCP_CLOSE, module: 'udp_diag' };
const SCTP: Transport = { protocol: 'sctp', number: 132, state: TCP_LISTEN, module: 'sctp_diag' };

/** The listeners of the namespace in which the calling thread is. @throws KernelError */
export function readSockets(): Socket[] {
  using socket = new NetlinkSocket(NETLINK_SOCK_DIAG);
  const transports = existsSync('/proc/thread-self/net/sctp') ? [TCP, UDP, SCTP] : [TCP, UDP];
  return transports.flatMap((transport) => {
    if (isModuleIdle(transport.module)) return readProc(transport);
    return [AF_INET, AF_INET6].flatMap((family) => dump(socket, transport, family));
  });
}

function dump(socket: NetlinkSocket, { protocol, number, state }: Transport, family: number): Socket[] {
  const request = Buffer.alloc(REQUEST_BYTES);
  request.writeUInt8(family, 0);
  request.writeUInt8(number, 1);
  request.writeUInt32LE(1 << state, 4);
  try {
    return socket
      .dump({
        call: 'SOCK_DIAG_BY_FAMILY',
        subject: protocol,
        type: SOCK_DIAG_BY_FAMILY,
        write: (message) => message.fixed(request),
      })
      .map(({ payload }) => {
        const ipv6 = payload[0] === AF_INET6;
        return sparse<Socket>({
          protocol,
          family: ipv6 ? 6 : 4,
          address: formatAddress(payload.subarray(8, ipv6 ? 24 : 12)),
          port: payload.readUInt16BE(4),
          v6Only: ipv6 && new Attributes(payload, MESSAGE_BYTES).u8(INET_DIAG_SKV6ONLY) === 1,
          link: payload.readUInt32LE(40) || undefined,
          uid: payload.readUInt32LE(64),
          inode: payload.readUInt32LE(68) || undefined,
          owner: undefined,
        });
      })
      .filter(({ port }) => port !== 0);
  } catch (error) {
    // This kernel does not list the protocol.
    if (KernelError.isKernel(error, 'ENOENT', 'EOPNOTSUPP', 'EINVAL')) return readProc({ protocol, state });
    throw error;
  }
}

/** /proc/net/{tcp,tcp6,udp,udp6}; SCTP has no such file. */
function readProc({ protocol, state }: Pick<Transport, 'protocol' | 'state'>): Socket[] {
  if (protocol === 'sctp') return [];
  return (['', '6'] as const).flatMap((suffix) => {
    let text: string;
    try {
      text = readFileSync(`/proc/thread-self/net/${protocol}${suffix}`, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []; // no IPv6
      throw error;
    }
    return parseProc(text, state).map((fields) => ({ protocol, family: suffix === '6' ? 6 : 4, ...fields }) as const);
  });
}

/** Lines like '0: 0100007F:1F90 00000000:0000 0A … uid timeout inode'; addresses are 32-bit words in host byte order. */
export function parseProc(text: string, state: number): Pick<Socket, 'address' | 'port' | 'uid' | 'inode'>[] {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length >= 10 && Number.parseInt(fields[3] as string, 16) === state)
    .map((fields) => {
      const [address = '', port = ''] = (fields[1] as string).split(':');
      const bytes = Buffer.from(address, 'hex').swap32();
      return {
        address: formatAddress(bytes),
        port: Number.parseInt(port, 16),
        uid: Number(fields[7]),
        inode: Number(fields[9]),
      };
    });
}
