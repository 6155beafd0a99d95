/** @module What runs in a container, as an inspect shows it (Engine API, ContainerConfig). */

import type { Container, HealthcheckSpec } from '../../container/types.ts';
import { askedFor } from '../container-create.ts';
import { given } from '../given.ts';
import { portKey } from '../port-bindings.ts';

/** The first version that has neither a MAC address of the whole container nor an empty OnBuild. */
const TRIMMED_MINOR = 52;

export function config(container: Container, minor: number) {
  const { spec } = container;
  const asked = askedFor(container).config;
  const volumes = { ...asked.Volumes };
  return {
    Hostname: spec.hostname,
    Domainname: spec.domainname ?? '',
    User: spec.user,
    AttachStdin: asked.AttachStdin ?? false,
    AttachStdout: asked.AttachStdout ?? false,
    AttachStderr: asked.AttachStderr ?? false,
    ...(spec.exposedPorts.length > 0 && { ExposedPorts: exposedPorts(spec.exposedPorts) }),
    Tty: spec.tty ?? false,
    OpenStdin: spec.openStdin ?? false,
    StdinOnce: spec.stdinOnce ?? false,
    Env: spec.env,
    Cmd: spec.command === undefined || spec.command.length === 0 ? null : spec.command,
    ...(spec.healthcheck !== undefined && { Healthcheck: healthcheck(spec.healthcheck) }),
    Image: spec.image,
    Volumes: Object.keys(volumes).length > 0 ? volumes : null,
    WorkingDir: spec.workingDirectory,
    Entrypoint: spec.entrypoint === undefined || spec.entrypoint.length === 0 ? null : spec.entrypoint,
    ...(asked.NetworkDisabled !== undefined && { NetworkDisabled: asked.NetworkDisabled }),
    ...(minor < TRIMMED_MINOR && given({ MacAddress: asked.MacAddress || undefined })),
    ...(minor < TRIMMED_MINOR && { OnBuild: null }),
    Labels: spec.labels,
    ...given({ StopSignal: spec.stopSignal, StopTimeout: spec.stopTimeoutSeconds, Shell: asked.Shell }),
  };
}

/** {"80/tcp": {}}. */
export function exposedPorts(ports: readonly { readonly port: number; readonly protocol: string }[]) {
  return Object.fromEntries(ports.map(({ port, protocol }) => [portKey(port, protocol), {}]));
}

export function healthcheck({
  test,
  intervalNs,
  timeoutNs,
  startPeriodNs,
  startIntervalNs,
  retries,
}: HealthcheckSpec): object {
  return {
    Test: test,
    ...given({
      Interval: intervalNs,
      Timeout: timeoutNs,
      StartPeriod: startPeriodNs,
      StartInterval: startIntervalNs,
      Retries: retries,
    }),
  };
}
