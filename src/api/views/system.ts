/**
 * @module What the daemon and its host are, as `docker version` and `docker info` show it (Engine API, tag System).
 */

import type { ProgramVersion } from '../../container/program-versions.ts';
import type { DaemonInfo } from '../app.ts';
import type { HostFacts } from '../host-facts.ts';
import { NEGOTIATED_MINOR, OLDEST_MINOR } from '../versions.ts';

const API_VERSION = `1.${NEGOTIATED_MINOR}`;
const MINIMUM_API_VERSION = `1.${OLDEST_MINOR}`;

export function viewVersion({ version }: DaemonInfo, host: HostFacts, programs: readonly ProgramVersion[]) {
  const runsOn = {
    ApiVersion: API_VERSION,
    MinAPIVersion: MINIMUM_API_VERSION,
    GitCommit: '',
    GoVersion: `node ${process.versions.node}`,
    Os: 'linux',
    Arch: host.goArchitecture,
    KernelVersion: host.kernel,
    BuildTime: '',
  };
  return {
    Platform: { Name: 'Pontoon' },
    Version: version,
    ...runsOn,
    Components: [
      { Name: 'Engine', Version: version, Details: { ...runsOn, Experimental: 'false' } },
      ...programs.map(({ name, version: its, commit }) => ({
        Name: name,
        Version: its,
        Details: { GitCommit: commit },
      })),
    ],
  };
}

/** How many there are of each. */
export interface Counts {
  readonly containers: { readonly running: number; readonly paused: number; readonly stopped: number };
  readonly images: number;
}

export function viewInfo(
  daemon: DaemonInfo,
  host: HostFacts,
  { counts, programs }: { readonly counts: Counts; readonly programs: readonly ProgramVersion[] },
) {
  const { running, paused, stopped } = counts.containers;
  const { runtime } = daemon;
  const runtimeVersion = programs.find(({ name }) => name === runtime?.name)?.version ?? '';
  const has = (...controllers: readonly string[]): boolean => controllers.some((name) => host.controllers.has(name));
  return {
    ID: daemon.id ?? '',
    Containers: running + paused + stopped,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: stopped,
    Images: counts.images,
    Driver: 'overlay2',
    DriverStatus: [['Supports d_type', 'true']],
    Plugins: {
      Volume: ['local'],
      Network: ['bridge', 'host', 'macvlan', 'null'],
      Authorization: [],
      Log: ['json-file', 'none'],
    },
    MemoryLimit: has('memory'),
    SwapLimit: has('memory'),
    CpuCfsPeriod: has('cpu'),
    CpuCfsQuota: has('cpu'),
    CPUShares: has('cpu'),
    CPUSet: has('cpuset'),
    PidsLimit: has('pids'),
    OomKillDisable: host.cgroupVersion === '1' && has('memory'),
    IPv4Forwarding: host.forwarding,
    // Rules here never need frames of a bridge to pass iptables.
    BridgeNfIptables: true,
    BridgeNfIp6tables: true,
    Debug: daemon.debug,
    NFd: 0,
    NGoroutines: 0,
    NEventsListener: 0,
    SystemTime: new Date().toISOString(),
    LoggingDriver: 'json-file',
    CgroupDriver: 'cgroupfs',
    CgroupVersion: host.cgroupVersion,
    KernelVersion: host.kernel,
    OperatingSystem: host.operatingSystem,
    OSVersion: host.osVersion,
    OSType: 'linux',
    Architecture: host.architecture,
    IndexServerAddress: '',
    RegistryConfig: {
      InsecureRegistryCIDRs: daemon.insecureRegistries?.filter((registry) => registry.includes('/')) ?? [],
      IndexConfigs: Object.fromEntries(
        (daemon.insecureRegistries ?? [])
          .filter((registry) => !registry.includes('/'))
          .map((name) => [name, { Name: name, Mirrors: [], Secure: false, Official: false }]),
      ),
      Mirrors: daemon.registryMirrors ?? [],
    },
    NCPU: host.cpus,
    MemTotal: host.memoryBytes,
    GenericResources: [],
    DockerRootDir: daemon.dataRoot,
    HttpProxy: process.env.HTTP_PROXY ?? '',
    HttpsProxy: process.env.HTTPS_PROXY ?? '',
    NoProxy: process.env.NO_PROXY ?? '',
    Name: host.name,
    Labels: daemon.labels,
    ExperimentalBuild: false,
    ServerVersion: daemon.version,
    Runtimes: runtime === undefined ? {} : { [runtime.name]: { path: runtime.path } },
    DefaultRuntime: runtime?.name ?? '',
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    // Containers always outlive the daemon.
    LiveRestoreEnabled: true,
    Isolation: '',
    InitBinary: 'tini',
    ContainerdCommit: { ID: '', Expected: '' },
    RuncCommit: { ID: runtimeVersion, Expected: runtimeVersion },
    InitCommit: { ID: '', Expected: '' },
    SecurityOptions: ['name=seccomp,profile=builtin'],
    FirewallBackend: { Driver: 'nftables' },
    Warnings: host.forwarding ? [] : ['WARNING: IPv4 forwarding is disabled'],
  };
}
