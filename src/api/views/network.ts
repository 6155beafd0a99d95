/**
 * @module A network as Docker shows it (Engine API, NetworkInspect).
 */

import type { Endpoint, Network, Subnet, SubnetUsage } from '../../network/types.ts';
import { exactNumber } from '../exact-number.ts';
import type { NetworkAnnotations } from '../network-spec.ts';

const DEFAULT_NETWORK = 'bridge';

/** `endpoints`: those that are shown, none in a list. */
export function viewNetwork(network: Network, endpoints: readonly Endpoint[] = []) {
  const annotations: NetworkAnnotations = network.annotations ?? {};
  const hasFamily = (family: 4 | 6): boolean => network.subnets.some((subnet) => subnet.family === family);
  return {
    Name: network.name,
    Id: network.id,
    Created: new Date(network.createdMs).toISOString(),
    Scope: 'local',
    Driver: driverWord(network),
    EnableIPv4: hasFamily(4) || network.subnets.length === 0,
    EnableIPv6: hasFamily(6),
    IPAM: {
      Driver: 'default',
      Options: annotations.ipamOptions ?? {},
      Config: network.subnets.map(viewSubnet),
    },
    Internal: network.internal,
    Attachable: annotations.attachable ?? false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: Object.fromEntries(endpoints.map((endpoint) => [endpoint.sandboxId, viewMember(endpoint)])),
    Options: annotations.options ?? optionsOf(network),
    Labels: network.labels,
  };
}

/** Docker's numbers have 64 bits: a subnet of IPv6 has more addresses. */
export function viewUsage(usage: readonly SubnetUsage[]) {
  return {
    IPAM: {
      Subnets: Object.fromEntries(
        usage.map(({ subnet, inUse, available }) => [
          subnet,
          { IPsInUse: exactNumber(inUse), DynamicIPsAvailable: exactNumber(available) },
        ]),
      ),
    },
  };
}

/** Docker calls the driver of the network 'none' so. */
export function driverWord({ driver }: Network): string {
  return driver === 'none' ? 'null' : driver;
}

function viewSubnet({ subnet, ipRange, gateway, auxAddresses }: Subnet) {
  return {
    Subnet: subnet,
    ...(ipRange && { IPRange: ipRange }),
    ...(gateway && { Gateway: gateway }),
    ...(Object.keys(auxAddresses).length > 0 && { AuxiliaryAddresses: auxAddresses }),
  };
}

function viewMember({ id, sandboxName, mac, ipv4, ipv6 }: Endpoint) {
  return {
    Name: sandboxName,
    EndpointID: id,
    MacAddress: mac ?? '',
    IPv4Address: ipv4 ?? '',
    IPv6Address: ipv6 ?? '',
  };
}

/** What a network is that was not made through this API, in Docker's options. */
function optionsOf(network: Network): Record<string, string> {
  const { name, id, driver, icc, masquerade, mtuBytes, bridgeName, parent, macvlanMode, hostAddress } = network;
  const { gatewayMode4, gatewayMode6 } = network;
  if (driver === 'macvlan') {
    return { ...(parent && { parent }), ...(macvlanMode && { macvlan_mode: macvlanMode }) };
  }
  if (driver !== 'bridge') return {};
  const bridge = 'com.docker.network.bridge';
  const named = bridgeName !== undefined && bridgeName !== `br-${id.slice(0, 12)}`;
  const isDefault = name === DEFAULT_NETWORK;
  return {
    ...(isDefault && { [`${bridge}.default_bridge`]: 'true' }),
    ...((isDefault || hostAddress) && { [`${bridge}.host_binding_ipv4`]: hostAddress ?? '0.0.0.0' }),
    ...(gatewayMode4 !== 'nat' && { [`${bridge}.gateway_mode_ipv4`]: gatewayMode4 }),
    ...(gatewayMode6 !== 'nat' && { [`${bridge}.gateway_mode_ipv6`]: gatewayMode6 }),
    ...((isDefault || !icc) && { [`${bridge}.enable_icc`]: String(icc) }),
    ...((isDefault || !masquerade) && { [`${bridge}.enable_ip_masquerade`]: String(masquerade) }),
    ...(named && { [`${bridge}.name`]: bridgeName }),
    ...(isDefault && { 'com.docker.network.driver.mtu': String(mtuBytes) }),
  };
}
