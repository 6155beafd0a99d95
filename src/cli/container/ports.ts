/**
 * @module Ports as the API writes them: ExposedPorts and PortBindings of -p and --expose, and the PORTS column of lists.
 */

import type { PortBindingSpec, PortOrRange } from '../../network/types.ts';
import { parsePortSpec } from '../port-spec.ts';

export type PortBindings = Record<string, { HostIp: string; HostPort: string }[]>;

/** {'80/tcp': {}} for every port of --expose and -p. @throws PontoonError bad-value */
export function exposedPorts(
  exposed: readonly string[],
  published: readonly PortBindingSpec[],
): Record<string, object> | undefined {
  const ports = [...published, ...exposed.map(parsePortSpec)];
  const keys = ports.flatMap(({ port, protocol }) => portsOf(port).map((number) => `${number}/${protocol ?? 'tcp'}`));
  return keys.length === 0 ? undefined : Object.fromEntries(keys.map((key) => [key, {}]));
}

/** Equal ranges go in pairs; a range of the host for one port means any port of the range. */
export function portBindings(published: readonly PortBindingSpec[]): PortBindings | undefined {
  if (published.length === 0) return undefined;
  const bindings: PortBindings = {};
  for (const { port, protocol = 'tcp', hostPort, hostAddress } of published) {
    const inside = portsOf(port);
    const outside = hostPort === undefined ? [] : portsOf(hostPort);
    inside.forEach((number, index) => {
      const key = `${number}/${protocol}`;
      const choice = inside.length === 1 && outside.length > 1 ? `${outside[0]}-${outside.at(-1)}` : outside[index];
      bindings[key] = [...(bindings[key] ?? []), { HostIp: hostAddress ?? '', HostPort: String(choice ?? '') }];
    });
  }
  return bindings;
}

function portsOf(port: PortOrRange): number[] {
  const [first, last] = typeof port === 'number' ? [port, port] : port;
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Of GET /containers/json. */
export interface PortSummary {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: string;
}

/**
 * '0.0.0.0:8080->80/tcp, 443/tcp': neighbours with the same address and distance are joined to ranges.
 * @see docker/cli, formatter.DisplayablePorts
 */
export function displayPorts(ports: readonly PortSummary[]): string {
  const shown: string[] = [];
  const groups = new Map<string, { first: number; last: number }>();
  const groupOrder: string[] = [];
  const exact: string[] = [];
  const sorted = ports.toSorted(
    (a, b) =>
      a.PrivatePort - b.PrivatePort ||
      compareText(a.IP ?? '', b.IP ?? '') ||
      (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
      compareText(a.Type, b.Type),
  );
  for (const { IP, PrivatePort, PublicPort, Type } of sorted) {
    let key = Type;
    if (IP !== undefined && IP !== '') {
      if (PublicPort !== PrivatePort) {
        exact.push(`${IP.includes(':') ? `[${IP}]` : IP}:${PublicPort}->${PrivatePort}/${Type}`);
        continue;
      }
      key = `${IP}/${Type}`;
    }
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, { first: PrivatePort, last: PrivatePort });
      groupOrder.push(key);
    } else if (PrivatePort === group.last + 1) group.last = PrivatePort;
    else {
      shown.push(displayGroup(key, group));
      groups.set(key, { first: PrivatePort, last: PrivatePort });
    }
  }
  for (const key of groupOrder) shown.push(displayGroup(key, groups.get(key)!));
  return [...shown, ...exact].join(', ');
}

function displayGroup(key: string, { first, last }: { first: number; last: number }): string {
  const slash = key.lastIndexOf('/');
  const [address, type] = slash < 0 ? ['', key] : [key.slice(0, slash), key.slice(slash + 1)];
  const range = first === last ? `${first}` : `${first}-${last}`;
  if (address === '') return `${range}/${type}`;
  return `${address.includes(':') ? `[${address}]` : address}:${range}->${range}/${type}`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
