/**
 * @module How bindings, endpoints and namespaces look on a terminal.
 */

import { addressesOf } from '../../network/both-families.ts';
import type { Endpoint, PortBinding, Sandbox } from '../../network/types.ts';

function shortId(id: string): string {
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

/** Where a sandbox's stack is. */
export function formatNamespace({ namespace, namespacePath }: Sandbox): string {
  if (namespace === 'host') return 'host';
  if (namespacePath === undefined) return '(stopped)';
  return typeof namespace === 'object' && 'sandbox' in namespace
    ? `sandbox:${shortId(namespace.sandbox)}`
    : namespacePath;
}
