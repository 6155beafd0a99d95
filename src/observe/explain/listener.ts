/**
 * @module The end of the way: is there a program that takes the packet? (net/ipv4/inet_hashtables.c, udp.c, icmp.c)
 */

import type { Socket } from '../snapshot/types.ts';
import { tryAddress } from './filter/nft-data.ts';
import { type At, inNamespace } from './model.ts';
import { type Evidence, Stop } from './outcome.ts';
import type { Packet } from './packet.ts';
import { isLoopback } from './route.ts';

/** What takes the packet; undefined when nothing can be said. @throws Stop when nobody does */
export function checkListener({ stack, link }: At, packet: Packet): Evidence | undefined {
  const place = { namespace: stack.name, interface: link.name };
  const { protocol, destinationPort: port, destination, family } = packet;
  if (protocol === 'icmp') {
    const { ipv4, ipv6 } = stack.namespace.settings;
    const ignored = family === 4 ? ipv4.icmpEchoIgnoreAll : ipv6?.icmpEchoIgnoreAll;
    const name = family === 4 ? 'net.ipv4.icmp_echo_ignore_all' : 'net.ipv6.icmp.echo_ignore_all';
    if (ignored)
      throw new Stop('echo-ignored', place, {
        namespace: stack.name,
        command: inNamespace(stack, `sysctl -w ${name}=0`),
      });
    return { kind: 'listener', text: `the kernel answers the echo request to ${destination}`, command: undefined };
  }
  if (port === undefined) return undefined;
  const command = inNamespace(
    stack,
    `ss -${protocol === 'udp' ? 'u' : protocol === 'sctp' ? 'S' : 't'}ln sport = :${port}`,
  );
  const onPort = stack.namespace.sockets.filter((socket) => socket.protocol === protocol && socket.port === port);
  const taker = onPort.find((socket) => takes(socket, packet, link.index));
  if (taker !== undefined) {
    const owner = taker.owner === undefined ? '' : ` (${taker.owner.command}, pid ${taker.owner.pid})`;
    return { kind: 'listener', text: `${protocol} ${taker.address}:${port} listens${owner}`, command };
  }
  const facts = { namespace: stack.name, protocol, port: String(port), address: destination.toString(), command };
  const listens = onPort.map(({ address }) => address).join(', ');
  if (onPort.length === 0) throw new Stop('no-listener', place, facts);
  const onlyLoopback = onPort.every(({ address }) => isLoopbackText(address));
  throw new Stop(onlyLoopback ? 'listener-loopback' : 'listener-elsewhere', place, { ...facts, listens });
}

function takes(socket: Socket, { destination, family }: Packet, link: number): boolean {
  if (socket.link !== undefined && socket.link !== link) return false;
  if (socket.address === '0.0.0.0') return family === 4;
  if (socket.address === '::') return family === 6 || socket.v6Only !== true;
  const address = tryAddress(socket.address.replace(/^::ffff:(?=\d+\.)/, ''));
  return address?.equals(destination) === true;
}

function isLoopbackText(text: string): boolean {
  const address = tryAddress(text);
  return address !== undefined && isLoopback(address);
}
