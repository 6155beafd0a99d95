/**
 * @module EndpointSettings as clients write them, as the engine's EndpointSpec.
 */

import type { EndpointSpec } from '../network/types.ts';
import { badRequest } from './errors.ts';
import type { EndpointSettings } from './schemas/endpoint.ts';

const INTERFACE_NAME = 'com.docker.network.endpoint.ifname';

/** An empty text is the same as none. @throws HttpError 400 for driver options that mean nothing here */
export function endpointSpec(settings: EndpointSettings = {}): EndpointSpec {
  const { IPAMConfig = {}, Aliases = [], MacAddress, DriverOpts = {}, GwPriority } = settings;
  const { IPv4Address, IPv6Address, LinkLocalIPs = [] } = IPAMConfig;
  if (LinkLocalIPs.length > 0) throw badRequest('link-local addresses cannot be chosen: leave LinkLocalIPs out');
  for (const option of Object.keys(DriverOpts)) {
    if (option !== INTERFACE_NAME) {
      throw badRequest(`there is no endpoint option '${option}': use ${INTERFACE_NAME}`);
    }
  }
  return {
    ...(Aliases.length > 0 && { aliases: Aliases }),
    ...(IPv4Address && { ipv4: IPv4Address }),
    ...(IPv6Address && { ipv6: IPv6Address }),
    ...(MacAddress && { mac: MacAddress }),
    ...(DriverOpts[INTERFACE_NAME] && { interfaceName: DriverOpts[INTERFACE_NAME] }),
    ...(GwPriority && { gatewayPriority: GwPriority }),
  };
}
