/**
 * @module Which network stack a container is to get, out of three places of a create: HostConfig.NetworkMode,
 * NetworkingConfig.EndpointsConfig and, until API 1.44, the container-wide MacAddress.
 *
 * What is published belongs to one endpoint: of those that can publish, the one that is first to give the default gateway.
 */

import type { NetworkModeSpec } from '../container/types.ts';
import type { PortBindingSpec } from '../network/types.ts';
import { endpointSpec } from './endpoint-spec.ts';
import { badRequest } from './errors.ts';
import { unlessEmpty } from './given.ts';
import type { CreateBody } from './schemas/container.ts';

/** The first version whose clients may join several networks at once. */
const SEVERAL_NETWORKS_MINOR = 44;
/** The first version that has no MAC address of the whole container. */
const ENDPOINT_MAC_ONLY_MINOR = 52;

/** @throws HttpError 400, in Docker's words, for what excludes each other */
export function networkMode(body: CreateBody, minor: number): NetworkModeSpec {
  const first = networkName(body.NetworkDisabled === true ? 'none' : (body.HostConfig?.NetworkMode ?? ''));
  const configs = new Map(
    Object.entries(body.NetworkingConfig?.EndpointsConfig ?? {}).map(([name, config]) => [networkName(name), config]),
  );
  if (minor < SEVERAL_NETWORKS_MINOR && configs.size > 1) {
    throw badRequest(`Container cannot be connected to network endpoints: ${[...configs.keys()].join(', ')}`);
  }
  if (isAlone(first)) return aloneMode(first, body, [...configs.keys()]);
  if ([...configs.keys()].some(isAlone)) throw exclusive();
  const names =
    configs.size > 0 && !configs.has(first) ? [...configs.keys()] : [...new Set([first, ...configs.keys()])];
  const mac = minor < ENDPOINT_MAC_ONLY_MINOR ? unlessEmpty(body.MacAddress) : undefined;
  const endpoints = names.map((network, index) => {
    const spec = endpointSpec(configs.get(network) ?? undefined);
    if (index > 0 || mac === undefined) return { network, ...spec };
    if (spec.mac !== undefined && spec.mac.toLowerCase() !== mac.toLowerCase()) {
      throw badRequest(
        'the container-wide MAC address must match the endpoint-specific MAC address for the main network, or should be left empty',
      );
    }
    return { network, ...spec, mac };
  });
  return { mode: 'endpoints', endpoints };
}

/**
 * The same with ports published on one of its networks.
 * @param publishes whether a network can: one that leads nowhere cannot
 * @returns undefined where no network of the container can
 */
export function withPorts(
  network: NetworkModeSpec,
  ports: readonly PortBindingSpec[],
  publishes: (network: string) => boolean,
): NetworkModeSpec | undefined {
  if (network.mode !== 'endpoints' || ports.length === 0) return network;
  const able = network.endpoints.filter((endpoint) => publishes(endpoint.network));
  const [gateway] = able.toSorted((a, b) => (b.gatewayPriority ?? 0) - (a.gatewayPriority ?? 0));
  if (gateway === undefined) return undefined;
  return { ...network, endpoints: network.endpoints.map((one) => (one === gateway ? { ...one, ports } : one)) };
}

/** 'default' is the network that everybody gets. */
export function networkName(mode: string): string {
  return mode === '' || mode === 'default' ? 'bridge' : mode;
}

/** Modes that no network goes together with. */
function isAlone(mode: string): boolean {
  return mode === 'host' || mode === 'none' || mode.startsWith('container:');
}

function aloneMode(mode: string, body: CreateBody, networks: readonly string[]): NetworkModeSpec {
  if (networks.some((name) => name !== mode)) throw exclusive();
  const { HostConfig: host = {} } = body;
  const refuse = (what: string): Error => badRequest(`conflicting options: ${what}`);
  if (mode === 'none') return { mode };
  if (unlessEmpty(host.Links) !== undefined) {
    const kind = mode === 'host' ? 'host type networking' : 'container type network';
    throw refuse(`${kind} can't be used with links. This would result in undefined behavior`);
  }
  if (unlessEmpty(body.MacAddress) !== undefined) throw refuse('mac-address and the network mode');
  if (mode === 'host') return { mode };
  if (unlessEmpty(body.Hostname) !== undefined) throw refuse('hostname and the network mode');
  if (unlessEmpty(host.Dns) !== undefined) throw refuse('dns and the network mode');
  if (unlessEmpty(host.ExtraHosts) !== undefined) throw refuse('custom host-to-IP mapping and the network mode');
  if (Object.keys(host.PortBindings ?? {}).length > 0 || host.PublishAllPorts === true) {
    throw refuse('port publishing and the container type network mode');
  }
  if (Object.keys(body.ExposedPorts ?? {}).length > 0) {
    throw refuse('port exposing and the container type network mode');
  }
  const container = mode.slice('container:'.length);
  if (container === '') throw badRequest('invalid container format container:<name|id>');
  return { mode: 'container', container };
}

function exclusive(): Error {
  return badRequest('conflicting options: cannot attach both user-defined and non-user-defined network-modes');
}
