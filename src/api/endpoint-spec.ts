/**
 * @module EndpointSettings as clients write them, as the engine's EndpointSpec. Driver options are kept as they were
 * written, to be shown again: those that mean nothing here, too, as dockerd does.
 */

import type { EndpointSpec } from '../network/types.ts';
import { badRequest } from './errors.ts';
import type { EndpointSettings } from './schemas/endpoint.ts';

const INTERFACE_NAME = 'com.docker.network.endpoint.ifname';
const SYSCTLS = 'com.docker.network.endpoint.sysctls';

/** What is kept with an endpoint for Docker's answers. */
export interface EndpointAnnotations {
  readonly driverOptions?: Readonly<Record<string, string>>;
}

/** An empty text is the same as none. @throws HttpError 400 */
export function endpointSpec(settings: EndpointSettings = {}): EndpointSpec {
  const { IPAMConfig = {}, Aliases = [], MacAddress, DriverOpts = {}, GwPriority } = settings;
  const { IPv4Address, IPv6Address, LinkLocalIPs = [] } = IPAMConfig;
  const { [INTERFACE_NAME]: interfaceName, [SYSCTLS]: sysctls } = DriverOpts;
  return {
    ...(Aliases.length > 0 && { aliases: Aliases }),
    ...(IPv4Address && { ipv4: IPv4Address }),
    ...(IPv6Address && { ipv6: IPv6Address }),
    ...(LinkLocalIPs.length > 0 && { linkLocal: LinkLocalIPs }),
    ...(MacAddress && { mac: MacAddress }),
    ...(interfaceName && { interfaceName }),
    ...(sysctls && { sysctls: sysctlsOf(sysctls) }),
    ...(GwPriority && { gatewayPriority: GwPriority }),
    ...(Object.keys(DriverOpts).length > 0 && { annotations: { driverOptions: DriverOpts } }),
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
