/**
 * @module What the host is, as `docker info` shows it: read from /proc, /sys and os-release each time it is asked for.
 */

import { existsSync, readFileSync } from 'node:fs';
import { arch, availableParallelism, hostname, release, totalmem } from 'node:os';

/** Go's and uname's words for node's. */
const ARCHITECTURES: Readonly<Record<string, readonly [go: string, uname: string]>> = {
  x64: ['amd64', 'x86_64'],
  arm64: ['arm64', 'aarch64'],
  arm: ['arm', 'armv7l'],
  ia32: ['386', 'i686'],
};

export interface HostFacts {
  readonly name: string;
  readonly kernel: string;
  readonly operatingSystem: string;
  readonly osVersion: string;
  readonly goArchitecture: string;
  readonly architecture: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly forwarding: boolean;
  /** The version of the hierarchy that has the controllers: hybrid trees have them in version 1. */
  readonly cgroupVersion: '1' | '2';
  /** Of CGROUP_CONTROLLERS. */
  readonly controllers: ReadonlySet<string>;
}

export function readHostFacts(): HostFacts {
  const [goArchitecture, architecture] = ARCHITECTURES[arch()] ?? [arch(), arch()];
  const { PRETTY_NAME = 'Linux', VERSION_ID = '' } = osRelease();
  const unified = '/sys/fs/cgroup/cgroup.controllers';
  const isUnified = existsSync(unified);
  return {
    name: hostname(),
    kernel: release(),
    operatingSystem: PRETTY_NAME,
    osVersion: VERSION_ID,
    goArchitecture,
    architecture,
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    forwarding: readText('/proc/sys/net/ipv4/ip_forward').trim() === '1',
    cgroupVersion: isUnified ? '2' : '1',
    controllers: new Set(isUnified ? readText(unified).trim().split(/\s+/) : enabledControllers()),
  };
}

/** cgroups(7): name, hierarchy, number of groups, enabled. */
function enabledControllers(): string[] {
  return readText('/proc/cgroups')
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.split('\t'))
    .filter(([, , , enabled]) => enabled === '1')
    .map(([name]) => name!);
}

/** os-release(5): NAME="value" lines. */
function osRelease(): Partial<Record<string, string>> {
  const path = ['/etc/os-release', '/usr/lib/os-release'].find((candidate) => existsSync(candidate));
  const lines = path === undefined ? [] : readText(path).split('\n');
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [, name, value] = /^([A-Z_]+)=["']?(.*?)["']?$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, value!]];
    }),
  );
}

function readText(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
