/** @module Exposed and published ports, as an inspect (a map) and a list (an array) show them. */

import type { Container, ExposedPort } from '../../container/types.ts';
import type { PortBinding } from '../../network/types.ts';
import { portKey } from '../port-bindings.ts';

/** Every address of a family, where a binding names none. */
const EVERY_ADDRESS = ['0.0.0.0', '::'];

interface PublishedPort extends ExposedPort {
  readonly hostAddress: string;
  readonly hostPort: number;
}

/** {"80/tcp": [{HostIp, HostPort}], "53/udp": null}; nothing while the container has no ports of its own. */
export function portMap(container: Container): Record<string, { HostIp: string; HostPort: string }[] | null> {
  if (!hasPorts(container)) return {};
  const map: Record<string, { HostIp: string; HostPort: string }[] | null> = {};
  for (const { port, protocol } of container.spec.exposedPorts) map[portKey(port, protocol)] = null;
  for (const { port, protocol, hostAddress, hostPort } of publishedPorts(container)) {
    const key = portKey(port, protocol);
    map[key] = [...(map[key] ?? []), { HostIp: hostAddress, HostPort: String(hostPort) }];
  }
  return map;
}

export interface ListedPort {
  readonly IP?: string;
  readonly PrivatePort: number;
  /** Absent for ports that are only exposed. */
  readonly PublicPort?: number;
  readonly Type: string;
}

export function portList(container: Container): ListedPort[] {
  if (!hasPorts(container)) return [];
  const published = publishedPorts(container);
  const known = new Set(published.map(({ port, protocol }) => portKey(port, protocol)));
  const exposed = container.spec.exposedPorts
    .filter(({ port, protocol }) => !known.has(portKey(port, protocol)))
    .map(({ port, protocol }) => ({ PrivatePort: port, Type: protocol }));
  return [
    ...published.map(({ hostAddress, port, hostPort, protocol }) => ({
      IP: hostAddress,
      PrivatePort: port,
      PublicPort: hostPort,
      Type: protocol,
    })),
    ...exposed,
  ].sort((a, b) => a.PrivatePort - b.PrivatePort || a.Type.localeCompare(b.Type));
}

function hasPorts({ spec, state }: Container): boolean {
  return spec.network.mode === 'endpoints' && ['running', 'paused'].includes(state.status);
}

function publishedPorts({ endpoints }: Container): PublishedPort[] {
  return endpoints.flatMap(({ ports }) => ports).flatMap(portByPort);
}

function portByPort({ protocol, port, hostPort, hostAddress }: PortBinding): PublishedPort[] {
  const addresses = hostAddress === undefined ? EVERY_ADDRESS : [hostAddress];
  const length = hostPort[1] - hostPort[0] + 1;
  return Array.from({ length }, (_, offset) => offset).flatMap((offset) =>
    addresses.map((address) => ({
      protocol,
      port: port[0] + offset,
      hostPort: hostPort[0] + offset,
      hostAddress: address,
    })),
  );
}
