/**
 * @module What the daemon was told for those who do not say: the settings of daemon.json that concern new containers
 * and networks.
 */

import type { ContainerSpec, NetworkModeSpec, ResourceSpec } from '../container/types.ts';
import type { PortBindingSpec } from '../network/types.ts';

/** What containers get that do not say otherwise. */
export interface ContainerDefaults {
  readonly dns: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly dnsSearch: readonly string[];
  /** Where ports are published that name no address of the host. */
  readonly hostAddress: string | undefined;
  readonly cgroupParent: string | undefined;
  readonly shmSizeBytes: number | undefined;
  readonly ulimits: NonNullable<ResourceSpec['ulimits']>;
  readonly init: boolean;
  readonly logOptions: Readonly<Record<string, string>>;
  readonly noNewPrivileges: boolean;
}

export interface Defaults {
  readonly containers: ContainerDefaults;
  /** By driver: options of networks that do not set them. */
  readonly networkOptions: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const NO_NEW_PRIVILEGES = 'no-new-privileges';

/** What is said wins; maps and lists of limits are joined by name. */
export function withDefaults(spec: ContainerSpec, defaults: ContainerDefaults | undefined): ContainerSpec {
  if (defaults === undefined) return spec;
  const { dns, dnsOptions, dnsSearch, init, cgroupParent, shmSizeBytes, ulimits, logOptions } = defaults;
  const { resources = {}, security = {}, network } = spec;
  const limits = [
    ...ulimits.filter(({ name }) => !resources.ulimits?.some((limit) => limit.name === name)),
    ...(resources.ulimits ?? []),
  ];
  const options = security.options ?? [];
  const isSaid = options.some((option) => option.startsWith(NO_NEW_PRIVILEGES));
  return {
    ...(dns.length > 0 && { dns }),
    ...(dnsOptions.length > 0 && { dnsOptions }),
    ...(dnsSearch.length > 0 && { dnsSearch }),
    ...(init && { init }),
    ...(shmSizeBytes !== undefined && { shmSizeBytes }),
    ...spec,
    resources: {
      ...(cgroupParent !== undefined && { cgroupParent }),
      ...resources,
      ...(limits.length > 0 && { ulimits: limits }),
    },
    ...(defaults.noNewPrivileges && !isSaid && { security: { ...security, options: [...options, NO_NEW_PRIVILEGES] } }),
    ...(Object.keys(logOptions).length > 0 && { logging: withLogOptions(spec.logging, logOptions) }),
    ...(network !== undefined && { network: boundTo(network, defaults.hostAddress) }),
  };
}

/** They are for the default driver. */
function withLogOptions(
  logging: ContainerSpec['logging'],
  options: ContainerDefaults['logOptions'],
): NonNullable<ContainerSpec['logging']> {
  const { driver, options: own } = logging ?? { driver: 'json-file', options: {} };
  return { driver, options: driver === 'json-file' ? { ...options, ...own } : own };
}

function boundTo(network: NetworkModeSpec, hostAddress: string | undefined): NetworkModeSpec {
  if (network.mode !== 'endpoints' || hostAddress === undefined) return network;
  const bound = (port: PortBindingSpec): PortBindingSpec => ({ hostAddress, ...port });
  return {
    ...network,
    endpoints: network.endpoints.map(({ ports, ...endpoint }) => ({
      ...endpoint,
      ...(ports !== undefined && { ports: ports.map(bound) }),
    })),
  };
}
