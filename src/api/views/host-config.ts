/**
 * @module The host configuration as an inspect shows it: what the client asked for, with Docker's defaults for the rest,
 * and with what an update has changed since.
 */

import { existsSync } from 'node:fs';
import { USUAL_LOG_DRIVER } from '../../container/log-options.ts';
import { MASKED_PATHS, READONLY_PATHS } from '../../container/runtime/hidden-paths.ts';
import type { Container } from '../../container/types.ts';
import { askedFor, parseLink } from '../container-create.ts';
import { networkName } from '../network-mode.ts';
import { resourceFields } from '../resources.ts';
import type { HostConfig } from '../schemas/host-config.ts';

/** As the container layer decides it: on cgroup v1 a container sees the host's tree. */
const CGROUP_NAMESPACE = existsSync('/sys/fs/cgroup/cgroup.controllers') ? 'private' : 'host';
const SHM_BYTES = 64 * 1024 * 1024;
/** The last version that limits the kernel's memory. */
const KERNEL_MEMORY_MINOR = 41;

export function hostConfig(container: Container, minor: number) {
  const { spec } = container;
  const asked: HostConfig = askedFor(container).hostConfig;
  const { privileged } = spec.security ?? {};
  return {
    Binds: asked.Binds ?? null,
    ContainerIDFile: asked.ContainerIDFile ?? '',
    LogConfig: { Type: spec.logging?.driver ?? USUAL_LOG_DRIVER, Config: spec.logging?.options ?? {} },
    NetworkMode: networkModeOf(container),
    PortBindings: portBindings(asked),
    RestartPolicy: { Name: spec.restart.name, MaximumRetryCount: spec.restart.maximumRetries },
    AutoRemove: spec.autoRemove ?? false,
    VolumeDriver: asked.VolumeDriver ?? '',
    VolumesFrom: asked.VolumesFrom ?? null,
    ConsoleSize: asked.ConsoleSize ?? [0, 0],
    ...(asked.Annotations !== undefined && { Annotations: asked.Annotations }),
    CapAdd: capabilities(asked.CapAdd),
    CapDrop: capabilities(asked.CapDrop),
    CgroupnsMode: spec.namespaces?.cgroup || CGROUP_NAMESPACE,
    Dns: asked.Dns ?? [],
    DnsOptions: asked.DnsOptions ?? [],
    DnsSearch: asked.DnsSearch ?? [],
    ExtraHosts: asked.ExtraHosts ?? null,
    GroupAdd: asked.GroupAdd ?? null,
    IpcMode: asked.IpcMode || spec.namespaces?.ipc || 'private',
    Cgroup: asked.Cgroup ?? '',
    Links: links(container.name, asked),
    PidMode: asked.PidMode ?? '',
    Privileged: privileged ?? false,
    PublishAllPorts: spec.publishAll ?? false,
    ReadonlyRootfs: spec.readOnlyRoot ?? false,
    SecurityOpt: asked.SecurityOpt ?? (privileged === true ? ['label=disable'] : null),
    ...(asked.Tmpfs !== undefined && { Tmpfs: asked.Tmpfs }),
    UTSMode: asked.UTSMode ?? '',
    UsernsMode: asked.UsernsMode ?? '',
    ShmSize: spec.shmSizeBytes ?? SHM_BYTES,
    ...(asked.Sysctls !== undefined && { Sysctls: asked.Sysctls }),
    Runtime: asked.Runtime || 'runc',
    Isolation: asked.Isolation ?? '',
    ...resourceFields(spec.resources),
    BlkioWeight: 0,
    BlkioWeightDevice: [],
    BlkioDeviceReadBps: [],
    BlkioDeviceWriteBps: [],
    BlkioDeviceReadIOps: [],
    BlkioDeviceWriteIOps: [],
    CpuRealtimePeriod: 0,
    CpuRealtimeRuntime: 0,
    Devices: (spec.devices ?? []).map(({ hostPath, containerPath, permissions }) => ({
      PathOnHost: hostPath,
      PathInContainer: containerPath,
      CgroupPermissions: permissions,
    })),
    DeviceCgroupRules: null,
    DeviceRequests: null,
    ...(minor <= KERNEL_MEMORY_MINOR && { KernelMemory: 0, KernelMemoryTCP: 0 }),
    MemorySwappiness: null,
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
    ...(asked.Mounts !== undefined && { Mounts: asked.Mounts }),
    ...(asked.Init !== undefined && { Init: asked.Init }),
    MaskedPaths: asked.MaskedPaths ?? (privileged === true ? null : MASKED_PATHS),
    ReadonlyPaths: asked.ReadonlyPaths ?? (privileged === true ? null : READONLY_PATHS),
  };
}

/** 'bridge', a network's name, 'host', 'none' or 'container:ID'. */
export function networkModeOf(container: Container): string {
  const { network } = container.spec;
  if (network.mode === 'container') return `container:${network.container}`;
  if (network.mode !== 'endpoints') return network.mode;
  const asked = askedFor(container).hostConfig.NetworkMode;
  return asked === undefined ? (network.endpoints[0]?.network ?? 'bridge') : networkName(asked);
}

/** Docker fills in what a binding leaves out. */
function portBindings({ PortBindings = {} }: HostConfig) {
  return Object.fromEntries(
    Object.entries(PortBindings).map(([key, bindings]) => [
      key,
      (bindings ?? []).map(({ HostIp = '', HostPort = '' }) => ({ HostIp, HostPort })),
    ]),
  );
}

function capabilities(names: readonly string[] | undefined): string[] | null {
  if (names === undefined || names.length === 0) return null;
  return names.map((name) => {
    const upper = name.toUpperCase();
    return upper === 'ALL' || upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  });
}

/** By name: the container layer keeps IDs. */
function links(name: string, { Links = [] }: HostConfig): string[] | null {
  if (Links.length === 0) return null;
  return Links.map(parseLink).map(({ container, alias }) => `/${container}:/${name}/${alias}`);
}
