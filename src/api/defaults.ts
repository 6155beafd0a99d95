/**
 * @module What the daemon was told for those who do not say: the settings of daemon.json that concern new containers
 * and networks.
 */

import { USUAL_LOG_DRIVER } from '../container/log-options.ts';
import type { ContainerSpec, NamespacesSpec, ResourceSpec, SecuritySpec } from '../container/types.ts';

/** What containers get that do not say otherwise. */
export interface ContainerDefaults {
  readonly cgroupParent: string | undefined;
  readonly shmSizeBytes: number | undefined;
  readonly ulimits: NonNullable<ResourceSpec['ulimits']>;
  readonly init: boolean;
  readonly logOptions: Readonly<Record<string, string>>;
  readonly noNewPrivileges: boolean;
  readonly logDriver: string;
  /** What --security-opt seccomp= would say: a profile as JSON, or 'unconfined'. */
  readonly seccomp: string | undefined;
  readonly namespaces: NamespacesSpec;
  /** What host-gateway means; empty: the gateway of the default network. */
  readonly hostGateways: readonly string[];
}

export interface Defaults {
  readonly containers: ContainerDefaults;
  /** By driver: options of networks that do not set them. */
  readonly networkOptions: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const NO_NEW_PRIVILEGES = 'no-new-privileges';
const SECCOMP = 'seccomp=';
const HOST_GATEWAY = 'host-gateway';

/** What is said wins; maps and lists of limits are joined by name. */
export function withDefaults(spec: ContainerSpec, defaults: ContainerDefaults | undefined): ContainerSpec {
  if (defaults === undefined) return spec;
  const { init, cgroupParent, shmSizeBytes, ulimits, namespaces, hostGateways } = defaults;
  const { resources = {}, security = {} } = spec;
  const limits = [
    ...ulimits.filter(({ name }) => !resources.ulimits?.some((limit) => limit.name === name)),
    ...(resources.ulimits ?? []),
  ];
  const options = withSecurityOptions(security, defaults);
  return {
    ...(init && { init }),
    ...(shmSizeBytes !== undefined && { shmSizeBytes }),
    ...spec,
    resources: {
      ...(cgroupParent !== undefined && { cgroupParent }),
      ...resources,
      ...(limits.length > 0 && { ulimits: limits }),
    },
    ...(options.length > 0 && { security: { ...security, options } }),
    ...(Object.keys(namespaces).length > 0 && { namespaces: { ...namespaces, ...spec.namespaces } }),
    ...(spec.extraHosts !== undefined && { extraHosts: withGateways(spec.extraHosts, hostGateways) }),
    ...withLogging(spec.logging, defaults),
  };
}

/** A privileged container has no profile that it does not name. */
function withSecurityOptions(
  { options = [], privileged = false }: SecuritySpec,
  { noNewPrivileges, seccomp }: ContainerDefaults,
): readonly string[] {
  const says = (name: string): boolean => options.some((option) => option.startsWith(name));
  return [
    ...options,
    ...(noNewPrivileges && !says(NO_NEW_PRIVILEGES) ? [NO_NEW_PRIVILEGES] : []),
    ...(seccomp !== undefined && !privileged && !says(SECCOMP) ? [SECCOMP + seccomp] : []),
  ];
}

function withGateways(
  hosts: NonNullable<ContainerSpec['extraHosts']>,
  gateways: readonly string[],
): NonNullable<ContainerSpec['extraHosts']> {
  if (gateways.length === 0) return hosts;
  return hosts.flatMap(([name, address]) =>
    address === HOST_GATEWAY ? gateways.map((gateway) => [name, gateway] as const) : [[name, address] as const],
  );
}

/** Options are for the default driver. */
function withLogging(
  logging: ContainerSpec['logging'],
  { logDriver, logOptions }: ContainerDefaults,
): Pick<ContainerSpec, 'logging'> {
  const { driver, options } = logging ?? { driver: logDriver, options: {} };
  if (logging === undefined && logDriver === USUAL_LOG_DRIVER && Object.keys(logOptions).length === 0) return {};
  return { logging: { driver, options: driver === logDriver ? { ...logOptions, ...options } : options } };
}
