/**
 * @module A container's spec with the image's part filled in: what the user says wins, as in Docker
 * (daemon/commit.go `merge`, daemon/create.go). Pure.
 */

import { PontoonError } from '../errors.ts';
import type { ContainerSpec, ExposedPort, HealthcheckSpec, ImageConfig, ResolvedSpec } from './types.ts';

/** What names and hosts outside the spec fill in. */
export interface Defaults {
  readonly name: string;
  readonly hostname: string;
}

/** @throws PontoonError bad-value when neither names a command */
export function resolveSpec(spec: ContainerSpec, image: ImageConfig, defaults: Defaults): ResolvedSpec {
  const stopSignal = spec.stopSignal ?? image.stopSignal;
  const healthcheck = resolveHealthcheck(spec.healthcheck, image.healthcheck);
  const resolved: ResolvedSpec = {
    ...spec,
    ...defaults,
    ...resolveCommand(spec, image),
    env: resolveEnv(spec.env ?? [], image.env),
    labels: { ...image.labels, ...spec.labels },
    workingDirectory: spec.workingDirectory || image.workingDirectory || '/',
    user: spec.user || image.user,
    exposedPorts: uniquePorts([...(spec.exposedPorts ?? []), ...image.exposedPorts]),
    network: spec.network ?? { mode: 'endpoints', endpoints: [{ network: 'bridge' }] },
    restart: spec.restart ?? { name: 'no', maximumRetries: 0 },
    ...(stopSignal === undefined ? {} : { stopSignal }),
    ...(healthcheck === undefined ? {} : { healthcheck }),
  };
  if (resolved.autoRemove === true && resolved.restart.name !== 'no')
    throw new PontoonError(
      'bad-value',
      "can't create 'AutoRemove' container with restart policy: choose one of the two",
    );
  return resolved;
}

/** The command line of a container: what is run, and its arguments. @throws PontoonError bad-value */
export function commandLine({ entrypoint = [], command = [] }: Pick<ContainerSpec, 'entrypoint' | 'command'>) {
  const [path, ...args] = [...entrypoint, ...command];
  if (path === undefined || path === '')
    throw new PontoonError('bad-value', 'No command specified: give one, since the image has none');
  return { path, args };
}

/** An entrypoint of one's own takes the image's command away; a command alone leaves the image's entrypoint. */
function resolveCommand(spec: ContainerSpec, image: ImageConfig): Pick<ContainerSpec, 'entrypoint' | 'command'> {
  const given = spec.entrypoint?.filter((word, index) => index > 0 || word !== '');
  if (given !== undefined) return { entrypoint: given, command: spec.command ?? [] };
  const hasCommand = spec.command !== undefined && spec.command.length > 0;
  return { entrypoint: image.entrypoint, command: hasCommand ? spec.command : image.command };
}

function resolveEnv(own: readonly string[], image: readonly string[]): string[] {
  const named = new Set(own.map(nameOf));
  const last = new Map(own.map((variable) => [nameOf(variable), variable]));
  return [...last.values(), ...image.filter((variable) => !named.has(nameOf(variable)))].filter((variable) =>
    variable.includes('='),
  );
}

function nameOf(variable: string): string {
  return variable.split('=', 1)[0]!;
}

function uniquePorts(ports: readonly ExposedPort[]): ExposedPort[] {
  return [...new Map(ports.map((exposed) => [`${exposed.port}/${exposed.protocol}`, exposed])).values()];
}

function resolveHealthcheck(
  own: HealthcheckSpec | undefined,
  image: HealthcheckSpec | undefined,
): HealthcheckSpec | undefined {
  if (own === undefined || image === undefined) return own ?? image;
  const given = Object.entries(own).filter(([, value]) => value !== 0 && value !== undefined);
  return { ...image, ...Object.fromEntries(given), test: own.test.length > 0 ? own.test : image.test };
}
