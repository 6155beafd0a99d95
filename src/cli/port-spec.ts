/**
 * @module The grammar of -p/--publish, which is Docker's: [[ip:][hostPort]:]port[/protocol], each port one or a range.
 * @see go-connections, nat.ParsePortSpec
 */

import { isIP } from 'node:net';
import { PontoonError } from '../errors.ts';
import type { PortBindingSpec, PortOrRange, Protocol } from '../network/types.ts';

const PROTOCOLS: readonly string[] = ['tcp', 'udp', 'sctp'] satisfies Protocol[];

/**
 * Reads what -p takes, such as '127.0.0.1:8080:80/tcp'. No host port, or host port 0: any free one.
 * @throws PontoonError bad-value
 */
export function parsePortSpec(text: string): PortBindingSpec {
  const { rest, protocol } = splitProtocol(text);
  const parts = rest.split(':');
  const portText = parts.at(-1)!;
  const hostPortText = parts.at(-2) ?? '';
  const address = parts.slice(0, -2).join(':');
  if (portText === '') throw refuse(text, 'it has no port of the sandbox');
  const port = parseRange(text, portText);
  const hostPort = hostPortText === '' ? undefined : parseRange(text, hostPortText);
  if (hostPort !== undefined && size(port) !== 1 && size(port) !== size(hostPort)) {
    throw refuse(text, `the ranges ${hostPortText} and ${portText} differ in size`);
  }
  return {
    protocol,
    port: collapse(port),
    ...(hostPort === undefined || (hostPort[0] === 0 && hostPort[1] === 0) ? {} : { hostPort: collapse(hostPort) }),
    ...(address === '' ? {} : { hostAddress: parseHost(text, address) }),
  };
}

/** The host's side of a binding, as `unpublish` takes it: [ip:]hostPort[/protocol]. */
export interface HostSide {
  readonly hostAddress?: string;
  readonly hostPort: number;
  readonly protocol: Protocol;
}

/** @throws PontoonError bad-value */
export function parseHostSide(text: string): HostSide {
  const { rest, protocol } = splitProtocol(text);
  const colon = rest.lastIndexOf(':');
  const [hostPort, last] = parseRange(text, rest.slice(colon + 1));
  if (hostPort !== last) throw refuse(text, 'one port of a range stands for all of it');
  return { hostPort, protocol, ...(colon < 0 ? {} : { hostAddress: parseHost(text, rest.slice(0, colon)) }) };
}

function splitProtocol(text: string): { rest: string; protocol: Protocol } {
  const slash = text.indexOf('/');
  const [rest, name] = slash < 0 ? [text, ''] : [text.slice(0, slash), text.slice(slash + 1)];
  const protocol = name === '' ? 'tcp' : name.toLowerCase();
  if (!PROTOCOLS.includes(protocol)) throw refuse(text, `'${name}' is not tcp, udp or sctp`);
  return { rest, protocol: protocol as Protocol };
}

function parseRange(whole: string, text: string): [first: number, last: number] {
  const [, firstText, lastText = firstText] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  if (firstText === undefined) throw refuse(whole, `'${text}' is not a port or a range of ports`);
  const [first, last] = [Number(firstText), Number(lastText)];
  for (const port of [first, last]) if (port > 65_535) throw refuse(whole, `port ${port} is above 65535`);
  if (last < first) throw refuse(whole, `the range ${text} ends before it begins`);
  return [first, last];
}

/** An address, where an IPv6 one may have brackets. */
function parseHost(whole: string, text: string): string {
  const address = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  if (isIP(address) === 0 || address.includes('%')) throw refuse(whole, `'${text}' is not an IP address of the host`);
  return address;
}

function size([first, last]: readonly [number, number]): number {
  return last - first + 1;
}

function collapse([first, last]: readonly [number, number]): PortOrRange {
  return first === last ? first : [first, last];
}

function refuse(text: string, why: string): PontoonError {
  return new PontoonError('bad-value', `cannot read the port '${text}': ${why}; --help shows how ports are written`, {
    subject: text,
  });
}
