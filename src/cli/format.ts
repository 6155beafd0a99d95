/**
 * @module How things look on a terminal: tables in Docker's manner, port bindings, namespaces, events.
 */

import type { Endpoint, EngineEvent, PortBinding, Sandbox } from '../network/types.ts';

/** Columns as wide as their widest cell, three spaces apart, no space at the end of a line. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)));
  return lines
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}

export function shortId(id: string): string {
  return id.slice(0, 12);
}

/** '127.0.0.1:8080->80/tcp', '*:7000-7010->7000-7010/udp'. */
export function formatBinding({ protocol, port, hostPort, hostAddress }: PortBinding): string {
  const address = hostAddress === undefined ? '*' : hostAddress.includes(':') ? `[${hostAddress}]` : hostAddress;
  const range = ([first, last]: readonly [number, number]) => (first === last ? `${first}` : `${first}-${last}`);
  return `${address}:${range(hostPort)}->${range(port)}/${protocol}`;
}

/** What an endpoint has to its name, on one line: 'web on front: eth0, 10.89.0.2/24, *:8080->80/tcp'. */
export function formatEndpoint(endpoint: Endpoint): string {
  const { sandboxName, networkName, interfaceName, ports } = endpoint;
  const facts = [interfaceName, ...addressesOf(endpoint), ...ports.map(formatBinding)];
  const known = facts.filter((fact) => fact !== undefined);
  return `${sandboxName} on ${networkName}${known.length === 0 ? '' : `: ${known.join(', ')}`}`;
}

export function addressesOf({ ipv4, ipv6 }: Endpoint): string[] {
  return [ipv4, ipv6].filter((address) => address !== undefined);
}

/** Where a sandbox's stack is. */
export function formatNamespace({ namespace, namespacePath }: Sandbox): string {
  if (namespace === 'host') return 'host';
  if (namespacePath === undefined) return '(stopped)';
  return typeof namespace === 'object' && 'sandbox' in namespace
    ? `sandbox:${shortId(namespace.sandbox)}`
    : namespacePath;
}

/** Docker's line: time, type, action, ID, and the attributes in brackets. */
export function formatEvent({ timeMs, type, action, id, attributes }: EngineEvent): string {
  const details = Object.entries(attributes).map(([key, value]) => `${key}=${value}`);
  const words = [new Date(timeMs).toISOString(), type, action, shortId(id), `(${details.join(', ')})`];
  return words.filter((word) => word !== '').join(' ');
}
