/** @module A container's place on its networks, as inspects and lists show it (Engine API, NetworkSettings). */

import type { Container } from '../../container/types.ts';
import type { Endpoint, EndpointSpec } from '../../network/types.ts';
import type { EndpointAnnotations } from '../endpoint-spec.ts';
import { given } from '../given.ts';
import { portMap } from './port.ts';

/** Since this version… */
const DNS_NAMES_MINOR = 44;
const NO_SHORT_ID_MINOR = 45;
const GATEWAY_PRIORITY_MINOR = 48;
const NO_FLAT_FIELDS_MINOR = 52;

export function networkSettings(container: Container, minor: number) {
  // Who shares another container's stack has none of its own.
  const own = container.spec.network.mode === 'container' ? undefined : container.sandboxPath;
  const common = {
    SandboxID: own === undefined ? '' : container.id,
    SandboxKey: own ?? '',
    Ports: portMap(container),
    Networks: networks(container, minor),
  };
  if (minor >= NO_FLAT_FIELDS_MINOR) return common;
  // The fields of the one network that there was once: the default one.
  const first = addresses(
    container,
    container.endpoints.find(({ networkName }) => networkName === 'bridge'),
  );
  return {
    Bridge: '',
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    ...common,
    ...first,
  };
}

/** By network name. */
export function networks(container: Container, minor: number) {
  const { endpoints, spec } = container;
  if (spec.network.mode === 'container') return {};
  if (endpoints.length === 0 && spec.network.mode !== 'endpoints') {
    return { [spec.network.mode]: endpointView(container, undefined, {}, minor) };
  }
  const asked = spec.network.mode === 'endpoints' ? spec.network.endpoints : [];
  return Object.fromEntries(
    endpoints.map((endpoint) => {
      const { networkName, networkId } = endpoint;
      const own = asked.find(({ network }) => network === networkName || networkId.startsWith(network));
      return [networkName, endpointView(container, endpoint, own ?? {}, minor)];
    }),
  );
}

function endpointView(container: Container, endpoint: Endpoint | undefined, asked: EndpointSpec, minor: number) {
  const aliases = endpoint?.aliases ?? [];
  const shortId = container.id.slice(0, 12);
  // Everybody on a user-defined network is known by the short ID, and old clients see it as an alias.
  const named = endpoint !== undefined && !['bridge', 'host', 'none'].includes(endpoint.networkName);
  const shown =
    named && minor < NO_SHORT_ID_MINOR
      ? [...aliases.filter((alias) => alias !== shortId), shortId]
      : aliases.filter((alias) => alias !== shortId);
  return {
    IPAMConfig: ipamConfig(asked, named),
    Links: null,
    Aliases: shown.length > 0 ? shown : null,
    DriverOpts: (asked.annotations as EndpointAnnotations | undefined)?.driverOptions ?? null,
    ...(minor >= GATEWAY_PRIORITY_MINOR && { GwPriority: endpoint?.gatewayPriority ?? 0 }),
    NetworkID: endpoint?.networkId ?? '',
    ...addresses(container, endpoint),
    ...(minor >= DNS_NAMES_MINOR && { DNSNames: named ? endpoint.dnsNames : null }),
  };
}

/** The addresses that were asked for. */
function ipamConfig({ ipv4, ipv6, linkLocal }: EndpointSpec, named: boolean) {
  const config = given({ IPv4Address: ipv4, IPv6Address: ipv6, LinkLocalIPs: linkLocal });
  return Object.keys(config).length > 0 || named ? config : null;
}

/** Docker has an endpoint while the container runs only: before and after, nothing is shown of it. */
function addresses({ sandboxPath }: Container, known: Endpoint | undefined) {
  const endpoint = sandboxPath === undefined ? undefined : known;
  const [ipv4, ipv6] = [split(endpoint?.ipv4), split(endpoint?.ipv6)];
  return {
    EndpointID: endpoint?.id ?? '',
    Gateway: endpoint?.gateway4 ?? '',
    IPAddress: ipv4.address,
    IPPrefixLen: ipv4.length,
    IPv6Gateway: endpoint?.gateway6 ?? '',
    GlobalIPv6Address: ipv6.address,
    GlobalIPv6PrefixLen: ipv6.length,
    MacAddress: endpoint?.mac ?? '',
  };
}

function split(prefix: string | undefined): { address: string; length: number } {
  const [address = '', length = '0'] = (prefix ?? '').split('/');
  return { address, length: Number(length) };
}
