/**
 * @module How a network is joined to the outside: NAT, routing, or not at all, for each address family by itself.
 */

import { PontoonError } from '../errors.ts';
import type { Family } from '../ipam/index.ts';
import { canonicalAddress } from '../kernel/inet.ts';
import { checkInterfaceName } from './identity.ts';
import type { NetworkRecord } from './store.ts';
import type { GatewayMode, NetworkSpec, PortBinding } from './types.ts';

const ANY_ADDRESS = { 4: '0.0.0.0', 6: '::' } as const;
const FAMILIES = [4, 6] as const;

/** What of a network is about the outside. */
type Outside = Pick<
  NetworkRecord,
  | 'gatewayMode4'
  | 'gatewayMode6'
  | 'sourceAddress4'
  | 'sourceAddress6'
  | 'trustedInterfaces'
  | 'inhibitIpv4'
  | 'internal'
  | 'masquerade'
>;

/** Checks what a specification says of the outside, and fills in what it leaves open. @throws PontoonError bad-value, bad-address */
export function resolveOutside(spec: NetworkSpec): Outside {
  const internal = spec.internal ?? false;
  const modes = { 4: spec.gatewayMode4 ?? 'nat', 6: spec.gatewayMode6 ?? 'nat' } as const;
  for (const family of FAMILIES) {
    if (modes[family] !== 'isolated' || internal) continue;
    const message = `network ${spec.name} cannot be isolated from its host alone: make it internal, or use another gateway mode`;
    throw new PontoonError('bad-value', message, { subject: spec.name });
  }
  return {
    internal,
    masquerade: spec.masquerade ?? true,
    gatewayMode4: modes[4],
    gatewayMode6: modes[6],
    sourceAddress4: sourceAddress(4, spec.sourceAddress4),
    sourceAddress6: sourceAddress(6, spec.sourceAddress6),
    inhibitIpv4: spec.inhibitIpv4 ?? false,
    trustedInterfaces: (spec.trustedInterfaces ?? []).map(checkInterfaceName),
  };
}

export function gatewayMode(network: Outside, family: Family): GatewayMode {
  return family === 4 ? network.gatewayMode4 : network.gatewayMode6;
}

/** Whether others may open connections to the network's endpoints without a published port. */
export function isOpen(network: Outside): boolean {
  return FAMILIES.some((family) => ['routed', 'nat-unprotected'].includes(gatewayMode(network, family)));
}

/** Whether the bridge has the network's gateway addresses of a family. */
export function hasBridgeAddress(network: Outside, family: Family): boolean {
  return gatewayMode(network, family) !== 'isolated' && !(family === 4 && network.inhibitIpv4);
}

/** What a binding becomes on a network: of each routed family one at the endpoint itself, of the others one at the host. */
export function routeBinding(network: NetworkRecord, binding: PortBinding): PortBinding[] {
  const families = FAMILIES.filter(
    (family) => listensOn(binding, family) && network.subnets.some((subnet) => subnet.family === family),
  );
  const routed = families.filter((family) => gatewayMode(network, family) === 'routed');
  if (routed.length === 0) return [binding];
  const { protocol, port, hostAddress } = binding;
  const translated = families.filter((family) => !routed.includes(family));
  return [
    ...translated.map((family) => ({ ...binding, hostAddress: hostAddress ?? ANY_ADDRESS[family] })),
    ...routed.map((family) => {
      return { protocol, port, hostPort: [0, 0], hostAddress: ANY_ADDRESS[family], direct: true } as const;
    }),
  ];
}

/** Without a host address a binding listens on both families. */
export function listensOn({ hostAddress }: PortBinding, family: Family): boolean {
  return hostAddress === undefined || hostAddress.includes(':') === (family === 6);
}

function sourceAddress(family: Family, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const address = canonicalAddress(text);
  if (address.includes(':') === (family === 6)) return address;
  throw new PontoonError('bad-address', `${text} is not an IPv${family} address: give one of the host's, or none`, {
    subject: text,
  });
}
