/**
 * @module The body of POST /containers/create, of any version, as the container layer's spec. Pure.
 *
 * What the client wrote is kept with the container (`Asked`, in its annotations), because it is to be shown again as it
 * was written: which streams were attached, how a bind was spelled.
 */

import { isIP } from 'node:net';
import { posix } from 'node:path';
import { LOG_DRIVERS, LOG_OPTIONS, USUAL_LOG_DRIVER } from '../container/log-options.ts';
import { CAPABILITIES, containerCapabilities } from '../container/runtime/capabilities.ts';
import { parseSignal } from '../container/signals.ts';
import type { Container, ContainerSpec, HealthcheckSpec, NamespacesSpec, SecuritySpec } from '../container/types.ts';
import { badRequest, notImplemented } from './errors.ts';
import { given, unlessEmpty } from './given.ts';
import { mountSpecs } from './mount-specs.ts';
import { networkMode, withPorts } from './network-mode.ts';
import { exposedPorts, portBindings } from './port-bindings.ts';
import { resourceSpec, restartPolicy } from './resources.ts';
import type { Config } from './schemas/config.ts';
import type { CreateBody } from './schemas/container.ts';
import type { HostConfig } from './schemas/host-config.ts';
import { checkTmpfs } from './tmpfs.ts';

/** What the client wrote. */
export interface Asked {
  readonly config: Config;
  readonly hostConfig: HostConfig;
}

export interface CreateOptions {
  readonly name?: string | undefined;
  /** The version of the API that the client speaks. */
  readonly minor: number;
  /** Whether ports can be published on a network. Default: on every one. */
  readonly publishes?: (network: string) => boolean;
  /** Of those who name none. Default: json-file. */
  readonly logDriver?: string;
}

/** The first version that warns of bindings that say nothing. */
const EMPTY_BINDINGS_MINOR = 52;
const RUNTIMES = ['', 'runc', 'crun', 'io.containerd.runc.v2'];
const IPC_MODES = /^(|none|private|shareable|host|container:.+)$/;
/** Options of an endpoint and of a container that change nothing here; a client is told so. */
const IGNORED = [
  'BlkioWeight',
  'BlkioWeightDevice',
  'BlkioDeviceReadBps',
  'BlkioDeviceWriteBps',
  'BlkioDeviceReadIOps',
  'BlkioDeviceWriteIOps',
  'CpuRealtimePeriod',
  'CpuRealtimeRuntime',
  'DeviceCgroupRules',
  'KernelMemory',
  'KernelMemoryTCP',
  'MemorySwappiness',
] as const satisfies (keyof HostConfig)[];

/** @throws HttpError 400 or 501 */
export function containerSpec(
  body: CreateBody,
  options: CreateOptions,
): { readonly spec: ContainerSpec; readonly warnings: readonly string[] } {
  const { HostConfig: hostConfig = {}, NetworkingConfig, ...config } = body;
  if (unlessEmpty(config.Image) === undefined) {
    throw badRequest('Config cannot be empty in order to create a container: Image is missing');
  }
  refuseUnsupported(hostConfig);
  checkTmpfs(hostConfig.Tmpfs ?? {});
  if (unlessEmpty(config.StopSignal) !== undefined) parseSignal(config.StopSignal!);
  const network = networkMode(body, options.minor);
  const published = portBindings(hostConfig.PortBindings ?? {});
  const connected = withPorts(network, published, options.publishes ?? (() => true));
  const asked: Asked = { config, hostConfig };
  const spec: ContainerSpec = {
    image: config.Image!,
    network: connected ?? network,
    links: linksOf(hostConfig, NetworkingConfig),
    mounts: mountSpecs(hostConfig, config.Volumes, options.minor),
    exposedPorts: exposedPorts([
      ...Object.keys(config.ExposedPorts ?? {}),
      ...Object.keys(hostConfig.PortBindings ?? {}),
    ]),
    security: securitySpec(hostConfig),
    resources: resourceSpec(hostConfig),
    namespaces: namespacesSpec(hostConfig, config),
    annotations: { asked },
    ...given({
      name: unlessEmpty(options.name?.replace(/^\//, '')),
      entrypoint: unlessEmpty(config.Entrypoint),
      command: unlessEmpty(config.Cmd),
      env: environment(config.Env),
      workingDirectory: workingDirectory(config.WorkingDir),
      user: unlessEmpty(config.User),
      groups: hostConfig.GroupAdd,
      labels: config.Labels,
      tty: config.Tty,
      openStdin: config.OpenStdin,
      stdinOnce: config.StdinOnce,
      consoleSize: hostConfig.ConsoleSize,
      stopSignal: unlessEmpty(config.StopSignal),
      stopTimeoutSeconds: config.StopTimeout,
      healthcheck: healthcheckSpec(config.Healthcheck),
      publishAll: hostConfig.PublishAllPorts,
      hostname: unlessEmpty(config.Hostname),
      domainname: unlessEmpty(config.Domainname),
      dns: unlessEmpty(hostConfig.Dns),
      dnsSearch: unlessEmpty(hostConfig.DnsSearch),
      dnsOptions: unlessEmpty(hostConfig.DnsOptions),
      extraHosts: hostConfig.ExtraHosts?.map(extraHost),
      tmpfs: hostConfig.Tmpfs,
      volumesFrom: unlessEmpty(hostConfig.VolumesFrom),
      readOnlyRoot: hostConfig.ReadonlyRootfs,
      init: hostConfig.Init,
      autoRemove: hostConfig.AutoRemove,
      restart: hostConfig.RestartPolicy && restartPolicy(hostConfig.RestartPolicy),
      sysctls: hostConfig.Sysctls,
      devices: hostConfig.Devices?.map(({ PathOnHost, PathInContainer, CgroupPermissions }) => ({
        hostPath: PathOnHost,
        containerPath: unlessEmpty(PathInContainer) ?? PathOnHost,
        permissions: unlessEmpty(CgroupPermissions) ?? 'rwm',
      })),
      shmSizeBytes: shmSize(hostConfig.ShmSize),
      logging: hostConfig.LogConfig && logging(hostConfig.LogConfig, options.logDriver),
      waitingPorts: connected === undefined ? published : undefined,
    }),
  };
  const unpublished =
    connected === undefined ? ['No port is published until the container joins a network that leads outside.'] : [];
  const discarded =
    network.mode === 'host' && published.length > 0
      ? ['Published ports are discarded when using host network mode']
      : [];
  const empty = options.minor >= EMPTY_BINDINGS_MINOR ? emptyBindings(hostConfig) : [];
  return { spec, warnings: [...warningsAbout(hostConfig), ...empty, ...unpublished, ...discarded] };
}

/** What the client wrote when it created a container; nothing for one that no client created. */
export function askedFor(container: Container): Asked {
  return (container.spec.annotations?.asked as Asked | undefined) ?? { config: {}, hostConfig: {} };
}

/** "db:database" or "db". @throws HttpError 400 */
export function parseLink(text: string): { readonly container: string; readonly alias: string } {
  const [container = '', alias = container, ...more] = text.replace(/^\//, '').split(':');
  if (container === '' || alias === '' || more.length > 0) throw badRequest(`bad format for links: ${text}`);
  return { container, alias: alias.split('/').at(-1)! };
}

function linksOf(hostConfig: HostConfig, networking: CreateBody['NetworkingConfig']): ContainerSpec['links'] & {} {
  const endpoints = Object.values(networking?.EndpointsConfig ?? {});
  return [...(hostConfig.Links ?? []), ...endpoints.flatMap((endpoint) => endpoint?.Links ?? [])].map(parseLink);
}

function environment(variables: readonly string[] | undefined): readonly string[] | undefined {
  for (const variable of variables ?? []) {
    if (variable === '' || variable.startsWith('=')) throw badRequest(`invalid environment variable: ${variable}`);
  }
  return variables;
}

function workingDirectory(path: string | undefined): string | undefined {
  if (path === undefined || path === '' || posix.isAbsolute(path)) return unlessEmpty(path);
  throw badRequest(`the working directory '${path}' is invalid, it needs to be an absolute path`);
}

/** "name:address", "name=address"; an address of IPv6 may have brackets. */
function extraHost(text: string): readonly [name: string, address: string] {
  const match = /^([^:=]+)[:=]\[?(.+?)\]?$/.exec(text);
  if (match === null) throw badRequest(`bad format for add-host: "${text}"`);
  const [, name, address] = match as unknown as [string, string, string];
  if (address !== 'host-gateway' && isIP(address) === 0) {
    throw badRequest(`invalid IP address in add-host: "${address}"`);
  }
  return [name, address];
}

function logging(
  { Type, Config: options = {} }: NonNullable<HostConfig['LogConfig']>,
  usual: string = USUAL_LOG_DRIVER,
): ContainerSpec['logging'] & {} {
  const driver = unlessEmpty(Type) ?? usual;
  const unknown = Object.keys(options).find((option) => !LOG_OPTIONS.includes(option));
  if (unknown !== undefined) {
    throw badRequest(`unknown log opt '${unknown}' for ${driver} log driver: use ${LOG_OPTIONS.join(', ')}`);
  }
  if (LOG_DRIVERS.some((known) => known === driver)) return { driver, options };
  throw badRequest(`logger: no log driver named '${driver}' is registered: use ${LOG_DRIVERS.join(', ')}`);
}

function shmSize(bytes: number | undefined): number | undefined {
  if (bytes !== undefined && bytes < 0) throw badRequest('SHM size can not be less than 0');
  return bytes === 0 ? undefined : bytes;
}

function healthcheckSpec(check: Config['Healthcheck']): HealthcheckSpec | undefined {
  if (check === undefined) return undefined;
  const { Test: test = [], Interval, Timeout, StartPeriod, StartInterval, Retries } = check;
  for (const [name, value] of Object.entries({ Interval, Timeout, StartPeriod, StartInterval })) {
    if (value !== undefined && value !== 0 && value < 1_000_000) {
      throw badRequest(`${name} in Healthcheck cannot be less than 1ms`);
    }
  }
  if (Retries !== undefined && Retries < 0) throw badRequest('Retries in Healthcheck cannot be negative');
  return {
    test,
    ...given({
      intervalNs: Interval,
      timeoutNs: Timeout,
      startPeriodNs: StartPeriod,
      startIntervalNs: StartInterval,
      retries: Retries,
    }),
  };
}

/** @throws PontoonError bad-value for a capability that there is not */
function securitySpec(hostConfig: HostConfig): SecuritySpec {
  const spec = given({
    privileged: hostConfig.Privileged,
    capAdd: unlessEmpty(hostConfig.CapAdd),
    capDrop: unlessEmpty(hostConfig.CapDrop),
    options: hostConfig.SecurityOpt?.flatMap(securityOption),
    maskedPaths: hostConfig.MaskedPaths,
    readonlyPaths: hostConfig.ReadonlyPaths,
  });
  containerCapabilities(spec, CAPABILITIES);
  return spec;
}

/** Old clients write "seccomp:unconfined". */
function securityOption(option: string, index: number): string[] {
  const [name = ''] = option.split(/[=:]/, 1);
  const value = option.slice(name.length + 1);
  if (name === 'no-new-privileges') return value === 'false' ? [] : [name];
  if (value === '') throw badRequest(`invalid --security-opt ${index + 1}: "${option}"`);
  return [`${name}=${value}`];
}

function namespacesSpec(hostConfig: HostConfig, { Hostname }: Config): NamespacesSpec {
  const { IpcMode = '', UTSMode } = hostConfig;
  if (!IPC_MODES.test(IpcMode)) {
    throw badRequest(`invalid IPC mode: ${IpcMode}: use none, private, shareable, host or container:NAME`);
  }
  if (UTSMode === 'host' && unlessEmpty(Hostname) !== undefined) {
    throw badRequest('conflicting options: hostname and the UTS mode');
  }
  return given({
    pid: unlessEmpty(hostConfig.PidMode),
    ipc: unlessEmpty(hostConfig.IpcMode),
    uts: unlessEmpty(hostConfig.UTSMode),
    cgroup: unlessEmpty(hostConfig.CgroupnsMode),
  });
}

function refuseUnsupported({ DeviceRequests, StorageOpt, Runtime = '', Isolation = '', UsernsMode = '' }: HostConfig) {
  if (unlessEmpty(DeviceRequests) !== undefined) {
    throw notImplemented('Pontoon does not do device requests (--gpus): name the devices in Devices');
  }
  if (Object.keys(StorageOpt ?? {}).length > 0) {
    throw notImplemented('Pontoon has no storage options for containers: leave StorageOpt out');
  }
  if (!RUNTIMES.includes(Runtime)) throw badRequest(`unknown or invalid runtime name: ${Runtime}`);
  if (!['', 'default'].includes(Isolation)) throw badRequest(`invalid isolation (${Isolation}): use 'default'`);
  if (!['', 'host'].includes(UsernsMode)) throw badRequest(`invalid user namespace mode: ${UsernsMode}: use 'host'`);
}

/** In dockerd's words. */
function emptyBindings({ PortBindings = {} }: HostConfig): string[] {
  const ports = Object.keys(PortBindings).filter((key) => (PortBindings[key]?.length ?? 0) === 0);
  if (ports.length === 0) return [];
  return [
    `Following container port(s) have an empty list of port-bindings: ${ports.join(', ')}. Such bindings will be discarded in a future version.`,
  ];
}

export function warningsAbout(hostConfig: HostConfig): string[] {
  return IGNORED.filter((name) => {
    const value = hostConfig[name];
    return typeof value === 'number' ? value > 0 : value !== undefined && value.length > 0;
  }).map((name) => `Pontoon does not limit this: ${name} is ignored.`);
}
