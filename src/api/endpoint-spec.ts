/**
 * @module EndpointSettings as clients write them, as the engine's EndpointSpec.
 */

import type { EndpointSpec } from '../network/types.ts';
import { badRequest } from './errors.ts';
import type { EndpointSettings } from './schemas/endpoint.ts';

const INTERFACE_NAME = 'com.docker.network.endpoint.ifname';
const SYSCTLS = 'com.docker.network.endpoint.sysctls';

/** An empty text is the same as none. @throws HttpError 400 for driver options that mean nothing here */
export function endpointSpec(settings: EndpointSettings = {}): EndpointSpec {
  const { IPAMConfig = {}, Aliases = [], MacAddress, DriverOpts = {}, GwPriority } = settings;
  const { IPv4Address, IPv6Address, LinkLocalIPs = [] } = IPAMConfig;
  const { [INTERFACE_NAME]: interfaceName, [SYSCTLS]: sysctls, ...unknown } = DriverOpts;
  for (const option of Object.keys(unknown)) {
    throw badRequest(`there is no endpoint option '${option}': use ${INTERFACE_NAME} or ${SYSCTLS}`);
  }
  return {
    ...(Aliases.length > 0 && { aliases: Aliases }),
    ...(IPv4Address && { ipv4: IPv4Address }),
    ...(IPv6Address && { ipv6: IPv6Address }),
    ...(LinkLocalIPs.length > 0 && { linkLocal: LinkLocalIPs }),
    ...(MacAddress && { mac: MacAddress }),
    ...(interfaceName && { interfaceName }),
    ...(sysctls && { sysctls: sysctlsOf(sysctls) }),
    ...(GwPriority && { gatewayPriority: GwPriority }),
  };
}

/** 'net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.…=0' */
function sysctlsOf(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(',').map((setting) => {
      const [, name, value] = /^([^=]+)=(.*)$/.exec(setting) ?? [];
      if (name === undefined) throw badRequest(`option ${SYSCTLS} cannot have '${setting}': write name=value`);
      return [name.replace('.ifname.', '.IFNAME.'), value!]; // the docker command line has it in lower case
    }),
  );
}
