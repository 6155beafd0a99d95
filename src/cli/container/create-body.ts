/**
 * @module What `run` and `create` were asked for, as the body of POST /containers/create: field by field what Docker's
 * own command line sends. @see docker/cli, command/container/opts.go
 */

import { readFileSync } from 'node:fs';
import { PontoonError } from '../../errors.ts';
import { environment, fileLines, mapOf, withoutUndefined } from '../values.ts';
import { deviceOf } from './devices.ts';
import { endpointsOf } from './endpoints.ts';
import type { CreateFlags, ResourceFlags } from './flags.ts';
import { mountOf, tmpfsOf, volumesOf } from './mounts.ts';
import { exposedPorts, portBindings } from './ports.ts';

/** What a body of create has that this command looks at again. */
export interface CreateBody {
  readonly Image: string;
  readonly AttachStdin: boolean;
  readonly AttachStdout: boolean;
  readonly AttachStderr: boolean;
  readonly Tty: boolean;
  readonly OpenStdin: boolean;
  readonly HostConfig: { readonly AutoRemove: boolean; readonly ConsoleSize: readonly [number, number] };
}

export interface Terminal {
  /** In the background: attached to nothing. */
  readonly detach: boolean;
  readonly size: readonly [rows: number, columns: number];
}

/** @throws PontoonError bad-value */
export function createBody(image: string, args: readonly string[], flags: CreateFlags, terminal: Terminal): CreateBody {
  const streams = attachedStreams(flags, terminal.detach);
  const volumes = volumesOf(flags.volume ?? []);
  const { endpoints, mode } = endpointsOf(flags);
  return {
    Image: image,
    ...streams,
    Tty: flags.tty ?? false,
    OpenStdin: flags.interactive ?? false,
    StdinOnce: (flags.interactive ?? false) && streams.AttachStdin,
    ...withoutUndefined({
      Hostname: flags.hostname,
      Domainname: flags.domainname,
      User: flags.user,
      ExposedPorts: exposedPorts(flags.expose ?? [], flags.publish ?? []),
      Env: environment(flags.env, flags.envFile),
      Cmd: args.length === 0 ? undefined : args,
      Entrypoint: flags.entrypoint === undefined ? undefined : [flags.entrypoint],
      Healthcheck: healthcheckOf(flags),
      Volumes: volumes.anonymous,
      WorkingDir: flags.workdir,
      Labels: labelsOf(flags.label, flags.labelFile),
      StopSignal: flags.stopSignal,
      StopTimeout: flags.stopTimeout,
    }),
    HostConfig: {
      AutoRemove: flags.rm ?? false,
      ConsoleSize: terminal.size,
      NetworkMode: mode,
      ...withoutUndefined({
        Binds: volumes.binds,
        Mounts: flags.mount?.map(mountOf),
        Tmpfs: flags.tmpfs && tmpfsOf(flags.tmpfs),
        VolumesFrom: flags.volumesFrom,
        VolumeDriver: flags.volumeDriver,
        ContainerIDFile: flags.cidfile,
        PortBindings: portBindings(flags.publish ?? []),
        PublishAllPorts: flags.publishAll,
        CapAdd: flags.capAdd?.map(capability),
        CapDrop: flags.capDrop?.map(capability),
        CgroupnsMode: flags.cgroupns,
        Dns: flags.dns,
        DnsOptions: both(flags.dnsOption, flags.dnsOpt),
        DnsSearch: flags.dnsSearch,
        ExtraHosts: flags.addHost?.map(extraHost),
        GroupAdd: flags.groupAdd,
        IpcMode: flags.ipc,
        Links: flags.link,
        LogConfig: logConfigOf(flags),
        OomScoreAdj: flags.oomScoreAdj,
        PidMode: flags.pid,
        Privileged: flags.privileged,
        ReadonlyRootfs: flags.readOnly,
        ShmSize: flags.shmSize,
        StorageOpt: flags.storageOpt && mapOf(flags.storageOpt),
        Sysctls: flags.sysctl && mapOf(flags.sysctl),
        UTSMode: flags.uts,
        UsernsMode: flags.userns,
        Runtime: flags.runtime,
        Init: flags.init,
        Annotations: flags.annotation && mapOf(flags.annotation),
      }),
      ...securityOf(flags.securityOpt ?? []),
      ...resourcesOf({ ...flags, restart: flags.restart ?? 'no' }),
      ...withoutUndefined({
        BlkioDeviceReadBps: flags.deviceReadBps,
        BlkioDeviceReadIOps: flags.deviceReadIops,
        BlkioDeviceWriteBps: flags.deviceWriteBps,
        BlkioDeviceWriteIOps: flags.deviceWriteIops,
        BlkioWeightDevice: flags.blkioWeightDevice,
        CgroupParent: flags.cgroupParent,
        DeviceCgroupRules: flags.deviceCgroupRule,
        DeviceRequests: flags.gpus,
        Devices: flags.device?.map(deviceOf),
        MemorySwappiness: flags.memorySwappiness,
        OomKillDisable: flags.oomKillDisable,
        Ulimits: flags.ulimit?.map(ulimitOf).toSorted((a, b) => (a.Name < b.Name ? -1 : 1)),
      }),
    },
    ...(endpoints && { NetworkingConfig: { EndpointsConfig: endpoints } }),
  } as CreateBody;
}

/** What `update` changes too. @throws PontoonError bad-value */
export function resourcesOf(flags: ResourceFlags): Record<string, unknown> {
  return withoutUndefined({
    BlkioWeight: flags.blkioWeight,
    CpuPeriod: flags.cpuPeriod,
    CpuQuota: flags.cpuQuota,
    CpuRealtimePeriod: flags.cpuRtPeriod,
    CpuRealtimeRuntime: flags.cpuRtRuntime,
    CpuShares: flags.cpuShares,
    NanoCpus: flags.cpus === undefined ? undefined : nanoCpus(flags.cpus),
    CpusetCpus: flags.cpusetCpus,
    CpusetMems: flags.cpusetMems,
    Memory: flags.memory,
    MemoryReservation: flags.memoryReservation,
    MemorySwap: flags.memorySwap,
    PidsLimit: flags.pidsLimit,
    RestartPolicy: flags.restart === undefined ? undefined : restartPolicyOf(flags.restart),
  });
}

/** Everything unless -a chooses; standard input only with -i. */
function attachedStreams({ attach, interactive }: CreateFlags, detach: boolean) {
  if (detach && attach !== undefined) throw conflict('--detach and --attach exclude each other');
  const wanted = attach?.map((stream) => stream.toLowerCase());
  const unknown = wanted?.find((stream) => !['stdin', 'stdout', 'stderr'].includes(stream));
  if (unknown !== undefined) throw refuse('stream', unknown, 'write stdin, stdout or stderr');
  const isWanted = (stream: string) => !detach && (wanted?.includes(stream) ?? true);
  return {
    AttachStdin: isWanted('stdin') && (interactive === true || wanted !== undefined),
    AttachStdout: isWanted('stdout'),
    AttachStderr: isWanted('stderr'),
  };
}

function labelsOf(labels: readonly string[] = [], files: readonly string[] = []): Record<string, string> | undefined {
  const all = [...files.flatMap(fileLines), ...labels];
  return all.length === 0 ? undefined : mapOf(all);
}

function healthcheckOf(flags: CreateFlags): Record<string, unknown> | undefined {
  const { healthCmd, healthInterval, healthTimeout, healthStartPeriod, healthStartInterval, healthRetries } = flags;
  const settings = withoutUndefined({
    Test: healthCmd === undefined ? undefined : ['CMD-SHELL', healthCmd],
    Interval: healthInterval,
    Timeout: healthTimeout,
    StartPeriod: healthStartPeriod,
    StartInterval: healthStartInterval,
    Retries: healthRetries,
  });
  const isEmpty = Object.keys(settings).length === 0;
  if (flags.healthcheck) return isEmpty ? undefined : settings;
  if (!isEmpty) throw conflict('--no-healthcheck and --health-… exclude each other');
  return { Test: ['NONE'] };
}

/** 'name:address' or 'name=address', where an IPv6 address may have brackets. */
function extraHost(text: string): string {
  const [, name, address] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
  if (name === undefined) throw refuse('host', text, 'write NAME:ADDRESS');
  return `${name}:${address!.replace(/^\[(.*)\]$/, '$1')}`;
}

function logConfigOf({ logDriver, logOpt }: CreateFlags): Record<string, unknown> | undefined {
  if (logDriver === undefined && logOpt === undefined) return undefined;
  return { Type: logDriver ?? '', Config: mapOf(logOpt ?? []) };
}

/** A profile is read here, where the file is; 'systempaths=unconfined' is said in fields of its own. */
function securityOf(options: readonly string[]): Record<string, unknown> {
  const open = options.includes('systempaths=unconfined');
  const rest = options.filter((option) => option !== 'systempaths=unconfined').map(withProfile);
  return {
    ...(rest.length > 0 && { SecurityOpt: rest }),
    ...(open && { MaskedPaths: [], ReadonlyPaths: [] }),
  };
}

function withProfile(option: string): string {
  const [, path] = /^seccomp[=:](.*)$/s.exec(option) ?? [];
  if (path === undefined || ['unconfined', 'builtin', ''].includes(path) || path.startsWith('{')) return option;
  return `seccomp=${JSON.stringify(JSON.parse(readFileSync(path, 'utf8')))}`;
}

function restartPolicyOf(text: string): { Name: string; MaximumRetryCount: number } {
  const [name = '', count = '0', ...more] = text.split(':');
  if (more.length > 0 || !/^\d+$/.test(count) || (name === '' && text !== '')) {
    throw refuse('restart policy', text, 'write no, always, unless-stopped or on-failure[:RETRIES]');
  }
  return { Name: name, MaximumRetryCount: Number(count) };
}

/** 'net_admin' → 'CAP_NET_ADMIN'. */
function capability(text: string): string {
  const name = text.toUpperCase();
  return name === 'ALL' || name.startsWith('CAP_') ? name : `CAP_${name}`;
}

function nanoCpus(text: string): number {
  if (!/^\d*\.?\d+$/.test(text)) throw refuse('number of CPUs', text, 'write a number such as 1.5');
  return Math.round(Number(text) * 1e9);
}

/** NAME=SOFT[:HARD]; -1 is no limit. */
function ulimitOf(text: string): { Name: string; Soft: number; Hard: number } {
  const [, name, soft, hard = soft] = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text) ?? [];
  if (name === undefined) throw refuse('limit', text, 'write NAME=SOFT[:HARD], such as nofile=1024:2048');
  return { Name: name, Soft: Number(soft), Hard: Number(hard) };
}

function both(a: readonly string[] | undefined, b: readonly string[] | undefined): readonly string[] | undefined {
  return a === undefined ? b : [...a, ...(b ?? [])];
}

function refuse(what: string, text: string, advice: string): PontoonError {
  return new PontoonError('bad-value', `cannot read the ${what} '${text}': ${advice}`, { subject: text });
}

function conflict(message: string): PontoonError {
  return new PontoonError('bad-value', message);
}
