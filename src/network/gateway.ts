/**
 * @module Which endpoint gives a sandbox its default route.
 *
 * For each address family by itself: the highest gateway priority; then the network with more families; then the
 * network's name (Docker's order, daemon/libnetwork/endpoint.go Less). An internal network never does.
 */

import type { Family } from '../ipam/index.ts';
import type { EndpointRecord, NetworkRecord } from './store.ts';
import { subnetOf } from './subnets.ts';

export interface Membership {
  readonly endpoint: EndpointRecord;
  readonly network: NetworkRecord;
}

export interface DefaultRoute {
  readonly family: Family;
  readonly via: string;
  readonly endpointId: string;
  readonly interfaceName: string;
}

/** The best first. */
export function byGatewayOrder(memberships: readonly Membership[]): Membership[] {
  return memberships.toSorted(
    (a, b) =>
      Number(a.network.internal) - Number(b.network.internal) ||
      b.endpoint.gatewayPriority - a.endpoint.gatewayPriority ||
      families(b) - families(a) ||
      (a.network.name < b.network.name ? -1 : 1),
  );
}

/** Every default route that an endpoint could give to its sandbox, the best first. */
export function possibleDefaultRoutes(memberships: readonly Membership[]): DefaultRoute[] {
  const outward = byGatewayOrder(memberships).filter(({ network }) => !network.internal);
  return outward.flatMap(({ endpoint, network }) =>
    ([4, 6] as const).flatMap((family) => {
      const via = gatewayOf(endpoint, network, family);
      if (via === undefined || endpoint.interfaceName === undefined) return [];
      return [{ family, via, endpointId: endpoint.id, interfaceName: endpoint.interfaceName }];
    }),
  );
}

/** The default routes that a sandbox should have: at most one for each family. */
export function defaultRoutes(memberships: readonly Membership[]): DefaultRoute[] {
  const possible = possibleDefaultRoutes(memberships);
  return ([4, 6] as const).flatMap((family) => possible.find((route) => route.family === family) ?? []);
}

/** The gateway of the endpoint's own subnet. */
export function gatewayOf(endpoint: EndpointRecord, network: NetworkRecord, family: Family): string | undefined {
  const address = family === 4 ? endpoint.ipv4 : endpoint.ipv6;
  if (address === undefined) return undefined;
  return subnetOf(network, address)?.gateway;
}

function families({ endpoint }: Membership): number {
  return Number(endpoint.ipv4 !== undefined) + Number(endpoint.ipv6 !== undefined);
}
