/**
 * @module What the daemon and its host are, as `docker version` and `docker info` show it (Engine API, tag System).
 */

import { LOG_DRIVERS, USUAL_LOG_DRIVER } from '../../container/log-options.ts';
import type { ProgramVersion } from '../../container/program-versions.ts';
import type { DaemonInfo } from '../app.ts';
import type { HostFacts } from '../host-facts.ts';
import { OLDEST_MINOR } from '../versions.ts';

const MINIMUM_API_VERSION = `1.${OLDEST_MINOR}`;

/** @param newestMinor of the API's versions: what the client shall speak at most */
export function viewVersion(
  { version }: DaemonInfo,
  host: HostFacts,
  programs: readonly ProgramVersion[],
  newestMinor: number,
) {
  const runsOn = {
    ApiVersion: `1.${newestMinor}`,
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

/** The first versions without the versions that were expected, and without what bridges do with frames. */
const NO_EXPECTED_MINOR = 49;
const NO_BRIDGE_NF_MINOR = 50;

/** How many there are of each. */
export interface Counts {
  readonly containers: { readonly running: number; readonly paused: number; readonly stopped: number };
  readonly images: number;
}

export function viewInfo(
  daemon: DaemonInfo,
  host: HostFacts,
  { counts, programs }: { readonly counts: Counts; readonly programs: readonly ProgramVersion[] },
  minor: number,
) {
  const { running, paused, stopped } = counts.containers;
  const { runtime } = daemon;
  const runtimeVersion = programs.find(({ name }) => name === runtime?.name)?.version ?? '';
  const commit = (id: string): object => ({ ID: id, ...(minor < NO_EXPECTED_MINOR && { Expected: id }) });
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
      Log: LOG_DRIVERS,
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
    ...(minor < NO_BRIDGE_NF_MINOR && { BridgeNfIptables: true, BridgeNfIp6tables: true }),
    Debug: daemon.debug,
    NFd: 0,
    NGoroutines: 0,
    NEventsListener: 0,
    SystemTime: new Date().toISOString(),
    LoggingDriver: daemon.logDriver ?? USUAL_LOG_DRIVER,
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
    HttpProxy: withoutPassword(process.env.HTTP_PROXY),
    HttpsProxy: withoutPassword(process.env.HTTPS_PROXY),
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
    ContainerdCommit: commit(''),
    RuncCommit: commit(runtimeVersion),
    InitCommit: commit(''),
    SecurityOptions: [`name=seccomp,profile=${daemon.seccompProfile ?? 'builtin'}`],
    FirewallBackend: { Driver: 'nftables' },
    Warnings: host.forwarding ? [] : ['WARNING: IPv4 forwarding is disabled'],
  };
}

/** Who may ask the API is root anyway; but what it answers is pasted into reports. */
function withoutPassword(url = ''): string {
  return url.replace(/\/\/[^/@]*@/, '//xxxxx:xxxxx@');
}
