/** @module A container as Docker shows it: GET /containers/{id}/json and the entries of GET /containers/json. */

import type { Container, ContainerState, Health } from '../../container/types.ts';
import { humanDuration } from '../../text/durations.ts';
import { config } from './config.ts';
import { hostConfig, networkModeOf } from './host-config.ts';
import { mountPoints } from './mount.ts';
import { networkSettings, networks } from './network-settings.ts';
import { portList } from './port.ts';
import { timestamp, unixSeconds } from './time.ts';

/** The first version whose lists have a container's health. */
const SUMMARY_HEALTH_MINOR = 52;

/** Bytes that the container wrote, and bytes of its whole root. */
export interface Sizes {
  readonly rwBytes: number;
  readonly rootBytes: number;
}

export interface InspectMore {
  readonly sizes?: Sizes | undefined;
  /** Of the commands in it that have not ended. */
  readonly execIds?: readonly string[];
}

export function containerInspect(container: Container, minor: number, { sizes, execIds = [] }: InspectMore = {}) {
  const { paths } = container;
  return {
    Id: container.id,
    Created: timestamp(container.createdMs),
    Path: container.path,
    Args: container.args,
    State: state(container.state),
    Image: container.imageId,
    ResolvConfPath: paths.resolvConf,
    HostnamePath: paths.hostname,
    HostsPath: paths.hosts,
    LogPath: paths.log,
    Name: `/${container.name}`,
    RestartCount: container.restartCount,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: execIds.length > 0 ? execIds : null,
    HostConfig: hostConfig(container, minor),
    GraphDriver: {
      Data: { LowerDir: paths.lower, MergedDir: paths.merged, UpperDir: paths.upper, WorkDir: paths.work },
      Name: 'overlay2',
    },
    ...sizeFields(sizes),
    Mounts: mountPoints(container),
    Config: config(container, minor),
    NetworkSettings: networkSettings(container, minor),
  };
}

export interface SummaryOptions {
  readonly minor: number;
  readonly nowMs: number;
  /** Which image a name stands for now. Default: nobody knows. */
  readonly imageIdOf?: (name: string) => string | undefined;
  readonly sizes?: Sizes;
}

export function containerSummary(container: Container, { minor, nowMs, imageIdOf, sizes }: SummaryOptions) {
  const { health, status } = container.state;
  const nowAnother = imageIdOf !== undefined && imageIdOf(container.spec.image) !== container.imageId;
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: nowAnother ? container.imageId : container.spec.image,
    ImageID: container.imageId,
    Command: commandText([container.path, ...container.args]),
    Created: unixSeconds(container.createdMs),
    Ports: portList(container),
    ...sizeFields(sizes),
    Labels: container.spec.labels,
    State: status,
    Status: statusText(container.state, nowMs),
    HostConfig: { NetworkMode: networkModeOf(container) },
    ...(minor >= SUMMARY_HEALTH_MINOR && {
      Health: { Status: health?.status ?? 'none', FailingStreak: health?.failingStreak ?? 0 },
    }),
    NetworkSettings: { Networks: networks(container, minor) },
    Mounts: mountPoints(container),
  };
}

/** "Up 5 minutes (healthy)", "Exited (0) 3 seconds ago" (daemon/container/state.go). */
export function statusText(state: ContainerState, nowMs: number): string {
  const since = (ms: number | undefined): string => humanDuration(nowMs - (ms ?? nowMs));
  switch (state.status) {
    case 'running':
      return `Up ${since(state.startedMs)}${healthText(state.health)}`;
    case 'paused':
      return `Up ${since(state.startedMs)} (Paused)`;
    case 'restarting':
      return `Restarting (${state.exitCode}) ${since(state.finishedMs)} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    case 'created':
      return 'Created';
    case 'exited':
      return `Exited (${state.exitCode}) ${since(state.finishedMs)} ago`;
  }
}

function healthText(health: Health | undefined): string {
  if (health === undefined) return '';
  return health.status === 'starting' ? ' (health: starting)' : ` (${health.status})`;
}

function state({ status, pid, exitCode, oomKilled, error, startedMs, finishedMs, health }: ContainerState) {
  return {
    Status: status,
    Running: status === 'running' || status === 'paused' || status === 'restarting',
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    OOMKilled: oomKilled,
    Dead: status === 'dead',
    Pid: pid,
    ExitCode: exitCode,
    Error: error,
    StartedAt: timestamp(startedMs),
    FinishedAt: timestamp(finishedMs),
    ...(health !== undefined && { Health: healthView(health) }),
  };
}

function healthView({ status, failingStreak, log }: Health) {
  return {
    Status: status,
    FailingStreak: failingStreak,
    Log: log.map(({ startMs, endMs, exitCode, output }) => ({
      Start: timestamp(startMs),
      End: timestamp(endMs),
      ExitCode: exitCode,
      Output: output,
    })),
  };
}

function sizeFields(sizes: Sizes | undefined) {
  return sizes === undefined ? {} : { SizeRw: sizes.rwBytes, SizeRootFs: sizes.rootBytes };
}

/** Words with spaces are quoted, as in a shell. */
function commandText(words: readonly string[]): string {
  return words.map((word) => (word.includes(' ') ? `'${word}'` : word)).join(' ');
}
