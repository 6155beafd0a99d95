/**
 * @module Ports as Docker writes them: the keys of ExposedPorts and PortBindings ("80/tcp"), and bindings to ports of
 * the host.
 *
 * A client writes a published range as one binding for each port. Bindings that follow each other on both sides are
 * joined here, so that a range is one thing for the engine again.
 */

import { isIP } from 'node:net';
import type { ExposedPort } from '../container/types.ts';
import type { PortBindingSpec, Protocol } from '../network/types.ts';
import { badRequest } from './errors.ts';
import { given } from './given.ts';
import type { PortBindings } from './schemas/host-config.ts';

const PROTOCOLS: readonly string[] = ['tcp', 'udp', 'sctp'] satisfies Protocol[];
const LARGEST = 65_535;

type Range = readonly [first: number, last: number];

/** "80", "80/udp", "8000-8009/tcp": every port of it, those of a key that comes again once. @throws HttpError 400 */
export function exposedPorts(keys: Iterable<string>): ExposedPort[] {
  const ports: ExposedPort[] = [];
  for (const key of new Set(keys)) {
    const { range, protocol } = parseKey(key);
    for (let port = range[0]; port <= range[1]; port += 1) ports.push({ port, protocol });
  }
  return ports;
}

/** The bindings of a create. An empty list of bindings means any free port of the host. @throws HttpError 400 */
export function portBindings(bindings: PortBindings): PortBindingSpec[] {
  const single = Object.entries(bindings).flatMap(([key, list]) => {
    const { range, protocol } = parseKey(key);
    const written = list !== null && list.length > 0 ? list : [{}];
    return written.map(({ HostIp = '', HostPort = '' }) => ({
      protocol,
      range,
      hostAddress: hostAddressOf(HostIp),
      hostRange: hostRangeOf(HostPort),
    }));
  });
  return joinRanges(single).map(({ protocol, range, hostRange, hostAddress }) => ({
    protocol,
    port: unrange(range),
    ...given({ hostPort: hostRange && unrange(hostRange), hostAddress }),
  }));
}

export function portKey(port: number, protocol: string): string {
  return `${port}/${protocol}`;
}

interface Binding {
  readonly protocol: Protocol;
  readonly range: Range;
  readonly hostAddress: string | undefined;
  readonly hostRange: Range | undefined;
}

function joinRanges(bindings: readonly Binding[]): Binding[] {
  const order = (a: Binding, b: Binding): number =>
    inOrder(a.protocol, b.protocol) ||
    inOrder(a.hostAddress ?? '', b.hostAddress ?? '') ||
    a.range[0] - b.range[0] ||
    (a.hostRange?.[0] ?? 0) - (b.hostRange?.[0] ?? 0);
  const joined: Binding[] = [];
  for (const binding of bindings.toSorted(order)) {
    const last = joined.at(-1);
    if (last !== undefined && follows(last, binding)) {
      joined[joined.length - 1] = {
        ...last,
        range: [last.range[0], binding.range[1]],
        hostRange: [last.hostRange![0], binding.hostRange![1]],
      };
    } else joined.push(binding);
  }
  return joined;
}

/** Any order does, so that equal ones stand together; localeCompare would ask for a language's. */
function inOrder(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Port by port: one where the host's side is a choice of ports is left alone. */
function follows(a: Binding, b: Binding): boolean {
  if (a.hostRange === undefined || b.hostRange === undefined) return false;
  return (
    a.protocol === b.protocol &&
    a.hostAddress === b.hostAddress &&
    sizeOf(a.range) === sizeOf(a.hostRange) &&
    sizeOf(b.range) === sizeOf(b.hostRange) &&
    b.range[0] === a.range[1] + 1 &&
    b.hostRange[0] === a.hostRange[1] + 1
  );
}

function sizeOf([first, last]: Range): number {
  return last - first + 1;
}

function unrange(range: Range): number | Range {
  return range[0] === range[1] ? range[0] : range;
}

function parseKey(key: string): { range: Range; protocol: Protocol } {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/([a-z]*))?$/i.exec(key);
  const range = match === null ? undefined : rangeOf(match[1]!, match[2]);
  if (range === undefined || range[0] === 0) throw badRequest(`invalid port specification: "${key}"`);
  const protocol = match?.[3]?.toLowerCase() ?? 'tcp';
  if (!PROTOCOLS.includes(protocol)) throw badRequest(`invalid proto: ${protocol}: use tcp, udp or sctp`);
  return { range, protocol: protocol as Protocol };
}

function hostAddressOf(text: string): string | undefined {
  if (text === '') return undefined;
  const address = text.replace(/^\[(.*)\]$/, '$1');
  if (address !== '' && isIP(address) === 0) throw badRequest(`invalid IP address: ${text}`);
  return address || undefined;
}

function hostRangeOf(text: string): Range | undefined {
  if (text === '' || text === '0') return undefined;
  const range = parseRange(text);
  if (range === undefined || range[0] === 0) throw badRequest(`invalid port specification: "${text}"`);
  return range;
}

function parseRange(text: string): Range | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  return match === null ? undefined : rangeOf(match[1]!, match[2]);
}

function rangeOf(from: string, to = from): Range | undefined {
  const first = Number(from);
  const last = Number(to);
  return first <= last && last <= LARGEST ? [first, last] : undefined;
}
