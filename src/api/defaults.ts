/**
 * @module What the daemon was told for those who do not say: the settings of daemon.json that concern new containers
 * and networks.
 */

import type { ContainerSpec, ResourceSpec } from '../container/types.ts';

/** What containers get that do not say otherwise. */
export interface ContainerDefaults {
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
  const { init, cgroupParent, shmSizeBytes, ulimits, logOptions } = defaults;
  const { resources = {}, security = {} } = spec;
  const limits = [
    ...ulimits.filter(({ name }) => !resources.ulimits?.some((limit) => limit.name === name)),
    ...(resources.ulimits ?? []),
  ];
  const options = security.options ?? [];
  const isSaid = options.some((option) => option.startsWith(NO_NEW_PRIVILEGES));
  return {
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
