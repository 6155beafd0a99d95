/**
 * @module What is asked: from whom, to whom, by which protocol. Words become a typed question here, before any snapshot.
 *
 * An endpoint is a container of Pontoon (name or ID), `docker:NAME`, `podman:NAME`, `netns:NAME` or `netns:/PATH`, `pid:N`,
 * `host`, `host/IFACE` or `host/ADDRESS`, an IP address, `outside`, or a name that the source resolves (`dns:NAME` says that
 * nothing else is meant).
 */

import { PontoonError } from '../../errors.ts';
import { Address } from '../../ipam/index.ts';
import type { ContainerEngine, Family } from '../snapshot/types.ts';

export type EndpointSpec =
  /** A bare word: a container of Pontoon, a namespace of ip-netns(8), or else a name to be resolved. */
  | { readonly kind: 'word'; readonly text: string; readonly name: string }
  | { readonly kind: 'container'; readonly text: string; readonly engine: ContainerEngine; readonly name: string }
  | { readonly kind: 'namespace'; readonly text: string; readonly name: string }
  | { readonly kind: 'path'; readonly text: string; readonly path: string }
  | { readonly kind: 'process'; readonly text: string; readonly pid: number }
  /** `interface` and `address` fix what the host sends from, like `ping -I`. */
  | { readonly kind: 'host'; readonly text: string; readonly interface?: string; readonly address?: Address }
  | { readonly kind: 'address'; readonly text: string; readonly address: Address }
  | { readonly kind: 'name'; readonly text: string; readonly name: string }
  /** A neighbour beyond the uplink. */
  | { readonly kind: 'outside'; readonly text: string };

export type Protocol = 'icmp' | 'tcp' | 'udp' | 'sctp';
const PROTOCOLS: readonly Protocol[] = ['icmp', 'tcp', 'udp', 'sctp'];

export interface Question {
  readonly from: EndpointSpec;
  readonly to: EndpointSpec;
  readonly protocol: Protocol;
  /** Absent for ICMP only. */
  readonly port?: number;
  readonly fromPort?: number;
  /** What the packet carries behind its headers, like ping(8)'s -s. */
  readonly payloadBytes?: number;
  /** Absent: IPv4 where there is any, else IPv6. */
  readonly family?: Family;
}

/** Options as they come from a command line; texts are checked here. */
export interface QuestionOptions {
  readonly protocol?: string;
  readonly port?: number;
  readonly fromPort?: number;
  readonly sizeBytes?: number;
  readonly family?: Family;
}

/** An IP packet's length field has 16 bits; the largest headers are those of TCP over IPv6. */
const PAYLOAD_MAX_BYTES = 65_535 - 60;
/** 255 bytes are more than any name has. */
const TEXT_MAX_LENGTH = 4096;

/** @throws PontoonError bad-value, with the option or endpoint that makes no sense */
export function parseQuestion(from: string, to: string, options: QuestionOptions = {}): Question {
  const protocol = options.protocol ?? (options.port === undefined ? 'icmp' : 'tcp');
  if (!isProtocol(protocol)) {
    throw bad(protocol, `'${protocol}' is not a protocol to ask about: use ${PROTOCOLS.join(', ')}`);
  }
  const { port, fromPort, sizeBytes, family } = options;
  if (protocol === 'icmp' && (port ?? fromPort) !== undefined) {
    throw bad('icmp', 'ICMP has no ports: leave the port out, or ask with --proto tcp or udp');
  }
  if (protocol !== 'icmp' && port === undefined) throw bad(protocol, `to which port? Add --port, such as --port 80`);
  for (const number of [port, fromPort]) {
    if (number !== undefined && !(Number.isInteger(number) && number >= 1 && number <= 65_535)) {
      throw bad(String(number), `${number} is not a port: use 1 to 65535`);
    }
  }
  if (sizeBytes !== undefined && !(Number.isInteger(sizeBytes) && sizeBytes >= 0 && sizeBytes <= PAYLOAD_MAX_BYTES)) {
    throw bad(String(sizeBytes), `${sizeBytes} bytes fit in no packet: use 0 to ${PAYLOAD_MAX_BYTES}`);
  }
  return {
    from: parseEndpoint(from),
    to: parseEndpoint(to),
    protocol,
    ...(port === undefined ? {} : { port }),
    ...(fromPort === undefined ? {} : { fromPort }),
    ...(sizeBytes === undefined ? {} : { payloadBytes: sizeBytes }),
    ...(family === undefined ? {} : { family }),
  };
}

/** @throws PontoonError bad-value */
export function parseEndpoint(text: string): EndpointSpec {
  if (text === '' || text.length > TEXT_MAX_LENGTH || /[\s\p{Cc}]/u.test(text)) {
    throw bad(
      text.slice(0, 40),
      'an endpoint is one word: a container, docker:NAME, netns:NAME, pid:N, host, an address',
    );
  }
  if (isAddress(text)) return { kind: 'address', text, address: Address.parse(text) };
  if (text === 'outside') return { kind: 'outside', text };
  if (text === 'host') return { kind: 'host', text };
  if (text.startsWith('host/')) return parseHost(text, text.slice('host/'.length));
  const colon = text.indexOf(':');
  if (colon < 0) {
    if (text.includes('/')) throw bad(text, `'${text}' is no endpoint: a namespace by its path is netns:${text}`);
    return { kind: 'word', text, name: text };
  }
  const prefix = text.slice(0, colon);
  const rest = text.slice(colon + 1);
  if (rest === '') throw bad(text, `'${text}' names nobody: write a name behind the colon`);
  switch (prefix) {
    case 'pontoon':
    case 'docker':
    case 'podman':
      return { kind: 'container', text, engine: prefix, name: rest };
    case 'netns':
      return rest.includes('/') ? { kind: 'path', text, path: rest } : { kind: 'namespace', text, name: rest };
    case 'pid':
      if (!/^\d{1,10}$/.test(rest)) throw bad(text, `'${rest}' is not a process ID: write it like pid:4711`);
      return { kind: 'process', text, pid: Number(rest) };
    case 'dns':
      return { kind: 'name', text, name: rest };
    default:
      throw bad(text, `'${prefix}:' is not known: use docker:, podman:, pontoon:, netns:, pid: or dns:`);
  }
}

function parseHost(text: string, rest: string): EndpointSpec {
  if (rest === '' || rest.includes('/'))
    throw bad(text, `'${text}' is no endpoint: write host/INTERFACE or host/ADDRESS`);
  return isAddress(rest)
    ? { kind: 'host', text, address: Address.parse(rest) }
    : { kind: 'host', text, interface: rest };
}

/** Whether an address is meant; whether it is a good one, its reader says. */
function isAddress(text: string): boolean {
  return /^\d+(\.\d+){3}$/.test(text) || /^[0-9a-f]{0,4}:[0-9a-f]{0,4}:[0-9a-f:.]*(%.*)?$/i.test(text);
}

function isProtocol(text: string): text is Protocol {
  return (PROTOCOLS as readonly string[]).includes(text);
}

function bad(subject: string, message: string): PontoonError {
  return new PontoonError('bad-value', message, { subject });
}
